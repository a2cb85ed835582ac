//! From the text of a router to what it says.
//!
//! Reading never fails: what means nothing to us is kept with its line, in `settings` where it
//! stands alone and in `unread` where it stands inside, or in place of, something that we do read.
//! A later line overwrites an earlier one, as on a router. Secrets are not kept: a line that has one
//! is known by the mark `<secret>` in its place.

mod crypto;
mod filter;
mod global;
mod interface;
mod queue;
mod routing;
pub mod secrets;
mod standby;
mod tracking;
mod words;

use super::device::{At, Device};
use super::text::{ConfigText, Line};
use std::collections::HashMap;

pub use words::port;

/// What `text` says.
pub fn parse(text: &str) -> Device {
    device(&ConfigText::parse(text))
}

/// What `config` says.
pub fn device(config: &ConfigText) -> Device {
    let mut reader = Reader { device: Device::default(), places: Places::new(), orders: HashMap::new() };
    each(&config.lines, &mut |line, words| global::read(&mut reader, line, words));
    routing::last_wins(&mut reader.device);
    reader.device
}

/// What has been read so far.
struct Reader {
    device: Device,
    /// Where each object is in its list.
    places: Places,
    /// The order of the entries of each access list.
    orders: HashMap<String, filter::Order>,
}

/// How far a line was read.
enum Read {
    /// The line itself. Lines indented below it are of the same mode, since a router minds words and
    /// not indentation.
    Line,
    /// The line with everything below it.
    Mode,
}

/// Reads the lines of a mode.
fn each(lines: &[Line], read: &mut impl FnMut(&Line, &[&str]) -> Read) {
    for line in lines {
        if let Read::Line = read(line, &line.words()) {
            each(&line.children, read);
        }
    }
}

/// Reads the lines of a mode inside an object; `read` has no answer for what it does not know,
/// and that goes to `unread` with everything below it.
fn mode(
    unread: &mut Vec<At<String>>,
    path: &str,
    lines: &[Line],
    mut read: impl FnMut(&mut Vec<At<String>>, &Line, &[&str]) -> Option<Read>,
) {
    each(lines, &mut |line, words| {
        read(unread, line, words).unwrap_or_else(|| {
            keep(unread, path, line);
            Read::Mode
        })
    });
}

/// Adds `line` and all lines below it to `kept`, each with the words that lead to it.
fn keep(kept: &mut Vec<At<String>>, path: &str, line: &Line) {
    keep_alone(kept, path, line);
    if line.children.is_empty() {
        return;
    }
    let path = joined(path, &step(&line.text));
    for child in &line.children {
        keep(kept, &path, child);
    }
}

/// Adds `line` alone, with the words that lead to it.
fn keep_alone(kept: &mut Vec<At<String>>, path: &str, line: &Line) {
    kept.push(At::new(joined(path, &secrets::masked(&line.text)), line.number));
}

/// How a line is named in the path of the lines below it: no longer than a router would let it be.
fn step(text: &str) -> String {
    secrets::masked(&text.chars().take(254).collect::<String>())
}

fn joined(path: &str, text: &str) -> String {
    if path.is_empty() { text.to_owned() } else { format!("{path} / {text}") }
}

/// The place of each object in its list, by the list and the object's name.
type Places = HashMap<(&'static str, String), usize>;

/// The element of `list` with this name, made by `new` where there is none.
fn entry<'a, T>(
    places: &mut Places,
    (kind, name): (&'static str, &str),
    list: &'a mut Vec<T>,
    new: impl FnOnce() -> T,
) -> Option<&'a mut T> {
    let at = *places.entry((kind, name.to_owned())).or_insert(list.len());
    if at == list.len() {
        list.push(new());
    }
    list.get_mut(at)
}

/// Where an object is that was entered.
fn place(places: &Places, (kind, name): (&'static str, &str)) -> Option<usize> {
    places.get(&(kind, name.to_owned())).copied()
}

/// The first element of a short list that `is` picks, made by `new` where there is none.
fn first<T>(list: &mut Vec<T>, is: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> Option<&mut T> {
    let at = list.iter().position(is).unwrap_or_else(|| {
        list.push(new());
        list.len() - 1
    });
    list.get_mut(at)
}

#[cfg(test)]
mod tests;
