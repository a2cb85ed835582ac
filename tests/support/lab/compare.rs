//! Scenarios, and what simulator and lab say of each.

use super::Lab;
use super::measure::Gap;
use crate::support::{project, width};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;
use traghetto::model::link::{Backup, CellularLine, ProfileVia, ReturnPath};
use traghetto::model::{Inventory, Known};
use traghetto::network::NetworkPlan;
use traghetto::network::cpe::Moved;
use traghetto::network::parse::parse;
use traghetto::network::render::{RenderedFile, Stage, Templates};
use traghetto::network::simulate::{
    Element, Failures, Outage, Outcome, Role, Scene, SceneRouter, Surroundings, Verdict, outcomes,
};

/// Measured outages may differ by that much from what is predicted, in milliseconds.
const TOLERANCE: u32 = 1500;

/// Tenants of `tests/fixtures/estate-21`, one for each kind of site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Town {
    /// Two routers, LTE with a tunnel as backup.
    Lte,
    /// Two routers, copper in the same VPN as backup.
    Copper,
    /// One router with LTE.
    OneWithLte,
    /// One router with copper.
    OneWithCopper,
    /// Two routers, LTE into the same VPN as backup.
    LteInVpn,
    /// One router, no backup.
    NoBackup,
}

/// A change to a rendered text: what simulator and lab must see alike, for better or worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spoilt {
    /// What was done, in words.
    pub what: &'static str,
    /// On which router.
    pub role: Role,
    /// Lines that contain all of these words …
    pub lines: &'static [&'static str],
    /// … lose this text, with the next word if it ends with a space; or vanish if it is empty.
    pub lose: &'static str,
}

/// What fails where.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub town: Town,
    pub spoilt: Option<Spoilt>,
    pub failures: Vec<Element>,
}

/// What was predicted and measured of a pair of machines.
pub struct Judged {
    pub scenario: String,
    pub predicted: Outcome,
    pub measured: Vec<Gap>,
    /// What is wrong; empty where both agree.
    pub wrong: Vec<String>,
    pub story: String,
}

/// A town's scene from its YAML: planned, rendered, perhaps spoilt, and read back.
pub fn scene(town: Town, spoilt: Option<Spoilt>) -> Scene {
    let plan = plan(town);
    let routers = texts(&plan, Stage::After).into_iter().map(|(role, file)| {
        let text = match spoilt {
            Some(spoilt) if spoilt.role == role => spoil(&file.text, spoilt),
            _ => file.text,
        };
        SceneRouter { role, file: file.path, device: parse(&text) }
    });
    let moved: Moved = plan.servers.iter().map(|server| server.id.clone()).collect();
    Scene { routers: routers.collect(), surroundings: Surroundings::of(&plan, &moved) }
}

/// The plan of a town's tenant.
pub fn plan(town: Town) -> NetworkPlan {
    let inventory = traghetto::inventory::load(&project().join("tests/fixtures/estate-21")).unwrap();
    let (inventory, name) = tenant(inventory, town);
    NetworkPlan::new(&inventory, &inventory.tenants[&name.parse().unwrap()]).unwrap()
}

/// The texts of the routers, by what each is for.
pub fn texts(plan: &NetworkPlan, stage: Stage) -> Vec<(Role, RenderedFile)> {
    let templates = Templates::built_in().unwrap();
    let cpes = templates.stage(plan, stage).unwrap();
    let hub = templates.hub(std::slice::from_ref(plan), stage).unwrap().unwrap();
    let count = 1 + usize::from(plan.standby_cpe.is_some());
    let roles = [Role::PrimaryCpe, Role::StandbyCpe].into_iter().zip(cpes.into_iter().take(count));
    roles.chain([(Role::Hub, hub)]).collect()
}

fn tenant(mut inventory: Inventory, town: Town) -> (Inventory, &'static str) {
    let name = match town {
        Town::Lte => "borgoseta",
        Town::Copper => "campodoro",
        Town::OneWithLte => "isolalta",
        Town::OneWithCopper => "nervesola",
        Town::LteInVpn => "campodoro",
        Town::NoBackup => "ormesina",
    };
    let tenant = inventory.tenants.get_mut(&name.parse().unwrap()).unwrap();
    let Known::Known(sites) = &mut tenant.sites else { panic!("{name} has a site") };
    let site = &mut sites[0];
    let (lan, link) = (site.lan.as_mut().unwrap(), &mut site.link);
    match town {
        Town::NoBackup => (link.backup, lan.standby) = (None, None),
        Town::LteInVpn => {
            let wan = "100.64.7.0/24".parse().unwrap();
            let cpe = "100.64.7.9".parse().unwrap();
            let carrier = Some(CellularLine { wan, cpe, negotiated: true, mtu: 1428, example: true });
            let return_path = ReturnPath::Provider { carrier };
            let apn = Some("vpn.example".to_owned());
            link.backup = Some(Backup::Lte { rate_kbps: 8000, apn, return_path, profile_via: ProfileVia::Config });
        }
        Town::Lte | Town::Copper | Town::OneWithLte | Town::OneWithCopper => {}
    }
    (inventory, name)
}

#[track_caller]
fn spoil(text: &str, spoilt: Spoilt) -> String {
    let mut hits = 0;
    let mut result = String::new();
    for line in text.lines() {
        let hit = spoilt.lines.iter().all(|word| line.contains(word));
        hits += usize::from(hit);
        match hit {
            true if spoilt.lose.is_empty() => {}
            true => {
                let (before, after) = line.split_once(spoilt.lose).unwrap();
                // A text that ends with a space takes the word behind it along.
                let after =
                    if spoilt.lose.ends_with(' ') { after.split_once(' ').map_or("", |(_, rest)| rest) } else { after };
                let _ = writeln!(result, "{before} {after}");
            }
            false => result += &(line.to_owned() + "\n"),
        }
    }
    assert!(hits > 0, "nothing to spoil: {spoilt:?}");
    result
}

/// Carries out scenarios in so many labs at once, `runs` times each. Where the median of the first run
/// is not as predicted and `again` says so, up to three runs are made before it counts.
pub fn compare(scenarios: Vec<Scenario>, labs: usize, runs: usize, again: bool) -> Vec<Judged> {
    let count = scenarios.len();
    // Neighbours in the list share a town: a lab is built once for a few of them.
    let mut jobs: Vec<Vec<Scenario>> = Vec::new();
    let most = count.div_ceil(labs * 2).max(2);
    for scenario in scenarios {
        let same = |job: &&mut Vec<Scenario>| {
            job[0].town == scenario.town && job[0].spoilt == scenario.spoilt && job.len() < most
        };
        match jobs.last_mut().filter(|job| same(job)) {
            Some(job) => job.push(scenario),
            None => jobs.push(vec![scenario]),
        }
    }
    jobs.sort_by_key(Vec::len);
    let (jobs, judged) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..labs {
            scope.spawn(|| {
                let next = || jobs.lock().unwrap().pop();
                while let Some(job) = next() {
                    let scene = scene(job[0].town, job[0].spoilt);
                    let lab = Lab::new(&scene);
                    for scenario in job {
                        let all = judge(&lab, &scene, &scenario, runs, again);
                        judged.lock().unwrap().extend(all);
                    }
                }
            });
        }
    });
    judged.into_inner().unwrap()
}

fn judge(lab: &Lab, scene: &Scene, scenario: &Scenario, runs: usize, again: bool) -> Vec<Judged> {
    let failures = Failures::of(scenario.failures.iter().copied());
    let double = scenario.failures.len() > 1;
    let predicted: Vec<Outcome> =
        outcomes(scene, double).into_iter().filter(|outcome| outcome.failures == failures).collect();
    assert!(!predicted.is_empty(), "the simulator knows no {failures}");
    let mut measured: BTreeMap<(String, String), Vec<Gap>> = BTreeMap::new();
    let mut story = String::new();
    let mut made = 0;
    loop {
        for gap in lab.measure(&scenario.failures, watch(&scenario.failures)) {
            measured.entry((gap.client.clone(), gap.server.clone())).or_default().push(gap);
        }
        made += 1;
        let _ = write!(story, " run {made}:\n{}", lab.last_story());
        let of = |outcome: &Outcome| &measured[&(outcome.pair.client.to_string(), outcome.pair.server.to_string())];
        let fine = || predicted.iter().all(|outcome| wrong(scene, outcome, of(outcome)).is_empty());
        if made >= runs && (!again || made >= 3 || fine()) {
            break;
        }
    }
    let spoilt = scenario.spoilt.map_or_else(String::new, |spoilt| format!(" ({})", spoilt.what));
    let name = format!("{:?}{spoilt}: {failures}", scenario.town);
    let judged = |outcome: Outcome| {
        let gaps = measured[&(outcome.pair.client.to_string(), outcome.pair.server.to_string())].clone();
        Judged {
            scenario: name.clone(),
            wrong: wrong(scene, &outcome, &gaps),
            predicted: outcome,
            measured: gaps,
            story: story.clone(),
        }
    };
    predicted.into_iter().map(judged).collect()
}

/// How long everything needs to come to rest, by the periods and delays of our texts and with room:
/// 3 s + 1 s + 6 s of a probe, a carrier's 3 s, HSRP; of a tunnel 10 s + 2 s + 20 s.
fn watch(failures: &[Element]) -> Duration {
    let lte = [Element::Radio, Element::Sim, Element::LteNetwork, Element::Tunnel, Element::HubInternet];
    let slow = failures.iter().any(|failure| lte.contains(failure));
    Duration::from_secs(if slow { 36 } else { 18 })
}

/// What speaks against a prediction.
pub fn wrong(scene: &Scene, predicted: &Outcome, measured: &[Gap]) -> Vec<String> {
    let mut all = Vec::new();
    let lost = predicted.pair.verdict == Verdict::Lost;
    if measured.iter().any(|gap| gap.answered == lost) {
        all.push(format!("the verdict is {:?}", predicted.pair.verdict));
    }
    if let (false, Some(outage)) = (lost, &predicted.outage) {
        let median = median(measured);
        if median + TOLERANCE < outage.min_ms || median > outage.max_ms + TOLERANCE {
            all.push(format!("{median} ms are not within {}-{} ms", outage.min_ms, outage.max_ms));
        }
        let most = width::most(scene, outage);
        if outage.max_ms - outage.min_ms > most {
            all.push(format!("the interval is wider than {most} ms"));
        }
    }
    all
}

/// The median of measured outages in milliseconds.
pub fn median(measured: &[Gap]) -> u32 {
    let mut all: Vec<u32> = measured.iter().map(|gap| u32::try_from(gap.outage.as_millis()).unwrap()).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

/// A table of what was predicted and measured, a line for each scenario and client that differ.
pub fn table(judged: &[Judged]) -> String {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for one in judged {
        let outage = match &one.predicted.outage {
            Some(outage) => {
                format!("{:.1}-{:.1} s", f64::from(outage.min_ms) / 1000.0, f64::from(outage.max_ms) / 1000.0)
            }
            None => "-".to_owned(),
        };
        let measured = if one.measured.iter().any(|gap| gap.answered) {
            format!("{:.1} s", f64::from(median(&one.measured)) / 1000.0)
        } else {
            "no answer".to_owned()
        };
        let verdict = format!("{:?}", one.predicted.pair.verdict).to_lowercase();
        let runs = one.measured.len();
        let line = format!(
            "{:70} {:16} {verdict:10} {outage:14} {measured:10} {runs} runs",
            one.scenario, one.predicted.pair.client
        );
        *lines.entry(line).or_default() += 1;
    }
    lines.into_iter().map(|(line, count)| format!("{line} x{count}\n")).collect()
}

/// Fails with everything on which simulator and lab do not agree.
#[track_caller]
pub fn assert_agreement(judged: &[Judged]) {
    let disagreements: Vec<String> = judged
        .iter()
        .filter(|one| !one.wrong.is_empty())
        .map(|one| {
            let runs: Vec<String> = one
                .measured
                .iter()
                .map(|gap| format!("{:?} {}", gap.outage, if gap.answered { "answered" } else { "silent" }))
                .collect();
            let pair = &one.predicted.pair;
            let formula = one.predicted.outage.as_ref().map_or_else(String::new, Outage::formula);
            format!(
                "{}: {} -> {}: {}\n  measured {}\n  predicted: {formula}\n{}",
                one.scenario,
                pair.client,
                pair.server,
                one.wrong.join("; "),
                runs.join(", "),
                one.story
            )
        })
        .collect();
    assert!(
        disagreements.is_empty(),
        "{} of {} disagree:\n{}",
        disagreements.len(),
        judged.len(),
        disagreements.join("\n")
    );
}
