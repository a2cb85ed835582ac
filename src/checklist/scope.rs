//! What an item of a checklist is asked of.

use serde::Serialize;

/// What an item is asked of: it is asked once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The tenant as a whole.
    Tenant,
    /// Each site with its link.
    Site,
    /// Each server.
    Server,
    /// Each service over the Internet whose address the inventory knows.
    Saas,
}

impl Scope {
    /// All scopes with their words in a checklist.
    pub const WORDS: [(&'static str, Scope); 4] =
        [("tenant", Scope::Tenant), ("site", Scope::Site), ("server", Scope::Server), ("saas", Scope::Saas)];

    /// The word in a checklist.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Tenant => "tenant",
            Scope::Site => "site",
            Scope::Server => "server",
            Scope::Saas => "saas",
        }
    }
}
