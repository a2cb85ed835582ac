//! Who is acting: every event carries its operator.

use super::Context;
use crate::failure::{Failure, Kind};
use crate::model::{Inventory, PersonId};
use crate::untrusted::printable;
use std::os::unix::ffi::OsStrExt as _;

/// The person who acts: `--operator`, else the one person whose `login` is the login name.
///
/// Commands that only read need none.
pub fn resolve(context: &Context, inventory: &Inventory) -> Result<PersonId, Failure> {
    let persons = &inventory.people.persons;
    if let Some(name) = &context.operator {
        let known = name.parse().ok().filter(|id: &PersonId| persons.contains_key(id));
        return known.ok_or_else(|| unknown(name, persons.keys()));
    }
    let login = login_name().ok_or_else(|| {
        Failure::new(Kind::Usage, "nobody knows who is acting: this login has no name")
            .hint("Say who you are: --operator PERSON, an id of inventory/people.yaml.")
    })?;
    let mut mine = persons.values().filter(|person| person.login.as_deref() == Some(login.as_str()));
    match (mine.next(), mine.next()) {
        (Some(person), None) => Ok(person.id.clone()),
        (first, _) => {
            let found = if first.is_some() { "several persons have" } else { "nobody has" };
            let login = printable(&login);
            Err(Failure::new(Kind::Usage, format!("nobody knows who is acting: {found} the login `{login}`"))
                .hint("Say who you are: --operator PERSON, or set `login` in inventory/people.yaml."))
        }
    }
}

fn unknown<'a>(name: &str, ids: impl Iterator<Item = &'a PersonId>) -> Failure {
    let ids: Vec<&str> = ids.map(PersonId::as_str).collect();
    let name = printable(name);
    let failure = Failure::new(Kind::Usage, format!("no person `{name}` in inventory/people.yaml"));
    let near = ids.iter().find(|id| strsim::damerau_levenshtein(id, &name) <= 2);
    match near {
        Some(near) => failure.hint(format!("Did you mean `{near}`?")),
        None => failure.hint(format!("Known persons: {}.", ids.join(", "))),
    }
}

/// The login name of this session, else the name of the user id.
fn login_name() -> Option<String> {
    let named = ["LOGNAME", "USER"].into_iter().filter_map(std::env::var_os).find(|name| !name.is_empty());
    match named {
        Some(name) => Some(String::from_utf8_lossy(name.as_bytes()).into_owned()),
        None => account_name(&std::fs::read_to_string("/etc/passwd").ok()?, rustix::process::getuid().as_raw()),
    }
}

/// The name of a user id in the text of `/etc/passwd`.
fn account_name(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names_come_from_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nbroken\nanna:x:1001:1001::/home/anna:/bin/sh\n";
        assert_eq!(account_name(passwd, 1001).as_deref(), Some("anna"));
        assert_eq!(account_name(passwd, 1002), None);
    }
}
