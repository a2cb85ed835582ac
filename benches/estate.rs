//! How long the network of a whole estate takes: what `benches/network` measures beside other tools.
//!
//! `bench-estate ROOT TENANTS [TEXTS]` reads the inventory of ROOT and prints one line of JSON:
//! `simulate` is every single and double failure of its tenants, from the rendered texts; `check` is
//! as many as TENANTS of them, each a copy with a number and addresses of its own, rendered, read
//! back and checked by every rule, CPEs and the whole hub. Times are wall seconds.
//!
//! `bench-estate --texts ROOT TENANTS FOLDER` leaves the texts of that many tenants in FOLDER, before
//! and after the move of their servers, and `bench-estate --read FOLDER` parses each of them and works
//! out the lines from each `before` to its `after`, one after the other: what other tools do too.

use ipnetwork::Ipv4Network;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use traghetto::model::link::{Backup, CarrierLine, HubHandoff, ReturnPath};
use traghetto::model::server::Addressing;
use traghetto::model::tenant::Tenant;
use traghetto::model::{Inventory, Known};
use traghetto::network::NetworkPlan;
use traghetto::network::cpe::Moved;
use traghetto::network::diff::{Ownership, patch};
use traghetto::network::parse::parse;
use traghetto::network::render::{RenderedFile, Stage, Templates};
use traghetto::network::rules::{self, Expected, Severity, Source};
use traghetto::network::simulate::{Scene, outcomes, tally};
use traghetto::network::text::ConfigText;

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments).and_then(|report| Ok(writeln!(io::stdout(), "{report}")?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a reader of standard error nobody can be told.
            let _ = writeln!(io::stderr(), "bench-estate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<Value, Error> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let templates = Templates::built_in()?;
    match arguments.as_slice() {
        ["--texts", root, tenants, folder] => {
            let inventory = traghetto::inventory::load(Path::new(root))?;
            let files = leave(&multiplied(&inventory, tenants.parse()?)?, &templates, Path::new(folder))?;
            Ok(json!({"files": files}))
        }
        ["--read", folder] => read(Path::new(folder)),
        [root, tenants] => {
            let inventory = traghetto::inventory::load(Path::new(root))?;
            let simulate = simulate(&inventory, &templates)?;
            let check = check(&multiplied(&inventory, tenants.parse()?)?, &templates)?;
            Ok(json!({"simulate": simulate, "check": check}))
        }
        _ => Err("usage: bench-estate ROOT TENANTS, --texts ROOT TENANTS FOLDER, or --read FOLDER".into()),
    }
}

/// Every plan of an inventory.
fn plans(inventory: &Inventory) -> Result<Vec<NetworkPlan>, Error> {
    inventory.tenants.values().map(|tenant| Ok(NetworkPlan::new(inventory, tenant)?)).collect()
}

fn moved(plan: &NetworkPlan) -> Moved {
    plan.kept().map(|server| server.id.clone()).collect()
}

/// Reads the rendered texts and simulates every failure, on as many threads as there are processors.
fn simulate(inventory: &Inventory, templates: &Templates) -> Result<Value, Error> {
    let plans = plans(inventory)?;
    let texts: Vec<Vec<RenderedFile>> =
        plans.iter().map(|plan| templates.stage(plan, Stage::After)).collect::<Result<_, _>>()?;
    let started = Instant::now();
    let work: Vec<_> = plans.iter().zip(&texts).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let counted = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..threads)
            .map(|hand| {
                let own = work.iter().skip(hand).step_by(threads);
                scope.spawn(move || own.map(|(plan, files)| of_one(plan, files)).fold((0, 0), add))
            })
            .collect();
        hands.into_iter().filter_map(|hand| hand.join().ok()).fold((0, 0), add)
    });
    Ok(json!({"tenants": plans.len(), "outcomes": counted.0, "lost": counted.1, "threads": threads,
        "seconds": started.elapsed().as_secs_f64()}))
}

fn add(one: (usize, usize), other: (usize, usize)) -> (usize, usize) {
    (one.0 + other.0, one.1 + other.1)
}

/// How many outcomes one tenant has, and how many are losses that no single point of the design explains.
fn of_one(plan: &NetworkPlan, files: &[RenderedFile]) -> (usize, usize) {
    let scene = Scene::of(plan, &moved(plan), files.iter().map(|file| (file.path.clone(), file.text.as_str())));
    let outcomes = outcomes(&scene, true);
    (outcomes.len(), tally(&outcomes).lost)
}

/// Decides, renders, reads back and checks.
fn check(inventory: &Inventory, templates: &Templates) -> Result<Value, Error> {
    let started = Instant::now();
    let plans = plans(inventory)?;
    let mut sources = Vec::new();
    for plan in &plans {
        let files = templates.stage(plan, Stage::Before)?;
        let cpes = files.iter().filter(|file| file.path.contains("-cpe-"));
        sources.extend(cpes.map(|file| Source::read(format!("{}/{}", plan.tenant, file.path), &file.text)));
    }
    let hub = templates.hub(&plans, Stage::Before)?.ok_or("no hub")?;
    sources.push(Source::read(hub.path, &hub.text));
    let rendered = started.elapsed().as_secs_f64();
    let none = Moved::new();
    let findings = rules::check(&sources, Some(&Expected::new(&plans, Some(&none))));
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    Ok(json!({"tenants": plans.len(), "files": sources.len(), "hub_lines": hub.text.lines().count(), "errors": errors,
        "findings": findings.len(), "rendered_seconds": rendered, "seconds": started.elapsed().as_secs_f64()}))
}

/// Writes `TENANT-ROUTER.before` and `.after`; gives how many files.
fn leave(inventory: &Inventory, templates: &Templates, folder: &Path) -> Result<usize, Error> {
    std::fs::create_dir_all(folder)?;
    let mut files = 0;
    for plan in plans(inventory)? {
        for (stage, word) in [(Stage::Before, "before"), (Stage::After, "after")] {
            for file in templates.stage(&plan, stage)? {
                let name = Path::new(&file.path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
                std::fs::write(folder.join(format!("{}-{name}.{word}", plan.tenant)), &file.text)?;
                files += 1;
            }
        }
    }
    Ok(files)
}

/// Parses every text of a folder, and works out the lines between each two.
fn read(folder: &Path) -> Result<Value, Error> {
    let mut pairs = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let before = entry?.path();
        if before.extension().is_some_and(|extension| extension == "before") {
            let after = std::fs::read_to_string(before.with_extension("after"))?;
            pairs.push((std::fs::read_to_string(&before)?, after));
        }
    }
    let started = Instant::now();
    let parsed = |(before, after): &(String, String)| parse(before).routes.len() + parse(after).routes.len();
    let routes: usize = pairs.iter().map(parsed).sum();
    let parse_seconds = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let mut lines = 0;
    for (before, after) in &pairs {
        let (running, wanted) = (ConfigText::parse(before), ConfigText::parse(after));
        let patch = patch(&running, &wanted, &Ownership::of([&running, &wanted]))?;
        lines += patch.lines().len();
    }
    Ok(json!({"files": pairs.len() * 2, "routes": routes, "parse_seconds": parse_seconds,
        "pairs": pairs.len(), "lines": lines, "remediate_seconds": started.elapsed().as_secs_f64()}))
}

/// `count` tenants with the shapes of the inventory's, each with a number, a name and addresses of its own.
fn multiplied(inventory: &Inventory, count: u16) -> Result<Inventory, Error> {
    let mut many = inventory.clone();
    let pools = &mut many.project.network;
    (pools.sad, pools.tunnels) = ("20.0.0.0/12".parse()?, "21.0.0.0/12".parse()?);
    (pools.primary_loopbacks, pools.standby_loopbacks) = ("24.0.0.0/20".parse()?, "25.0.0.0/20".parse()?);
    (pools.kept_vlan_base, pools.new_vlan_base) = (1, 1001);
    if let Some(migration) = &mut pools.migration {
        migration.aliases = "26.0.0.0/12".parse()?;
    }
    let shapes: Vec<Tenant> = many.tenants.values().cloned().collect();
    many.tenants.clear();
    for number in 1..=count {
        let shape = &shapes[usize::from(number) % shapes.len()];
        let tenant = copy(shape, number, many.project.network.sad)?;
        many.tenants.insert(tenant.id.clone(), tenant);
    }
    Ok(many)
}

fn copy(shape: &Tenant, number: u16, sad: Ipv4Network) -> Result<Tenant, Error> {
    let mut tenant = shape.clone();
    tenant.id = format!("town-{number}").parse()?;
    tenant.number = number;
    tenant.short = format!("TOWN{number}");
    let own = u32::from(sad.network()) + u32::from(number) * 256;
    if let Known::Known(servers) = &mut tenant.servers {
        for (at, server) in (0_u32..).zip(servers) {
            server.id = format!("town-{number}-s{at}").parse()?;
            if let Addressing::Renumber(_) = server.landing {
                server.landing = Addressing::Renumber(Ipv4Addr::from(own + 10 + at));
            }
        }
    }
    if let Known::Known(sites) = &mut tenant.sites {
        for site in sites {
            let lines = (22 << 24) + u32::from(number) * 16;
            site.link.carrier = Some(line(lines, site.link.carrier.as_ref())?);
            site.link.handoff = Some(handoff(number)?);
            match &mut site.link.backup {
                Some(Backup::Copper { carrier, .. }) => *carrier = Some(line(lines + 4, carrier.as_ref())?),
                Some(Backup::Lte { return_path: ReturnPath::Provider { carrier: Some(cellular) }, .. }) => {
                    cellular.wan = Ipv4Network::new(Ipv4Addr::from(lines + 4), 30)?;
                    cellular.cpe = Ipv4Addr::from(lines + 6);
                }
                _ => {}
            }
        }
    }
    Ok(tenant)
}

fn line(first: u32, like: Option<&CarrierLine>) -> Result<CarrierLine, Error> {
    let (pe, cpe) = (Ipv4Addr::from(first + 1), Ipv4Addr::from(first + 2));
    let mtu = like.map_or(1500, |like| like.mtu);
    Ok(CarrierLine { wan: Ipv4Network::new(Ipv4Addr::from(first), 30)?, pe, cpe, mtu, example: true })
}

fn handoff(number: u16) -> Result<HubHandoff, Error> {
    let first = (23 << 24) + u32::from(number) * 4;
    let (pe, ce) = (Ipv4Addr::from(first + 1), Ipv4Addr::from(first + 2));
    Ok(HubHandoff { vlan: 2002 + number, wan: Ipv4Network::new(Ipv4Addr::from(first), 30)?, pe, ce })
}
