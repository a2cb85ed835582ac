//! A person's approval: a word typed at a terminal, or the digest of what is approved.

use super::Context;
use crate::failure::{Failure, Kind};

/// The word that a person types, in the language of those who sign.
const WORD: &str = "FIRMO";
/// Fewest characters of a digest that name what is approved.
const SHORTEST: usize = 12;

/// Asks for the approval of `text`, whose SHA-256 is `digest`. `given` is the option `--approve`.
///
/// # Errors
/// The person does not approve (exit code 5); the digest is another, or there is no terminal to ask at (2).
pub fn approve(text: &str, digest: &str, given: Option<&str>, context: &Context) -> Result<(), Failure> {
    let short: String = digest.chars().take(SHORTEST).collect();
    let read_it = format!("Read the text above; to sign it without a terminal, add --approve {short}");
    if let Some(given) = given {
        if given.len() >= SHORTEST && digest.starts_with(given) {
            return Ok(());
        }
        context.ui.status(text);
        return Err(Failure::new(Kind::Usage, "--approve names another text than the one to be signed").hint(read_it));
    }
    let Some(typed) = context.ui.ask(&format!("{text}\nScrivere {WORD} per firmare: ")) else {
        context.ui.status(text);
        return Err(Failure::new(Kind::Usage, "there is no terminal to sign at").hint(read_it));
    };
    if typed.trim() == WORD {
        return Ok(());
    }
    Err(Failure::new(Kind::Waiting, "non firmato").hint("Nulla è stato registrato. Ripetere il comando per firmare."))
}
