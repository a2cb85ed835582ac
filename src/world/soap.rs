//! SOAP over HTTPS, as a vCenter and a Converter server speak it: what is written, what is read, whom
//! we trust. Names of an API are not here.

mod element;
mod moref;
pub(in crate::world) mod session;
pub(in crate::world) mod transport;
mod xml;

pub(in crate::world) use element::{Element, Unreadable};
pub use moref::Moref;
pub use transport::Trust;
pub(in crate::world) use xml::Xml;
