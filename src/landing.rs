//! The landing: from a verified replica to a virtual machine at the SAD.

pub mod convert;
pub mod vmdk;
