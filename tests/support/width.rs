//! How wide a predicted outage may be, added up from the texts and not from the prediction.

use traghetto::network::device::Device;
use traghetto::network::device::tracking::Tracked;
use traghetto::network::simulate::{Outage, Scene};

/// How long an ARP entry of a host may be confirmed already when the failure comes, in milliseconds:
/// 30 s to 45 s in all (RFC 4861, section 6.3.2, as Linux and Windows use it for ARP). Nothing of what
/// is rendered waits for it.
const ARP_AGE: u32 = 45_000;

/// The width that periods and timeouts allow, in milliseconds. What runs at the same time does not add
/// up: of all probes the widest one counts. What is no probe adds what it may take, by name:
///
/// - `HSRP`: one hello of the group, by which the last one may be old;
/// - `the carrier`: how long its VPN converges, which is assumed and printed;
/// - `ARP entries`: how old an entry of a host may be.
pub fn most(scene: &Scene, outage: &Outage) -> u32 {
    let (mut probe, mut more) = (0, [0; 3]);
    for term in &outage.terms {
        let words: Vec<&str> = term.what.split_whitespace().collect();
        match words.as_slice() {
            ["track", id, "of", router, ..] => {
                let router = scene.routers.iter().find(|other| other.name() == *router).unwrap();
                let decides = decided_by(&words).unwrap_or_else(|| id.parse().unwrap());
                probe = probe.max(tracked(&router.device, decides));
            }
            ["HSRP", ..] => more[0] = hello(scene),
            ["the", "carrier", ..] => more[1] = u32::from(scene.surroundings.carrier.convergence_s) * 1000,
            ["ARP", "entries", ..] => more[2] = ARP_AGE,
            _ if term.what.ends_with("dead-peer detection") => probe = probe.max(liveness(scene)),
            _ => panic!("no period is known for: {}", term.what),
        }
    }
    probe + more.iter().sum::<u32>()
}

/// The member of a list that decides, as the term names it: `list by 20: …`.
fn decided_by(words: &[&str]) -> Option<u16> {
    let at = words.windows(2).position(|two| two == ["list", "by"])?;
    words.get(at + 2)?.trim_end_matches(':').parse().ok()
}

/// Period and timeout of the probe behind a tracked object; a port is followed at once.
fn tracked(device: &Device, id: u16) -> u32 {
    let Some(track) = device.tracks.iter().find(|track| *track.id == id) else { return 0 };
    match &track.what {
        Tracked::Probe { probe, .. } => {
            let probe = device.probes.iter().find(|other| other.id.value == *probe).unwrap();
            probe.period_ms() + probe.timeout_ms()
        }
        Tracked::List { .. } => panic!("a term names what decides the list {id}"),
        Tracked::Interface { .. } | Tracked::Other(_) => 0,
    }
}

fn hello(scene: &Scene) -> u32 {
    let interfaces = scene.routers.iter().flat_map(|router| &router.device.interfaces);
    let groups = interfaces.flat_map(|interface| &interface.standby.groups);
    groups.map(|group| group.timers().hello_ms).max().unwrap()
}

/// The period of a tunnel's questions whether its other end lives.
fn liveness(scene: &Scene) -> u32 {
    let profiles = scene.routers.iter().flat_map(|router| &router.device.crypto.profiles);
    let periods = profiles.filter_map(|profile| profile.dpd.as_ref()).map(|at| u32::from(at.value.0) * 1000);
    periods.max().unwrap()
}
