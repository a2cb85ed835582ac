//! What a planned router means, as the value that a reader of its text must arrive at.
//!
//! This is written from the meaning of a [`RouterPlan`] and not by rendering it: what a template says,
//! read back, is compared with it.

mod interfaces;
mod management;
mod objects;

use super::device::{At, Device};
use super::router::RouterPlan;

/// What stands before the routes of every router.
const FORWARDING: &str = "ip forward-protocol nd";

/// What `router` means.
pub fn device(router: &RouterPlan) -> Device {
    let mut device = Device { hostname: Some(at(router.hostname.to_string())), ..Device::default() };
    device.settings.push(at(FORWARDING.to_owned()));
    if let Some(baseline) = &router.baseline {
        management::add(&mut device, router, baseline);
    }
    objects::add(&mut device, router);
    device.interfaces = router.interfaces.iter().map(interfaces::interface).collect();
    device.translations = router.translations.iter().map(objects::translation).collect();
    device.routes = router.routes.iter().map(objects::route).collect();
    device
}

/// Whether `setting` is a habit of the templates and nothing that a plan decides: a template of the
/// root may have another.
pub fn is_habit(setting: &str) -> bool {
    setting == FORWARDING || management::ALWAYS.contains(&setting)
}

/// A value that no text says.
fn at<T>(value: T) -> At<T> {
    At::meant(value)
}

/// A name as a value that no text says.
fn name(value: impl std::fmt::Display) -> At<String> {
    at(value.to_string())
}
