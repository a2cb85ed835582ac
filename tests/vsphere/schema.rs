//! Elements of requests come in the order of the schema: a real vCenter insists on it, the simulator
//! does not. The order is that of the fields of govmomi's types, which are made from the schema.

use roxmltree::{Document, Node};
use std::collections::HashMap;

const TYPES: &str = "/usr/share/gocode/src/github.com/vmware/govmomi/vim25/types/types.go";

/// The fields of a type: names of elements, with the types of their values.
struct Schema(HashMap<String, Vec<Field>>);

enum Field {
    /// A type whose fields come here.
    Base(String),
    Element {
        name: String,
        kind: String,
    },
}

impl Schema {
    fn read() -> Self {
        let text =
            std::fs::read_to_string(TYPES).expect("golang-github-vmware-govmomi-dev is installed (make packages)");
        let mut types = HashMap::new();
        for block in text.split("\ntype ").skip(1) {
            let Some((name, rest)) = block.split_once(" struct {\n") else { continue };
            let body = rest.lines().take_while(|line| *line != "}");
            types.insert(name.to_owned(), body.filter_map(field).collect());
        }
        Self(types)
    }

    /// The elements of a type, in order.
    fn elements(&self, kind: &str) -> Vec<(&str, &str)> {
        let fields = self.0.get(kind).unwrap_or_else(|| panic!("the schema has no type {kind}"));
        let mut elements = Vec::new();
        for field in fields {
            match field {
                Field::Base(base) => elements.extend(self.elements(base)),
                Field::Element { name, kind } => elements.push((name.as_str(), kind.as_str())),
            }
        }
        elements
    }

    fn check(&self, node: Node<'_, '_>, kind: &str, path: &str) {
        let kind = node.attribute(("http://www.w3.org/2001/XMLSchema-instance", "type")).unwrap_or(kind);
        if !node.children().any(|child| child.is_element()) {
            return;
        }
        let elements = self.elements(kind);
        let mut least = 0;
        for child in node.children().filter(Node::is_element) {
            let name = child.tag_name().name();
            let path = format!("{path}/{name}");
            let place = elements.iter().position(|(known, _)| *known == name);
            let place = place.unwrap_or_else(|| panic!("{path}: the type {kind} has no such element"));
            assert!(place >= least, "{path}: out of order in the type {kind}");
            least = place;
            self.check(child, elements[place].1, &path);
        }
    }
}

fn field(line: &str) -> Option<Field> {
    let line = line.trim();
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let Some(kind) = words.next() else { return Some(Field::Base(first.to_owned())) };
    let name = line.split("xml:\"").nth(1)?.split([',', '"']).next()?;
    let kind = kind.trim_start_matches("[]").trim_start_matches('*');
    Some(Field::Element { name: name.to_owned(), kind: kind.strip_prefix("Base").unwrap_or(kind).to_owned() })
}

/// Asserts it of every request.
pub fn in_order(requests: &[String]) {
    let schema = Schema::read();
    assert!(requests.len() > 20, "only {} requests", requests.len());
    for request in requests {
        let text = format!("{request}</soapenv:Envelope>");
        let document = Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let method = document.descendants().find(|node| node.tag_name().namespace() == Some("urn:vim25")).unwrap();
        let name = method.tag_name().name();
        schema.check(method, &format!("{}RequestType", name.trim_end_matches("_Task")), name);
    }
}

#[test]
fn an_element_out_of_order_is_seen() {
    let schema = Schema::read();
    let check = |inner: &str| {
        let text = format!("<CreateVM_Task xmlns=\"urn:vim25\"><_this/><config>{inner}</config></CreateVM_Task>");
        let document = Document::parse(&text).unwrap();
        let checked = || schema.check(document.root_element(), "CreateVMRequestType", "");
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(checked)).is_ok()
    };
    assert!(check("<name>a</name><guestId>b</guestId>"));
    assert!(!check("<guestId>b</guestId><name>a</name>"));
    assert!(!check("<nome>a</nome>"));
}
