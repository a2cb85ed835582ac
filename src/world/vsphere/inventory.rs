//! The inventory: things by their path, folders and pools.

use super::client::Client;
use super::reading::{Fault, answer};
use super::trouble::Trouble;
use super::wire::{Moref, calls, names};
use crate::untrusted::printable;
use std::fmt;
use std::time::Duration;

/// How long an empty folder or pool may take to go.
const REMOVAL: Duration = Duration::from_secs(120);
/// Most things that a message lists.
const LISTED: usize = 12;
/// Most floors between a thing and the root.
const DEEPEST: usize = 64;

/// A path in the inventory: `SAD/vm/Comuni/cinto`. In a name `/` is written `%2f`, `\` is `%5c`, `%` is `%25`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Vec<String>);

impl Place {
    /// Reads a path.
    ///
    /// # Errors
    /// A name in it is empty; says which path.
    pub fn read(path: &str) -> Result<Self, String> {
        let names: Vec<String> = path.trim_matches('/').split('/').map(unescape).collect();
        if names.iter().any(|name| name.is_empty() || name.chars().any(char::is_control)) {
            return Err(format!("`{}` is no path of an inventory", printable(path)));
        }
        Ok(Self(names))
    }

    /// The place `name` below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self(self.0.iter().cloned().chain([name.to_owned()]).collect())
    }

    /// The whole path as the server writes it.
    pub(super) fn wire_path(&self) -> String {
        self.wire(self.0.len())
    }

    /// The first floors of the path, as the server writes them.
    fn wire(&self, floors: usize) -> String {
        self.0.iter().take(floors).map(|name| escape(name)).collect::<Vec<_>>().join("/")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.wire_path()))
    }
}

/// A thing in a folder, a pool or a datacenter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The thing.
    pub object: Moref,
    /// Its name.
    pub name: String,
}

/// A name as the server writes it.
pub(super) fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '/' => escaped += "%2f",
            '\\' => escaped += "%5c",
            '%' => escaped += "%25",
            other => escaped.push(other),
        }
    }
    escaped
}

/// A name as people write it.
pub(super) fn unescape(name: &str) -> String {
    let mut rest = name;
    let mut plain = String::with_capacity(name.len());
    while let Some(at) = rest.find('%') {
        plain += &rest[..at];
        let code = rest.get(at + 1..at + 3).map(str::to_ascii_lowercase);
        let (character, length) = match code.as_deref() {
            Some("2f") => ('/', 3),
            Some("5c") => ('\\', 3),
            Some("25") => ('%', 3),
            _ => ('%', 1),
        };
        plain.push(character);
        rest = &rest[at + length..];
    }
    plain + rest
}

impl Client {
    /// What is at a place, if something is.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn look(&self, place: &Place) -> Result<Option<Moref>, Trouble> {
        self.look_at(&place.wire_path(), place).await
    }

    async fn look_at(&self, path: &str, place: &Place) -> Result<Option<Moref>, Trouble> {
        let doing = format!("find {place}");
        let returned = self.call(&calls::find(&self.content().index, path), &doing).await?;
        if returned.is_empty() {
            return Ok(None);
        }
        self.read(answer::object(returned), &doing).map(Some)
    }

    /// What is at a place.
    ///
    /// # Errors
    /// Nothing is there: says how far the path leads, and what is there instead.
    pub async fn find(&self, place: &Place) -> Result<Moref, Trouble> {
        if let Some(found) = self.look(place).await? {
            return Ok(found);
        }
        let (mut above, mut floors) = (self.content().root.clone(), 0);
        for floor in 1..place.0.len() {
            match self.look_at(&place.wire(floor), place).await? {
                Some(found) => (above, floors) = (found, floor),
                None => break,
            }
        }
        let listed = self.list(&above).await?;
        let names: Vec<&str> = listed.iter().map(|child| child.name.as_str()).collect();
        let at = if floors == 0 { "the root".to_owned() } else { printable(&place.wire(floors)) };
        Err(Trouble::NotFound { server: self.server().to_owned(), path: place.to_string(), there: has(&at, &names) })
    }

    /// What is in a folder, a pool, a datacenter or a cluster.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn list(&self, of: &Moref) -> Result<Vec<Child>, Trouble> {
        let children = self.children(of, &format!("list {of}")).await?;
        Ok(children.into_iter().map(|(object, name)| Child { object, name: unescape(&name) }).collect())
    }

    /// The path of a thing, without the root.
    pub(super) async fn path(&self, of: &Moref) -> Result<Place, Trouble> {
        let (doing, mut names, mut next) = (format!("find where {of} is"), Vec::new(), of.clone());
        for _ in 0..DEEPEST {
            let returned = self.call(&calls::above(&self.content().collector, &next), &doing).await?;
            let page = self.read(answer::one(returned).and_then(|result| answer::page(&result)), &doing)?;
            let Some(mut found) = page.0.into_iter().next() else { break };
            let Some(parent) = found.properties.get(names::PARENT).and_then(|parent| parent.moref()) else { break };
            names.push(found.properties.remove(names::NAME).map(|name| unescape(&name.text)).unwrap_or_default());
            next = parent;
        }
        names.reverse();
        Ok(Place(names))
    }

    /// The child of a name, if there is one.
    pub(super) async fn child(&self, of: &Moref, name: &str, doing: &str) -> Result<Option<Moref>, Trouble> {
        let children = self.children(of, doing).await?;
        Ok(children.into_iter().find(|(_, found)| unescape(found) == name).map(|(object, _)| object))
    }

    /// A folder of a name, which is created if it is not there.
    ///
    /// # Errors
    /// Something else has the name, or the server does not create it.
    pub async fn ensure_folder(&self, parent: &Moref, name: &str) -> Result<Moref, Trouble> {
        let doing = format!("create the folder {}", printable(name));
        self.ensure(parent, name, &[names::FOLDER], &calls::create_folder(parent, name), &doing).await
    }

    /// A resource pool of a name, with normal shares, which is created if it is not there.
    ///
    /// # Errors
    /// Something else has the name, or the server does not create it.
    pub async fn ensure_pool(&self, parent: &Moref, name: &str) -> Result<Moref, Trouble> {
        let doing = format!("create the resource pool {}", printable(name));
        self.ensure(parent, name, &[names::POOL], &calls::create_pool(parent, name), &doing).await
    }

    /// Looks, creates, and looks again where somebody else was quicker, or the answer was lost.
    async fn ensure(
        &self,
        parent: &Moref,
        name: &str,
        kinds: &[&str],
        create: &super::wire::Call,
        doing: &str,
    ) -> Result<Moref, Trouble> {
        if let Some(found) = self.child(parent, name, doing).await? {
            return self.of_kind(found, name, kinds);
        }
        match self.call_object(create, doing).await {
            Err(error) if is_taken(&error) || error.may_be_done() => {
                let found = self.child(parent, name, doing).await?.ok_or(error)?;
                self.of_kind(found, name, kinds)
            }
            told => told,
        }
    }

    fn of_kind(&self, found: Moref, name: &str, kinds: &[&str]) -> Result<Moref, Trouble> {
        if kinds.contains(&found.kind.as_str()) {
            return Ok(found);
        }
        let what = format!("it is a {}", printable(&found.kind));
        Err(Trouble::Taken { server: self.server().to_owned(), path: printable(name), what })
    }

    /// Removes a folder or a pool if nothing is in it.
    ///
    /// # Errors
    /// Something is in it, or the server does not remove it.
    pub async fn remove_empty(&self, object: &Moref) -> Result<(), Trouble> {
        let doing = format!("remove {object}");
        if ![names::FOLDER, names::POOL].contains(&object.kind.as_str()) {
            let what = format!("it is a {}, and no folder or pool", printable(&object.kind));
            return Err(Trouble::Request { server: self.server().to_owned(), doing, what });
        }
        let children = match self.children(object, &doing).await {
            Err(error) if is_gone(&error) => return Ok(()),
            told => told?,
        };
        if !children.is_empty() {
            let names: Vec<&str> = children.iter().map(|(_, name)| name.as_str()).collect();
            let what = format!("not empty: {}", has("it", &names));
            return Err(Trouble::Taken { server: self.server().to_owned(), path: object.to_string(), what });
        }
        self.destroy(object, &doing, REMOVAL).await
    }

    /// Destroys an entity; what is gone already is well.
    pub(super) async fn destroy(&self, object: &Moref, doing: &str, limit: Duration) -> Result<(), Trouble> {
        match self.run(&calls::destroy(object), doing, limit, &|_| ()).await {
            Err(error) if is_gone(&error) => Ok(()),
            told => told.map(|_| ()),
        }
    }
}

/// Whether somebody has the name already.
pub(super) fn is_taken(error: &Trouble) -> bool {
    matches!(error.fault(), Some(Fault::DuplicateName { .. } | Fault::AlreadyExists { .. }))
}

/// Whether the object is not there any more.
pub(super) fn is_gone(error: &Trouble) -> bool {
    matches!(error.fault(), Some(Fault::ManagedObjectNotFound { .. }))
}

/// `SAD/vm has a, b and 7 more`.
pub(super) fn has(at: &str, names: &[&str]) -> String {
    let mut listed: Vec<String> = names.iter().take(LISTED).map(|name| printable(name)).collect();
    listed.sort();
    match (names.len(), names.len().saturating_sub(LISTED)) {
        (0, _) => format!("{at} has nothing"),
        (_, 0) => format!("{at} has {}", listed.join(", ")),
        (_, more) => format!("{at} has {} and {more} more", listed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slash_in_a_name_is_escaped() {
        let place = Place::read("/SAD/vm/Unione A%2fB/100%25/").unwrap();
        assert_eq!(place, Place(["SAD", "vm", "Unione A/B", "100%"].map(str::to_owned).to_vec()));
        assert_eq!(place.to_string(), "SAD/vm/Unione A%2fB/100%25");
        assert_eq!(place.child("c\\d").to_string(), "SAD/vm/Unione A%2fB/100%25/c%5cd");
        for wrong in ["", "/", "a//b", "a/\n"] {
            assert!(Place::read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_there_is_listed_in_short() {
        assert_eq!(has("SAD", &[]), "SAD has nothing");
        assert_eq!(has("SAD", &["vm", "host"]), "SAD has host, vm");
        assert!(has("SAD", &["x"; 20]).ends_with(" and 8 more"));
    }

    proptest! {
        #[test]
        fn a_name_comes_back(name: String) {
            prop_assert_eq!(unescape(&escape(&name)), name.clone());
            prop_assert!(!escape(&name).contains(['/', '\\']));
            let _ = unescape(&name);
        }
    }
}
