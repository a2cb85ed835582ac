//! Addresses and prefixes as numbers: what is compared millions of times.

use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;

/// A prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix {
    base: u32,
    mask: u32,
    /// Its length.
    pub(super) length: u8,
}

impl Prefix {
    /// The prefix of a network; host bits do not count.
    pub(super) fn of(network: Ipv4Network) -> Self {
        let mask = u32::from(network.mask());
        Self { base: u32::from(network.ip()) & mask, mask, length: network.prefix() }
    }

    /// A single address.
    pub(super) fn host(address: u32) -> Self {
        Self { base: address, mask: u32::MAX, length: 32 }
    }

    /// Whether `address` is in it.
    pub(super) fn contains(self, address: u32) -> bool {
        address & self.mask == self.base
    }
}

/// An address as a number.
pub(super) fn number(address: Ipv4Addr) -> u32 {
    u32::from(address)
}

/// Up to `N` things, without a heap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Few<T: Copy, const N: usize> {
    items: [Option<T>; N],
    count: usize,
}

impl<T: Copy + PartialEq, const N: usize> Few<T, N> {
    /// Nothing.
    pub(super) fn none() -> Self {
        Self { items: [None; N], count: 0 }
    }

    /// Adds one that is not there yet; what is too much is left out, as a router does.
    pub(super) fn push(&mut self, item: T) {
        if self.count < N && !self.iter().any(|there| there == item) {
            self.items[self.count] = Some(item);
            self.count += 1;
        }
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The first.
    pub(super) fn first(&self) -> Option<T> {
        self.items.first().copied().flatten()
    }

    /// All.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.items.iter().filter_map(|item| *item)
    }
}
