//! The carrier's VPN: a core with an edge on every line. Its tables follow the lines that it sees up,
//! some moment within its convergence time after a change; of several routes to one destination the
//! first counts whose line is up.

use super::router::phase;
use super::space::{Space, run, setting};
use super::table::{Hop, Table, difference};
use super::{line_of, place_of};
use ipnetwork::Ipv4Network;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use traghetto::network::simulate::{Carrier as Given, Edge, EdgeAt, Element};

/// The carrier's address on an LTE line, of which no text knows: packets are routed to the port.
pub const CELLULAR: Ipv4Addr = Ipv4Addr::new(169, 254, 8, 1);

/// The carrier's routers and the thread that converges them.
pub struct Carrier {
    given: Arc<Mutex<Given>>,
    stop: Arc<AtomicBool>,
    at_rest: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// The namespace of an edge, and the cable between it and the core.
pub fn edge_of(edge: EdgeAt) -> &'static str {
    match edge {
        EdgeAt::Primary => "pe-a",
        EdgeAt::Backup => "pe-b",
        EdgeAt::Hub => "pe-h",
    }
}

/// What the carrier goes by: the edges that it counts as lost, and the routes that were ordered.
type Known = (BTreeSet<EdgeAt>, Vec<(Ipv4Network, Ipv4Addr)>);

impl Carrier {
    /// Lays the lines and the core, and starts.
    pub fn new(space: &mut Space, given: Given, failed: Arc<Mutex<BTreeSet<Element>>>) -> Self {
        space.add("core");
        for (number, edge) in given.edges.iter().enumerate() {
            let (place, line) = (edge_of(edge.at), line_of(edge.at));
            space.add(place);
            space.cable(line, &[(place_of(edge.router), line), (place, line)]);
            space.cable(place, &[(place, "core"), ("core", place)]);
            let pe = edge.pe.unwrap_or(CELLULAR);
            let length = edge.wan.prefix();
            space.ip(place, &["address", "add", &format!("{pe}/{length}"), "dev", line]);
            let (near, far) = inner(number);
            space.ip(place, &["address", "add", &format!("{near}/30"), "dev", "core"]);
            space.ip("core", &["address", "add", &format!("{far}/30"), "dev", place]);
        }
        for place in given.edges.iter().map(|edge| edge_of(edge.at)).chain(["core"]) {
            space.inside(place, || setting("ip_forward", "1"));
        }
        let names: BTreeMap<&'static str, String> = given
            .edges
            .iter()
            .map(|edge| edge_of(edge.at))
            .chain(["core"])
            .map(|place| (place, space.name(place)))
            .collect();
        let (stop, at_rest) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let given = Arc::new(Mutex::new(given));
        let (stopped, rests, ordered) = (stop.clone(), at_rest.clone(), given.clone());
        let thread = std::thread::spawn(move || {
            let mut tables: BTreeMap<&'static str, Table> = BTreeMap::new();
            let mut due: Option<(Known, Instant)> = None;
            let mut known: Option<Known> = None;
            while !stopped.load(Ordering::Relaxed) {
                let given = ordered.lock().unwrap().clone();
                let now = (lost(&given, &failed.lock().unwrap()), given.routes.clone());
                if known.as_ref() == Some(&now) {
                    due = None;
                } else if due.as_ref().is_none_or(|(coming, _)| *coming != now) {
                    let wait = if known.is_none() { 0.0 } else { f64::from(given.convergence_s) * phase() };
                    due = Some((now.clone(), Instant::now() + Duration::from_secs_f64(wait)));
                }
                if due.as_ref().is_some_and(|(_, at)| Instant::now() >= *at) {
                    install(&names, &given, &now.0, &mut tables);
                    (known, due) = (Some(now), None);
                }
                rests.store(due.is_none(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { given, stop, at_rest, thread: Some(thread) }
    }

    /// Orders a route of the VPN, or gives it up where no address of ours is named.
    pub fn order(&self, destination: Ipv4Network, towards: Option<Ipv4Addr>) {
        let mut given = self.given.lock().unwrap();
        given.routes.retain(|(known, _)| *known != destination);
        given.routes.extend(towards.map(|towards| (destination, towards)));
    }

    /// Whether nothing is about to change.
    pub fn is_at_rest(&self) -> bool {
        self.at_rest.load(Ordering::Relaxed)
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The edges whose routes the carrier withdraws: their line is down, or they are cut off.
fn lost(given: &Given, failed: &BTreeSet<Element>) -> BTreeSet<EdgeAt> {
    let gone = |elements: &[Element]| elements.iter().any(|element| failed.contains(element));
    let is_lost = |edge: &&Edge| {
        let (at, router) = (edge.at, edge.router);
        // A modem that has gone is known at the edge of its line.
        gone(&[Element::Line(at), Element::ProviderEdge(at), Element::Core(at), Element::Router(router)])
            || edge.pe.is_none() && gone(&[Element::Radio, Element::Sim])
    };
    given.edges.iter().filter(is_lost).map(|edge| edge.at).collect()
}

fn install(
    names: &BTreeMap<&'static str, String>,
    given: &Given,
    lost: &BTreeSet<EdgeAt>,
    tables: &mut BTreeMap<&'static str, Table>,
) {
    let mut chosen: BTreeMap<Ipv4Network, (EdgeAt, Ipv4Addr)> = BTreeMap::new();
    for edge in given.edges.iter().filter(|edge| !lost.contains(&edge.at)) {
        chosen.insert(edge.wan, (edge.at, edge.ce));
    }
    for (destination, towards) in &given.routes {
        let edge = given.edges.iter().find(|edge| edge.ce == *towards && !lost.contains(&edge.at));
        if let Some(edge) = edge {
            chosen.entry(*destination).or_insert((edge.at, edge.ce));
        }
    }
    let mut started = Vec::new();
    for (place, name) in names {
        let mut wanted = Table::new();
        for (destination, (at, ce)) in &chosen {
            let exit = edge_of(*at);
            let number = |place: &str| given.edges.iter().position(|edge| edge_of(edge.at) == place).unwrap();
            let is_line = given.edges.iter().any(|edge| edge.at == *at && edge.wan == *destination);
            let hop = if *place == "core" {
                Hop::Via(exit.to_owned(), inner(number(exit)).0)
            } else if *place != exit {
                Hop::Via("core".to_owned(), inner(number(place)).1)
            } else if is_line && given.edges[number(exit)].pe.is_some() {
                continue;
            } else if is_line {
                Hop::Link(line_of(*at).to_owned())
            } else {
                Hop::Via(line_of(*at).to_owned(), *ce)
            };
            wanted.insert(*destination, hop);
        }
        let table = tables.entry(place).or_default();
        let lines = difference(table, &wanted);
        if !lines.is_empty() {
            let mut child =
                Command::new("ip").args(["-n", name, "-force", "-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
            started.push((child, place, name, lines));
            *table = wanted;
        }
    }
    for (mut child, place, name, lines) in started {
        assert!(child.wait().unwrap().success(), "{place}: {lines}{}", run("ip", &["-n", name, "route"]));
    }
}

/// The addresses between an edge and the core: the edge's and the core's.
fn inner(number: usize) -> (Ipv4Addr, Ipv4Addr) {
    let third = u8::try_from(number).unwrap();
    (Ipv4Addr::new(169, 254, 100 + third, 1), Ipv4Addr::new(169, 254, 100 + third, 2))
}
