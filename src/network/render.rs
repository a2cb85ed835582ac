//! From typed values to text, through strict templates: a name that a template misspells, and a text
//! that no router should read, are errors and never output.

use super::cpe::{self, Moved};
use super::cutover::{Cutover, cutovers};
use super::hosts::HostRoutes;
use super::hub;
use super::kit::{ChangeRequest, Direction, Kit, Language, Pages};
use super::migration_path::changes::{MigrationEnds, RouterChange, undo};
use super::plan::NetworkPlan;
use super::read_back::{self, Deviations, Difference};
use super::route::Route;
use super::router::RouterPlan;
use crate::model::link::ManagedBy;
use ipnetwork::Ipv4Network;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde::Serialize;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The templates as they are built in, by name below `templates/`.
const BUILT_IN: [(&str, &str); 17] = [
    ("router/router.j2", include_str!("../../templates/router/router.j2")),
    ("router/baseline-head.j2", include_str!("../../templates/router/baseline-head.j2")),
    ("router/tracking.j2", include_str!("../../templates/router/tracking.j2")),
    ("router/qos.j2", include_str!("../../templates/router/qos.j2")),
    ("router/crypto.j2", include_str!("../../templates/router/crypto.j2")),
    ("router/interfaces.j2", include_str!("../../templates/router/interfaces.j2")),
    ("router/routes.j2", include_str!("../../templates/router/routes.j2")),
    ("router/baseline-tail.j2", include_str!("../../templates/router/baseline-tail.j2")),
    ("router/cutover.j2", include_str!("../../templates/router/cutover.j2")),
    ("router/kit.j2", include_str!("../../templates/router/kit.j2")),
    ("router/change-request.j2", include_str!("../../templates/router/change-request.j2")),
    ("router/migration.j2", include_str!("../../templates/router/migration.j2")),
    ("host-routes/migration.j2", include_str!("../../templates/host-routes/migration.j2")),
    ("host-routes/firewall.j2", include_str!("../../templates/host-routes/firewall.j2")),
    ("host-routes/windows.j2", include_str!("../../templates/host-routes/windows.j2")),
    ("host-routes/linux.j2", include_str!("../../templates/host-routes/linux.j2")),
    ("host-routes/dhcp.j2", include_str!("../../templates/host-routes/dhcp.j2")),
];

/// What the templates are called where none of them is replaced.
const BUILT_IN_NAME: &str = "router/router.j2";

/// Why nothing was rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A template is wrong, or asks for something that the plan does not have.
    #[error("the template {name} cannot be used")]
    Template {
        /// Its name below `templates/`.
        name: String,
        /// Why, with the line.
        #[source]
        source: Arc<minijinja::Error>,
    },
    /// A template that should replace a built-in one cannot be read.
    #[error("the template {name} cannot be read")]
    Unreadable {
        /// Its name below `templates/`.
        name: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A text means something else than the plan.
    #[error("the template {templates} changes what {router} means: {difference}")]
    Meaning {
        /// Templates that differ from the built-in ones.
        templates: String,
        /// Host name of the router.
        router: String,
        /// What differs first.
        difference: Box<Difference>,
    },
    /// A text of the plan could end a line, quote or ask for help on a router.
    #[error("\"{}\" cannot stand in a router's configuration", .text.escape_default())]
    Unsafe {
        /// The text.
        text: String,
    },
}

/// A file of a tenant's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Where, below the tenant's folder: `STAGE/NAME`.
    pub path: String,
    /// What it says.
    pub text: String,
    /// What a template of the root adds and leaves out, where the text is a router's.
    pub deviations: Deviations,
}

impl RenderedFile {
    /// A file for people: no router reads it, so nothing is compared.
    pub fn for_people(path: String, text: String) -> Self {
        Self { path, text, deviations: Deviations::default() }
    }
}

/// What a configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Routers before any server has moved: no address of a living machine in them.
    Before,
    /// The temporary way that the copying takes: what each router gets before activity 3 and loses at
    /// acceptance, and the routes of the town's own machines.
    Migration,
    /// One file for each server: the lines of its cutover and of its way back.
    Cutover,
    /// Routers after every server has moved.
    After,
    /// Routes of the town's firewall and machines.
    Hosts,
}

impl Stage {
    /// All stages, in the order of use.
    pub const ALL: [Stage; 5] = [Stage::Before, Stage::Hosts, Stage::Migration, Stage::Cutover, Stage::After];

    /// The folder of its files.
    pub fn folder(self) -> &'static str {
        match self {
            Stage::Before => "before",
            Stage::Migration => "migration",
            Stage::Cutover => "cutover",
            Stage::After => "after",
            Stage::Hosts => "hosts",
        }
    }
}

/// The templates, ready to use.
pub struct Templates {
    environment: Environment<'static>,
    replaced: Vec<&'static str>,
}

impl Templates {
    /// The templates as they are built in.
    pub fn built_in() -> Result<Self, RenderError> {
        Self::new(|_| Ok(None))
    }

    /// The built-in templates; where `replacement` has a text for a name, that one is used.
    pub fn new(replacement: impl Fn(&str) -> std::io::Result<Option<String>>) -> Result<Self, RenderError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
        environment.set_syntax(syntax.build().map_err(|source| RenderError::template("router", source))?);
        environment.add_filter("with_mask", with_mask);
        environment.add_filter("with_wildcard", with_wildcard);
        environment
            .add_filter("address", |network: String| Ok::<_, minijinja::Error>(parse(&network)?.ip().to_string()));
        environment
            .add_filter("mask", |network: String| Ok::<_, minijinja::Error>(parse(&network)?.mask().to_string()));
        environment.add_filter("length_of", |network: String| Ok::<_, minijinja::Error>(parse(&network)?.prefix()));
        environment.add_filter("for_list", for_list);
        environment.add_filter("lines", |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>());
        let mut replaced = Vec::new();
        for (name, built_in) in BUILT_IN {
            let unreadable = |source| RenderError::Unreadable { name: name.to_owned(), source };
            let text = replacement(name).map_err(unreadable)?.unwrap_or_else(|| built_in.to_owned());
            if text != built_in {
                replaced.push(name);
            }
            environment.add_template_owned(name, text).map_err(|source| RenderError::template(name, source))?;
        }
        Ok(Self { environment, replaced })
    }

    /// The names of templates that differ from the built-in ones.
    pub fn replaced(&self) -> &[&'static str] {
        &self.replaced
    }

    /// The text of a router, or of a tenant's part of the hub. It is read back: a text that means
    /// something else than the plan is an error.
    pub fn router(&self, router: &RouterPlan) -> Result<String, RenderError> {
        self.read_back(router).map(|(text, _)| text)
    }

    fn read_back(&self, router: &RouterPlan) -> Result<(String, Deviations), RenderError> {
        let text = self.render("router/router.j2", router)?;
        match read_back::compare(router, &text) {
            Ok(deviations) => Ok((text, deviations)),
            Err(difference) => Err(RenderError::Meaning {
                templates: if self.replaced.is_empty() { BUILT_IN_NAME.to_owned() } else { self.replaced.join(", ") },
                router: router.hostname.to_string(),
                difference: Box::new(difference),
            }),
        }
    }

    fn router_file(&self, path: String, router: &RouterPlan) -> Result<RenderedFile, RenderError> {
        let (text, deviations) = self.read_back(router)?;
        Ok(RenderedFile { path, text, deviations })
    }

    /// The files of `stage` for one tenant.
    pub fn stage(&self, plan: &NetworkPlan, stage: Stage) -> Result<Vec<RenderedFile>, RenderError> {
        match stage {
            Stage::Before => self.routers(plan, stage, &Moved::new()),
            Stage::After => {
                let moved = plan.kept_everywhere().map(|server| server.id.clone()).collect();
                self.routers(&plan.accepted(), stage, &moved)
            }
            Stage::Cutover => cutovers(plan).iter().map(|cutover| self.cutover(cutover)).collect(),
            Stage::Hosts => self.hosts(plan),
            Stage::Migration => self.migration(plan),
        }
    }

    /// The whole hub in `stage`: before or after.
    pub fn hub(&self, plans: &[NetworkPlan], stage: Stage) -> Result<Option<RenderedFile>, RenderError> {
        let everyone = plans.iter().flat_map(NetworkPlan::kept_everywhere).map(|server| server.id.clone());
        let moved = if stage == Stage::After { everyone.collect() } else { Moved::new() };
        let accepted: Vec<_> = match stage {
            Stage::After => plans.iter().map(NetworkPlan::accepted).collect(),
            _ => plans.to_vec(),
        };
        let Some(router) = hub::whole(&accepted, &moved) else { return Ok(None) };
        let path = format!("{}/{}.ios", stage.folder(), router.hostname);
        self.router_file(path, &router).map(Some)
    }

    fn routers(&self, plan: &NetworkPlan, stage: Stage, moved: &Moved) -> Result<Vec<RenderedFile>, RenderError> {
        let mut files = Vec::new();
        for router in cpe::routers(plan, moved) {
            let path = format!("{}/{}.ios", stage.folder(), router.hostname);
            files.push(self.router_file(path, &router)?);
        }
        let part = hub::tenant(plan, moved);
        let path = format!("{}/{}-{}.ios", stage.folder(), part.hostname, plan.tenant);
        files.push(self.router_file(path, &part)?);
        Ok(files)
    }

    fn cutover(&self, cutover: &Cutover) -> Result<RenderedFile, RenderError> {
        let path = format!("{}/{}.txt", Stage::Cutover.folder(), cutover.server.id);
        Ok(RenderedFile::for_people(path, self.render("router/cutover.j2", cutover)?))
    }

    fn migration(&self, plan: &NetworkPlan) -> Result<Vec<RenderedFile>, RenderError> {
        let Some(path) = &plan.migration else { return Ok(Vec::new()) };
        let folder = Stage::Migration.folder();
        let mut files = Vec::new();
        for change in self.migration_changes(plan)? {
            let path = format!("{folder}/{}.txt", change.router);
            files.push(RenderedFile::for_people(path, self.render("router/migration.j2", &change)?));
        }
        let ends = MigrationEnds::new(plan, path);
        let text = self.render("host-routes/migration.j2", &ends)?;
        files.push(RenderedFile::for_people(format!("{}/hosts.txt", of_site(plan, folder)), text));
        Ok(files)
    }

    /// What the temporary way adds to each router before any server has moved, and takes away again.
    pub fn migration_changes(&self, plan: &NetworkPlan) -> Result<Vec<RouterChange>, RenderError> {
        let moved = Moved::new();
        let (with, without) = (each_router(plan, &moved), each_router(&plan.accepted(), &moved));
        let pairs = with.into_iter().zip(without);
        pairs
            .map(|(with, without)| {
                let (present, absent) = (self.router(&with)?, self.router(&without)?);
                Ok(RouterChange::new(plan, with.hostname, &absent, &present))
            })
            .collect()
    }

    /// The runbook of each server, in the order of the inventory.
    pub fn kits(&self, plan: &NetworkPlan, direction: Direction) -> Result<Vec<Kit>, RenderError> {
        let routes = HostRoutes::new(plan);
        let page = |name: &str| self.render(&format!("host-routes/{name}.j2"), &routes);
        let hosts = [page("firewall")?, page("windows")?, page("linux")?, page("dhcp")?];
        let mut kits = Vec::new();
        for cutover in cutovers(plan) {
            let lines =
                cutover.steps.iter().map(|step| self.route_lines(plan, &step.routes)).collect::<Result<_, _>>()?;
            kits.push(Kit::new(plan, &cutover, Pages { lines, hosts: hosts.clone() }, direction));
        }
        Ok(kits)
    }

    /// The lines of routes, to add and, in the reverse order, to take away.
    fn route_lines(&self, plan: &NetworkPlan, routes: &[Route]) -> Result<(Vec<String>, Vec<String>), RenderError> {
        let mut router = RouterPlan::named(plan.shared.hub.clone());
        router.routes = routes.to_vec();
        let text = self.render("router/routes.j2", &router)?;
        let add: Vec<_> = text.lines().filter(|line| line.starts_with("ip route ")).map(str::to_owned).collect();
        let remove = add.iter().rev().map(|line| undo(line)).collect();
        Ok((add, remove))
    }

    /// A kit as a page, in Italian or English.
    pub fn kit(&self, kit: &Kit, lang: Language) -> Result<String, RenderError> {
        let places: Vec<_> = kit.steps.iter().map(|step| lang.of(step.place.words(&kit.place))).collect();
        let value = serde_json::json!({"kit": kit, "places": places, "lang": lang.word()});
        self.for_people("router/kit.j2", &value)
    }

    /// What the carrier is asked for, as a page.
    pub fn change_request(&self, request: &ChangeRequest, lang: Language) -> Result<String, RenderError> {
        let reasons: Vec<_> = request.routes.iter().map(|route| lang.choose(route.reason.words())).collect();
        let value = serde_json::json!({"request": request, "reasons": reasons, "lang": lang.word()});
        self.for_people("router/change-request.j2", &value)
    }

    /// What the carrier is asked for.
    pub fn request(&self, plan: &NetworkPlan) -> Result<ChangeRequest, RenderError> {
        let mut routers: Vec<_> = match plan.managed_by {
            ManagedBy::Us => Vec::new(),
            ManagedBy::Carrier => cpe::routers(plan, &Moved::new()).iter().filter_map(ChangeRequest::router).collect(),
        };
        for cutover in cutovers(plan) {
            for router in &mut routers {
                let step = cutover.steps.iter().find(|step| step.router == router.router);
                let (add, remove) = self.route_lines(plan, step.map_or(&[], |step| &step.routes))?;
                router.ask_for(&cutover.server, add, remove);
            }
        }
        Ok(ChangeRequest::new(plan, routers))
    }

    fn hosts(&self, plan: &NetworkPlan) -> Result<Vec<RenderedFile>, RenderError> {
        let routes = HostRoutes::new(plan);
        ["firewall", "windows", "linux", "dhcp"]
            .into_iter()
            .map(|name| {
                let text = self.render(&format!("host-routes/{name}.j2"), &routes)?;
                Ok(RenderedFile::for_people(format!("{}/{name}.txt", of_site(plan, Stage::Hosts.folder())), text))
            })
            .collect()
    }

    /// A page that people read, in which any printable character may stand.
    fn for_people(&self, name: &str, value: &serde_json::Value) -> Result<String, RenderError> {
        printable(value)?;
        let template = self.environment.get_template(name).map_err(|source| RenderError::template(name, source))?;
        template.render(Value::from(Serde(value))).map_err(|source| RenderError::template(name, source))
    }

    fn render(&self, name: &str, value: &impl Serialize) -> Result<String, RenderError> {
        let value = Value::from(Serde(value));
        check(&value)?;
        let template = self.environment.get_template(name).map_err(|source| RenderError::template(name, source))?;
        template.render(value).map_err(|source| RenderError::template(name, source))
    }
}

impl RenderError {
    fn template(name: &str, source: minijinja::Error) -> Self {
        let name = source.name().unwrap_or(name).to_owned();
        Self::Template { name, source: Arc::new(source) }
    }
}

/// The folder of what the machines of a site are told: below it, where it is not the first site.
fn of_site(plan: &NetworkPlan, folder: &str) -> String {
    if plan.numbers.of_first_site() { folder.to_owned() } else { format!("{folder}/{}", plan.site) }
}

/// The site's CPEs, then the tenant's part of the hub.
fn each_router(plan: &NetworkPlan, moved: &Moved) -> Vec<RouterPlan> {
    let mut all = cpe::routers(plan, moved);
    all.push(hub::tenant(plan, moved));
    all
}

/// A page has lines of its own only: no text in it ends one, but for the pages that it takes in.
fn printable(value: &serde_json::Value) -> Result<(), RenderError> {
    match value {
        serde_json::Value::String(text) if text.chars().any(|c| c.is_control() && c != '\n') => {
            Err(RenderError::Unsafe { text: text.clone() })
        }
        serde_json::Value::Array(items) => items.iter().try_for_each(printable),
        serde_json::Value::Object(map) => map.values().try_for_each(printable),
        _ => Ok(()),
    }
}

/// The last gate before a template: no text of the plan, wherever it came from, can leave its place.
fn check(value: &Value) -> Result<(), RenderError> {
    if let Some(text) = value.as_str() {
        let safe = |byte: u8| (byte == b' ' || byte.is_ascii_graphic()) && !br#"!?"'`\^|"#.contains(&byte);
        return if text.bytes().all(safe) { Ok(()) } else { Err(RenderError::Unsafe { text: text.to_owned() }) };
    }
    let Ok(items) = value.try_iter() else { return Ok(()) };
    for item in items {
        match value.get_item(&item) {
            Ok(inner) if value.kind() == ValueKind::Map => check(&inner)?,
            _ => check(&item)?,
        }
    }
    Ok(())
}

fn parse(network: &str) -> Result<Ipv4Network, minijinja::Error> {
    network.parse().map_err(|error| minijinja::Error::new(ErrorKind::InvalidOperation, format!("{network}: {error}")))
}

/// `10.64.4.0/24` as `10.64.4.0 255.255.255.0`.
fn with_mask(network: String) -> Result<String, minijinja::Error> {
    let network = parse(&network)?;
    Ok(format!("{} {}", network.ip(), network.mask()))
}

/// A network as an extended access list writes it: `any`, `host ADDRESS`, or address and wildcard.
fn for_list(network: Option<String>) -> Result<String, minijinja::Error> {
    let Some(network) = network else { return Ok("any".to_owned()) };
    match parse(&network)? {
        host if host.prefix() == 32 => Ok(format!("host {}", host.ip())),
        _ => with_wildcard(network),
    }
}

/// `10.64.4.0/24` as `10.64.4.0 0.0.0.255`.
fn with_wildcard(network: String) -> Result<String, minijinja::Error> {
    let network = parse(&network)?;
    Ok(format!("{} {}", network.ip(), Ipv4Addr::from(!u32::from(network.mask()))))
}

#[cfg(test)]
mod tests;
