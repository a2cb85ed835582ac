//! Objects that nothing uses: forgotten, or meant for a line that is missing.

use super::super::device::interface::Authentication;
use super::super::device::queue::Match;
use super::super::device::tracking::Tracked;
use super::super::device::{At, Device};
use super::Scene;
use super::report::{Key, Report, rules};
use super::table::Router;
use std::collections::BTreeSet;

rules! {
    UNUSED: Note "unused-object", "every object is used",
        "It is forgotten, or the line that should use it is missing.", "how this program reads a network";
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    // What a part of a configuration defines, the rest may use.
    for router in scene.routers.iter().filter(|router| !router.fragment) {
        objects(router, report);
    }
}

fn objects(router: &Router<'_>, report: &mut Report) {
    let device = router.device;
    let mut say = |what: &str, used: &BTreeSet<String>, name: &At<String>| {
        if !used.contains(&name.value) {
            let message = format!("{what} {} is not used in this text", name.value);
            let fix = format!("Remove {what} {}, or write the line that should use it.", name.value);
            report.add(&UNUSED, router.at(name.line), Key::None, message, fix);
        }
    };
    let (lists, policies, chains) = (lists(device), policies(device), chains(device));
    device.access_lists.iter().for_each(|list| say("access list", &lists, &list.name));
    device.policy_maps.iter().for_each(|policy| say("policy", &policies, &policy.name));
    device.key_chains.iter().for_each(|chain| say("key chain", &chains, &chain.name));
    let classes =
        device.policy_maps.iter().flat_map(|policy| policy.classes.iter().map(|class| class.class.value.clone()));
    let classes = classes.collect();
    device.class_maps.iter().for_each(|class| say("class", &classes, &class.name));
    let number = |at: &At<u16>| At::new(at.value.to_string(), at.line);
    let (tracks, probes) = (tracks(device), probes(device));
    device.tracks.iter().for_each(|track| say("object", &tracks, &number(&track.id)));
    device.probes.iter().for_each(|probe| say("probe", &probes, &number(&probe.id)));
}

/// Words of lines that we read no further may name anything.
fn words(device: &Device) -> impl Iterator<Item = String> {
    let lines = device.settings.iter().chain(&device.unread);
    lines.flat_map(|line| line.value.split(' ').map(str::to_owned))
}

fn lists(device: &Device) -> BTreeSet<String> {
    let interfaces =
        device.interfaces.iter().flat_map(|interface| interface.filter_in.iter().chain(&interface.filter_out));
    let terminals = device.terminals.iter().filter_map(|terminal| terminal.access_class.as_ref());
    let classes =
        device.class_maps.iter().flat_map(|class| &class.matches).filter_map(|condition| match &condition.value {
            Match::AccessGroup(name) => Some(name.clone()),
            _ => None,
        });
    interfaces.chain(terminals).map(|at| at.value.clone()).chain(classes).chain(words(device)).collect()
}

fn policies(device: &Device) -> BTreeSet<String> {
    let interfaces =
        device.interfaces.iter().flat_map(|interface| interface.policy_in.iter().chain(&interface.policy_out));
    let children =
        device.policy_maps.iter().flat_map(|policy| &policy.classes).filter_map(|class| class.child.as_ref());
    interfaces.chain(children).map(|at| at.value.clone()).chain(words(device)).collect()
}

fn chains(device: &Device) -> BTreeSet<String> {
    let groups = device.interfaces.iter().flat_map(|interface| &interface.standby.groups);
    let used = groups.filter_map(|group| match &group.authentication.as_ref()?.value {
        Authentication::Md5Chain(name) => Some(name.clone()),
        _ => None,
    });
    used.chain(words(device)).collect()
}

fn tracks(device: &Device) -> BTreeSet<String> {
    let groups = device.interfaces.iter().flat_map(|interface| &interface.standby.groups);
    let standby = groups.flat_map(|group| group.tracks.iter().map(|track| track.object));
    let routes = device.routes.iter().filter_map(|route| route.track);
    let lists = device.tracks.iter().flat_map(|track| match &track.what {
        Tracked::List { objects, .. } => objects.iter().map(|at| at.value).collect(),
        _ => Vec::new(),
    });
    let unread = device.unread.iter().flat_map(|line| line.value.split(' ').map(str::to_owned));
    standby.chain(routes).chain(lists).map(|id| id.to_string()).chain(unread).collect()
}

fn probes(device: &Device) -> BTreeSet<String> {
    let tracked = device.tracks.iter().filter_map(|track| match track.what {
        Tracked::Probe { probe, .. } => Some(probe.to_string()),
        _ => None,
    });
    let unread = device.unread.iter().flat_map(|line| line.value.split(' ').map(str::to_owned));
    tracked.chain(unread).collect()
}
