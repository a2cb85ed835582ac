//! The Merkle tree of a disk, kept from a level that fits in memory upwards. Pure.
//!
//! A **group** is 2^base adjacent chunks: the smallest unit the tree keeps a hash of. The level is
//! chosen by the disk's length alone, so that both sides keep the same tree; a group that differs is
//! read again to find the chunks that do.

use super::chunk::{CHUNK, CHUNK_BYTES, FORMAT, Hash, Range, chunks_of, leaf};
use std::sync::LazyLock;

/// Most groups a tree keeps; with the levels above them that is at most 2^20 nodes, 32 MiB.
pub const MAX_GROUPS: u64 = 1 << 19;

/// Levels that are ever needed: more than the depth of the longest disk.
const LEVELS: usize = 48;

/// Context of a node's hash.
static NODE: LazyLock<blake3::hazmat::ContextKey> =
    LazyLock::new(|| blake3::hazmat::hash_derive_key_context("traghetto node"));

/// Hash of a subtree of zero chunks, by level.
static ZEROS: LazyLock<[Hash; LEVELS]> = LazyLock::new(|| {
    let mut zeros = [leaf(&[]); LEVELS];
    for level in 1..LEVELS {
        zeros[level] = node(&zeros[level - 1], &zeros[level - 1]);
    }
    zeros
});

/// The leaf of a zero chunk.
pub fn zero_leaf() -> Hash {
    ZEROS[0]
}

/// The hash over two neighbours.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    use blake3::hazmat::HasherExt;
    let mut hasher = blake3::Hasher::new_from_context_key(&NODE);
    hasher.update(&left.0);
    hasher.update(&right.0);
    Hash(*hasher.finalize().as_bytes())
}

/// The shape of a disk's tree: everything that follows from its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    length: u64,
    base: u32,
}

impl Shape {
    /// The shape for a disk of `length` bytes, at most [`super::chunk::MAX_DISK`].
    pub fn of(length: u64) -> Self {
        let mut base = 0;
        while chunks_of(length).div_ceil(1 << base) > MAX_GROUPS {
            base += 1;
        }
        Self { length, base }
    }

    /// Bytes of the disk.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Chunks of the disk.
    pub fn chunks(&self) -> u64 {
        chunks_of(self.length)
    }

    /// Chunks of a whole group.
    pub fn group_chunks(&self) -> u64 {
        1 << self.base
    }

    /// Groups of the disk.
    pub fn groups(&self) -> u64 {
        self.chunks().div_ceil(self.group_chunks())
    }

    /// Bytes of a chunk: short only for the last one.
    pub fn chunk_len(&self, chunk: u64) -> usize {
        let left = self.length.saturating_sub(chunk * CHUNK_BYTES);
        usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)
    }

    /// Levels above the groups: level 0 is the groups, this is the top.
    pub fn top(&self) -> u32 {
        self.groups().max(1).next_power_of_two().trailing_zeros()
    }

    /// Nodes of a level above (or at) the groups.
    pub fn nodes(&self, level: u32) -> u64 {
        self.groups().div_ceil(1 << level)
    }

    /// The chunks of groups in ascending order, neighbours joined up to `most` chunks.
    pub fn ranges_of(&self, groups: &[u32], most: u32) -> Vec<Range> {
        let mut ranges: Vec<Range> = Vec::new();
        for group in groups {
            let first = u64::from(*group) * self.group_chunks();
            let count = self.group_chunks().min(self.chunks().saturating_sub(first));
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            match ranges.last_mut().filter(|last| last.end() == first && last.count + count <= most) {
                Some(last) => last.count += count,
                None => ranges.push(Range { first, count }),
            }
        }
        ranges
    }

    /// The hash of one group from the leaves of all its chunks; missing ones at the end are zeros.
    pub fn group_hash(&self, leaves: &[Hash]) -> Hash {
        // Most disks are mostly empty.
        if leaves.iter().all(|leaf| *leaf == ZEROS[0]) {
            return ZEROS[self.base as usize];
        }
        // Nothing can be said of a group while a chunk of it is unknown.
        if leaves.contains(&Hash::UNKNOWN) {
            return Hash::UNKNOWN;
        }
        let mut row = leaves.to_vec();
        for level in 0..self.base as usize {
            row = row.chunks(2).map(|pair| node(&pair[0], pair.get(1).unwrap_or(&ZEROS[level]))).collect();
        }
        row.first().copied().unwrap_or(ZEROS[self.base as usize])
    }

    /// The root of the disk over the top of its tree: covers length, chunk size and format too.
    fn root(&self, top: &Hash) -> Hash {
        let mut hasher = blake3::Hasher::new_derive_key("traghetto root");
        hasher.update(&FORMAT.to_le_bytes());
        hasher.update(&CHUNK_BYTES.to_le_bytes());
        hasher.update(&self.length.to_le_bytes());
        hasher.update(&top.0);
        Hash(*hasher.finalize().as_bytes())
    }
}

/// The kept part of a disk's tree.
#[derive(Debug, Clone)]
pub struct Tree {
    shape: Shape,
    /// `rows[0]` are the groups, the last row is the top alone.
    rows: Vec<Vec<Hash>>,
    /// Whether the rows above the groups are older than the groups.
    stale: bool,
}

impl Tree {
    /// A tree of which nothing is known yet.
    pub fn unknown(shape: Shape) -> Self {
        let rows = (0..=shape.top())
            .map(|level| vec![Hash::UNKNOWN; usize::try_from(shape.nodes(level)).unwrap_or_default()])
            .collect();
        Self { shape, rows, stale: true }
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Sets the hash of a group; one outside the disk is ignored.
    pub fn set(&mut self, group: u64, hash: Hash) {
        let place = usize::try_from(group).ok().and_then(|group| self.rows[0].get_mut(group));
        if let Some(place) = place {
            *place = hash;
            self.stale = true;
        }
    }

    /// Sets groups from `first` on from the leaves of all their chunks.
    pub fn enter(&mut self, first: u64, leaves: &[Hash]) {
        let per_group = usize::try_from(self.shape.group_chunks()).unwrap_or(usize::MAX);
        for (group, leaves) in (first..).zip(leaves.chunks(per_group)) {
            self.set(group, self.shape.group_hash(leaves));
        }
    }

    /// The hash of node `index` at `level` above the groups; none outside the tree.
    pub fn node(&mut self, level: u32, index: u64) -> Option<Hash> {
        self.refresh();
        self.rows.get(level as usize)?.get(usize::try_from(index).ok()?).copied()
    }

    /// Whether every group is known.
    pub fn is_complete(&self) -> bool {
        self.rows.first().is_none_or(|groups| !groups.contains(&Hash::UNKNOWN))
    }

    /// The root of the disk.
    pub fn root(&mut self) -> Hash {
        self.refresh();
        let top = self.rows.last().and_then(|row| row.first()).unwrap_or(&Hash::UNKNOWN);
        self.shape.root(top)
    }

    /// Computes the rows above the groups anew, if a group changed since.
    fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        for level in 1..self.rows.len() {
            let zero = ZEROS[self.shape.base as usize + level - 1];
            let (below, above) = self.rows.split_at_mut(level);
            for (parent, pair) in above[0].iter_mut().zip(below[level - 1].chunks(2)) {
                *parent = node(&pair[0], pair.get(1).unwrap_or(&zero));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::MAX_DISK;
    use super::*;
    use proptest::prelude::*;

    /// The root by the definition: all leaves, padded with zero chunks to a power of two.
    fn root_by_definition(shape: Shape, leaves: &[Hash]) -> Hash {
        let mut row = leaves.to_vec();
        row.resize(leaves.len().max(1).next_power_of_two(), zero_leaf());
        // The kept tree is never lower than a whole group.
        while row.len() < shape.group_chunks() as usize {
            row.push(zero_leaf());
        }
        while row.len() > 1 {
            row = row.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
        }
        shape.root(&row[0])
    }

    proptest! {
        #[test]
        fn the_kept_tree_has_the_root_of_the_definition(chunks in 1u64..300, tail in 0..CHUNK_BYTES, base in 0u32..5) {
            let shape = Shape { length: chunks * CHUNK_BYTES - tail, base };
            let leaves: Vec<Hash> = (0..chunks).map(|n| leaf(&n.to_le_bytes())).collect();
            let mut tree = Tree::unknown(shape);
            tree.enter(0, &leaves);
            prop_assert_eq!(tree.root(), root_by_definition(shape, &leaves));
        }

        #[test]
        fn every_length_has_a_bounded_tree(length in 1..=MAX_DISK) {
            let shape = Shape::of(length);
            prop_assert!(shape.groups() <= MAX_GROUPS);
            prop_assert!(shape.base == 0 || shape.chunks().div_ceil(shape.group_chunks() / 2) > MAX_GROUPS);
            prop_assert!((shape.base + shape.top()) < LEVELS as u32);
        }
    }

    #[test]
    fn any_changed_leaf_length_or_order_changes_the_root() {
        let shape = Shape::of(5 * CHUNK_BYTES);
        let root = |leaves: &[u8], shape: Shape| {
            let mut tree = Tree::unknown(shape);
            leaves.iter().enumerate().for_each(|(group, n)| tree.set(group as u64, leaf(&[*n])));
            tree.root()
        };
        let first = root(&[1, 2, 3, 4, 5], shape);
        assert_eq!(first, root(&[1, 2, 3, 4, 5], shape));
        assert_ne!(first, root(&[1, 2, 3, 4, 6], shape));
        assert_ne!(first, root(&[2, 1, 3, 4, 5], shape));
        assert_ne!(first, root(&[1, 2, 3, 4, 5], Shape::of(5 * CHUNK_BYTES - 1)));
    }

    #[test]
    fn a_node_is_a_derived_key_hash_of_both_children() {
        let (left, right) = (leaf(b"l"), leaf(b"r"));
        let joined = [left.0, right.0].concat();
        assert_eq!(node(&left, &right).0, blake3::derive_key("traghetto node", &joined));
    }

    #[test]
    fn the_definition_does_not_drift() {
        // Golden: a change here makes every existing replica unreadable.
        let mut tree = Tree::unknown(Shape::of(3 * CHUNK_BYTES));
        (0..3).for_each(|group| tree.set(group, leaf(b"traghetto")));
        assert_eq!(tree.root().to_string(), "e4bd263ba27df0ce689d0494b7e84386f4639f90d7e99089a492ae32c9d79e81");
    }
}
