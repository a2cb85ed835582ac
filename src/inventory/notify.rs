//! `project.yaml: notify`: whom a run tells what.

use super::form::scalars::{id, scalar, secret, text, word};
use super::form::{Fields, Form, list, nonempty_list, record};
use super::problem::Complaint;
use super::shape::Shape;
use crate::model::notify::{Endpoint, NoticeWay, Occasion, Receiver};

/// What the key is for.
pub(super) const DOC: &str = "Whom a run tells what: commands, or hosts that take JSON.";

/// The form of `notify`.
pub(super) fn form() -> impl Form<Value = Vec<Receiver>> {
    list(record("Somebody who is told.", receiver))
}

fn receiver(fields: &mut Fields<'_>) -> Option<Receiver> {
    let when =
        "When: at gates, failures, on LTE, half an hour before the time to go back, when all is done (default: all).";
    let all = Occasion::WORDS.iter().map(|(_, occasion)| *occasion).collect();
    let on = fields.or("on", when, nonempty_list(word(&Occasion::WORDS)), all);
    let whose = "Of which tenants (default: of all).";
    let tenants = fields.or("tenants", whose, nonempty_list(id()), Vec::new());
    fields.exactly_one(&["command", "post"]);
    let program = "A program and its arguments, without a shell; the notice is its input, as JSON.";
    let command = fields.optional("command", program, nonempty_list(text()));
    let post = fields.optional("post", "A URL to which the notice is posted, as JSON.", endpoint());
    let bearer = "The token sent with it, by reference: `env:NAME` or `file:PATH`.";
    let token = fields.optional("token", bearer, secret());
    let (on, tenants, token) = (on?, tenants?, token?);
    fields.unique("on", "", on.iter().map(|occasion| occasion.word()));
    fields.unique("tenants", "", &tenants);
    let way = match (command?, post?) {
        (Some(_), None) if token.is_some() => {
            let complaint = Complaint::new("a command has no token");
            fields.refuse("token", complaint.hint("the command reads it by itself; only `post` sends one"));
            return None;
        }
        (Some(words), None) => NoticeWay::Command(words),
        (None, Some(to)) => NoticeWay::Post { to, token },
        _ => return None,
    };
    Some(Receiver { on, tenants, way })
}

/// A URL, which is never repeated: what stands in it may be a secret.
fn endpoint() -> impl Form<Value = Endpoint> {
    let shape = Shape::Text { pattern: Some("^https?://[^@#\\s]+$"), example: Some("https://chat.example/hook") };
    scalar(shape, |text| {
        Endpoint::new(text).map_err(|why| {
            let hint = match why {
                "it holds a user or a password" => {
                    "write the secret as `token: env:NAME`; if it was real, change it now"
                }
                "it is not encrypted" => "write `https://`; `http://` leads to this very host only",
                _ => "for example `https://chat.example/hook`",
            };
            Complaint::new(format!("the URL is refused: {why}")).hint(hint)
        })
    })
}
