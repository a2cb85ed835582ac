//! The list `windows` of a tenant's file: hours in which its servers may move.

use super::form::scalars::{id, moment, whole};
use super::form::{Fields, Form, nonempty_list, record};
use super::problem::{Complaint, nearest, quote, quoted_list};
use crate::model::server::Server;
use crate::model::window::Window;

/// The form of one window.
pub(super) fn form() -> impl Form<Value = Window> {
    record("Hours in which servers may move, as clocks in Rome show them.", window)
}

fn window(fields: &mut Fields<'_>) -> Option<Window> {
    let from = fields.required("from", "When it begins.", moment());
    let until = fields.required("until", "When it ends: at least 3 hours later.", moment());
    let moved = "The servers that may move in it (default: all of the tenant's).";
    let servers = fields.or("servers", moved, nonempty_list(id()), Vec::new());
    let back = "Share of the window after which nothing more is begun without both sides (default: 60).";
    let percent = fields.or("go_back_percent", back, whole(10..=90), Window::GO_BACK_PERCENT);
    let servers = servers?;
    fields.unique("servers", "", &servers);
    match Window::new(from?, until?, servers, percent?) {
        Ok(window) => Some(window),
        Err(error) => {
            fields.refuse("until", Complaint::new(error.to_string()).hint(error.hint()));
            None
        }
    }
}

/// Windows name servers of the tenant, and none moves in two of them at once.
pub(super) fn check_together(fields: &mut Fields<'_>, windows: &[Window], servers: &[Server]) {
    let ids: Vec<&str> = servers.iter().map(|server| server.id.as_str()).collect();
    for (index, window) in windows.iter().enumerate() {
        for (position, server) in window.servers().iter().enumerate() {
            if !ids.contains(&server.as_str()) {
                let complaint = Complaint::new(format!("the tenant has no server {}", quote(server.as_str())));
                let hint = match nearest(server.as_str(), ids.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("its servers are {}", quoted_list(ids.iter().copied())),
                };
                fields.refuse(&format!("windows[{index}].servers[{position}]"), complaint.hint(hint));
            }
        }
        if let Some(first) = windows.iter().take(index).position(|earlier| earlier.overlaps(window)) {
            let complaint = Complaint::new(format!("it overlaps with window number {}", first + 1));
            let hint = "a server has one window at a time: name other servers, or other hours";
            fields.refuse(&format!("windows[{index}].from"), complaint.hint(hint));
        }
    }
}
