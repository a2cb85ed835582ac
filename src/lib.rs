//! traghetto ferries a municipality's servers to the shared data center.
//!
//! Three rules, three places to look. What decides is pure and returns a printable value
//! (`network`, `fees`, `checklist`, `migration::plan`). What acts is one loop that walks a plan and
//! writes an event before and after each act (`migration::run`). What talks to people is `cli`.
//!
//! Floors, from the ground up; an arrow never runs back up and no two files import each other:
//! `model`, `digest`, `untrusted` | `journal`, `world`, `failure` | `network`, `checklist`, `replica`, `survey`, `fees`,
//! `landing`, `converter`, `inventory` | `migration` | `document` | `cli`.

pub mod checklist;
pub mod cli;
pub mod converter;
pub mod digest;
pub mod document;
pub mod failure;
pub mod fees;
pub mod inventory;
pub mod journal;
pub mod landing;
pub mod migration;
pub mod model;
pub mod network;
pub mod replica;
pub mod survey;
pub mod untrusted;
pub mod world;
