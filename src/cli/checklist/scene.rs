//! A tenant's checklist with its journal: what every command about signatures looks at.

use super::super::{Context, inventory, journal};
use crate::checklist::{self, Checklist, Desk, Options, Phase, Signatures, Standing, Task, standing, tasks};
use crate::digest::sha256;
use crate::failure::Failure;
use crate::journal::{Event, Journal};
use crate::model::Inventory;
use crate::model::tenant::Tenant;

/// Inventory and journal of one tenant.
pub(super) struct Scene {
    pub(super) inventory: Inventory,
    pub(super) tenant: Tenant,
    pub(super) journal: Journal,
    pub(super) events: Vec<Event>,
    /// Number and hash of the last event's line.
    pub(super) head: Option<(u64, String)>,
}

/// Where a checklist stands.
pub(super) struct Place {
    pub(super) checklist: Checklist,
    pub(super) signatures: Signatures,
    pub(super) tasks: Vec<Task>,
    pub(super) lines: Vec<Standing>,
}

impl Scene {
    pub(super) async fn open(tenant: &str, context: &Context) -> Result<Self, Failure> {
        let (inventory, tenant) = inventory::load_for(context, tenant)?;
        let journal = journal::open(context, &inventory).await?;
        let lines = journal.lines(&tenant.id).await?;
        journal::tell_repairs(context, &journal);
        let head = lines.last().map(|(line, event)| (event.seq, sha256(format!("{line}\n").as_bytes())));
        let events = lines.into_iter().map(|(_, event)| event).collect();
        Ok(Self { inventory, tenant, journal, events, head })
    }

    /// Where the checklist of `phase` stands.
    pub(super) fn place(&self, phase: Phase, context: &Context) -> Result<Place, Failure> {
        let checklist = super::load(phase, &self.inventory, context)?;
        Ok(Place::new(checklist, &self.inventory, &self.tenant, &self.events, self.journal.now()))
    }
}

impl Place {
    pub(super) fn new(
        checklist: Checklist,
        inventory: &Inventory,
        tenant: &Tenant,
        events: &[Event],
        now: jiff::Timestamp,
    ) -> Self {
        let signatures = Signatures::read(&checklist, events, now);
        let baselines = super::baselines(events);
        let project = &inventory.project;
        let options = Options::whole(project, &signatures, &baselines);
        let tasks = tasks(&checklist, tenant, &options);
        let lines = standing(&tasks, checklist.phase, events, &signatures);
        Self { checklist, signatures, tasks, lines }
    }

    /// What a wish to sign is measured against.
    pub(super) fn desk<'a>(&'a self, scene: &'a Scene) -> Desk<'a> {
        Desk {
            checklist: &self.checklist,
            tenant: &scene.tenant,
            people: &scene.inventory.people,
            tasks: &self.tasks,
            lines: &self.lines,
            signatures: &self.signatures,
        }
    }

    /// Whether anything of the checklist was ever run or signed.
    pub(super) fn is_begun(&self) -> bool {
        let found = self.lines.iter().any(|line| line.time.is_some());
        found || !self.signatures.all().is_empty()
    }

    /// What waits for whom.
    pub(super) fn pending(&self) -> Vec<checklist::Pending> {
        checklist::pending(&self.checklist, &self.tasks, &self.lines, &self.signatures)
    }
}
