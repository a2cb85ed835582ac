//! What the server answers, read without side effects: no text of its makes us panic.

pub(super) mod answer;
mod fault;
pub(super) mod objects;

pub(super) use crate::world::soap::{Element, Unreadable};
pub use fault::Fault;
pub use objects::Plug;

/// Reads an answer as everything that it could be, and forgets it: whatever the bytes, nothing panics.
/// For those who try wild ones.
pub fn examine(answer: &[u8]) {
    let Ok(envelope) = Element::read(answer) else { return };
    let mut left = vec![&envelope];
    while let Some(element) = left.pop() {
        read_all(element);
        left.extend(&element.children);
    }
    let _ = answer::returned(envelope);
}

/// Everything that reads an element.
fn read_all(element: &Element) {
    let _ = Fault::of_answer(element);
    let _ = Fault::localized(element).to_string();
    let _ = (objects::task(element), objects::percent(element), objects::power(element));
    let _ = (objects::devices(element), objects::lease(element), objects::port_setting(element));
    let _ = (objects::switches(element), objects::port_groups(element), objects::nas(element));
    let _ = (objects::option(element, "name"), objects::file(&element.text), element.moref());
    let _ = (answer::page(element), answer::updates(element), answer::ServiceContent::read(element));
}

#[cfg(test)]
mod tests;
