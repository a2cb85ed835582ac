//! The landing as the runner acts on it: clones, their conversion, machines. Replicas are only read.

use super::sight::{ports, serves};
use super::trouble::{of_file, of_landing, of_replica};
use super::{Live, root_of};
use crate::digest::sha256;
use crate::journal::Event;

use crate::landing::convert::{self, CloneDisk, CloneDisks, ConvertError, Converted, Family, Wish, hardware};
use crate::landing::{
    self, Blueprint, BlueprintDisk, Found, Identity, LandingZone as _, Port, Power, Purpose, Standing, Way,
};
use crate::migration::record::{Class, Result as Outcome};
use crate::migration::run::{Ended, Progress, Raised, Trouble};
use crate::model::ServerId;
use crate::model::machine::Firmware;
use crate::model::server::{Os, Server};
use crate::replica;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a machine may take until it answers.
const BOOT: Duration = Duration::from_secs(15 * 60);
/// Between two looks at it.
const EVERY: Duration = Duration::from_secs(2);
/// How long a guest that was taken back may take to shut down by itself.
const GENTLY: Duration = Duration::from_secs(60);

const STILL_ON: &str =
    "Perhaps it is on and its cable is in: keep the source off, and turn the machine off in the vCenter first.";
/// What is safe in any case.
const REPLICAS_KEPT: &str = "Replica and source are untouched: what is converted is a clone, and it is made anew.";

type Watch<'p> = &'p mut (dyn FnMut(Progress) + Send);

impl<F> Live<'_, F> {
    fn identity(&self, id: &ServerId, purpose: Purpose) -> Result<Identity, Trouble> {
        Ok(Identity::new(&self.store, self.tenant, self.server(id)?, purpose))
    }

    /// Fresh clones of all disks of a server, with the roots of their replicas.
    async fn clones(&self, id: &ServerId, identity: &Identity) -> Result<(Vec<String>, Vec<BlueprintDisk>), Trouble> {
        let folder = self.machines.clone_folder(identity);
        std::fs::create_dir_all(&folder).map_err(|error| of_file(error, "make", &folder))?;
        let (mut roots, mut disks) = (Vec::new(), Vec::new());
        for disk in &self.server(id)?.disks {
            let replica = self.replica(id, &disk.id);
            let image = self.machines.clone_file(identity, &disk.id);
            let root = root_of(&replica, id)?;
            // What a run that was killed had begun to convert is of no use.
            super::remove_stale(&image)?;
            replica::clone(&replica, &image).await.map_err(|error| of_replica(error, id, &replica))?;
            if root_of(&replica, id)? != root {
                let text = format!("the replica of {id} {} changed under its clone", disk.id);
                return Err(Trouble::new(Class::Evidence, text)
                    .hint("Find out who wrote to the replica, then sync and verify it again."));
            }
            let bytes = std::fs::metadata(&image).map_err(|error| of_file(error, "read", &image))?.len();
            disks.push(BlueprintDisk { id: disk.id.clone(), image, bytes });
            roots.push(root);
        }
        Ok((roots, disks))
    }

    async fn blueprint(
        &self,
        id: &ServerId,
        identity: &Identity,
        disks: Vec<BlueprintDisk>,
    ) -> Result<Blueprint, Trouble> {
        let found = found(&self.events().await?, id);
        Ok(landing::blueprint(identity.clone(), self.server(id)?, &found, disks))
    }

    /// Clones and converts, for one purpose. A machine that has these disks already is destroyed first where it
    /// is a test's, and refused where it is the real one.
    async fn converted(&self, id: &ServerId, purpose: Purpose, progress: Watch<'_>) -> Result<Made, Trouble> {
        let identity = self.identity(id, purpose)?;
        if let Some(standing) = self.machines.find(&identity).await.map_err(of_landing)? {
            if purpose == Purpose::Production && standing.complete {
                return Err(Trouble::new(Class::Failed, format!("{identity} is there already, with its disks"))
                    .hint("Nothing was cloned: its disks may hold what users wrote.")
                    .hint("Look at it at the landing site: only one of a night that was taken back is removed by hand.")
                    .hint("Then give the same command again."));
            }
            self.machines.destroy(&identity).await.map_err(of_landing)?;
        }
        progress(stage("cloning"));
        let begun = Instant::now();
        let (roots, disks) = self.clones(id, &identity).await?;
        let cloned = begun.elapsed();
        progress(stage("converting"));
        let blueprint = self.blueprint(id, &identity, disks).await?;
        let begun = Instant::now();
        let converted = self.convert_clone(id, &blueprint).await?;
        let actions = serde_json::to_value(&converted.actions).unwrap_or_default();
        let facts = json!({
            "clone_seconds": cloned.as_secs_f64(),
            "convert_seconds": begun.elapsed().as_secs_f64(),
            "duration": (cloned + begun.elapsed()).as_secs_f64(),
            "way": converted.way,
            "notes": converted.notes,
            "changes": actions,
        });
        Ok(Made { roots, blueprint, facts })
    }

    async fn convert_clone(&self, id: &ServerId, blueprint: &Blueprint) -> Result<Converted, Trouble> {
        let of = |error: ConvertError| {
            let hint = error.hint();
            Trouble::new(Class::Failed, error).hint(REPLICAS_KEPT).hint(hint)
        };
        let server = self.server(id)?;
        let device = |disk: &BlueprintDisk| {
            let described = server.disks.iter().find(|described| described.id == disk.id)?;
            described.source.as_ref().map(|source| source.display().to_string())
        };
        let disks = blueprint.disks.iter().map(|disk| {
            let device = device(disk);
            CloneDisk { id: disk.id.clone(), image: disk.image.clone(), device }
        });
        let folder = self.machines.clone_folder(&blueprint.identity);
        let clone = CloneDisks::new(&folder, &self.landing, disks.collect()).map_err(|error| of(error.into()))?;
        let mac = blueprint.nic.mac.parse().map_err(|error| Trouble::new(Class::Failed, error))?;
        let machine = hardware::Machine {
            controller: blueprint.controller,
            card: blueprint.nic.model,
            mac,
            address: server.address,
        };
        let wish = Wish::Machine(family(server), machine);
        convert::convert(&clone, &wish).await.map_err(of)
    }

    pub(super) async fn launch(&self, id: &ServerId, progress: Watch<'_>) -> Result<Ended, Trouble> {
        let Made { roots, blueprint, mut facts } = self.converted(id, Purpose::Test, progress).await?;
        let identity = blueprint.identity.clone();
        let begun = Instant::now();
        make(&self.machines, &blueprint, progress).await?;
        self.machines.connect(&identity, Port::Test).await.map_err(of_landing)?;
        self.machines.power_on(&identity).await.map_err(of_landing)?;
        // A cable that is to be in at power on may be out all the same, and the machine runs.
        self.machines.connect(&identity, Port::Test).await.map_err(of_landing)?;
        facts["machine_seconds"] = json!(begun.elapsed().as_secs_f64());
        Ok(Ended { result: Outcome::Launched { machine: identity.name(), roots }, facts })
    }

    /// Members first, the controller that they ask last.
    pub(super) async fn end_launches(&self) -> Result<Value, Trouble> {
        let mut servers: Vec<&Server> = self.tenant.servers.known().into_iter().flatten().collect();
        servers.sort_by_key(|server| server.is_domain_controller());
        for server in &servers {
            let identity = self.identity(&server.id, Purpose::Test)?;
            self.machines.destroy(&identity).await.map_err(of_landing)?;
        }
        Ok(json!({ "machines": servers.len() }))
    }

    pub(super) async fn convert_final(&self, id: &ServerId, progress: Watch<'_>) -> Result<Ended, Trouble> {
        let Made { roots, facts, .. } = self.converted(id, Purpose::Production, progress).await?;
        let changes = sha256(facts["changes"].to_string().as_bytes());
        Ok(Ended { result: Outcome::Converted { roots, changes }, facts })
    }

    pub(super) async fn raise_machine(&self, id: &ServerId, progress: Watch<'_>) -> Result<Raised, Trouble> {
        let identity = self.identity(id, Purpose::Production)?;
        if self.server(id)?.transfer.is_converter() {
            self.adopt_machine(id, &identity).await?;
        }
        let there = self.machines.find(&identity).await.map_err(of_landing)?;
        let production = |standing: &Standing| standing.connected && standing.port == Some(Port::Production);
        let connected = there.as_ref().is_some_and(|one| one.power == Some(Power::On) && production(one));
        if there.as_ref().is_some_and(|one| one.power == Some(Power::On) && one.connected && !production(one)) {
            let text = format!("the machine {} runs already, plugged into another network", identity.name());
            return Err(Trouble::new(Class::CheckFailed, text)
                .hint("Nothing was connected. Somebody started it by hand: look at the landing site who, and why.")
                .hint("Unplug its network card there, then give the same command again."));
        }
        // Whoever plugged it in: it is turned on connected to nothing.
        if there.as_ref().is_some_and(|one| one.power != Some(Power::On) && one.connected) {
            self.machines.disconnect(&identity).await.map_err(of_landing)?;
        }
        if there.is_none_or(|standing| !standing.complete) {
            let mut disks = Vec::new();
            for disk in &self.server(id)?.disks {
                let image = self.machines.clone_file(&identity, &disk.id);
                let bytes = std::fs::metadata(&image).map_err(|error| of_file(error, "read", &image))?.len();
                disks.push(BlueprintDisk { id: disk.id.clone(), image, bytes });
            }
            let blueprint = self.blueprint(id, &identity, disks).await?;
            make(&self.machines, &blueprint, progress).await?;
        }
        self.machines.power_on(&identity).await.map_err(of_landing)?;
        if connected {
            // It was in service already: its cable may be out after it was off.
            self.machines.connect(&identity, Port::Production).await.map_err(of_landing)?;
        }
        Ok(Raised { machine: identity.name(), connected })
    }

    /// Whether the machine runs in the network of production, whoever put it there; none where nobody can say.
    pub(super) async fn is_connected(&self, id: &ServerId) -> Option<bool> {
        let identity = self.identity(id, Purpose::Production).ok()?;
        let there = self.machines.look(&identity).await.ok()?;
        let connected =
            |one: Standing| one.power == Some(Power::On) && one.connected && one.port == Some(Port::Production);
        Some(there.is_some_and(connected))
    }

    pub(super) async fn connect_machine(&self, id: &ServerId) -> Result<(), Trouble> {
        let identity = self.identity(id, Purpose::Production)?;
        self.machines.connect(&identity, Port::Production).await.map_err(of_landing)
    }

    pub(super) async fn await_answer(&self, id: &ServerId, progress: Watch<'_>) -> Result<Vec<String>, Trouble> {
        let server = self.server(id)?;
        let begun = Instant::now();
        let host = server.landing_access.as_ref().filter(|access| access.via.is_none());
        let host = host.map_or_else(|| server.landing_address().to_string(), |access| access.host.clone());
        let mut asked = ports(server);
        asked.extend(server.landing_access.iter().map(|access| access.port));
        while begun.elapsed() < BOOT {
            let served = serves(&host, &asked).await;
            // Where the checklist will log in counts; else any service. A bare echo may come from a boot loader.
            let ready = match server.landing_access.as_ref().filter(|access| access.via.is_none()) {
                Some(access) => served.contains(&access.port),
                None => !served.is_empty(),
            };
            if ready {
                return Ok(served.into_iter().map(|port| format!("tcp {port}")).collect());
            }
            let (done, total) = (begun.elapsed().as_secs(), BOOT.as_secs());
            progress(Progress { stage: "booting", done, total, link: 0, allowance: None });
            tokio::time::sleep(EVERY).await;
        }
        let minutes = BOOT.as_secs() / 60;
        Err(Trouble::new(
            Class::CheckFailed,
            format!("{id} runs at the landing site, but nothing of it answers at {host}"),
        )
        .hint(format!("It was asked for {minutes} minutes. Its source is off; the replica is untouched."))
        .hint("Look at its console. Give the same command again to go on waiting, or go back:")
        .hint(format!("traghetto migrate rollback {} --server {id} --role ROLE --reason TEXT", self.tenant.id)))
    }

    /// Moves the machine to where it stays. One that was shut down for it is turned on by people: whether its source
    /// is still off is for them to see.
    pub(super) async fn relocate_machine(&self, id: &ServerId, progress: Watch<'_>) -> Result<Ended, Trouble> {
        let identity = self.identity(id, Purpose::Production)?;
        let begun = Instant::now();
        let shown = Mutex::new(progress);
        let watch = |percent: u8| percent_of("moving the machine", percent, &shown);
        let stays = self.machines.relocate(&identity, &watch).await.map_err(of_landing)?;
        if let (Some(datastore), Some(Power::Off | Power::Suspended)) = (&stays.datastore, stays.power) {
            return Err(Trouble::new(Class::Waiting, format!("{identity} is on {datastore}, and it is off"))
                .hint("Nothing of it is on the landing host any more; source and replica are untouched.")
                .hint("See that its source is still off, then turn it on in the vCenter: its cable is as it was.")
                .hint("Then give the same command again."));
        }
        let facts = json!({
            "place": stays.place,
            "moved": stays.moved,
            "duration": begun.elapsed().as_secs_f64(),
        });
        Ok(Ended { result: Outcome::Relocated { machine: identity.name(), datastore: stays.datastore }, facts })
    }

    /// Off the network first, whatever comes after.
    pub(super) async fn withdraw_machine(&self, id: &ServerId) -> Result<Value, Trouble> {
        let identity = self.identity(id, Purpose::Production)?;
        let begun = Instant::now();
        if self.server(id)?.transfer.is_converter() {
            // Perhaps it was never taken for ours.
            let seen = self.machines.look(&identity).await.map_err(of_landing)?;
            if seen.as_ref().is_none_or(|one| one.power != Some(Power::On) && !one.connected) {
                return Ok(json!({ "machine": seen.map(|_| identity.name()), "off": true }));
            }
        }
        if self.machines.find(&identity).await.map_err(of_landing)?.is_none() {
            return Ok(json!({ "machine": null }));
        }
        let unplugged = self.machines.disconnect(&identity).await;
        let apart = begun.elapsed();
        if let Err(error) = unplugged {
            // What cannot be unplugged is at least turned off.
            self.machines.power_off(&identity).await.map_err(|error| of_landing(error).hint(STILL_ON))?;
            return Err(
                of_landing(error).hint(format!("{identity} was switched off, and its cable is still plugged in."))
            );
        }
        let gently = tokio::time::timeout(GENTLY, self.machines.shut_down(&identity)).await;
        let gently = matches!(gently, Ok(Ok(())));
        if !gently {
            self.machines.power_off(&identity).await.map_err(of_landing)?;
        }
        Ok(json!({
            "machine": identity.name(),
            "disconnected_seconds": apart.as_secs_f64(),
            "shut_down": gently,
            "duration": begun.elapsed().as_secs_f64(),
        }))
    }
}

/// Clones that were made and converted.
struct Made {
    roots: Vec<String>,
    blueprint: Blueprint,
    facts: Value,
}

fn family(server: &Server) -> Family {
    match server.os {
        Os::Windows(_) => Family::Windows,
        Os::Linux(_) => Family::Linux,
    }
}

/// What the last survey of a server says of its hardware.
fn found(events: &[Event], id: &ServerId) -> Found {
    let of_it = |event: &&Event| event.kind == "survey.recorded" && event.data["server"] == id.as_str();
    let Some(survey) = events.iter().rfind(of_it).map(|event| &event.data["survey"]["system"]) else {
        return Found::default();
    };
    Found {
        firmware: match survey["firmware"].as_str() {
            Some("uefi") => Some(Firmware::Uefi),
            Some("bios") => Some(Firmware::Bios),
            _ => None,
        },
        cpus: survey["processors"].as_u64().and_then(|count| u16::try_from(count).ok()),
        memory_mb: survey["memory"].as_u64().and_then(|bytes| u32::try_from(bytes >> 20).ok()),
    }
}

/// Makes a machine, with the percent of what is imported as progress.
async fn make(machines: &Way, blueprint: &Blueprint, progress: Watch<'_>) -> Result<(), Trouble> {
    let shown = Mutex::new(progress);
    let watch = |percent: u8| percent_of("making the machine", percent, &shown);
    machines.create(blueprint, &watch).await.map_err(of_landing)?;
    Ok(())
}

/// Tells the percent of a stage.
fn percent_of(stage: &'static str, percent: u8, shown: &Mutex<Watch<'_>>) {
    let mut progress = shown.lock().unwrap_or_else(PoisonError::into_inner);
    progress(Progress { stage, done: percent.into(), total: 100, link: 0, allowance: None });
}

fn stage(stage: &'static str) -> Progress {
    Progress { stage, done: 0, total: 0, link: 0, allowance: None }
}
