//! What the server answers, read without side effects: no text of its makes us panic.

pub(super) mod answer;
mod element;
mod fault;
pub(super) mod objects;

pub(super) use element::{Element, Unreadable};
pub use fault::Fault;
pub use objects::Plug;

#[cfg(test)]
mod tests;
