//! The data plane: byte-exact replicas of a source's disks, and the agent that reads them there.
//!
//! The agent (`agent`, a small static program on the source) only reads, and answers the commands of
//! `wire` on its standard streams. The receiver (`pass`) decides: it asks for what it knows nothing
//! of, compares Merkle trees (`tree`) for the rest, and makes every batch durable before it counts
//! as known (`image`). `chunk`, `tree` and `wire` are pure and shared by both sides.

pub mod agent;
pub mod chunk;
mod clone;
mod commit;
mod dedup;
mod disk;
mod elf;
mod error;
mod image;
mod launch;
mod link;
mod manifest;
pub mod map;
mod pass;
mod progress;
mod quiesce;
mod receiver;
mod remote;
mod request;
mod sample;
pub mod tree;
mod verify;
pub mod wire;

pub use chunk::{CHUNK, Hash, InvalidHash};
pub use clone::{CloneWay, clone};
pub use disk::{DiskReplica, DiskStatus};
pub use error::{AgentError, ReplicaError, SourceFault};
pub use launch::{AgentBinary, StartOptions, start};
pub use link::{AgentLink, PaceHandle};
pub use manifest::{LastPass, Manifest, MapRecord, Source};
pub use pass::{PassOptions, pass};
pub use progress::{PassProgress, PassReport, Stage};
pub use quiesce::QuiesceError;
pub use sample::{DiskSample, FirstCopy, SampleOptions, SampledLevel, sample};
pub use verify::{VerifyProgress, VerifyReport, verify};
pub use wire::{MapWanted, Obstacle, ObstacleKind, Use, Way};
