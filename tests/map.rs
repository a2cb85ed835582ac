//! Allocation maps against filesystems made and judged by the real tools: what a map skips is
//! overwritten with garbage, and the filesystem must be whole, with every file as it was.
//!
//! Needs root and the packages named in `support/images.rs`.

mod ext;
mod hostile;
mod layouts;
mod ntfs;
mod xfs;
