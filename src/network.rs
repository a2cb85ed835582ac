//! The network of a tenant: addressing derived from its number, routers as values, text.
//!
//! [`NetworkPlan::new`] decides; `cpe` and `hub` say it as typed router configurations; `render`
//! writes those as text. All of it is pure.

pub mod cpe;
pub mod cutover;
mod decide;
mod estate;
mod hops;
pub mod hosts;
pub mod hub;
pub mod interface;
pub mod plan;
pub mod pools;
pub mod problem;
pub mod render;
pub mod route;
pub mod router;
pub mod summary;
pub mod token;

pub use hops::hops;
pub use plan::NetworkPlan;
