//! `expect` as a mapping: what must hold of each attribute of a probe.

use super::super::expect::{Condition, Kind, Test, attributes};
use super::super::item::Probe;
use super::super::scope::Scope;
use super::script::template;
use crate::inventory::form::scalars::{flag, whole};
use crate::inventory::form::{self, Fields, Form, either, list, nonempty_list, record};
use crate::inventory::problem::{Complaint, KeyPath};
use crate::inventory::shape::Shape;
use crate::inventory::yaml::Node;

/// The conditions on the attributes of a probe's kind; on all of them where the kind is not known.
pub(super) fn expectations(
    fields: &mut Fields<'_>,
    kind: Option<&'static str>,
    scope: Scope,
) -> Option<Vec<Condition>> {
    let kinds = kind.map_or_else(Probe::kinds, |kind| vec![kind]);
    let mut asked = Vec::new();
    let mut conditions = Some(Vec::new());
    for (attribute, kind, doc) in kinds.iter().flat_map(|kind| attributes(kind)).copied() {
        if asked.contains(&attribute) {
            continue;
        }
        asked.push(attribute);
        let tests = match kind {
            Kind::Flag => fields.optional(attribute, doc, flag()).map(|flag| flag.map(|flag| vec![Test::Flag(flag)])),
            Kind::Number => fields.optional(attribute, doc, either(exactly(), record("A number.", number))),
            Kind::Text => {
                let tests = record("A text.", |fields| text_tests(fields, scope));
                fields.optional(attribute, doc, either(same_text(scope), tests))
            }
            Kind::List => fields.optional(attribute, doc, record("Texts.", |fields| list_tests(fields, scope))),
        };
        conditions = conditions.zip(tests).map(|(mut all, tests): (Vec<Condition>, _)| {
            all.extend(tests.into_iter().flatten().map(|test| Condition { attribute, test }));
            all
        });
    }
    conditions
}

fn exactly() -> impl Form<Value = Vec<Test>> {
    Mapped { form: whole::<u32>(0..=1_000_000_000), map: |number| vec![Test::NumberIn(vec![f64::from(number)])] }
}

fn same_text(scope: Scope) -> impl Form<Value = Vec<Test>> {
    Mapped { form: template(scope), map: |text| vec![Test::TextIn(vec![text])] }
}

fn number(fields: &mut Fields<'_>) -> Option<Vec<Test>> {
    let any = || whole::<u32>(0..=1_000_000_000);
    let least = fields.optional("at_least", "It is at least this.", any());
    let most = fields.optional("at_most", "It is at most this.", any());
    let one_of = fields.or("one_of", "It is one of these.", nonempty_list(any()), Vec::new());
    let one_of = one_of?;
    let mut tests = Vec::new();
    tests.extend(least?.map(|least| Test::AtLeast(least.into())));
    tests.extend(most?.map(|most| Test::AtMost(most.into())));
    tests.extend((!one_of.is_empty()).then(|| Test::NumberIn(one_of.into_iter().map(f64::from).collect())));
    some_test(fields, tests)
}

fn text_tests(fields: &mut Fields<'_>, scope: Scope) -> Option<Vec<Test>> {
    let one_of = fields.or("one_of", "It is one of these.", nonempty_list(template(scope)), Vec::new());
    let parts = parts(fields, scope);
    let one_of = one_of?;
    let mut tests = parts?;
    tests.extend((!one_of.is_empty()).then_some(Test::TextIn(one_of)));
    some_test(fields, tests)
}

fn list_tests(fields: &mut Fields<'_>, scope: Scope) -> Option<Vec<Test>> {
    let least = fields.optional("at_least", "There are at least so many.", whole::<u32>(0..=100_000));
    let most = fields.optional("at_most", "There are at most so many.", whole::<u32>(0..=100_000));
    let parts = parts(fields, scope);
    let mut tests = Vec::new();
    tests.extend(least?.map(|least| Test::AtLeast(least.into())));
    tests.extend(most?.map(|most| Test::AtMost(most.into())));
    tests.extend(parts?);
    some_test(fields, tests)
}

fn parts(fields: &mut Fields<'_>, scope: Scope) -> Option<Vec<Test>> {
    let contains = fields.or("contains", "It has all of these in it.", list(template(scope)), Vec::new());
    let lacks = fields.or("lacks", "It has none of these in it.", list(template(scope)), Vec::new());
    let tests = contains?.into_iter().map(Test::Contains);
    Some(tests.chain(lacks?.into_iter().map(Test::Lacks)).collect())
}

fn some_test(fields: &mut Fields<'_>, tests: Vec<Test>) -> Option<Vec<Test>> {
    if tests.is_empty() {
        fields.refuse("", Complaint::new("nothing is expected of it"));
    }
    Some(tests)
}

/// A form whose value becomes another.
pub(super) struct Mapped<F, M> {
    pub(super) form: F,
    pub(super) map: M,
}

impl<F: Form, T, M: Fn(F::Value) -> T> Form for Mapped<F, M> {
    type Value = T;

    fn read(&self, node: &Node, path: &KeyPath, reader: &mut form::Reader<'_>) -> Option<T> {
        self.form.read(node, path, reader).map(&self.map)
    }

    fn shape(&self) -> Shape {
        self.form.shape()
    }
}
