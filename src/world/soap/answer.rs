//! What an answer gives back.

use super::{Element, Moref, Unreadable};

/// Everything that it gives back; nothing where it gives nothing.
pub(in crate::world) fn returned(mut envelope: Element) -> Result<Vec<Element>, Unreadable> {
    let at = envelope.children.iter().position(|child| child.name == "Body").ok_or(Unreadable::Missing("Body"))?;
    let body = envelope.children.swap_remove(at);
    let response = body.children.into_iter().next().ok_or(Unreadable::Missing("response"))?;
    Ok(response.children.into_iter().filter(|child| child.name == "returnval").collect())
}

/// The one thing that it gives back.
pub(in crate::world) fn one(returned: Vec<Element>) -> Result<Element, Unreadable> {
    returned.into_iter().next().ok_or(Unreadable::Missing("returnval"))
}

/// The one object that it gives back.
pub(in crate::world) fn object(returned: Vec<Element>) -> Result<Moref, Unreadable> {
    one(returned)?.moref().ok_or(Unreadable::Missing("reference"))
}
