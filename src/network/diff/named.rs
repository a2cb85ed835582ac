//! Names in the place of secrets: what is typed, shown and kept of a router holds no value of any.

use super::super::parse::secrets::{REFERENCE, masked, referenced};
use super::grammar::Mode;
use super::ownership::{Ownership, below};
use super::tree::{Node, Tree};
use std::collections::BTreeSet;

/// How the name of a secret begins that no rendering names, and a router has.
pub const OLD_SECRET: &str = "old-";

/// Words that may stand in the name of a file.
fn slug(text: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    text.chars().map(word).collect::<String>().split_whitespace().collect::<Vec<_>>().join("-")
}

impl Ownership {
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
        let known = self.reference(path).filter(|line| masked(line) == masked(&node.text));
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
}
