//! Modems, IKEv2 and IPsec as the text describes them. Keys are secrets: only their presence is known.

use super::{At, Port};
use std::net::Ipv4Addr;

/// `controller Cellular 0/2/0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Modem {
    /// Its interface.
    pub port: At<Port>,
    /// Number and access point name of each profile.
    pub profiles: Vec<At<(u16, String)>>,
    /// The other lines, as written.
    pub settings: Vec<At<String>>,
}

/// IKEv2 and IPsec.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Crypto {
    /// `crypto ikev2 authorization policy`: name, and whether it says `route set interface`.
    pub policies: Vec<(At<String>, bool)>,
    /// `crypto ikev2 keyring`.
    pub keyrings: Vec<Keyring>,
    /// `crypto ikev2 profile`.
    pub profiles: Vec<IkeProfile>,
    /// `crypto ipsec transform-set`: name, and algorithms with mode as written.
    pub transforms: Vec<(At<String>, String)>,
    /// `crypto ipsec profile`.
    pub ipsec: Vec<IpsecProfile>,
}

/// A key ring.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyring {
    /// Name.
    pub name: At<String>,
    /// Its peers.
    pub peers: Vec<Peer>,
}

/// A peer of a key ring.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// Name.
    pub name: At<String>,
    /// Its address; none where it is known by name.
    pub address: Option<Ipv4Addr>,
    /// Its identity, a domain name.
    pub identity: Option<String>,
    /// Whether there is a key.
    pub has_key: bool,
}

/// An IKEv2 profile.
#[derive(Debug, Clone, PartialEq)]
pub struct IkeProfile {
    /// Name.
    pub name: At<String>,
    /// VRF of the outer packets.
    pub outer_vrf: Option<At<String>>,
    /// The other end's identity.
    pub remote: Option<At<String>>,
    /// Our identity.
    pub local: Option<At<String>>,
    /// Key ring.
    pub keyring: Option<At<String>>,
    /// `dpd`: seconds between questions, seconds between repeats, whether without traffic too.
    pub dpd: Option<At<(u16, u16, bool)>>,
    /// Authorization policy.
    pub policy: Option<At<String>>,
    /// Template of the interface of a peer that calls us.
    pub template: Option<At<u16>>,
    /// The other lines, as written, such as `authentication local pre-share`.
    pub settings: Vec<At<String>>,
}

/// An IPsec profile.
#[derive(Debug, Clone, PartialEq)]
pub struct IpsecProfile {
    /// Name.
    pub name: At<String>,
    /// Transform set.
    pub transform: Option<At<String>>,
    /// Group of perfect forward secrecy.
    pub pfs: Option<At<String>>,
    /// IKEv2 profile.
    pub ike: Option<At<String>>,
}
