//! The one writer of XML: names are ours, every value is escaped.

use super::Moref;
use crate::untrusted;

/// Elements, one after the other.
#[derive(Default)]
pub(in crate::world) struct Xml(String);

impl Xml {
    pub(in crate::world) fn into_text(self) -> String {
        self.0
    }

    /// An element with others inside.
    pub(in crate::world) fn within(&mut self, name: &'static str, inner: impl FnOnce(&mut Self)) {
        self.0 += &format!("<{name}>");
        inner(self);
        self.0 += &format!("</{name}>");
    }

    /// An element of a type that its name does not say.
    pub(in crate::world) fn typed(&mut self, name: &'static str, kind: &'static str, inner: impl FnOnce(&mut Self)) {
        self.0 += &format!("<{name} xsi:type=\"{kind}\">");
        inner(self);
        self.0 += &format!("</{name}>");
    }

    pub(in crate::world) fn text(&mut self, name: &'static str, value: &str) {
        self.0 += &format!("<{name}>{}</{name}>", untrusted::xml(value));
    }

    pub(in crate::world) fn string(&mut self, name: &'static str, value: &str) {
        self.0 += &format!("<{name} xsi:type=\"xsd:string\">{}</{name}>", untrusted::xml(value));
    }

    pub(in crate::world) fn optional(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub(in crate::world) fn number(&mut self, name: &'static str, value: impl Into<i64>) {
        self.0 += &format!("<{name}>{}</{name}>", value.into());
    }

    pub(in crate::world) fn flag(&mut self, name: &'static str, value: bool) {
        self.0 += &format!("<{name}>{value}</{name}>");
    }

    pub(in crate::world) fn object(&mut self, name: &'static str, object: &Moref) {
        let (kind, value) = (untrusted::xml(&object.kind), untrusted::xml(&object.value));
        self.0 += &format!("<{name} type=\"{kind}\">{value}</{name}>");
    }

    pub(in crate::world) fn optional_object(&mut self, name: &'static str, object: Option<&Moref>) {
        if let Some(object) = object {
            self.object(name, object);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_its_element() {
        let mut xml = Xml::default();
        xml.text("name", "</name><evil a=\"b\">&");
        xml.object("of", &Moref::new("A\"><b>", "<c>"));
        assert_eq!(
            xml.into_text(),
            "<name>&lt;/name&gt;&lt;evil a=&quot;b&quot;&gt;&amp;</name><of type=\"A&quot;&gt;&lt;b&gt;\">&lt;c&gt;</of>"
        );
    }
}
