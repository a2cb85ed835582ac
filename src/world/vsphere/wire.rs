//! What goes over the wire: every name of the vSphere API is in this folder and in no other.
//!
//! Elements come in the order of the schema, which a real vCenter insists on.

pub(super) mod calls;
pub(super) mod hosts;
pub(super) mod machines;
pub(super) mod names;

pub use crate::world::soap::Moref;
pub(super) use crate::world::soap::{Call, Repeat, Xml};
