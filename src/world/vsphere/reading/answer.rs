//! Answers of calls: what is in the body, and what it says.

use super::super::wire::Moref;
pub(in crate::world::vsphere) use crate::world::soap::answer::{object, one, returned};
use crate::world::soap::{Element, Unreadable};
use std::collections::BTreeMap;

/// What a vCenter is, and where its parts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::world::vsphere) struct ServiceContent {
    pub(in crate::world::vsphere) root: Moref,
    pub(in crate::world::vsphere) collector: Moref,
    pub(in crate::world::vsphere) sessions: Moref,
    pub(in crate::world::vsphere) index: Moref,
    pub(in crate::world::vsphere) files: Moref,
    /// `VirtualCenter`, or `HostAgent` for a host alone.
    pub(in crate::world::vsphere) kind: String,
    pub(in crate::world::vsphere) version: String,
    pub(in crate::world::vsphere) full_name: String,
}

impl ServiceContent {
    pub(in crate::world::vsphere) fn read(content: &Element) -> Result<Self, Unreadable> {
        let part = |name: &'static str| content.must(name)?.moref().ok_or(Unreadable::Missing(name));
        let about = content.must("about")?;
        let word = |name| crate::untrusted::one_line(about.word(name).as_bytes());
        Ok(Self {
            root: part("rootFolder")?,
            collector: part("propertyCollector")?,
            sessions: part("sessionManager")?,
            index: part("searchIndex")?,
            files: part("fileManager")?,
            kind: word("apiType"),
            version: word("apiVersion"),
            full_name: word("fullName"),
        })
    }

    /// Whether it is of 6.5 or later.
    pub(in crate::world::vsphere) fn is_known(&self) -> bool {
        let mut numbers = self.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (6, 5)
    }
}

/// An object with some of its properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::world::vsphere) struct Object {
    pub(in crate::world::vsphere) object: Moref,
    pub(in crate::world::vsphere) properties: Properties,
}

/// Values by their path.
pub(in crate::world::vsphere) type Properties = BTreeMap<String, Element>;

/// A page of objects, and the token for the next one.
pub(in crate::world::vsphere) fn page(result: &Element) -> Result<(Vec<Object>, Option<String>), Unreadable> {
    let objects = result.all("objects").map(|found| {
        let object = found.must("obj")?.moref().ok_or(Unreadable::Missing("obj"))?;
        let mut properties = Properties::new();
        for property in found.all("propSet") {
            properties.insert(property.must("name")?.text.clone(), property.must("val")?.clone());
        }
        Ok(Object { object, properties })
    });
    let token = result.get("token").map(|token| token.text.clone()).filter(|token| !token.is_empty());
    Ok((objects.collect::<Result<_, Unreadable>>()?, token))
}

/// What changed: the new version, and the properties that are other or gone.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::world::vsphere) struct Updates {
    pub(in crate::world::vsphere) version: String,
    pub(in crate::world::vsphere) changes: Vec<(String, Option<Element>)>,
    /// Whether the object itself is gone.
    pub(in crate::world::vsphere) gone: bool,
}

pub(in crate::world::vsphere) fn updates(set: &Element) -> Result<Updates, Unreadable> {
    let mut updates = Updates { version: set.must("version")?.text.clone(), changes: Vec::new(), gone: false };
    for object in set.all("filterSet").flat_map(|filter| filter.all("objectSet")) {
        updates.gone |= object.word("kind") == "leave";
        for change in object.all("changeSet") {
            let value = change.get("val").filter(|_| matches!(change.word("op"), "assign" | "add"));
            updates.changes.push((change.must("name")?.text.clone(), value.cloned()));
        }
        updates.gone |= object.get("missingSet").is_some();
    }
    Ok(updates)
}
