//! HSRP: both routers of a site must agree, and the better one must be able to take over and to give way.

use super::super::device::At;
use super::super::device::interface::{Authentication, Decrement, Group};
use super::super::device::tracking::Tracked;
use super::Scene;
use super::report::{Key, Report, rules};
use super::site::{Member, Site};

rules! {
    GROUP: Error "fhrp-group-differs", "both CPEs are in the same HSRP group",
        "They do not hear each other: both are active, and both answer for the virtual address.",
        "Cisco 13780, HSRP configuration";
    VIP: Error "fhrp-vip-differs", "both CPEs have the same virtual address",
        "The one that takes over answers for another address.", "RFC 2281";
    VERSION: Error "fhrp-version-differs", "both CPEs speak the same HSRP version",
        "Versions 1 and 2 use different multicast addresses: both become active.",
        "Cisco FHRP guide, HSRP version 2";
    RANGE: Error "fhrp-version-group", "groups above 255 and IPv6 use HSRP version 2",
        "Version 1 has groups 0 to 255 and no IPv6.", "Cisco FHRP guide, HSRP version 2";
    TIMERS: Error "fhrp-timers-differ", "both CPEs have the same timers",
        "The slower one's hellos come after the faster one's hold time: the address flaps.", "RFC 2281";
    HOLD: Error "fhrp-hold", "the hold time is at least three hellos",
        "One lost hello moves the virtual address.", "RFC 2281";
    MSEC: Warning "fhrp-msec", "hellos are not below 250 ms nor the hold time below 750 ms",
        "A CPE that is busy misses its own hellos; the last mile takes seconds to detect anyway.",
        "Cisco FHRP guide, HSRP timers";
    AUTH_DIFFERS: Error "fhrp-auth-differs", "both CPEs authenticate hellos in the same way",
        "They refuse each other's hellos: both are active.", "Cisco FHRP guide, HSRP MD5 authentication";
    AUTH_PLAIN: Error "fhrp-auth-plain", "hellos are authenticated with MD5, not in plain text",
        "Anybody in the LAN reads the text, which is `cisco` where none is written, and takes the virtual address.",
        "Cisco FHRP guide, HSRP MD5 authentication";
    PREEMPT: Error "fhrp-preempt", "both CPEs preempt",
        "A router whose tracked line fails lowers its priority in vain: a peer that does not preempt never takes over.",
        "Cisco 13780-6";
    PREFERRED: Error "fhrp-priority", "one CPE has the higher priority",
        "Which one carries the traffic is decided by the higher address.", "RFC 2281";
    TRACK: Error "fhrp-track", "the preferred CPE tracks its line",
        "It stays active when its line is down.", "Cisco 13780-6";
    DECREMENT: Error "fhrp-decrement", "the loss of the line takes strictly more than the difference of the priorities",
        "At equal priority nobody takes over.", "Cisco 13780-6";
    BOTH_DOWN: Warning "fhrp-both-down", "with both lines down the virtual address stays on the preferred CPE",
        "It moves to a router that has no way either, and back again.", "Cisco 13780-6, by the four states of two lines";
    USE_BIA: Error "fhrp-use-bia", "the virtual MAC address answers, not the hardware's own",
        "Clients keep the old router's address for half a minute after a failover, and proxy ARP breaks.",
        "Cisco FHRP guide, standby use-bia; measured 28 to 30 s against 3 s";
    DELAY: Warning "fhrp-delay", "HSRP is silent until the switch forwards",
        "After a reload the router hears nobody and makes itself active while spanning tree still blocks it.",
        "Cisco FHRP guide, standby delay";
    PREEMPT_DELAY: Warning "fhrp-preempt-delay", "the preferred CPE waits at least as long as its line must be up",
        "It takes over before its line counts as up again, and gives way once more.", "Cisco FHRP guide, preempt delay";
    CROWD: Note "fhrp-crowd", "no more than two routers share a group",
        "Which belong together cannot be told, so they are not compared.", "how this program reads a network";
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites {
        for member in &site.members {
            alone(member, report);
        }
        for (one, other) in site.both_ways() {
            of_a_pair(&one, &other, report);
        }
        if let Some((preferred, other)) = site.pair() {
            agreement(&preferred, &other, report);
            priorities(&preferred, &other, report);
            preempt_delay(&preferred, report);
        }
        crowd(site, report);
    }
}

fn crowd(site: &Site<'_>, report: &mut Report) {
    let Some(third) = site.members.get(2) else { return };
    let message = format!("{} routers share group {} in {}", site.members.len(), third.group.number.value, site.lan);
    let fix = "Put the configurations of each site into a folder of its own and check again.";
    report.add(&CROWD, third.router.at(third.group.number.line), Key::None, message, fix);
}

/// What one router can do wrong by itself.
fn alone(member: &Member<'_>, report: &mut Report) {
    let Member { router, lan, group } = member;
    let (number, standby) = (group.number.value, &lan.standby);
    if let Some(at) = standby.use_bia {
        let message = format!("{} answers for the virtual address with its own MAC address", lan.name.value);
        report.add(&USE_BIA, router.at(at.line), Key::None, message, "Remove `standby use-bia`.");
    }
    let ipv6 = router.device.unread.iter().find(|line| line.value.contains("standby ") && line.value.contains(" ipv6"));
    if version(member) == 1 && (number > 255 || ipv6.is_some()) {
        let (line, what) =
            ipv6.map_or((group.number.line, format!("group {number}")), |line| (line.line, "IPv6".into()));
        let message = format!("{what} does not exist in HSRP version 1");
        report.add(&RANGE, router.at(line), Key::None, message, "Write `standby version 2` on both CPEs.");
    }
    let timers = group.timers();
    let line = group.timers.map_or(group.number.line, |at| at.line);
    if timers.hold_ms < timers.hello_ms.saturating_mul(3) {
        let message = format!("hold {} ms is less than three hellos of {} ms", timers.hold_ms, timers.hello_ms);
        let fix = format!("Write `standby {number} timers 1 3` on both CPEs.");
        report.add(&HOLD, router.at(line), Key::None, message, fix);
    } else if timers.hello_ms < 250 || timers.hold_ms < 750 {
        let message = format!("hello {} ms, hold {} ms", timers.hello_ms, timers.hold_ms);
        let fix = format!("Write `standby {number} timers 1 3` on both CPEs.");
        report.add(&MSEC, router.at(line), Key::None, message, fix);
    }
    plain(member, report);
    if standby.delay.is_none_or(|at| at.minimum_s == 0) {
        let message = format!("{} joins its group as soon as the port is up", lan.name.value);
        let fix = "Write `standby delay minimum 30 reload 90`.";
        let line = standby.delay.map_or(group.number.line, |at| at.line);
        report.add(&DELAY, router.at(line), Key::None, message, fix);
    }
}

fn plain(member: &Member<'_>, report: &mut Report) {
    let group = member.group;
    let (line, message) = match &group.authentication {
        Some(at) if at.value == Authentication::Text => (at.line, "the password of the group is in plain text"),
        Some(_) => return,
        None => (group.number.line, "the group has no password, which means the text `cisco`"),
    };
    let fix = format!("Write `standby {} authentication md5 key-chain NAME` on both CPEs.", group.number.value);
    report.add(&AUTH_PLAIN, member.router.at(line), Key::None, message.into(), fix);
}

fn version(member: &Member<'_>) -> u8 {
    member.lan.standby.version.map_or(1, |at| at.value)
}

/// What each router of a pair needs because there is another one.
fn of_a_pair(one: &Member<'_>, other: &Member<'_>, report: &mut Report) {
    if one.group.preempt.is_none() {
        let (number, peer) = (one.group.number.value, other.router.name());
        let message =
            format!("{} does not take over from a live {peer}, however low that one falls", one.router.name());
        let fix = format!("Write `standby {number} preempt`.");
        report.add(&PREEMPT, one.router.at(one.group.number.line), Key::None, message, fix);
    }
}

/// Keys of two chains that both sign with MD5: none of this router's is one of the other's.
fn keys(preferred: &Member<'_>, other: &Member<'_>, report: &mut Report) {
    let of = |member: &Member<'_>| {
        let Authentication::Md5Chain(name) = &member.group.authentication.as_ref()?.value else { return None };
        let chains = &member.router.device.key_chains;
        let chain = chains.iter().find(|chain| chain.name.value == *name)?;
        let keys = chain.keys.iter().filter(|(_, there)| *there);
        Some(keys.map(|(id, _)| *id).collect::<Vec<At<u32>>>())
    };
    let (Some(theirs), Some(own)) = (of(preferred), of(other)) else { return };
    let Some(first) = own.first().filter(|_| !theirs.is_empty()) else { return };
    if own.iter().any(|key| theirs.contains(key)) {
        return;
    }
    let said = |keys: &[At<u32>]| keys.iter().map(|key| key.value.to_string()).collect::<Vec<_>>().join(", ");
    let name = preferred.router.name();
    let message = format!("hellos are signed with key {} here, and with key {} on {name}", said(&own), said(&theirs));
    let fix = "Use the same number for the same key on both.";
    report.add(&AUTH_DIFFERS, other.router.at(first.line), Key::None, message, fix);
}

/// What must be the same on both; reported on the router that has the lower priority.
fn agreement(preferred: &Member<'_>, other: &Member<'_>, report: &mut Report) {
    let (a, b) = (preferred.group, other.group);
    let (router, name) = (other.router, preferred.router.name());
    if a.number.value != b.number.value {
        let message = format!("group {} here, and {} on {name}", b.number.value, a.number.value);
        let fix = format!("Use group {} on both.", a.number.value);
        report.add(&GROUP, router.at(b.number.line), Key::Project("hsrp_group_base"), message, fix);
    }
    if let Some((theirs, own)) = a.vip.zip(b.vip).filter(|(theirs, own)| theirs.value != own.value) {
        let message = format!("virtual address {} here, and {} on {name}", own.value, theirs.value);
        let fix = format!("Write `standby {} ip {}` on both.", b.number.value, theirs.value);
        report.add(&VIP, router.at(own.line), Key::Site("lan.vip"), message, fix);
    }
    let (theirs, own) = (version(preferred), version(other));
    if theirs != own {
        let line = other.lan.standby.version.map_or(b.number.line, |at| at.line);
        let message = format!("HSRP version {own} here, and {theirs} on {name}");
        report.add(&VERSION, router.at(line), Key::None, message, "Write `standby version 2` on both.");
    }
    let (theirs, own) = (a.timers(), b.timers());
    if theirs != own {
        let line = b.timers.map_or(b.number.line, |at| at.line);
        let said =
            |timers: super::super::device::interface::Timers| format!("{}/{} ms", timers.hello_ms, timers.hold_ms);
        let message = format!("timers {} here, and {} on {name}", said(own), said(theirs));
        let fix = format!("Write `standby {} timers 1 3` on both.", b.number.value);
        report.add(&TIMERS, router.at(line), Key::None, message, fix);
    }
    if is_md5(a) != is_md5(b) {
        let line = b.authentication.as_ref().map_or(b.number.line, |at| at.line);
        let said = |md5: bool| if md5 { "MD5" } else { "plain text" };
        let message =
            format!("hellos are authenticated by {} here, and by {} on {name}", said(is_md5(b)), said(is_md5(a)));
        report.add(&AUTH_DIFFERS, router.at(line), Key::None, message, "Use MD5 with the same key on both.");
    }
    keys(preferred, other, report);
}

fn is_md5(group: &Group) -> bool {
    group.authentication.as_ref().is_some_and(|at| at.value != Authentication::Text)
}

/// The priority with everything up, and with everything down that is tracked, and where that is said.
fn fall(group: &Group) -> (i32, i32) {
    let loss: i32 = group.tracks.iter().map(|track| i32::from(track.by)).sum();
    (i32::from(group.priority()), i32::from(group.priority()) - loss)
}

fn priorities(preferred: &Member<'_>, other: &Member<'_>, report: &mut Report) {
    let ((a_up, a_down), (b_up, b_down)) = (fall(preferred.group), fall(other.group));
    let (a, b) = (preferred.group, other.group);
    let line = |group: &Group| group.tracks.first().map(|at| at.line).or(group.priority.map(|at| at.line));
    let at = |member: &Member<'_>| line(member.group).unwrap_or(member.group.number.line);
    if a_up == b_up {
        let message = format!("both have priority {a_up}");
        let fix = format!(
            "Write `standby {} priority {}` on the CPE of the primary line.",
            a.number.value,
            a_up.saturating_add(10).min(255)
        );
        let place = other.router.at(b.priority.map_or(b.number.line, |at| at.line));
        report.add(&PREFERRED, place, Key::None, message, fix);
        return;
    }
    if a.tracks.is_empty() {
        let message = format!("{} has priority {a_up} whether its line is up or not", preferred.router.name());
        let fix = format!("Write `standby {} track OBJECT decrement {}`.", a.number.value, a_up - b_up + 10);
        report.add(&TRACK, preferred.router.at(at(preferred)), Key::None, message, fix);
    } else if let Some(weak) = weak(preferred, a_up - b_up) {
        let down = a_up - i32::from(weak.by);
        let message = format!(
            "{a_up} falls to {down} when object {} is lost, which is not below the {b_up} of {}: {} is not more than {}",
            weak.object,
            other.router.name(),
            weak.by,
            a_up - b_up
        );
        let fix = format!("Write a decrement of more than {}, such as {}.", a_up - b_up, a_up - b_up + 10);
        report.add(&DECREMENT, preferred.router.at(weak.line), Key::None, message, fix);
    } else if b_down >= a_down {
        let message = format!(
            "with lines up/up, down/up, up/down, down/down the priorities are {a_up}/{b_up}, {a_down}/{b_up}, {a_up}/{b_down}, {a_down}/{b_down}: the last gives the address away"
        );
        let fix = format!("Write a decrement of more than {} on {}.", b_up - a_down, other.router.name());
        report.add(&BOTH_DOWN, other.router.at(at(other)), Key::None, message, fix);
    }
}

/// An object whose loss alone takes too little. A fault beyond the last mile is seen by probes and by
/// nothing else, so that where there are any each of them counts alone; a port that goes down takes
/// its probes with it.
fn weak<'a>(preferred: &Member<'a>, difference: i32) -> Option<&'a At<Decrement>> {
    let router = preferred.router;
    let probes = |object: u16| router.leaves(object).iter().any(|leaf| matches!(leaf.what, Tracked::Probe { .. }));
    let any = preferred.group.tracks.iter().any(|track| probes(track.object));
    let mut counted = preferred.group.tracks.iter().filter(|track| !any || probes(track.object));
    counted.find(|track| i32::from(track.by) <= difference)
}

/// The preferred router must not take over before what it tracks counts as up.
fn preempt_delay(preferred: &Member<'_>, report: &mut Report) {
    let Some(preempt) = preferred.group.preempt else { return };
    let leaves = preferred.group.tracks.iter().flat_map(|track| preferred.router.leaves(track.object));
    let Some(up) = leaves.filter_map(|leaf| leaf.up_s).map(|at| at.value).max() else { return };
    if preempt.minimum_s < up {
        let message = format!("takes over after {} s, and its line must be up for {up} s", preempt.minimum_s);
        let fix = format!(
            "Write `standby {} preempt delay minimum {up} reload {}`.",
            preferred.group.number.value,
            up.saturating_mul(3)
        );
        report.add(&PREEMPT_DELAY, preferred.router.at(preempt.line), Key::None, message, fix);
    }
}
