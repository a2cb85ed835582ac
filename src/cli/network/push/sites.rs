//! A tenant's routers and how they are reached, from the inventory.

use super::{Args, Lines};
use crate::cli::Context;
use crate::cli::network::{meant, refused, render};
use crate::failure::{Failure, Kind};
use crate::model::link::ManagedBy;
use crate::model::router_access::RouterAccess;
use crate::model::tenant::Tenant;
use crate::model::{Inventory, ServerId, TenantId};
use crate::network::NetworkPlan;
use crate::network::plan::ReachedBy;
use crate::network::render::Templates;
use crate::network::simulate::Role;
use std::collections::BTreeMap;

/// A tenant's routers and how they are reached.
pub(super) struct Sites {
    pub(super) tenant: TenantId,
    pub(super) plan: NetworkPlan,
    pub(super) beside: Vec<NetworkPlan>,
    pub(super) templates: Templates,
    pub(super) accesses: BTreeMap<String, RouterAccess>,
    /// Host names of the routers that are ours, by role.
    pub(super) names: BTreeMap<Role, String>,
    /// Routers of the carrier: they are taken to be as rendered.
    pub(super) assumed: Vec<Role>,
}

impl Sites {
    /// Reads the inventory.
    ///
    /// # Errors
    /// The tenant has no plan, its CPEs are the carrier's, or a router cannot be reached for want of a key.
    pub(super) fn of(inventory: &Inventory, tenant: &Tenant, args: &Args, context: &Context) -> Result<Self, Failure> {
        let sites = NetworkPlan::new(inventory, tenant).map_err(refused)?.sites();
        let server = args.server.as_ref().map(ServerId::as_str);
        let plan = meant(sites, args.site.as_deref(), server)?;
        let about_open = args.undo || args.abandon;
        if plan.managed_by == ManagedBy::Carrier && !args.hub && !about_open {
            let text = format!("the CPEs of {} are configured by the carrier", tenant.id);
            return Err(Failure::new(Kind::Waiting, text)
                .hint(format!("traghetto network kit {} writes the change request with expected results.", tenant.id))
                .hint("The hub is ours: --hub pushes this tenant's part of it."));
        }
        let (every, _) = render::every(inventory);
        let beside = every
            .into_iter()
            .filter(|other| other.tenant != plan.tenant && other.shared.hub == plan.shared.hub)
            .collect();
        let templates = render::templates(context)?;
        let mut sites = Self {
            tenant: tenant.id.clone(),
            plan,
            beside,
            templates,
            accesses: BTreeMap::new(),
            names: BTreeMap::new(),
            assumed: Vec::new(),
        };
        sites.find_accesses(inventory, tenant)?;
        sites.knows(args)?;
        Ok(sites)
    }

    fn find_accesses(&mut self, inventory: &Inventory, tenant: &Tenant) -> Result<(), Failure> {
        let sites = tenant.sites.known().into_iter().flatten();
        let site = sites.clone().find(|site| site.id == self.plan.site);
        let routers = site.and_then(|site| site.link.routers.as_ref());
        let key = |which: &str| {
            format!("inventory/tenants/{}.yaml: sites.{}.link.routers.{which}", tenant.id, self.plan.site)
        };
        let mut cpes = vec![(
            Role::PrimaryCpe,
            self.plan.primary_cpe.hostname.to_string(),
            routers.map(|routers| routers.primary.clone()),
            key("primary"),
        )];
        if let Some(standby) = &self.plan.standby_cpe {
            let access = routers.and_then(|routers| routers.standby.clone());
            cpes.push((Role::StandbyCpe, standby.hostname.to_string(), access, key("standby")));
        }
        let mut missing = Vec::new();
        if self.plan.managed_by == ManagedBy::Carrier {
            self.assumed = cpes.drain(..).map(|(role, ..)| role).collect();
        }
        let hub = inventory.project.network.hub_access.clone();
        let hub_key = "inventory/project.yaml: network.hub_access".to_owned();
        cpes.push((Role::Hub, self.plan.shared.hub.to_string(), hub, hub_key));
        for (role, name, access, key) in cpes {
            match access {
                Some(access) => {
                    self.accesses.insert(name.clone(), access);
                    self.names.insert(role, name);
                }
                None => missing.push(key),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let text = format!("the inventory does not say how these are reached:\n  {}", missing.join("\n  "));
        Err(Failure::new(Kind::Invalid, Lines(text))
            .hint("No router was touched. Write there {host, user, key or password, host_key}, and repeat."))
    }

    fn knows(&self, args: &Args) -> Result<(), Failure> {
        if let Some(name) = args.router.as_ref().filter(|name| !self.accesses.contains_key(*name)) {
            let known: Vec<&str> = self.accesses.keys().map(String::as_str).collect();
            return Err(Failure::new(Kind::Usage, format!("{} has no router {name}", self.tenant))
                .hint(format!("Its routers: {}.", known.join(", "))));
        }
        let Some(server) = &args.server else { return Ok(()) };
        match self.plan.servers.iter().find(|known| known.id == *server) {
            Some(known) if known.reached_by == ReachedBy::ProxyArp => Ok(()),
            Some(_) => Err(Failure::new(Kind::Usage, format!("the cutover of {server} changes no router")).hint(
                "Its new address is inside the tenant's prefix at the data center, which the routers know already.",
            )),
            None => Err(Failure::new(Kind::Usage, format!("{} has no server {server}", self.tenant))
                .hint("No router was touched. Its servers: `traghetto network plan`.")),
        }
    }

    /// The routers that are ours.
    pub(super) fn hostnames(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(String::as_str)
    }
}
