//! The network of a tenant: addressing derived from its number, routers as values, text.
//!
//! [`NetworkPlan::new`] decides; `cpe` and `hub` say it as typed router configurations; `render`
//! writes those as text. All of it is pure.

pub mod cpe;
pub mod cutover;
mod decide;
pub mod device;
pub mod diff;
mod estate;
mod hops;
pub mod hosts;
pub mod hub;
pub mod import;
pub mod intent;
pub mod interface;
pub mod kit;
pub mod migration_path;
pub mod parse;
pub mod plan;
pub mod pools;
pub mod problem;
pub mod push;
pub mod read_back;
pub mod render;
pub mod renderings;
pub mod route;
pub mod router;
pub mod rules;
mod service_port;
pub mod simulate;
pub mod summary;
pub mod text;
pub mod token;

pub use hops::hops;
pub use plan::NetworkPlan;
pub use service_port::ServicePort;
