//! The receiver of a pass: asks the agent, takes frames, makes them durable while the next arrive.

use super::batch::{Batch, Durable};
use super::chunk::{CHUNK_BYTES, Hash, Range};
use super::error::ReplicaError;
use super::image::{Image, REQUEST, joined, on_disk};
use super::link::unexpected;
use super::manifest::Manifest;
use super::progress::{Counts, PassProgress, Stage};
use super::remote::Remote;
use super::tree::{Shape, Tree};
use super::wire::{Chunks, Command, NODES, READ_RANGES, Reply};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Reads that may be outstanding: enough to hide the round trip, few enough for every pipe.
const WINDOW: usize = 4;

/// How often progress is shown at most.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// The state of a pass between the agent's replies and the disk.
pub(super) struct Receiver<'a> {
    remote: Remote<'a>,
    image: Arc<Image>,
    observe: &'a mut (dyn FnMut(PassProgress) + Send),
    /// The manifest without root, until the first change of the pass has saved it.
    begun: Option<Manifest>,
    batch: Option<Batch>,
    committing: Option<JoinHandle<Result<Durable, ReplicaError>>>,
    counts: Counts,
    stage: Stage,
    chunks_done: u64,
    chunks_total: u64,
    shown: Option<Instant>,
}

impl<'a> Receiver<'a> {
    /// A receiver into `image`, whose manifest is `manifest`.
    pub(super) fn new(
        remote: Remote<'a>,
        image: Arc<Image>,
        manifest: &Manifest,
        observe: &'a mut (dyn FnMut(PassProgress) + Send),
    ) -> Self {
        // Without a root on record there is nothing to withdraw.
        let begun = manifest.root.map(|_| Manifest { root: None, ..manifest.clone() });
        Self {
            remote,
            image,
            observe,
            begun,
            batch: None,
            committing: None,
            counts: Counts::default(),
            stage: Stage::Seeding,
            chunks_done: 0,
            chunks_total: 0,
            shown: None,
        }
    }

    /// Fetches chunks and makes them durable. `compare`: where groups are larger than a chunk, our leaves
    /// go along, so that only the chunks that differ come back.
    ///
    /// # Errors
    /// Where link, source or receiver fail.
    pub(super) async fn fetch(&mut self, stage: Stage, ranges: &[Range], compare: bool) -> Result<(), ReplicaError> {
        let fetched = self.fetch_all(stage, ranges, compare).await;
        if let Err(ReplicaError::Agent { .. } | ReplicaError::Source { .. }) = &fetched {
            // What arrived before the link or the source failed is kept. Never after a batch that failed:
            // it may have been the one to withdraw the root.
            let _ = self.flush().await;
        }
        fetched
    }

    async fn fetch_all(&mut self, stage: Stage, ranges: &[Range], compare: bool) -> Result<(), ReplicaError> {
        self.enter_stage(stage, ranges.iter().map(|range| u64::from(range.count)).sum());
        let compare = compare && self.image.shape().group_chunks() > 1;
        let mut requests = requests(ranges, self.image.shape()).into_iter();
        let mut outstanding = 0;
        loop {
            while outstanding < WINDOW {
                let Some(ranges) = requests.next() else { break };
                let command = read_command(&self.image, ranges, compare).await?;
                self.remote.send(&command).await?;
                outstanding += 1;
            }
            if outstanding == 0 {
                return self.flush().await;
            }
            match self.reply_or_flush().await? {
                Some(Reply::Chunks(chunks)) if chunks.runs.iter().all(|run| covers(ranges, run.range)) => {
                    self.take(chunks).await?;
                }
                Some(Reply::Read) => outstanding -= 1,
                Some(Reply::Alive { .. }) => self.show(),
                // Others would change the replica behind the back of the tree that is compared.
                Some(_) => return Err(self.remote.agent(unexpected("the chunks asked for"))),
                None => self.commit().await?,
            }
        }
    }

    /// The next reply; none when a batch has waited long enough for more.
    async fn reply_or_flush(&mut self) -> Result<Option<Reply>, ReplicaError> {
        let Some(batch) = &self.batch else {
            return self.remote.reply().await.map(Some);
        };
        match tokio::time::timeout_at(batch.deadline().into(), self.remote.reply()).await {
            Ok(reply) => reply.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Adds a frame to the batch, which is committed first if it is full.
    async fn take(&mut self, chunks: Chunks) -> Result<(), ReplicaError> {
        self.counts.bytes_sent += chunks.unpacked() as u64;
        match &mut self.batch {
            Some(batch) if batch.takes(&chunks) => batch.push(chunks),
            Some(_) => {
                self.commit().await?;
                self.batch = Some(Batch::of(chunks));
            }
            None => self.batch = Some(Batch::of(chunks)),
        }
        Ok(())
    }

    /// Starts to make the batch durable, once the one before is.
    async fn commit(&mut self) -> Result<(), ReplicaError> {
        self.settle().await?;
        if let Some(batch) = self.batch.take() {
            let (image, begun) = (Arc::clone(&self.image), self.begun.take());
            self.committing = Some(tokio::task::spawn_blocking(move || batch.commit(&image, begun.as_ref())));
        }
        Ok(())
    }

    /// Waits for the batch that is being made durable.
    async fn settle(&mut self) -> Result<(), ReplicaError> {
        let Some(committing) = self.committing.as_mut() else {
            return Ok(());
        };
        let durable = joined(self.image.disk(), committing.await);
        self.committing = None;
        let durable = durable?;
        self.counts.data_chunks += durable.data_chunks;
        self.counts.zero_chunks += durable.zero_chunks;
        self.chunks_done += durable.data_chunks + durable.zero_chunks;
        self.show();
        Ok(())
    }

    /// Makes everything received durable.
    async fn flush(&mut self) -> Result<(), ReplicaError> {
        self.commit().await?;
        self.settle().await
    }

    /// The agent's root, once it has hashed what was not fetched.
    ///
    /// # Errors
    /// Where link or source fail.
    pub(super) async fn root(&mut self) -> Result<Hash, ReplicaError> {
        self.enter_stage(Stage::Hashing, self.image.shape().chunks());
        self.remote.send(&Command::Root).await?;
        loop {
            match self.remote.reply().await? {
                Reply::Root { root, bytes_read } => {
                    self.counts.bytes_read = bytes_read;
                    self.chunks_done = self.chunks_total;
                    return Ok(root);
                }
                Reply::Alive { chunks } => {
                    self.chunks_done = chunks.min(self.chunks_total);
                    self.show();
                }
                _ => return Err(self.remote.agent(unexpected("the root"))),
            }
        }
    }

    /// The groups whose hashes differ, as ranges of chunks: both trees are walked down, level by level,
    /// where they differ.
    ///
    /// # Errors
    /// Where the link fails.
    pub(super) async fn differing(&mut self, tree: &mut Tree) -> Result<Vec<Range>, ReplicaError> {
        let shape = tree.shape();
        let mut suspects: Vec<u32> = vec![0];
        for level in (0..shape.top()).rev() {
            let nodes = shape.nodes(level);
            let children: Vec<u32> = suspects
                .iter()
                .flat_map(|parent| [2 * parent, 2 * parent + 1])
                .filter(|child| u64::from(*child) < nodes)
                .collect();
            suspects.clear();
            for asked in children.chunks(NODES) {
                let theirs = self.remote.nodes(u8::try_from(level).unwrap_or(u8::MAX), asked).await?;
                let differing = asked.iter().zip(theirs);
                suspects.extend(
                    differing
                        .filter(|(index, theirs)| tree.node(level, u64::from(**index)) != Some(*theirs))
                        .map(|(index, _)| *index),
                );
            }
        }
        Ok(shape.ranges_of(&suspects, REQUEST))
    }

    /// Ends the pass.
    pub(super) fn finish(self) -> Counts {
        let counts = Counts { bytes_payload: self.remote.bytes_payload(), ..self.counts };
        self.remote.end();
        counts
    }

    fn enter_stage(&mut self, stage: Stage, chunks_total: u64) {
        (self.stage, self.chunks_done, self.chunks_total, self.shown) = (stage, 0, chunks_total, None);
        if chunks_total > 0 {
            self.show();
        }
    }

    fn show(&mut self) {
        let now = Instant::now();
        if self.shown.is_some_and(|shown| now < shown + SHOW_EVERY) {
            return;
        }
        self.shown = Some(now);
        (self.observe)(PassProgress {
            stage: self.stage,
            chunks_done: self.chunks_done,
            chunks_total: self.chunks_total,
            bytes_durable: (self.counts.data_chunks + self.counts.zero_chunks) * CHUNK_BYTES,
            bytes_sent: self.counts.bytes_sent,
            bytes_payload: self.remote.bytes_payload(),
        });
    }
}

/// The command that reads `ranges`; with our leaves of them, if the agent is to `compare`.
async fn read_command(image: &Arc<Image>, ranges: Vec<Range>, compare: bool) -> Result<Command, ReplicaError> {
    if !compare {
        return Ok(Command::Read { ranges, have: Vec::new() });
    }
    let image = Arc::clone(image);
    on_disk(image.disk(), move || {
        let mut have = Vec::new();
        for range in &ranges {
            have.extend(image.leaves(range.first, range.count)?);
        }
        Ok(Command::Read { ranges, have })
    })
    .await
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
