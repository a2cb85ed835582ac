//! The receiver of a pass: asks the agent, takes frames, makes one durable while the next arrives.

use super::chunk::{CHUNK_BYTES, Hash, Range};
use super::commit::{Durable, commit};
use super::dedup::Index;
use super::error::ReplicaError;
use super::image::{Image, REQUEST, joined};
use super::link::unexpected;
use super::manifest::Manifest;
use super::map::Skip;
use super::progress::{Counts, PassProgress, Stage};
use super::remote::Remote;
use super::request::{Asked, Requests};
use super::tree::Tree;
use super::wire::{Chunks, Command, NODES, Reply, RunKind};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Commands that may be outstanding: enough to hide the round trip, few enough for every pipe.
const WINDOW: usize = 4;

/// How long the first request waits for the index.
const INDEX_PATIENCE: Duration = Duration::from_secs(2);

/// How often progress is shown at most.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// The state of a pass between the agent's replies and the disk.
pub(super) struct Receiver<'a> {
    remote: Remote<'a>,
    image: Arc<Image>,
    index: Option<Arc<Index>>,
    /// The index in the making.
    indexing: Option<JoinHandle<Result<Option<Index>, ReplicaError>>>,
    skips: Vec<Skip>,
    observe: &'a mut (dyn FnMut(PassProgress) + Send),
    /// The manifest without root, until the first change of the pass has saved it.
    begun: Option<Manifest>,
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
        Self {
            remote,
            image,
            index: None,
            indexing: None,
            skips: manifest.skipped.clone(),
            observe,
            begun: Some(Manifest { root: None, ..manifest.clone() }),
            committing: None,
            counts: Counts::default(),
            stage: Stage::Seeding,
            chunks_done: 0,
            chunks_total: 0,
            shown: None,
        }
    }

    /// Once the index is made, its chunks are named, not sent.
    pub(super) fn offer(&mut self, indexing: JoinHandle<Result<Option<Index>, ReplicaError>>) {
        self.indexing = Some(indexing);
    }

    /// The index, if it is made within `patience`: a link that has come back does not wait for it.
    async fn index(&mut self, patience: Duration) -> Result<Option<Arc<Index>>, ReplicaError> {
        if let Some(mut indexing) = self.indexing.take() {
            match tokio::time::timeout(patience, &mut indexing).await {
                Ok(made) => self.index = joined(self.image.disk(), made)?.map(Arc::new),
                Err(_) => self.indexing = Some(indexing),
            }
        }
        Ok(self.index.clone())
    }

    /// Fetches what differs in whole groups, and makes it durable.
    ///
    /// # Errors
    /// Where link, source or receiver fail.
    pub(super) async fn fetch(&mut self, stage: Stage, ranges: &[Range]) -> Result<(), ReplicaError> {
        self.enter_stage(stage, ranges.iter().map(|range| self.wanted(*range)).sum());
        let mut requests = Requests::new(&self.image, ranges);
        requests.index = self.index(INDEX_PATIENCE).await?;
        let fetched = self.fetch_all(&mut requests).await;
        if fetched.is_err() {
            // What arrived before the link or the source failed is kept.
            let _ = self.settle().await;
        }
        fetched
    }

    async fn fetch_all(&mut self, requests: &mut Requests) -> Result<(), ReplicaError> {
        let mut outstanding: VecDeque<Asked> = VecDeque::new();
        loop {
            while outstanding.len() < WINDOW {
                requests.index = self.index(Duration::ZERO).await?;
                let Some((command, asked)) = requests.next().await? else { break };
                self.remote.send(&command).await?;
                outstanding.push_back(asked);
            }
            // Only then is the next frame taken: what a kill can cost stays bounded.
            self.settle().await?;
            let Some(asked) = outstanding.front_mut() else { return Ok(()) };
            let fits = match self.remote.reply().await? {
                Reply::Alive { .. } => {
                    self.show();
                    true
                }
                Reply::Chunks(chunks) => asked.covers(&chunks) && self.take(chunks),
                Reply::Leaves { runs, leaves } => asked.enter(&runs, &leaves),
                Reply::Read => asked.is_complete() && requests.answered(outstanding.pop_front()),
                _ => false,
            };
            // Others would change the replica behind the back of the tree that is compared.
            if !fits {
                return Err(self.remote.agent(unexpected("the chunks asked for")));
            }
        }
    }

    /// Starts to make a frame durable.
    fn take(&mut self, chunks: Chunks) -> bool {
        self.counts.bytes_sent += chunks.unpacked() as u64;
        let (image, index, begun) = (Arc::clone(&self.image), self.index.clone(), self.begun.take());
        let holes = chunks.runs.iter().filter(|run| run.kind == RunKind::Hole);
        let skipped: u64 = holes.map(|run| u64::from(run.range.count) - self.wanted(run.range)).sum();
        self.chunks_done += chunks.chunks() - skipped;
        self.committing =
            Some(tokio::task::spawn_blocking(move || commit(chunks, &image, index.as_deref(), begun.as_ref())));
        true
    }

    /// Waits for the frame that is being made durable.
    async fn settle(&mut self) -> Result<(), ReplicaError> {
        let Some(committing) = &mut self.committing else { return Ok(()) };
        let done = joined(self.image.disk(), committing.await);
        self.committing = None;
        let durable = done?;
        self.counts.data_chunks += durable.data_chunks;
        self.counts.zero_chunks += durable.zero_chunks;
        self.counts.named_chunks += durable.named_chunks;
        self.counts.bytes_written += durable.bytes_written;
        self.show();
        Ok(())
    }

    /// Chunks of a range that are not skipped as a whole.
    fn wanted(&self, range: Range) -> u64 {
        let (from, to) = (range.first * CHUNK_BYTES, range.end().saturating_mul(CHUNK_BYTES));
        let first = self.skips.partition_point(|skip| skip.offset + skip.length <= from);
        let overlapping = self.skips[first..].iter().take_while(|skip| skip.offset < to);
        let skipped: u64 = overlapping
            .map(|skip| {
                let start = skip.offset.max(from).div_ceil(CHUNK_BYTES);
                ((skip.offset + skip.length).min(to) / CHUNK_BYTES).saturating_sub(start)
            })
            .sum();
        u64::from(range.count).saturating_sub(skipped)
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
                        .filter(|(index, theirs)| {
                            tree.node(level, u64::from(**index)).map(|node| node.short()) != Some(*theirs)
                        })
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
            bytes_durable: (self.counts.data_chunks + self.counts.zero_chunks + self.counts.named_chunks) * CHUNK_BYTES,
            bytes_sent: self.counts.bytes_sent,
            bytes_payload: self.remote.bytes_payload(),
        });
    }
}
