//! WinRM: how a Windows without SSH is asked (WS-Management by MS-WSMV).
//!
//! NTLM seals every message over HTTP 5985, which even Windows 2008 R2 does as it comes; over HTTPS
//! the certificate is pinned. One TCP connection, one shell, one process; the shell is always deleted.

mod client;
mod connection;
mod crypt;
mod envelope;
mod ntlm;
mod seal;
mod soap;
mod trouble;
mod wire;

pub use client::{Deadlines, Session};
pub use soap::Fault;
pub use trouble::Trouble;
