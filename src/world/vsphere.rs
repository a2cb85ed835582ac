//! vSphere: the vCenter of the SAD, asked over SOAP (vSphere Web Services API, 6.5 to 8).
//!
//! Requests are typed values, written in one place (`wire`); answers are read by functions without
//! side effects (`reading`). What changes something looks first: what is there already, and is ours,
//! is taken; what is there and is somebody else's is an error. A task that we started is followed to
//! its end, or given up with its name.

mod adopt;
mod client;
mod collector;
mod datastore;
mod import;
mod inventory;
mod machine;
mod network;
mod reading;
mod relocation;
mod spec;
mod task;
mod transport;
mod trouble;
mod upload;
mod watch;
mod wire;

pub use client::Client;
pub use datastore::{Datacenter, DatastoreFile, NasVolume};
pub use import::{Import, ImportedDisk};
pub use inventory::{Child, Place};
pub use machine::{Home, Machine, MachineState, NicState};
pub use network::VlanId;
pub use reading::{Fault, Plug, examine};
pub use relocation::{Move, Used};
pub use spec::{Change, Controller, Disk, Firmware, MachineSpec, Network, Nic, NicModel, Power};
pub use task::OnProgress;
pub use transport::{Deadlines, Trust, VcenterAccess};
pub use trouble::Trouble;
pub use wire::Moref;
