//! Identifiers: lowercase words joined by `-`, unique within their kind.

use std::fmt;
use std::str::FromStr;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an identifier: use lowercase letters, digits and single hyphens, starting with a letter, at most 63"
)]
pub struct InvalidId {
    /// The offending text.
    pub text: String,
}

/// Whether `text` is lowercase words joined by single hyphens: safe in a path, a shell and a router.
fn is_identifier(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_identifier(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { text: text.to_owned() })
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(<D::Error as serde::de::Error>::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// A tenant (ente): the name of its file under `inventory/tenants/`.
    TenantId
);
id!(
    /// A server of a tenant, unique in the whole inventory.
    ServerId
);
id!(
    /// A site (sede) of a tenant, unique within the tenant.
    SiteId
);
id!(
    /// A further landing site of the project.
    LandingId
);
id!(
    /// A disk of a server, unique within the server.
    DiskId
);
id!(
    /// A person of `people.yaml`.
    PersonId
);
id!(
    /// A gate of a playbook: what people type after `migrate sign TENANT`.
    GateId
);
id!(
    /// A step of a playbook that people do.
    ManualId
);
id!(
    /// A role that signs or executes, such as `comune-referente`.
    RoleId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_safe_words() {
        for good in ["a", "cinto-caomaggiore", "srv1", "x-2-y"] {
            assert!(good.parse::<TenantId>().is_ok(), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a--b", "a b", "../a", "1a", "a_b", "è"] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad}");
        }
        assert!("a".repeat(64).parse::<TenantId>().is_err());
    }
}
