//! Whose copy a machine is: known again by what is derived from it, never by chance.

use crate::digest::hex;
use crate::model::server::{Addressing, Server};
use crate::model::tenant::Tenant;
use crate::model::{DiskId, ServerId, TenantId};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// What begins everything that is derived.
const DOMAIN: &str = "traghetto machine";

/// What a machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// A test, in a network that leads nowhere; destroyed after it.
    Test,
    /// To take over from the server.
    Production,
}

impl Purpose {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Purpose::Test => "test",
            Purpose::Production => "production",
        }
    }
}

/// Which network of the tenant a machine in production belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lan {
    /// Of servers that keep their address.
    Kept,
    /// Of servers with new addresses.
    New,
}

/// Whose copy a machine is, of which state store, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    tenant: TenantId,
    number: u16,
    server: ServerId,
    lan: Lan,
    purpose: Purpose,
    digest: [u8; 32],
}

impl Identity {
    /// Of a server's copy; `store` is the id of the state store that migrates it.
    pub fn new(store: &str, tenant: &Tenant, server: &Server, purpose: Purpose) -> Self {
        // None of these holds a zero byte: no two of them run together into the same text.
        let parts = [DOMAIN, store, tenant.id.as_str(), server.id.as_str(), purpose.word()];
        let lan = match server.landing {
            Addressing::Renumber(_) => Lan::New,
            Addressing::Keep | Addressing::RoutesOnly => Lan::Kept,
        };
        Self {
            tenant: tenant.id.clone(),
            number: tenant.number,
            server: server.id.clone(),
            lan,
            purpose,
            digest: Sha256::digest(parts.join("\0")).into(),
        }
    }

    /// The name of the machine that takes over from a server.
    pub fn production_name(server: &ServerId) -> String {
        server.to_string()
    }

    /// Its tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The number of its tenant.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The server that it is a copy of.
    pub fn server(&self) -> &ServerId {
        &self.server
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Its network in production.
    pub fn lan(&self) -> Lan {
        self.lan
    }

    /// Its name for people: `cinto-srv1`, or `cinto-srv1-test`.
    pub fn name(&self) -> String {
        match self.purpose {
            Purpose::Test => format!("{}-test", self.server),
            Purpose::Production => Self::production_name(&self.server),
        }
    }

    /// Its UUID (version 8: of our own making).
    pub fn uuid(&self) -> String {
        let mut bytes = self.digest;
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let text = hex(&bytes[..16]);
        [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
    }

    /// What it is marked with: by this it is known again, and by nothing else.
    pub fn mark(&self) -> String {
        format!("{}/{}/{}/{}", self.tenant, self.server, self.purpose.word(), self.uuid())
    }

    /// The hardware address of its card, in the range that VMware leaves to those who choose their own.
    pub fn mac(&self) -> String {
        let [.., a, b, c] = self.digest;
        format!("00:50:56:{:02x}:{b:02x}:{c:02x}", a & 0x3f)
    }

    /// What names the content of a disk in its descriptor; never one of the two words that mean none.
    pub fn content_id(&self, disk: &DiskId) -> u32 {
        let [a, b, c, d, ..]: [u8; 32] = Sha256::digest([&self.digest[..], disk.as_str().as_bytes()].concat()).into();
        u32::from_be_bytes([a & 0x7f, b, c, d])
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests;
