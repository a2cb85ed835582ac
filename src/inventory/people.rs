//! `inventory/people.yaml`: roles and who holds them.

use super::form::scalars::{flag, id, text, text_like, word};
use super::form::{Fields, Form, list, nonempty_list, record, table};
use super::problem::{Complaint, nearest, quote};
use crate::model::RoleId;
use crate::model::people::{People, Person, Role, Side};
use std::collections::BTreeMap;

const SIDES: &[(&str, Side)] =
    &[("comune", Side::Comune), ("sad", Side::Sad), ("operator", Side::Operator), ("other", Side::Other)];

/// The form of `people.yaml`.
pub fn form() -> impl Form<Value = People> {
    record("Who may sign, execute and be called.", file)
}

fn file(fields: &mut Fields<'_>) -> Option<People> {
    let roles = "The roles that playbooks and checklists name, by their id.";
    let roles = fields.required("roles", roles, table(id::<RoleId>(), record("A role.", role)));
    let persons = fields.required("persons", "The persons who hold them.", list(record("A person.", person)));
    let roles: BTreeMap<RoleId, Role> = roles?.into_iter().collect();
    let persons = persons?;
    check_roles(fields, &roles, &persons);
    // The operator of an event is recognised by the login name.
    fields.unique("persons", "id", persons.iter().map(|person| &person.id));
    fields.unique("persons", "login", persons.iter().map(|person| person.login.as_deref().unwrap_or_default()));
    // A key says who signed, whatever comment stands behind it.
    fields.unique("persons", "signing_key", persons.iter().map(|person| key_itself(person).unwrap_or_default()));
    Some(People { roles, persons: persons.into_iter().map(|person| (person.id.clone(), person)).collect() })
}

fn role(fields: &mut Fields<'_>) -> Option<Role> {
    let title = fields.required("title", "Italian title, as printed on documents.", text());
    let side = fields.required("side", "The side of a joint validation it speaks for.", word(SIDES));
    Some(Role { title: title?, side: side? })
}

fn person(fields: &mut Fields<'_>) -> Option<Person> {
    let id_ = fields.required("id", "Id of the person.", id());
    let name = fields.required("name", "Name as printed.", text());
    let roles = fields.required("roles", "Ids of the roles the person holds.", nonempty_list(id()));
    let tenant = fields.optional("tenant", "The only tenant the person speaks for; absent is every tenant.", id());
    let contact = fields.maybe("contact", "Phone or mail, for the night.", text());
    let login = fields.maybe("login", "Login name on the operations host.", login());
    let signing_key = fields.maybe("signing_key", "OpenSSH public key line with which the person signs.", public_key());
    let example = fields.or("example", "Whether the entry is invented.", flag(), false);
    Some(Person {
        id: id_?,
        name: name?,
        roles: roles?,
        tenant: tenant?,
        contact: contact?,
        login: login?,
        signing_key: signing_key?,
        example: example?,
    })
}

fn login() -> impl Form<Value = String> {
    text_like("^[a-z_][a-z0-9_.-]{0,31}$", "anna", "a login name", |text| {
        text.len() <= 32
            && text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte))
    })
}

fn public_key() -> impl Form<Value = String> {
    const EXAMPLE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI… anna@venis";
    text_like(
        "^(ssh|ecdsa|sk)-[a-z0-9@.-]+ AAAA[A-Za-z0-9+/=]+( .*)?$",
        EXAMPLE,
        "an OpenSSH public key line",
        |text| {
            let mut words = text.split(' ');
            let kind = words.next().unwrap_or_default();
            let body = words.next().unwrap_or_default();
            ["ssh-", "ecdsa-", "sk-"].iter().any(|start| kind.starts_with(start))
                && body.starts_with("AAAA")
                && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        },
    )
}

/// The key in the line of a signing key: its second word, which names the kind, too.
fn key_itself(person: &Person) -> Option<&str> {
    person.signing_key.as_deref()?.split(' ').nth(1)
}

/// Every role that a person names exists; every role is held by someone.
fn check_roles(fields: &mut Fields<'_>, roles: &BTreeMap<RoleId, Role>, persons: &[Person]) {
    for (index, person) in persons.iter().enumerate() {
        for (position, role) in person.roles.iter().enumerate() {
            if roles.contains_key(role) {
                continue;
            }
            let complaint = Complaint::new(format!("there is no role {}", quote(role.as_str())));
            let hint = match nearest(role.as_str(), roles.keys().map(RoleId::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "add it under `roles`".to_owned(),
            };
            fields.refuse(&format!("persons[{index}].roles[{position}]"), complaint.hint(hint));
        }
    }
    for role in roles.keys() {
        if !persons.iter().any(|person| person.roles.contains(role)) {
            let complaint = Complaint::new("nobody holds this role");
            fields.refuse(&format!("roles.{role}"), complaint.hint("give it to a person, or remove it"));
        }
    }
}
