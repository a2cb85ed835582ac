//! What on a device is traghetto's.

use super::super::parse::secrets::REFERENCE;
use super::super::text::ConfigText;
use super::grammar::Mode;
use super::tree::{Node, Tree, find};
use std::collections::{BTreeMap, BTreeSet};

/// The objects that renderings name, and those that can be recognised as renderings' by what they
/// are called.
#[derive(Debug, Clone, Default)]
pub struct Ownership {
    /// Every line of a rendering, as the keys from the global level down to it.
    named: BTreeSet<String>,
    /// Lines that traghetto renders for others on the same device: left alone, and not listed.
    others: BTreeSet<String>,
    /// Names that static routes of a rendering carry, and the table they are in.
    routes: BTreeSet<(Option<String>, String)>,
    /// Beginnings of such names.
    prefixes: Vec<(Option<String>, String)>,
    /// Routing tables whose translations are a rendering's.
    translations: BTreeSet<String>,
    /// Routing tables in which nobody else has an interface.
    tables: BTreeSet<String>,
    /// Lines of renderings that name a secret, by the keys that lead to them.
    references: BTreeMap<String, String>,
}

impl Ownership {
    /// What these texts name: the wanted one, and every earlier or other rendering of the router.
    pub fn of<'a>(renderings: impl IntoIterator<Item = &'a ConfigText>) -> Self {
        let mut own = Self::default();
        for text in renderings {
            let tree = Tree::of(text);
            name_all(&tree.nodes, "", &mut own.named);
            references(&tree.nodes, "", &mut own.references);
        }
        own
    }

    /// What traghetto renders for others on the same device, the other tenants of a hub: it is not
    /// this change's to touch, and not foreign either.
    #[must_use]
    pub fn beside<'a>(mut self, renderings: impl IntoIterator<Item = &'a ConfigText>) -> Self {
        for text in renderings {
            name_all(&Tree::of(text).nodes, "", &mut self.others);
        }
        self
    }

    /// Recognises objects of the global level by their command, such as `interface Tunnel4`, even
    /// where no rendering at hand names them.
    #[must_use]
    pub fn with_objects(mut self, objects: impl IntoIterator<Item = String>) -> Self {
        self.named.extend(objects);
        self
    }

    /// Recognises static routes of a routing table by their name, or by how their name begins where
    /// it ends with `*`.
    #[must_use]
    pub fn with_routes(mut self, vrf: Option<&str>, names: &[&str]) -> Self {
        let vrf = || vrf.map(str::to_owned);
        for name in names {
            match name.strip_suffix('*') {
                Some(begin) => self.prefixes.push((vrf(), begin.to_owned())),
                None => drop(self.routes.insert((vrf(), (*name).to_owned()))),
            }
        }
        self
    }

    /// Recognises the static translations of a routing table.
    #[must_use]
    pub fn with_translations(mut self, vrf: &str) -> Self {
        self.translations.insert(vrf.to_owned());
        self
    }

    /// Recognises interfaces by the routing table that they are in.
    #[must_use]
    pub fn with_interfaces_in(mut self, vrf: &str) -> Self {
        self.tables.insert(vrf.to_owned());
        self
    }

    /// The lines of a configuration that are traghetto's, each after those that it stands under.
    pub fn lines(&self, config: &ConfigText) -> BTreeSet<String> {
        let mut lines = BTreeSet::new();
        self.collect(&Tree::of(config).nodes, "", "", &mut lines);
        lines
    }

    fn collect(&self, nodes: &[Node], path: &str, above: &str, lines: &mut BTreeSet<String>) {
        for node in nodes {
            let said = if above.is_empty() { node.text.clone() } else { format!("{above} / {}", node.text) };
            self.collect(&node.children, &below(path, node), &said, lines);
            if self.holds(path, node) {
                lines.insert(said);
            }
        }
    }

    /// Whether the line of `node` at `path` is traghetto's.
    pub(super) fn holds(&self, path: &str, node: &Node) -> bool {
        if self.named.contains(&below(path, node)) {
            return true;
        }
        match (path.is_empty(), node.command.table()) {
            (true, _) => self.recognises(node),
            // A kind of line that traghetto writes, in an object that is its own.
            (false, Some(row)) => !row.named,
            (false, None) => false,
        }
    }

    /// Says how the line with these keys, from the global level down to it, names its secret, where no
    /// rendering at hand has the line any more.
    #[must_use]
    pub fn with_reference(mut self, path: &str, line: &str) -> Self {
        self.references.entry(path.to_owned()).or_insert_with(|| line.to_owned());
        self
    }

    /// Whether a rendering names the line that `path` leads to.
    pub(super) fn names(&self, path: &str) -> bool {
        self.named.contains(path)
    }

    /// Whether a rendering for others names the line that `path` leads to.
    pub(super) fn is_of_others(&self, path: &str) -> bool {
        self.others.contains(path)
    }

    /// The line that `path` leads to as it names its secret.
    pub(super) fn reference(&self, path: &str) -> Option<&String> {
        self.references.get(path)
    }

    /// Keys of lines of the global level that are rendered for others and are about them alone:
    /// routing tables, and what is in them, that no line of ours names.
    pub(super) fn beside_ours(&self, tree: &Tree) -> BTreeSet<String> {
        let table = |node: &Node| {
            let inner = node.children.iter().find_map(|child| child.text.strip_prefix("vrf forwarding "));
            let route = node.text.strip_prefix("ip route vrf ").and_then(|rest| rest.split(' ').next());
            let defined = node.text.strip_prefix("vrf definition ");
            inner.or(route).or(defined).map(str::to_owned)
        };
        let theirs = |node: &&Node| !self.holds("", node) && self.others.contains(&node.command.key);
        let ours: BTreeSet<String> = tree.nodes.iter().filter(|node| !theirs(node)).filter_map(table).collect();
        let alone = |node: &&Node| table(node).is_some_and(|table| !ours.contains(&table));
        tree.nodes.iter().filter(theirs).filter(alone).map(|node| node.command.key.clone()).collect()
    }

    fn recognises(&self, node: &Node) -> bool {
        let within = |node: &Node, tables: &BTreeSet<String>| {
            node.command.uses.iter().any(|object| object.0 == "vrf" && tables.contains(&object.1))
        };
        if node.command.key.starts_with("ip nat inside source static ") {
            return within(node, &self.translations);
        }
        if node.command.opens() == Mode::Interface {
            let forwarding = find(&node.children, "vrf forwarding");
            return forwarding.is_some_and(|forwarding| within(forwarding, &self.tables));
        }
        if !node.command.key.starts_with("ip route ") {
            return false;
        }
        let words: Vec<&str> = node.text.split(' ').collect();
        let after = |word| words.iter().position(|other| *other == word).and_then(|at| words.get(at + 1));
        let vrf = after("vrf").map(|vrf| (*vrf).to_owned());
        after("name").is_some_and(|name| {
            self.routes.contains(&(vrf.clone(), (*name).to_owned()))
                || self.prefixes.iter().any(|(table, begin)| *table == vrf && name.starts_with(begin))
        })
    }
}

pub(super) fn below(path: &str, node: &Node) -> String {
    if path.is_empty() { node.command.key.clone() } else { format!("{path} / {}", node.command.key) }
}

fn references(nodes: &[Node], path: &str, found: &mut BTreeMap<String, String>) {
    for node in nodes {
        let path = below(path, node);
        references(&node.children, &path, found);
        if node.command.secret && node.text.contains(REFERENCE) {
            found.insert(path, node.text.clone());
        }
    }
}

fn name_all(nodes: &[Node], path: &str, named: &mut BTreeSet<String>) {
    for node in nodes {
        let path = below(path, node);
        name_all(&node.children, &path, named);
        named.insert(path);
    }
}
