//! The network's part of the night: the steps of the cutover kit, with its own text for every router.

use super::{RunbookStep, Sources, network_staff, on_site, say};
use crate::model::bilingual::Bilingual;
use crate::model::server::Server;
use crate::network::kit::{Act, Kit, KitStep, Place};

/// Routes of the town's machines, at any time before the window.
pub(super) fn before(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    going(sources, server, &[Act::HostRoutes])
}

/// The source off, and proven silent.
pub(super) fn silence(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    let steps = going(sources, server, &[Act::SourceOff, Act::Silent]);
    if !steps.is_empty() {
        return steps;
    }
    let address = server.address;
    let off = say(
        "Spegnere la macchina di origine e staccarne il cavo di rete.",
        "Switch the old machine off and unplug its network cable.",
    );
    let silent = say(
        "Provare che tace, mentre un'altra macchina della stessa LAN risponde.",
        "Prove that it is silent, while another machine of the same LAN answers.",
    );
    vec![
        RunbookStep::new("source_off", on_site(), off)
            .run(Place::Source, "Windows: shutdown /s /t 0")
            .run(Place::Source, "Linux: systemctl poweroff"),
        RunbookStep::new("silent", on_site(), silent)
            .run(Place::Windows, format!("arp -d {address}"))
            .run(Place::Windows, format!("ping {address}"))
            .expects("Nessuna risposta, per un minuto.", "No answer, for a minute."),
    ]
}

/// The /32 on the hub, then the carrier's, then the CPEs'.
pub(super) fn routes(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    if sources.kits.is_none() {
        let what = say(
            format!(
                "Portare al data center le rotte verso {}: la rete di questo ente non ha un piano nell'inventario.",
                server.landing_address()
            ),
            format!(
                "Lead {} to the landing site: the inventory has no plan of this tenant's network.",
                server.landing_address()
            ),
        );
        return vec![RunbookStep::new("hub_route", network_staff(), what)];
    }
    going(sources, server, &[Act::HubRoute, Act::CarrierRoute, Act::CpeRoute])
}

/// Old answers forgotten, what moved with the server, and checks.
pub(super) fn after(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    going(sources, server, &[Act::ClearArp, Act::Relay, Act::Dns, Act::Check])
}

/// The routers keep what they have.
pub(super) fn save(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    going(sources, server, &[Act::Save])
}

/// The way back, without the card of the copy, which comes first in any case.
pub(super) fn back(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    let kit = sources.kits.and_then(|kits| of(&kits.back, server));
    let Some(kit) = kit else {
        let routes = say(
            format!("Togliere le rotte verso {}.", server.landing_address()),
            format!("Take the routes to {} away.", server.landing_address()),
        );
        let on = say(
            "Accendere la macchina di origine: solo ora, con la copia scollegata e le rotte tolte.",
            "Switch the old machine on: only now, with the copy disconnected and the routes away.",
        );
        return vec![
            RunbookStep::new("hub_route", network_staff(), routes),
            RunbookStep::new("source_on", on_site(), on),
        ];
    };
    kit.steps.iter().filter(|step| step.act != Act::Nic).map(of_kit).collect()
}

fn of<'a>(kits: &'a [Kit], server: &Server) -> Option<&'a Kit> {
    kits.iter().find(|kit| kit.server.id == server.id)
}

/// The steps of some acts, in the order of the kit.
fn going(sources: &Sources<'_>, server: &Server, acts: &[Act]) -> Vec<RunbookStep> {
    let Some(kit) = sources.kits.and_then(|kits| of(&kits.going, server)) else { return Vec::new() };
    // What the kit leaves to the program is done by hand here, with steps of its own.
    let mine = kit.steps.iter().filter(|step| acts.contains(&step.act) && step.place != Place::Operations);
    mine.map(of_kit).collect()
}

/// A step of the kit: its lines, with the timer that takes a router back unless somebody confirms.
fn of_kit(step: &KitStep) -> RunbookStep {
    let mut made = RunbookStep::new(word(step.act), who(&step.place), step.what.clone());
    let lines = |lines: &[String], timer: &str| -> Vec<String> {
        if step.config.is_empty() {
            return lines.to_vec();
        }
        let inside = lines.iter().map(|line| format!(" {line}"));
        [timer.to_owned()].into_iter().chain(inside).chain(["end".to_owned()]).collect()
    };
    if !step.config.is_empty() {
        for line in lines(&step.config, "configure terminal revert timer 5") {
            made = made.run(step.place.clone(), line);
        }
    }
    for command in &step.commands {
        made = made.run(step.place.clone(), command);
    }
    for verify in &step.verify {
        if !verify.command.is_empty() {
            made = made.run(step.place.clone(), &verify.command);
        }
        let shown = |shows: &str| {
            if verify.command.is_empty() { shows.to_owned() } else { format!("{}: {shows}", verify.command) }
        };
        made = made.expects(shown(&verify.shows.it), shown(&verify.shows.en));
    }
    if !step.config.is_empty() {
        made = made.run(step.place.clone(), "configure confirm").expects(
            "«configure confirm» solo dopo aver visto il risultato: altrimenti il router torna da sé dopo 5 minuti.",
            "`configure confirm` only once the result was seen: otherwise the router goes back by itself after 5 minutes.",
        );
    }
    if !step.undo.is_empty() {
        for line in lines(&step.undo, "configure terminal") {
            made = made.undone_by(step.place.clone(), line);
        }
    }
    made.page.clone_from(&step.page);
    made
}

fn who(place: &Place) -> Bilingual {
    match place {
        Place::Router(_) => network_staff(),
        Place::CarrierRouter(_) | Place::Carrier => say("operatore del collegamento", "carrier"),
        Place::Operations | Place::Landing => super::engineer(),
        _ => on_site(),
    }
}

fn word(act: Act) -> &'static str {
    match act {
        Act::HostRoutes => "host_routes",
        Act::Quiet => "quiet",
        Act::FinalSync => "copy",
        Act::VerifyCopy => "prove",
        Act::Convert => "convert",
        Act::SourceOff => "source_off",
        Act::Silent => "silent",
        Act::HubRoute => "hub_route",
        Act::CarrierRoute => "carrier_route",
        Act::CpeRoute => "cpe_route",
        Act::Boot => "boot",
        Act::Nic => "nic",
        Act::ClearArp => "clear_arp",
        Act::Relay => "relay",
        Act::Dns => "dns",
        Act::Check => "check",
        Act::Save => "save",
        Act::SourceOn => "source_on",
    }
}
