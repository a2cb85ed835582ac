//! What a receiver asks for: requests of bounded size, each with what is here already.
//!
//! Where something is known of a group of several chunks, or where the tenant's other replicas may
//! hold a chunk, the agent is asked for leaves first; then only the blocks that changed are sent, and
//! what is here in another place is only named.

use super::chunk::{Hash, Range, Short, block_hashes};
use super::dedup::Index;
use super::error::ReplicaError;
use super::image::{Image, REQUEST, on_disk};
use super::tree::{Shape, zero_leaf};
use super::wire::{Chunks, Command, Have, READ_RANGES};
use std::collections::VecDeque;
use std::sync::Arc;

/// A command the agent has not finished.
#[derive(Debug)]
pub(super) enum Asked {
    /// The content of ranges, from this chunk on.
    Read(Vec<Range>, u64),
    /// The leaves of ranges, none where a chunk is zero, as far as they came.
    Leaves(Vec<Range>, Vec<Option<Short>>),
}

impl Asked {
    /// Whether all chunks of a frame were asked for and did not come before: an agent sends them in order.
    pub(super) fn covers(&mut self, chunks: &Chunks) -> bool {
        let Asked::Read(ranges, next) = self else { return false };
        chunks.runs.iter().all(|run| {
            let in_order = run.range.first >= *next;
            *next = run.range.end();
            in_order && covers(ranges, run.range)
        })
    }

    /// Enters leaves, if they are the next of those that were asked for.
    pub(super) fn enter(&mut self, runs: &[(Range, bool)], leaves: &[Short]) -> bool {
        let Asked::Leaves(ranges, entered) = self else { return false };
        let mut expected = chunks_of(ranges).skip(entered.len());
        let mut leaves = leaves.iter();
        for (range, zero) in runs {
            for chunk in range.first..range.end() {
                if expected.next() != Some(chunk) {
                    return false;
                }
                entered.push(if *zero { None } else { leaves.next().copied() });
            }
        }
        true
    }

    /// Whether everything came that must have come before the end.
    pub(super) fn is_complete(&self) -> bool {
        match self {
            Asked::Read(..) => true,
            Asked::Leaves(ranges, entered) => entered.len() as u64 == count(ranges),
        }
    }
}

/// The requests of one stage, in order.
pub(super) struct Requests {
    image: Arc<Image>,
    /// Where the tenant's other chunks are, once that is known.
    pub(super) index: Option<Arc<Index>>,
    waiting: VecDeque<Vec<Range>>,
    /// Requests whose leaves came: to be read next.
    answered: VecDeque<(Vec<Range>, Vec<Option<Short>>)>,
}

impl Requests {
    /// The requests for `ranges` of whole groups.
    pub(super) fn new(image: &Arc<Image>, ranges: &[Range]) -> Self {
        let waiting = requests(ranges, image.shape()).into();
        Self { image: Arc::clone(image), index: None, waiting, answered: VecDeque::new() }
    }

    /// Takes the end of a command, if one was outstanding.
    pub(super) fn answered(&mut self, asked: Option<Asked>) -> bool {
        if let Some(Asked::Leaves(ranges, leaves)) = asked {
            self.answered.push_back((ranges, leaves));
            return true;
        }
        asked.is_some()
    }

    /// The next command; none while there is nothing to ask.
    ///
    /// # Errors
    /// A failing disk.
    pub(super) async fn next(&mut self) -> Result<Option<(Command, Asked)>, ReplicaError> {
        let (image, index) = (Arc::clone(&self.image), self.index.clone());
        if let Some((ranges, theirs)) = self.answered.pop_front() {
            return on_disk(image.disk(), move || {
                let have = compare(&image, index.as_deref(), &ranges, &theirs)?;
                Ok(Some((Command::Read { ranges: ranges.clone(), have }, Asked::Read(ranges, 0))))
            })
            .await;
        }
        let Some(ranges) = self.waiting.pop_front() else { return Ok(None) };
        on_disk(image.disk(), move || first(&image, index.as_deref(), ranges).map(Some)).await
    }
}

/// The first command for some ranges.
fn first(image: &Image, index: Option<&Index>, ranges: Vec<Range>) -> Result<(Command, Asked), ReplicaError> {
    let ours = leaves(image, &ranges)?;
    let unknown = ours.iter().filter(|leaf| **leaf == Hash::UNKNOWN).count();
    let compares = unknown < ours.len() && image.shape().group_chunks() > 1;
    let offers = unknown > 0 && index.is_some_and(Index::worth_asking);
    if compares || offers {
        return Ok((Command::Leaves { ranges: ranges.clone() }, Asked::Leaves(ranges, Vec::new())));
    }
    let have = if unknown == ours.len() {
        Vec::new()
    } else {
        let each = chunks_of(&ranges).zip(ours);
        each.map(|(chunk, ours)| if ours == Hash::UNKNOWN { Ok(Have::Nothing) } else { blocks(image, chunk) })
            .collect::<Result<_, _>>()?
    };
    Ok((Command::Read { ranges: ranges.clone(), have }, Asked::Read(ranges, 0)))
}

/// What is here of chunks whose leaves at the source are `theirs`.
fn compare(
    image: &Image,
    index: Option<&Index>,
    ranges: &[Range],
    theirs: &[Option<Short>],
) -> Result<Vec<Have>, ReplicaError> {
    let ours = leaves(image, ranges)?;
    chunks_of(ranges)
        .zip(ours.iter().zip(theirs))
        .map(|(chunk, (ours, theirs))| match (*ours == Hash::UNKNOWN, theirs) {
            (true, Some(theirs)) if index.is_some_and(|index| index.offers(*theirs)) => Ok(Have::Elsewhere(*theirs)),
            (true, _) => Ok(Have::Nothing),
            // A chunk that is the same, or has become zero, needs no blocks.
            (false, theirs) if theirs.unwrap_or(zero_leaf().short()) == ours.short() || theirs.is_none() => {
                Ok(Have::Here(ours.short()))
            }
            (false, _) => blocks(image, chunk),
        })
        .collect()
}

/// The blocks of a chunk as they are stored here, whatever its leaf says: what rotted here differs too.
fn blocks(image: &Image, chunk: u64) -> Result<Have, ReplicaError> {
    image.drop_cache(Range { first: chunk, count: 1 });
    Ok(Have::Blocks(block_hashes(&image.chunk(chunk)?)))
}

/// Our leaves of all chunks of some ranges.
fn leaves(image: &Image, ranges: &[Range]) -> Result<Vec<Hash>, ReplicaError> {
    let mut leaves = Vec::new();
    for range in ranges {
        leaves.extend(image.leaves(range.first, range.count)?);
    }
    Ok(leaves)
}

fn chunks_of(ranges: &[Range]) -> impl Iterator<Item = u64> + '_ {
    ranges.iter().flat_map(|range| range.first..range.end())
}

fn count(ranges: &[Range]) -> u64 {
    ranges.iter().map(|range| u64::from(range.count)).sum()
}

/// Whether ascending `ranges` hold all of `part`, which may span neighbours.
fn covers(ranges: &[Range], part: Range) -> bool {
    let mut at = part.first;
    for range in &ranges[ranges.partition_point(|range| range.end() <= at)..] {
        if range.first > at {
            return false;
        }
        at = range.end();
        if at >= part.end() {
            return true;
        }
    }
    false
}

/// Ranges of whole groups as requests of bounded size.
fn requests(ranges: &[Range], shape: Shape) -> Vec<Vec<Range>> {
    let most = u64::from(REQUEST).max(shape.group_chunks());
    let mut requests: Vec<Vec<Range>> = Vec::new();
    let mut chunks = u64::MAX;
    for range in ranges {
        chunks = chunks.saturating_add(range.count.into());
        match requests.last_mut().filter(|request| chunks <= most && request.len() < READ_RANGES) {
            Some(request) => request.push(*range),
            None => {
                requests.push(vec![*range]);
                chunks = range.count.into();
            }
        }
    }
    requests
}
