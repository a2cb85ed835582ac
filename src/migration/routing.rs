//! Whether a server's address leads to the landing site, as far as the journal of the pushes says.

use super::record::Shown;
use super::run::Routing;
use crate::journal::Event;
use crate::model::ServerId;
use crate::model::link::ManagedBy;
use crate::model::server::{Addressing, Server};
use crate::model::tenant::Tenant;
use crate::network::diff::ChangeClass;
use crate::network::push::End;
use crate::network::push::record::{Begun, Record};

/// Whether the address of `server` leads here. A server with a new address needs no route: its clients are
/// told the new one.
pub(super) fn routing(events: &[Event], tenant: &Tenant, server: &Server) -> Routing {
    if matches!(server.landing, Addressing::Renumber(_)) {
        return Routing::Leads(Shown::OwnAddress);
    }
    match pushed(events, &server.id) {
        Some(run) => Routing::Leads(Shown::Push { run }),
        None => Routing::Waits(how(tenant, server)),
    }
}

/// The cutover push by which the address of the server leads here now, by its name.
pub fn pushed(events: &[Event], server: &ServerId) -> Option<String> {
    let records = events.iter().filter_map(|event| Record::of(&event.kind, &event.data).ok().flatten());
    let (mut leads, mut open): (Option<String>, Option<Box<Begun>>) = (None, None);
    for record in records {
        match record {
            Record::Begun(begun) => open = Some(begun),
            Record::Ended { end, .. } => {
                let begun = open.take().filter(|begun| begun.server.as_ref() == Some(server) && end == End::New);
                match begun {
                    Some(begun) if begun.class == ChangeClass::Cutover => leads = Some(begun.run),
                    Some(begun) if begun.class == ChangeClass::Return => leads = None,
                    _ => {}
                }
            }
            // A person took it on: only a person knows where the address leads.
            Record::Abandoned { .. } => {
                let ours = open.take().is_some_and(|begun| begun.server.as_ref() == Some(server));
                leads = leads.filter(|_| !ours);
            }
            _ => {}
        }
    }
    leads
}

/// Whether a push leads the address of the server here, and none that leads it back was begun since, however it ended.
pub(super) fn still_leads_here(events: &[Event], server: &ServerId) -> bool {
    let records = events.iter().filter_map(|event| Record::of(&event.kind, &event.data).ok().flatten());
    let mut begun = records.filter_map(|record| match record {
        Record::Begun(begun) if begun.server.as_ref() == Some(server) => Some(begun.class),
        _ => None,
    });
    begun.next_back() == Some(ChangeClass::Cutover) && pushed(events, server).is_some()
}

/// What people do about the routers, as full sentences.
fn how(tenant: &Tenant, server: &Server) -> Vec<String> {
    let (tenant_id, id) = (&tenant.id, &server.id);
    let carrier = tenant.site_of(server).is_some_and(|site| site.link.managed_by == ManagedBy::Carrier);
    let push = if carrier {
        format!("The carrier changes the routers; what to ask for: traghetto network kit {tenant_id} --server {id}")
    } else {
        format!("Network staff: traghetto network push {tenant_id} --class cutover --server {id}")
    };
    let said = format!(
        "Done by hand, who saw it says so: traghetto migrate sign {tenant_id} routed --server {id} --role ROLE --note TEXT"
    );
    vec![push, said, "Then give the same command again.".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn events(records: &[(ChangeClass, &str, End)]) -> Vec<Event> {
        let event = |kind: &str, data: Value| -> Event {
            let line = json!({ "seq": 1, "prev": "", "time": "2022-06-01T08:00:00Z", "tenant": "cinto-caomaggiore",
                "operator": "bruno-laguna", "kind": kind, "data": data, "signature": null });
            serde_json::from_value(line).unwrap()
        };
        let mut events = Vec::new();
        for (number, (class, server, end)) in records.iter().enumerate() {
            let run = format!("run{number}");
            let begun = json!({ "run": run, "class": class, "server": server, "minutes": 5, "changes": [],
                "accepted_drift": null, "accepted_faults": null, "window": null, "after": null });
            events.push(event("push.begun", begun));
            events.push(event("push.ended", json!({ "run": run, "end": end, "reason": null })));
        }
        events
    }

    fn after(records: &[(ChangeClass, &str, End)]) -> Option<String> {
        pushed(&events(records), &"cinto-srv1".parse().unwrap())
    }

    #[test]
    fn the_last_push_of_the_server_says_where_its_address_leads() {
        use ChangeClass::{Cutover, Maintenance, Return};
        let cutover = (Cutover, "cinto-srv1", End::New);
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[cutover]).as_deref(), Some("run0"));
        assert_eq!(after(&[(Cutover, "cinto-srv1", End::Old)]), None, "it was taken back");
        assert_eq!(after(&[(Cutover, "cinto-srv2", End::New)]), None);
        assert_eq!(after(&[(Maintenance, "cinto-srv1", End::New)]), None);
        assert_eq!(after(&[cutover, (Return, "cinto-srv1", End::New)]), None);
        assert_eq!(after(&[cutover, (Return, "cinto-srv1", End::Old)]).as_deref(), Some("run0"), "the way back failed");
        assert_eq!(after(&[cutover, (Return, "cinto-srv2", End::New)]).as_deref(), Some("run0"));
    }

    #[test]
    fn a_push_back_that_was_begun_leaves_nothing_known() {
        use ChangeClass::{Cutover, Return};
        let cutover = (Cutover, "cinto-srv1", End::New);
        let leads = |events: &[Event]| still_leads_here(events, &"cinto-srv1".parse().unwrap());
        assert!(!leads(&[]) && leads(&events(&[cutover])));
        assert!(leads(&events(&[cutover, (Return, "cinto-srv2", End::New)])));
        for end in [End::Old, End::New] {
            assert!(!leads(&events(&[cutover, (Return, "cinto-srv1", end)])));
        }
        let mut half = events(&[cutover, (Return, "cinto-srv1", End::New)]);
        half.pop();
        assert!(!leads(&half), "it is at work");
        assert!(leads(&events(&[cutover, (Return, "cinto-srv1", End::New), cutover])));
    }
}
