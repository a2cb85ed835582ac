//! `traghetto survey --measure`: what would be copied of each disk, and how well it packs.

use super::super::table::Table;
use super::super::ui::{Tone, Ui};
use super::super::{Context, remote};
use crate::cli::quantities::gigabytes;
use crate::failure::Failure;
use crate::journal::Journal;
use crate::migration::{Measured, Measurement, Measuring};
use crate::model::project::LandingTarget;
use crate::model::server::Server;
use crate::model::tenant::Tenant;
use crate::model::{DiskId, Inventory, PersonId};
use crate::survey::Found;
use crate::untrusted::printable;
use crate::world::ssh::Trust;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// Time between plain lines.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// On whose behalf disks are measured, and where that is written down.
pub(super) struct Scene<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) tenant: &'a Tenant,
    pub(super) operator: &'a PersonId,
    pub(super) journal: &'a Journal,
}

impl Scene<'_> {
    /// Measures the servers that answered, one after another, and journals each disk.
    pub(super) async fn measure(
        &self,
        servers: &[(&Server, &Found)],
        agent_on_disk: bool,
        context: &Context,
    ) -> Result<Vec<(Server, Measured)>, Failure> {
        let agent = remote::agent(context)?;
        let LandingTarget::Directory(folder) = &self.inventory.project.landing.target;
        let (landing, trust) = (context.root.join(folder), Trust::of_operator(&context.root));
        let measuring =
            Measuring { tenant: self.tenant, landing: &landing, trust: &trust, agent: &agent, agent_on_disk };
        let mut measured = Vec::new();
        for (server, found) in servers {
            let (Some(access), Found::Surveyed(..)) = (&server.access, found) else { continue };
            let mut watcher = Watcher::new(&context.ui, server);
            let of_server = measuring.server(server, access, &mut |disk, bytes| watcher.progress(disk, bytes)).await;
            drop(watcher);
            for one in &of_server.disks {
                let data = serde_json::to_value(one).unwrap_or_default();
                self.journal.append(&self.tenant.id, self.operator.as_str(), Measurement::KIND, data).await?;
            }
            measured.push(((*server).clone(), of_server));
        }
        Ok(measured)
    }
}

/// Shows how far it is: a line that moves on a terminal, a plain one every few seconds otherwise.
struct Watcher<'a> {
    ui: &'a Ui,
    server: &'a Server,
    bar: Option<ProgressBar>,
    line_at: Instant,
}

impl<'a> Watcher<'a> {
    fn new(ui: &'a Ui, server: &'a Server) -> Self {
        ui.status(&format!("Measuring {}: maps are read, and a sample of what they name is packed.", server.id));
        Self { ui, server, bar: None, line_at: Instant::now() }
    }

    fn progress(&mut self, disk: &DiskId, bytes: u64) {
        let words = format!("{} {disk}: {} read", self.server.id, gigabytes(bytes));
        if self.ui.draws_progress() {
            self.bar.get_or_insert_with(spinner).set_message(words);
        } else if self.line_at.elapsed() >= BETWEEN_LINES {
            self.line_at = Instant::now();
            self.ui.status(&words);
        }
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    // A template that does not parse is a mistake in this file; the default style does as well.
    bar.set_style(
        ProgressStyle::with_template("  {spinner} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

/// A table with a line for each disk, then what was recognised on it.
pub(super) fn table(measured: &[(Server, Measured)], ui: &Ui) -> String {
    let disks = || measured.iter().flat_map(|(_, measured)| &measured.disks);
    if disks().next().is_none() {
        return String::new();
    }
    let mut table = Table::new(["Server", "Disk", "Size", "Copied", "Zeros", "Packs to", "Read at"]);
    for Measurement { server, disk, sample, .. } in disks() {
        let zeros = sample.zero_chunks as f64 / sample.sampled_chunks.max(1) as f64;
        table.row([
            server.to_string(),
            disk.to_string(),
            gigabytes(sample.length),
            gigabytes(sample.copied),
            format!("{:.0} %", zeros * 100.0),
            sample.packs_to().map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0)),
            sample.read_rate().map_or_else(|| "-".to_owned(), |rate| format!("{}/s", gigabytes(rate as u64))),
        ]);
    }
    let mut text = format!("\n{}\n{}", ui.tone(Tone::Strong, "Measured"), table.render());
    for Measurement { server, disk, sample, .. } in disks() {
        text.push_str(&format!("\n{}\n", ui.tone(Tone::Strong, &format!("{server} {disk}"))));
        for (reason, bytes) in &sample.skipped {
            text.push_str(&format!("  not copied    {} {}\n", gigabytes(*bytes), printable(reason)));
        }
        for finding in &sample.findings {
            text.push_str(&format!("  found         {}\n", printable(finding)));
        }
    }
    text
}
