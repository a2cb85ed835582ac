//! A host that cannot be asked, as the operator reads it.

use crate::failure::{Failure, Kind};
use crate::world::ShellError;

impl From<ShellError> for Failure {
    fn from(error: ShellError) -> Self {
        let kind = if error.is_transient() { Kind::Unreachable } else { Kind::Failed };
        let hint = error.hint();
        Failure::new(kind, error).hint(hint)
    }
}
