//! The forecast of a plan, for people.

use crate::cli::quantities::{duration, gigabytes};
use crate::cli::table::Table;
use crate::cli::ui::{Tone, Ui};
use crate::migration::{
    Basis, DiskForecast, Forecast, LinkForecast, Offline, OfflinePart, OfflineTerm, Plan, ServerForecast, Term,
    TermKind,
};
use crate::model::calendar::{italian, rome_civil};
use crate::model::server::Transfer;
use jiff::Timestamp;
use std::fmt::Write as _;

/// Tables of the first copies, then each server's changes and final sync in words.
pub(super) fn text(forecast: &Forecast, plan: &Plan, ui: &Ui) -> String {
    let mut text = format!("\n{}\n{}", ui.tone(Tone::Strong, "Forecast"), first_copies(forecast, plan));
    text.push_str(
        "One copy at a time on a link; TCP and IP overhead counted, what is already at the data center and only named not.\n",
    );
    if let Some(begin) = forecast.servers.iter().filter_map(|server| server.by_calendar).map(|span| span.from).min() {
        let _ = writeln!(text, "By the calendar: at the hours' own rates, from {} on.", moment(begin));
    }
    if forecast.servers.iter().flat_map(|server| &server.disks).any(|disk| disk.basis != Basis::Measured) {
        let _ = writeln!(
            text,
            "At most, where it was not measured: free space and compression are not known. To measure:\n  \
             traghetto survey {} --measure",
            plan.tenant
        );
    }
    for disk in forecast.servers.iter().flat_map(|server| server.disks.iter().map(move |disk| (server, disk))) {
        text.push_str(&measured(disk.0, disk.1));
    }
    let _ = writeln!(text, "\n{}", ui.tone(Tone::Strong, "Changes and final sync"));
    for server in &forecast.servers {
        if is_replaced(server, plan) {
            let _ = writeln!(text, "  {}: not copied, a new machine takes over", server.server);
        } else {
            let _ = writeln!(text, "  {}", changes(server));
            let _ = writeln!(text, "    final sync: {}", final_sync(server));
        }
        let _ = writeln!(text, "    out of service ({}): {}", server.offline.way, offline(&server.offline));
    }
    for link in &forecast.links {
        text.push_str(&convergence(link, forecast, ui));
    }
    text
}

fn first_copies(forecast: &Forecast, plan: &Plan) -> String {
    let mut table = Table::new([
        "Server",
        "Transfer",
        "Basis",
        "To copy",
        "On the link",
        "At MCR",
        "At PCR",
        "By the calendar",
        "Source while copied",
    ]);
    for server in &forecast.servers {
        let transfer = plan.server(&server.server).map_or("", |planned| planned.transfer.word());
        if is_replaced(server, plan) {
            let mut row = [const { String::new() }; 9];
            row[0] = server.server.to_string();
            transfer.clone_into(&mut row[1]);
            "not copied".clone_into(&mut row[8]);
            table.row(row);
            continue;
        }
        let source = if server.offline_while_copied { "off (rescue system)" } else { "runs" };
        table.row([
            server.server.to_string(),
            transfer.to_owned(),
            each(server, basis),
            each(server, to_copy),
            each(server, on_the_link),
            at(server.seed_at_mcr_seconds, server.mcr_mbps),
            at(server.seed_at_pcr_seconds, server.pcr_mbps),
            server.by_calendar.map_or_else(|| "non noto".to_owned(), |span| format!("done {}", moment(span.until))),
            source.to_owned(),
        ]);
    }
    table.row([
        "all".to_owned(),
        String::new(),
        String::new(),
        gigabytes(forecast.bytes),
        gigabytes(forecast.bytes_wire),
        at(forecast.seed_at_mcr_seconds, None),
        at(forecast.seed_at_pcr_seconds, None),
        String::new(),
        String::new(),
    ]);
    table.render()
}

/// Whether another machine takes over from the server.
fn is_replaced(server: &ServerForecast, plan: &Plan) -> bool {
    plan.server(&server.server).is_some_and(|planned| planned.transfer == Transfer::Replace)
}

/// How long a server is out of service, part by part.
fn offline(offline: &Offline) -> String {
    let part = |term: &OfflineTerm| {
        let what = match term.part {
            OfflinePart::FirstCopy => "first copy at MCR",
            OfflinePart::LastCopy => "last copy",
            OfflinePart::ByHand => "by hand, as the inventory says",
        };
        let long = term.seconds.map_or_else(|| "non noto".to_owned(), duration);
        let most = term.at_most_seconds.map(|most| format!(", at most {} (a full copy)", duration(most)));
        format!("{what} {long}{}", most.unwrap_or_default())
    };
    let parts = offline.terms.iter().map(part).collect::<Vec<_>>().join(" + ");
    match offline.seconds {
        Some(seconds) if offline.terms.len() > 1 => format!("{}: {parts}", duration(seconds)),
        _ => parts,
    }
}

/// What `of` says of each disk.
fn each(server: &ServerForecast, of: fn(&DiskForecast) -> String) -> String {
    let mut said: Vec<String> = server.disks.iter().map(of).collect();
    said.dedup();
    said.join(" + ")
}

fn basis(disk: &DiskForecast) -> String {
    match (disk.basis, disk.measured_at) {
        (Basis::Measured, Some(at)) => format!("measured {}", day(at)),
        (Basis::Measured, None) => "measured".to_owned(),
        (Basis::Size, _) => "at most: its size".to_owned(),
        (Basis::Used, _) => "what is used".to_owned(),
        (Basis::Unknown, _) => "none".to_owned(),
    }
}

fn to_copy(disk: &DiskForecast) -> String {
    match (disk.bytes, disk.used) {
        (Some(bytes), Some(used)) if disk.basis == Basis::Size => {
            format!("{} (used {})", gigabytes(bytes), gigabytes(used))
        }
        (Some(bytes), _) => gigabytes(bytes),
        (None, _) => "non noto".to_owned(),
    }
}

fn on_the_link(disk: &DiskForecast) -> String {
    let Some(bytes) = disk.bytes_wire else { return "non noto".to_owned() };
    match disk.error.map(percent).filter(|error| *error > 0) {
        Some(error) => format!("{} ± {error} %", gigabytes(bytes)),
        None => gigabytes(bytes),
    }
}

/// What a measurement found on a disk; nothing for the others.
fn measured(server: &ServerForecast, disk: &DiskForecast) -> String {
    let (Some(sample), Some(bytes), Some(wire)) = (&disk.sample, disk.bytes, disk.bytes_wire) else {
        return String::new();
    };
    let skipped = sample.skipped.iter().map(|(reason, bytes)| format!("{reason} {}", gigabytes(*bytes)));
    let skipped: Vec<String> = skipped.collect();
    let not_copied = if skipped.is_empty() { "nothing".to_owned() } else { skipped.join(", ") };
    let zeros = percent(sample.zero_chunks as f64 / sample.sampled_chunks.max(1) as f64);
    let packs = percent(wire as f64 / bytes.max(1) as f64);
    format!(
        "{} {}: {}; not copied: {not_copied}; of the rest {zeros} % are zeros, what is left packs to {packs} %\n",
        server.server,
        disk.disk,
        gigabytes(sample.length)
    )
}

fn changes(server: &ServerForecast) -> String {
    let id = &server.server;
    let Some(changes) = &server.changes else {
        return format!("{id}: how fast it changes is not known before a second pass");
    };
    let mut text = format!(
        "{id}: {} change in an hour, {} on the link (seen over {})",
        gigabytes(changes.bytes_per_second * 3600),
        gigabytes(changes.bytes_wire_per_second * 3600),
        duration(changes.seen_seconds)
    );
    if let Some(steady) = &server.steady {
        let _ = write!(
            text,
            "; syncs one after another take {} each and leave {} behind at MCR",
            duration(steady.cycle_seconds),
            gigabytes(steady.backlog_bytes)
        );
    }
    text
}

fn final_sync(server: &ServerForecast) -> String {
    let terms: Vec<String> = server.final_sync.terms.iter().map(term).collect();
    let sum = server.final_sync.copy_seconds.map(|seconds| format!("{}: ", duration(seconds))).unwrap_or_default();
    format!("{sum}{}", terms.join(" + "))
}

fn term(term: &Term) -> String {
    let long = |unknown: &str| term.seconds.map_or_else(|| unknown.to_owned(), duration);
    match term.term {
        TermKind::ReadSource => format!("reading the source again {}", long("(not measured)")),
        TermKind::SendChanges => {
            let bytes = term.bytes.map(|bytes| format!("{}, ", gigabytes(bytes))).unwrap_or_default();
            format!("sending what changed {bytes}{} at MCR", long("(not known)"))
        }
        TermKind::Conversion => "conversion".to_owned(),
        TermKind::Boot => "boot".to_owned(),
    }
}

/// Whether copies keep up with the changes on a link, once anything is known of them.
fn convergence(link: &LinkForecast, forecast: &Forecast, ui: &Ui) -> String {
    let Some(needs) = link.needs_mbps else { return String::new() };
    let rates = forecast.servers.iter().find(|server| server.site.as_ref() == Some(&link.site));
    let rate = |mbps: Option<f64>| mbps.map_or_else(|| "non noto".to_owned(), |mbps| format!("{mbps} Mbit/s"));
    let (mcr, pcr) = (rates.and_then(|server| server.mcr_mbps), rates.and_then(|server| server.pcr_mbps));
    let needs = format!("link of {}: the changes need {needs:.2} Mbit/s, headroom included", link.site);
    match (link.converges_at_mcr, link.converges_at_pcr) {
        (Some(false), Some(false)) => {
            let line = format!("{needs}: more than its PCR ({}). The copies never catch up.", rate(pcr));
            format!(
                "{}\n  Find what writes so much and stop it, or copy the server while it is off (`rescue`).\n",
                ui.tone(Tone::Bad, &line)
            )
        }
        (Some(false), _) => {
            let line = format!("{needs}: more than its MCR ({}). The copies catch up only above it.", rate(mcr));
            format!("{}\n", ui.tone(Tone::Warn, &line))
        }
        (Some(true), _) => format!("{needs}: less than its MCR ({}). The copies catch up.\n", rate(mcr)),
        (None, _) => format!("{needs}, as far as is known.\n"),
    }
}

fn percent(share: f64) -> u64 {
    (share * 100.0).ceil() as u64
}

fn day(at: Timestamp) -> String {
    italian(rome_civil(at).date())
}

fn moment(at: Timestamp) -> String {
    let shown = rome_civil(at);
    format!("{} {:02}:{:02}", italian(shown.date()), shown.hour(), shown.minute())
}

fn at(seconds: Option<u64>, mbps: Option<f64>) -> String {
    let rate = mbps.map(|mbps| format!(" ({mbps} Mbit/s)")).unwrap_or_default();
    seconds.map_or_else(|| "non noto".to_owned(), |seconds| duration(seconds) + &rate)
}
