//! The story: scenes of commands, each run as its own process, so that what is shown is what happens.

use super::disks;
use super::lab::{Lab, TENANT};
use crate::checklist::Phase;
use crate::cli::Context;
use crate::cli::ui::{Tone, Ui};
use crate::failure::{Failure, Kind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Output;
use std::time::Instant;
use tokio::process::Command;

/// Who signs for which role: the people of the embedded `people.yaml`.
const SIGNERS: [(&str, &str); 5] = [
    ("venis-sistemista", "anna-veneto"),
    ("venis-rete", "bruno-laguna"),
    ("sad-validatore", "carla-riva"),
    ("comune-referente", "dario-pieve"),
    ("comune-tecnico", "elena-ponte"),
];

/// The engineer who types the commands.
const ENGINEER: &str = "anna-veneto";

/// Blocks that a day of work changes on each disk.
const CHANGED_BLOCKS: u64 = 40;

/// A telling of the story in a lab.
pub(super) struct Story<'a> {
    lab: Lab,
    ui: &'a Ui,
    program: PathBuf,
    begun: Instant,
    commands: usize,
    signatures: usize,
}

/// What every failure of the demo says.
const HARMLESS: &str =
    "Nothing outside the demo's own folder was touched. Give `traghetto demo` again; if it ends so again, report it.";

impl<'a> Story<'a> {
    /// The story, ready to be told.
    pub(super) fn new(lab: Lab, context: &'a Context) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|error| Failure::new(Kind::Failed, error).hint(HARMLESS))?;
        Ok(Self { lab, ui: &context.ui, program, begun: Instant::now(), commands: 0, signatures: 0 })
    }

    /// Tells it from the inventory to the statement.
    pub(super) async fn play(mut self) -> Result<(), Failure> {
        self.opening();
        self.scene("What is true");
        self.show(&["inventory", "check"], 0).await?;
        self.show(&["migrate", "plan", TENANT, "--start", "2022-05-09"], 0).await?;
        self.scene("The routers and the firewall");
        self.show(&["network", "render", TENANT, "--out", "network"], 0).await?;
        self.scene("The migration, from gate to gate");
        self.migrate().await?;
        self.show(&["migrate", "status", TENANT], 0).await?;
        self.scene("What it costs");
        self.show(&["fees", "statement", TENANT, "--year", "2023"], 0).await?;
        self.closing()
    }

    fn opening(&self) {
        self.ui.data(&format!(
            "traghetto demo: the move of the servers of Cinto Caomaggiore, on this machine alone.\n\
             Three small disks, served over SSH on loopback, stand in for the town's Windows machines,\n\
             booted from a rescue system; demo people sign. Every command below really runs.\n\
             The lab is in {}.\n",
            self.lab.root.display()
        ));
    }

    fn scene(&self, title: &str) {
        self.ui.data(&format!("\n{}\n", self.ui.tone(Tone::Strong, &format!("== {title}"))));
    }

    /// Runs the migration until nothing is left to do, signing whatever it waits for.
    async fn migrate(&mut self) -> Result<(), Failure> {
        // More rounds than gates and checklists: a story that does not end is a bug.
        for _ in 0..40 {
            let code = self.command(&["migrate", "run", TENANT]).await?;
            match code {
                0 => return Ok(()),
                5 => self.answer().await?,
                code => return Err(unexpected("migrate run", code)),
            }
        }
        Err(Failure::new(Kind::Bug, "the migration does not come to an end").hint(HARMLESS))
    }

    /// Gives what the run waits for: the signatures of the open gate, else those of a checklist.
    async fn answer(&mut self) -> Result<(), Failure> {
        let status = self.json(&["migrate", "status", TENANT, "--json"]).await?;
        let gates = status["gates"].as_array().cloned().unwrap_or_default();
        match gates.iter().find(|gate| gate["state"] == "waiting") {
            Some(gate) => self.sign_gate(gate).await,
            None => self.sign_items(&status).await,
        }
    }

    async fn sign_gate(&mut self, gate: &Value) -> Result<(), Failure> {
        let name = word(&gate["gate"]);
        if name == "move-planned" {
            self.a_day_of_work()?;
        }
        let digest = word(&gate["approves"]).get(..12).unwrap_or_default();
        for role in gate["missing"].as_array().into_iter().flatten().map(word) {
            // Each types their own: one operator's word is not enough for both sides.
            let line =
                ["migrate", "sign", TENANT, name, "--role", role, "--operator", signer(role), "--approve", digest];
            self.show(&line, 0).await?;
            self.signatures += 1;
        }
        Ok(())
    }

    /// Signs what only people can know: each role everything that waits for it.
    async fn sign_items(&mut self, status: &Value) -> Result<(), Failure> {
        let next = status["next"].to_string();
        let of = |phase: &&str| next.contains(&format!("checklist sign {phase} "));
        let phase = Phase::ALL.map(Phase::word).into_iter().find(of);
        let phase = phase
            .ok_or_else(|| Failure::new(Kind::Bug, format!("the story has no answer to {next}")).hint(HARMLESS))?;
        let pending = self.json(&["checklist", "pending", TENANT, "--json"]).await?;
        let waits = |one: &&Value| one["phase"] == phase && one["validation"] == false;
        let waiting = pending.as_array().into_iter().flatten().filter(waits);
        let roles: BTreeSet<&str> = waiting.map(|one| word(&one["role"])).collect();
        for role in roles {
            let line = ["checklist", "sign", phase, TENANT, "--all", "--role", role, "--by", signer(role)];
            let line = [&line[..], &["--note", "dimostrazione"]].concat();
            let printed = self.json(&[&line[..], &["--print", "--json"]].concat()).await?;
            let digest = word(&printed["approves"]).get(..12).unwrap_or_default();
            self.signatures += 1;
            self.show(&[&line[..], &["--approve", digest]].concat(), 0).await?;
        }
        Ok(())
    }

    /// Changes the disks, as if the offices had worked for a day.
    fn a_day_of_work(&self) -> Result<(), Failure> {
        for (seed, (_, disk)) in (100..).zip(&self.lab.disks) {
            disks::change(disk, CHANGED_BLOCKS, seed)
                .map_err(|error| Failure::new(Kind::Failed, error).hint(HARMLESS))?;
        }
        let line = format!("-- a day of work: {CHANGED_BLOCKS} blocks of 4 KiB change on each of the three disks\n");
        self.ui.data(&line);
        Ok(())
    }

    /// Compares every disk with its replica, byte by byte, and says what happened and where it is.
    fn closing(&self) -> Result<(), Failure> {
        let replicas = self.lab.root.join("replicas").join(TENANT);
        for (machine, disk) in &self.lab.disks {
            let image = replicas.join(machine).join("disk0.img");
            let equal = disks::equal(disk, &image).map_err(|error| Failure::new(Kind::Failed, error).hint(HARMLESS))?;
            if !equal {
                let message = format!("{} differs from {}", image.display(), disk.display());
                return Err(Failure::new(Kind::Bug, message).hint(HARMLESS));
            }
        }
        let root = self.lab.root.display();
        self.scene("What happened");
        self.ui.data(&format!(
            "{} commands and {} signatures in {} s: three disks were copied, changed, synchronised and\n\
             accepted. Each replica equals its disk byte for byte.\n\
             \n\
             {root}/inventory      what is true\n\
             {root}/network        router files, host routes, cutover and rollback of each server\n\
             {root}/replicas       the replicas, and events.jsonl: every act, hash-chained\n\
             \n\
             Look around: traghetto --root {root} migrate log {TENANT}\n\
             Remove it:   rm -r {root}\n",
            self.commands,
            self.signatures,
            self.begun.elapsed().as_secs(),
        ));
        Ok(())
    }

    /// Shows a command, runs it and expects its exit code.
    async fn show(&mut self, args: &[&str], expected: i32) -> Result<(), Failure> {
        let code = self.command(args).await?;
        if code == expected { Ok(()) } else { Err(unexpected(args[0], code)) }
    }

    /// Shows a command and runs it; its output goes where ours goes. Returns its exit code.
    async fn command(&mut self, args: &[&str]) -> Result<i32, Failure> {
        self.commands += 1;
        let line = format!("$ traghetto {}", args.join(" "));
        self.ui.data(&format!("{}\n", self.ui.tone(Tone::Dim, &line)));
        let status =
            self.process(args).status().await.map_err(|error| Failure::new(Kind::Failed, error).hint(HARMLESS))?;
        Ok(status.code().unwrap_or(130))
    }

    /// Runs a command silently and reads its JSON.
    async fn json(&self, args: &[&str]) -> Result<Value, Failure> {
        let output = self.silent(args).await?;
        serde_json::from_slice(&output.stdout).map_err(|error| Failure::new(Kind::Bug, error).hint(HARMLESS))
    }

    async fn silent(&self, args: &[&str]) -> Result<Output, Failure> {
        self.process(args).output().await.map_err(|error| Failure::new(Kind::Failed, error).hint(HARMLESS))
    }

    fn process(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.lab.root).args(args).env("TRAGHETTO_OPERATOR", ENGINEER);
        command.env_remove("TRAGHETTO_ROOT").env_remove("TRAGHETTO_STATE").kill_on_drop(true);
        command
    }
}

fn unexpected(command: &str, code: i32) -> Failure {
    Failure::new(
        Kind::Failed,
        format!("`traghetto {command}` ended with exit code {code}, which the story did not expect"),
    )
    .hint("The lab is kept: look at it with the same commands and --root.")
}

/// The text of a JSON string, or nothing.
fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Who signs for `role`.
fn signer(role: &str) -> &'static str {
    SIGNERS.iter().find(|(held, _)| *held == role).map_or(ENGINEER, |(_, person)| person)
}
