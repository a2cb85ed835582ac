//! What on a device is traghetto's, and what the device becomes when only that changes.

use super::super::parse::secrets::{REFERENCE, masked, referenced};
use super::super::text::ConfigText;
use super::Foreign;
use super::command::Object;
use super::grammar::{Kind, Mode};
use super::tree::{Node, Tree, find, put};
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
    fn holds(&self, path: &str, node: &Node) -> bool {
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

    /// `tree` without the value of any secret: as a rendering names it; else by a name made of
    /// `router` and where the line stands, under which the value can be given; else with a mark, as
    /// which no router takes it. Lines of a patch come from such a tree.
    pub(super) fn without_values(&self, tree: &Tree, router: &str) -> Tree {
        let mut given = BTreeSet::new();
        Tree { nodes: self.named_secrets(Mode::Global, &tree.nodes, "", router, &mut given) }
    }

    fn named_secrets(
        &self,
        mode: Mode,
        nodes: &[Node],
        path: &str,
        router: &str,
        given: &mut BTreeSet<String>,
    ) -> Vec<Node> {
        let named = |node: &Node| {
            let path = below(path, node);
            let mut named = match node.command.secret && !node.text.contains(REFERENCE) {
                true => Node::new(mode, &self.named_secret(node, &path, router, given)),
                false => node.clone(),
            };
            named.children = self.named_secrets(node.command.opens(), &node.children, &path, router, given);
            named
        };
        nodes.iter().map(named).collect()
    }

    fn named_secret(&self, node: &Node, path: &str, router: &str, given: &mut BTreeSet<String>) -> String {
        let known = self.references.get(path).filter(|line| masked(line) == masked(&node.text));
        if let Some(line) = known {
            return line.clone();
        }
        let base = format!("{OLD_SECRET}{}", slug(&format!("{router} {path}")));
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let free = std::iter::once(base.clone()).chain(numbered).find(|name| !given.contains(name));
        let name = free.unwrap_or(base);
        given.insert(name.clone());
        referenced(&node.text, &name).unwrap_or_else(|| node.command.said.clone())
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

fn below(path: &str, node: &Node) -> String {
    if path.is_empty() { node.command.key.clone() } else { format!("{path} / {}", node.command.key) }
}

/// How the name of a secret begins that no rendering names, and a router has.
pub const OLD_SECRET: &str = "old-";

/// Words that may stand in the name of a file.
fn slug(text: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    text.chars().map(word).collect::<String>().split_whitespace().collect::<Vec<_>>().join("-")
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

/// What the device is to become: `running` with what is traghetto's as `wanted` says. Also what is
/// not traghetto's.
pub(super) fn target(running: &Tree, wanted: &Tree, own: &Ownership) -> (Tree, Vec<Foreign>) {
    let mut foreign = Vec::new();
    let nodes = merge(Mode::Global, &running.nodes, &wanted.nodes, own, "", &mut foreign);
    let mut target = Tree { nodes };
    while let Some(node) = in_use(running, &target) {
        let line = format!("{} (a line that stays refers to it)", shown(&node.command.key, node));
        foreign.push(Foreign { line });
        put(&mut target.nodes, node.clone());
    }
    (target, foreign)
}

/// An object that would go although a line that stays refers to it: a router refuses that, or the line
/// would mean something else.
fn in_use<'a>(running: &'a Tree, target: &Tree) -> Option<&'a Node> {
    let there = |object: &Object| target.nodes.iter().any(|node| node.command.defines.as_ref() == Some(object));
    let in_use = |object: &Object| !there(object) && target.uses(object);
    running.nodes.iter().find(|node| node.command.defines.as_ref().is_some_and(in_use))
}

fn merge(
    mode: Mode,
    running: &[Node],
    wanted: &[Node],
    own: &Ownership,
    path: &str,
    foreign: &mut Vec<Foreign>,
) -> Vec<Node> {
    if mode == Mode::Acl {
        let same = running.len() == wanted.len() && running.iter().zip(wanted).all(|(one, other)| one.same(other));
        return if same { running.to_vec() } else { wanted.to_vec() };
    }
    let mut merged = Vec::new();
    for node in running {
        let path = below(path, node);
        let want = find(wanted, &node.command.key);
        if let Some(node) = kept(node, want, own, &path, foreign) {
            put(&mut merged, node);
        }
    }
    for node in wanted {
        // A line that says what the router does anyway is not worth touching the router.
        if find(running, &node.command.key).is_none() && !node.command.is_default() {
            put(&mut merged, node.clone());
        }
    }
    if mode == Mode::PolicyMap {
        in_order_of(&mut merged, wanted);
    }
    merged
}

/// What becomes of a line of the device; none if it goes. `path` leads to the line itself.
fn kept(node: &Node, want: Option<&Node>, own: &Ownership, path: &str, foreign: &mut Vec<Foreign>) -> Option<Node> {
    let above = path.rsplit_once(" / ").map_or("", |(above, _)| above);
    let opens = node.command.opens();
    if let Some(want) = want {
        let mut node_now = if same_line(node, want) { node.clone() } else { want.clone() };
        node_now.children = merge(opens, &node.children, &want.children, own, path, foreign);
        return Some(node_now);
    }
    if !own.holds(above, node) {
        list_foreign(node, own, path, foreign);
        return Some(node.clone());
    }
    // What the router does anyway goes only where a rendering said it.
    if node.command.is_default() && !own.named.contains(path) {
        return Some(node.clone());
    }
    if node.says_nothing() || node.text.starts_with("exit-") {
        return None;
    }
    let mut rest = node.clone();
    rest.children = merge(opens, &node.children, &[], own, path, foreign);
    rest.children.retain(|child| !child.says_nothing());
    (opens != Mode::Acl && !rest.children.is_empty()).then_some(rest)
}

fn list_foreign(node: &Node, own: &Ownership, path: &str, foreign: &mut Vec<Foreign>) {
    if !own.others.contains(path) {
        foreign.push(Foreign { line: shown(path, node) });
        return;
    }
    node.children.iter().for_each(|child| list_foreign(child, own, &below(path, child), foreign));
}

/// Whether the line of the device says what the wanted one says: then it stays as it is.
fn same_line(node: &Node, want: &Node) -> bool {
    node.command.said == want.command.said
}

fn shown(path: &str, node: &Node) -> String {
    let line = if node.command.secret { &node.command.said } else { &node.text };
    let mut shown = match path.rsplit_once(" / ") {
        Some((above, _)) => format!("{above} / {line}"),
        None => line.clone(),
    };
    if !node.children.is_empty() {
        shown.push_str(&format!(" (and {} lines in it)", lines_in(&node.children)));
    }
    shown
}

fn lines_in(nodes: &[Node]) -> usize {
    nodes.iter().map(|node| 1 + lines_in(&node.children)).sum()
}

/// The classes of a policy are tried in their order, so that of the wanted text counts.
fn in_order_of(merged: &mut [Node], wanted: &[Node]) {
    let place = |node: &Node| wanted.iter().position(|other| other.command.key == node.command.key);
    let last = wanted.len().saturating_sub(1);
    merged.sort_by_key(|node| place(node).map_or((last, 0), |at| (at, usize::from(at == last))));
}

/// Whether a command is one of a list whose order counts.
pub(super) fn is_ordered(node: &Node) -> bool {
    node.command.kind() == Kind::Entry || node.command.opens() == Mode::PolicyClass
}
