//! The routers of Cinto Caomaggiore on loopback, as they are before any server moves, and the
//! inventory that leads to them.

use super::ios::{Device, Fault, Hook, Line, Setup, neighbours};
use super::network::sandbox;
use super::{Ran, Sandbox, project};
use std::process::{Child, Output};
use std::sync::Arc;
use std::time::Duration;

/// The tenant.
pub const TENANT: &str = "cinto-caomaggiore";
/// Its routers: the primary CPE, the standby CPE, the hub.
pub const ROUTERS: [&str; 3] = ["cinto-cpe-a", "cinto-cpe-b", "sad-ce-1"];
const YAML: &str = "inventory/tenants/cinto-caomaggiore.yaml";

/// Routers, and a sandbox whose inventory reaches them.
pub struct Field {
    pub sandbox: Sandbox,
    pub devices: [Device; 3],
    texts: [String; 3],
}

/// The rendered configuration of a router before any move.
pub fn before(router: &str) -> String {
    let folder = if router == "sad-ce-1" { "hub" } else { TENANT };
    let path = project().join(format!("tests/golden/network/{folder}/before/{router}.ios"));
    std::fs::read_to_string(path).unwrap()
}

impl Field {
    /// Three routers that take a password.
    pub fn new() -> Self {
        Self::with(|_, setup| setup.account("netops", "router-word"))
    }

    /// Three routers, each set up by `set_up`.
    pub fn with(set_up: impl Fn(&str, Setup) -> Setup) -> Self {
        let texts = ROUTERS.map(before);
        let mut at = 0;
        let devices = ROUTERS.map(|router| {
            at += 1;
            set_up(router, Setup::new(router, &texts[at - 1])).start()
        });
        neighbours(&[&devices[0], &devices[1]]);
        let sandbox = sandbox().env("TRAGHETTO_OPERATOR", "anna-veneto").env("ROUTER_WORD", "router-word");
        let field = Self { sandbox, devices, texts };
        // The routers know an access point; so must the inventory.
        field.edit("apn: unknown", "apn: invented-apn");
        let [primary, standby, hub] = [0, 1, 2].map(|at| field.access(at));
        let routers = format!("    link:\n      routers:\n        primary: {primary}\n        standby: {standby}\n");
        field.edit("    link:\n", &routers);
        let project = "inventory/project.yaml";
        field.sandbox.edit(
            project,
            "\n  hub_name: sad-ce-1\n",
            &format!("\n  hub_name: sad-ce-1\n  hub_access: {hub}\n"),
        );
        field
    }

    /// How one of them is reached, as YAML.
    pub fn access(&self, router: usize) -> String {
        let device = &self.devices[router];
        format!(
            "{{host: 127.0.0.1, port: {}, user: netops, password: \"env:ROUTER_WORD\", host_key: \"{}\", serial: {}}}",
            device.port,
            device.fingerprint,
            device.serial()
        )
    }

    /// Replaces the one occurrence of `from` in the tenant's file.
    #[track_caller]
    pub fn edit(&self, from: &str, to: &str) {
        self.sandbox.edit(YAML, from, to);
    }

    /// All routers as they were, nothing in the journal.
    pub fn reset(&self) {
        for (device, text) in self.devices.iter().zip(&self.texts) {
            device.reset(text);
        }
        // The journal, and its mirror beside the replicas.
        for folder in [".traghetto", "replicas"] {
            let _ = std::fs::remove_dir_all(self.sandbox.path().join(folder));
        }
    }

    /// `traghetto network push` of the tenant.
    pub fn push(&self, args: &[&str]) -> Ran {
        self.sandbox.run(&Self::arguments(args))
    }

    /// The same, begun.
    pub fn begin(&self, args: &[&str]) -> Child {
        let mut command = self.sandbox.command(&Self::arguments(args));
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    }

    fn arguments<'a>(args: &[&'a str]) -> Vec<&'a str> {
        ["network", "push", TENANT, "--yes"].into_iter().chain(args.iter().copied()).collect()
    }

    /// Running configuration of each.
    pub fn running(&self) -> [String; 3] {
        [0, 1, 2].map(|at| self.devices[at].running())
    }

    /// Startup configuration of each.
    pub fn startup(&self) -> [String; 3] {
        [0, 1, 2].map(|at| self.devices[at].startup())
    }

    /// Lets time go by on all.
    pub fn advance(&self, time: Duration) {
        self.devices.iter().for_each(|device| device.advance(time));
    }

    /// Asks `hook` at each line of any of them.
    pub fn at_each_line(&self, hook: impl Fn(&Line<'_>) -> Fault + Send + Sync + 'static) {
        let hook: Hook = Arc::new(hook);
        self.devices.iter().for_each(|device| device.at_each_line(hook.clone()));
    }

    /// Asks nobody any more.
    pub fn no_faults(&self) {
        self.devices.iter().for_each(Device::no_faults);
    }
}

/// What a child printed.
pub fn streams(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
