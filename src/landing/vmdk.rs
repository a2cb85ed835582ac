//! Disks as vSphere takes them: a raw flat file with a descriptor beside it, or one compressed stream.
//!
//! The flat file is the clone itself: on an NFS datastore it is booted as it lies, and nothing is
//! copied. The stream (VMDK 5.0, `streamOptimized`) is what an NFC lease takes, on any datastore.

mod descriptor;
mod files;
mod layout;
mod stream;

pub use descriptor::{Adapter, CreateType, Descriptor, DescriptorError, Geometry};
pub use files::{RawFile, write_descriptor};
pub use layout::{GRAIN, SECTOR};
pub use stream::{Disk, Options, Progress, StreamError, Written, write_stream};
