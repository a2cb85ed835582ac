//! What a connection is for, and how old the host may be: which algorithms may protect it, and how
//! routers treat its packets.

use crate::model::server::SshProfile;
use russh::client::GexParams;
use russh::keys::ssh_key::Algorithm;
use russh::{Preferred, cipher, compression, kex, mac};
use std::borrow::Cow;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Copying, and everything else on a server.
    Copying,
    /// A router's configuration.
    Management,
}

/// AES-GCM first: it is faster than ChaCha20 wherever the processor has AES.
const CIPHERS: [cipher::Name; 6] = [
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
];

/// What hosts of the years before know besides, best first. Broken against a strong attacker on the
/// way, so only where the inventory says so, and never before what is better.
const OLD_CIPHERS: [cipher::Name; 4] =
    [cipher::AES_256_CBC, cipher::AES_192_CBC, cipher::AES_128_CBC, cipher::TRIPLE_DES_CBC];
const OLD_KEX: [kex::Name; 3] = [kex::DH_GEX_SHA1, kex::DH_G14_SHA1, kex::DH_G1_SHA1];
const OLD_MACS: [mac::Name; 2] = [mac::HMAC_SHA1_ETM, mac::HMAC_SHA1];

impl Purpose {
    /// The code point of its packets.
    ///
    /// Copying is class selector 1, the lowest class of service (RFC 3662): routers put it behind the
    /// town's own traffic, and nothing of it on the backup line. Management is class selector 2
    /// (RFC 4594, section 3.3).
    pub(super) fn dscp(self) -> u8 {
        match self {
            Purpose::Copying => 8,
            Purpose::Management => 16,
        }
    }
}

/// Sizes of groups for a key exchange that negotiates them, in bits. Old hosts have none above 2048.
pub(super) fn groups(profile: SshProfile) -> GexParams {
    match profile {
        SshProfile::Modern => GexParams::default(),
        SshProfile::Legacy => GexParams::new(2048, 2048, 8192).unwrap_or_default(),
    }
}

/// The algorithms, where the host is asked for one of `host_keys`.
pub(super) fn algorithms(profile: SshProfile, mut host_keys: Vec<Algorithm>) -> Preferred {
    let mut ciphers = CIPHERS.to_vec();
    let mut kex = Preferred::DEFAULT.kex.to_vec();
    let mut macs = Preferred::DEFAULT.mac.to_vec();
    match profile {
        // A signature with SHA-1 (`ssh-rsa`) proves little; a key of another kind is asked for.
        SshProfile::Modern => host_keys.retain(|key| *key != Algorithm::Rsa { hash: None }),
        SshProfile::Legacy => {
            ciphers.extend(OLD_CIPHERS);
            kex.extend(OLD_KEX);
            macs.extend(OLD_MACS);
        }
    }
    Preferred {
        key: Cow::Owned(host_keys),
        cipher: Cow::Owned(ciphers),
        kex: Cow::Owned(kex),
        mac: Cow::Owned(macs),
        compression: Cow::Owned(vec![compression::NONE]),
        ..Preferred::DEFAULT
    }
}

/// Those of `names` that only [`SshProfile::Legacy`] takes.
pub(super) fn only_legacy(names: &[String]) -> Vec<String> {
    let mut old = vec!["ssh-rsa"];
    old.extend(OLD_KEX.iter().map(kex::Name::as_ref));
    old.extend(OLD_CIPHERS.iter().map(cipher::Name::as_ref));
    old.extend(OLD_MACS.iter().map(mac::Name::as_ref));
    names.iter().filter(|name| old.contains(&name.as_str())).cloned().collect()
}
