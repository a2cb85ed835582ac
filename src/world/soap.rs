//! SOAP over HTTPS, as a vCenter and a Converter server speak it: what is written, what is read, whom
//! we trust. Names of an API are not here.

pub(in crate::world) mod answer;
mod call;
mod client;
mod element;
mod failed;
mod moref;
mod session;
pub(in crate::world) mod transport;
mod xml;

pub(in crate::world) use call::{Call, Repeat};
pub(in crate::world) use client::{Account, Client, Server, Service};
pub(in crate::world) use element::{Element, Unreadable};
pub(in crate::world) use failed::{Failed, Why};
pub use moref::Moref;
pub use transport::Trust;
pub(in crate::world) use xml::Xml;
