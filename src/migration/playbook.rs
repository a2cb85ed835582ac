//! A playbook as a value: the six activities, their steps and gates, in order.

use crate::checklist::{Check, Phase as ChecklistPhase};
use crate::model::bilingual::Bilingual;
use crate::model::server::{Addressing, DirectoryWay, Server, ServerRole, Transfer};
use crate::model::{GateId, ManualId, RoleId, TenantId};
use serde::Serialize;

/// `playbooks/*.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Playbook {
    /// Name, as printed.
    pub name: String,
    /// Where its content comes from.
    pub source: String,
    /// The activities, in order.
    pub activities: Vec<Activity>,
}

/// One activity of the project document's plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Activity {
    /// Number, 1 to 6.
    pub number: u8,
    /// Title.
    pub title: Bilingual,
    /// Who answers for it ("Responsabilità").
    pub responsible: Vec<RoleId>,
    /// Who carries it out ("Esecuzione").
    pub executes: Vec<RoleId>,
    /// Who validates it ("Validazione").
    pub validates: Vec<RoleId>,
    /// First and last day of the plan, as proposed: the document's bars are blank.
    pub days: (u16, u16),
    /// What is done, in order.
    pub steps: Vec<Stage>,
}

/// Steps of an activity.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Stage {
    /// One action, for every server before the next action.
    Together(Action),
    /// Actions for one server after the other: a server is through before the next one begins.
    EachServer {
        /// The actions, in order.
        each_server: Vec<Action>,
    },
}

impl Stage {
    /// Its actions, in order.
    pub fn actions(&self) -> &[Action] {
        match self {
            Stage::Together(action) => std::slice::from_ref(action),
            Stage::EachServer { each_server } => each_server,
        }
    }
}

/// For what a step is done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// The tenant.
    Tenant,
    /// A server.
    Server,
    /// A disk.
    Disk,
}

/// What a step does. Only what is built has an action.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// Makes the folders of the replicas and looks for space.
    PrepareLanding,
    /// Runs a checklist for the whole tenant.
    Checklist {
        /// Its phase.
        checklist: ChecklistPhase,
    },
    /// Copies a disk for the first time.
    Seed,
    /// Copies what has changed on a disk.
    Sync,
    /// Reads a whole replica again and compares.
    Verify,
    /// Clones a replica, as every later conversion and boot will.
    TestClone,
    /// Boots a converted clone in the isolated network.
    TestLaunch,
    /// Destroys what the test launches made.
    EndTest,
    /// The last sync, with the source quiet.
    FinalSync,
    /// Makes the clone that will be used, and converts it for its virtual machine.
    Convert,
    /// Sees that the source is off.
    Fence,
    /// Sees that the server's address leads to the landing site.
    Route,
    /// Makes the virtual machine, boots it apart from every network, connects it.
    Boot,
    /// Moves the machine to the datastore of those that stay, where it was staged in an export of ours.
    Relocate,
    /// People do something, and say that it is done.
    Manual(Box<Manual>),
    /// People sign.
    Gate(Gate),
}

impl Action {
    /// The word in step ids and tables.
    pub fn word(&self) -> &'static str {
        match self {
            Action::PrepareLanding => "prepare-landing",
            Action::Checklist { .. } => "checklist",
            Action::Seed => "seed",
            Action::Sync => "sync",
            Action::Verify => "verify",
            Action::TestClone => "test-clone",
            Action::TestLaunch => "test-launch",
            Action::EndTest => "end-test",
            Action::FinalSync => "final-sync",
            Action::Convert => "convert",
            Action::Fence => "fence",
            Action::Route => "route",
            Action::Boot => "boot",
            Action::Relocate => "relocate",
            Action::Manual(_) => "manual",
            Action::Gate(_) => "gate",
        }
    }

    /// For what it is done once.
    pub fn per(&self) -> Per {
        match self {
            Action::PrepareLanding | Action::Checklist { .. } | Action::EndTest | Action::Gate(_) => Per::Tenant,
            Action::TestLaunch | Action::Convert | Action::Fence | Action::Route | Action::Boot => Per::Server,
            Action::Relocate => Per::Server,
            Action::Seed | Action::Sync | Action::Verify | Action::TestClone | Action::FinalSync => Per::Disk,
            Action::Manual(manual) => manual.per,
        }
    }

    /// Whether it is planned: what boots machines only where the landing has them, what stands in for
    /// that only where it has none.
    pub fn is_planned(&self, has_machines: bool) -> bool {
        match self {
            Action::TestLaunch | Action::EndTest => has_machines,
            Action::Convert | Action::Fence | Action::Route | Action::Boot | Action::Relocate => has_machines,
            Action::Gate(gate) => !(gate.by_hand && has_machines),
            _ => true,
        }
    }
}

/// Something that only people can do, with what they do, who says that it is done, and what is asked then.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manual {
    /// Its name in step ids.
    pub manual: ManualId,
    /// What is done, in one short sentence.
    pub title: Bilingual,
    /// How it is done.
    pub instructions: Bilingual,
    /// Who says that it is done: one of these roles.
    pub by: Vec<RoleId>,
    /// For what it is done once: the tenant, or each server.
    pub per: Per,
    /// For which servers.
    #[serde(skip_serializing_if = "ServersOf::is_everyone")]
    pub applies_to: ServersOf,
    /// What is asked once it was said; none where no probe can see it, and a person's word is all there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<Check>,
    /// How people undo it when its server is taken back; none where nothing is to be undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back: Option<Bilingual>,
    /// Whether the old server does not come back once it is done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_way_back: bool,
}

impl Manual {
    /// What is typed to say that its step `id` is done.
    pub fn command(&self, tenant: &TenantId, id: &str) -> String {
        let role = self.by.first().map_or("ROLE", RoleId::as_str);
        format!("traghetto migrate sign {tenant} {id} --role {role} --note TEXT")
    }

    /// Whether a probe of it shows whether the directory of `server` runs.
    fn guards(&self, server: &Server) -> bool {
        self.guards_directory() && self.asks.is_some() && self.per == Per::Server && self.applies_to.holds(server)
    }

    /// Whether it is about a directory that rests during the last copy.
    pub fn guards_directory(&self) -> bool {
        self.applies_to.directory.iter().any(|way| matches!(way, DirectoryWay::Dsrm | DirectoryWay::NtdsStopped))
    }

    /// Whether by it the new machine of a server that is replaced takes the old one's address.
    pub fn takes_address(&self) -> bool {
        let ServersOf { transfers, landing, .. } = &self.applies_to;
        transfers.contains(&Transfer::Replace) && landing[..] == [Addressed::Keep]
    }

    /// The probe's kind, in one word.
    pub fn probe(&self) -> Option<&'static str> {
        match self.asks.as_ref()? {
            Check::Probe { probe, .. } => Some(probe.kind()),
            Check::Manual { .. } => None,
        }
    }
}

/// Servers that a step is for. An empty list does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ServersOf {
    /// With at least one of these roles.
    pub roles: Vec<ServerRole>,
    /// Moved in one of these ways.
    pub transfers: Vec<Transfer>,
    /// Domain controllers with one of these ways.
    pub directory: Vec<DirectoryWay>,
    /// By where their address is after the move.
    pub landing: Vec<Addressed>,
}

/// Where an address is after the move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addressed {
    /// It stays, and leads to the landing site.
    Keep,
    /// There is a new one.
    Renumber,
}

impl Addressed {
    /// Both with their words in a playbook.
    pub const WORDS: [(&'static str, Addressed); 2] = [("keep", Addressed::Keep), ("renumber", Addressed::Renumber)];

    /// Of a server.
    pub fn of(landing: Addressing) -> Self {
        match landing {
            Addressing::Keep | Addressing::RoutesOnly => Addressed::Keep,
            Addressing::Renumber(_) => Addressed::Renumber,
        }
    }
}

impl ServersOf {
    /// Whether it restricts nothing.
    pub fn is_everyone(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `server` is one of them.
    pub fn holds(&self, server: &Server) -> bool {
        let role = self.roles.is_empty() || self.roles.iter().any(|role| server.roles.contains(role));
        let transfer = self.transfers.is_empty() || self.transfers.contains(&server.transfer);
        let directory = self.directory.is_empty() || server.directory.is_some_and(|way| self.directory.contains(&way));
        let landing = self.landing.is_empty() || self.landing.contains(&Addressed::of(server.landing));
        role && transfer && directory && landing
    }
}

/// A validation: the run waits here until every role has signed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    /// What is typed to sign it.
    pub gate: GateId,
    /// What is signed, in one sentence.
    pub title: Bilingual,
    /// What people do before they sign, since no step does it.
    pub asks: Option<Bilingual>,
    /// Who signs: each of these roles.
    pub roles: Vec<RoleId>,
    /// For how many hours a signature opens the gate; none is for ever.
    pub valid_hours: Option<u16>,
    /// The phase in which a server is once the gate is open.
    pub reaches: Option<Reached>,
    /// What its signatures approve beside the plan and the outcomes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signs: Option<Signs>,
    /// Whether people do by hand what it is about, since the landing boots no machines.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
}

/// What a gate's signatures approve beside the plan and the outcomes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signs {
    /// The terms of the cutover.
    Cutover,
}

/// Phases that a gate opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reached {
    /// The source was checked.
    Ready,
    /// The test copy was accepted.
    Tested,
    /// The move is planned and agreed.
    Armed,
    /// The source is quiet.
    Quiet,
    /// The landing was accepted.
    Accepted,
    /// The physical servers may go.
    Decommissioned,
}

impl Reached {
    /// All of them with their words in a playbook.
    pub const WORDS: [(&'static str, Reached); 6] = [
        ("ready", Reached::Ready),
        ("tested", Reached::Tested),
        ("armed", Reached::Armed),
        ("quiet", Reached::Quiet),
        ("accepted", Reached::Accepted),
        ("decommissioned", Reached::Decommissioned),
    ];
}

impl Playbook {
    /// Whether it says how another machine takes over from `server`.
    pub fn replaces(&self, server: &Server) -> bool {
        self.actions().any(|action| match action {
            Action::Manual(manual) => {
                manual.applies_to.transfers.contains(&Transfer::Replace) && manual.applies_to.holds(server)
            }
            _ => false,
        })
    }

    /// Whether a step asks, between the gate at which the sources are quiet and the last copy, that the directory
    /// of `server` does not answer.
    pub fn guards_directory(&self, server: &Server) -> bool {
        let quiet = |action: &&Action| matches!(action, Action::Gate(gate) if gate.reaches == Some(Reached::Quiet));
        let night = self.actions().skip_while(|action| !quiet(action));
        night.take_while(|action| **action != Action::FinalSync).any(|action| match action {
            Action::Manual(manual) => manual.guards(server),
            _ => false,
        })
    }

    /// Whether a step asks, after the last copy, that the directory of `server` answers again: what was put to rest for
    /// it is at rest on the copy too.
    pub fn wakes_directory(&self, server: &Server) -> bool {
        self.actions().skip_while(|action| **action != Action::FinalSync).any(|action| match action {
            Action::Manual(manual) => manual.guards(server),
            _ => false,
        })
    }

    /// The steps that people do, in order.
    pub fn manual(&self) -> impl Iterator<Item = &Manual> {
        self.actions().filter_map(|action| match action {
            Action::Manual(manual) => Some(&**manual),
            _ => None,
        })
    }

    /// All actions in order.
    fn actions(&self) -> impl Iterator<Item = &Action> {
        self.activities.iter().flat_map(|activity| activity.steps.iter().flat_map(Stage::actions))
    }

    /// All gates in order, with the number of their activity.
    pub fn gates(&self) -> impl Iterator<Item = (u8, &Gate)> {
        self.activities.iter().flat_map(|activity| {
            activity.steps.iter().flat_map(Stage::actions).filter_map(|action| match action {
                Action::Gate(gate) => Some((activity.number, gate)),
                _ => None,
            })
        })
    }
}
