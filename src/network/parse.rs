//! From the text of a running configuration to a [`Device`](super::device::Device): ours or anybody's.
