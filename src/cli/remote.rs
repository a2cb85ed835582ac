//! Hosts: the agent that goes there, and trouble with one as the operator reads it.

use super::Context;
use crate::failure::{Failure, Kind};
use crate::migration::{Class, Trouble};
use crate::replica::AgentBinary;
use crate::world::ShellError;

/// The agent's file, as `TRAGHETTO_AGENT` names it or beside the program.
pub fn agent(context: &Context) -> Result<AgentBinary, Failure> {
    let named = std::env::var_os("TRAGHETTO_AGENT").filter(|name| !name.is_empty());
    let exe = std::env::current_exe().unwrap_or_else(|_| context.root.join("traghetto"));
    AgentBinary::find(named.as_deref(), &exe).map_err(|error| {
        Failure::new(Kind::Failed, error)
            .hint("Nothing was done. Build it with `make build`, or name it in the variable TRAGHETTO_AGENT.")
    })
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let kind = match trouble.class {
            Class::Unreachable => Kind::Unreachable,
            Class::Waiting => Kind::Waiting,
            Class::CheckFailed => Kind::CheckFailed,
            Class::Failed => Kind::Failed,
            Class::Evidence => Kind::Evidence,
        };
        let advice = trouble.advice();
        Failure::new(kind, trouble.source).hints(advice, trouble.class.otherwise())
    }
}

impl From<ShellError> for Failure {
    fn from(error: ShellError) -> Self {
        let kind = if error.is_transient() { Kind::Unreachable } else { Kind::Failed };
        let hint = error.hint();
        Failure::new(kind, error).hint(hint)
    }
}
