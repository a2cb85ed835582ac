//! The steps of a kit, in their order.

mod town;

use super::super::cutover::Cutover;
use super::super::plan::{NetworkPlan, ReachedBy};
use super::super::route::{NextHop, Route};
use super::super::token::Token;
use super::{Act, KitStep, Pages, Place, Verify};
use crate::model::bilingual::Bilingual;
use crate::model::link::ManagedBy;
use std::net::Ipv4Addr;

/// Steps as they are written.
pub(super) struct Steps<'a> {
    pub(super) plan: &'a NetworkPlan,
    pub(super) cutover: &'a Cutover,
    pub(super) pages: Pages,
    pub(super) steps: Vec<KitStep>,
}

pub(super) fn say(it: impl Into<String>, en: impl Into<String>) -> Bilingual {
    Bilingual { it: it.into(), en: en.into() }
}

impl KitStep {
    fn new(act: Act, place: Place, what: Bilingual) -> Self {
        let (commands, config, verify, undo) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { act, place, what, commands, config, verify, undo, page: None }
    }

    fn run(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    fn shows(mut self, command: impl Into<String>, shows: Bilingual) -> Self {
        self.verify.push(Verify { command: command.into(), shows });
        self
    }

    fn undone_by(mut self, command: impl Into<String>) -> Self {
        self.undo.push(command.into());
        self
    }
}

impl Steps<'_> {
    /// To the SAD.
    pub(super) fn going(&mut self) {
        if self.renumbered() {
            self.host_routes();
        }
        self.copy();
        self.source_off();
        self.routers(false);
        let boot = say(
            "Avviare la copia con la scheda di rete scollegata.",
            "Boot the copy with its network card disconnected.",
        );
        self.steps.push(
            KitStep::new(Act::Boot, Place::Landing, boot)
                .shows("", say("La console arriva alla richiesta di accesso.", "The console comes to the login.")),
        );
        let connect = say(
            "Collegare la scheda di rete della copia: ora, non prima.",
            "Connect the network card of the copy: now, not before.",
        );
        self.steps.push(KitStep::new(Act::Nic, Place::Landing, connect));
        if self.renumbered() {
            self.dns(false);
        } else {
            self.clear_arp(false);
        }
        self.relay(false);
        self.check_at_sad();
        self.save();
    }

    /// Back to the town: the exact reverse.
    pub(super) fn back(&mut self) {
        let off = say("Scollegare la scheda di rete della copia.", "Disconnect the network card of the copy.");
        self.steps.push(KitStep::new(Act::Nic, Place::Landing, off));
        self.relay(true);
        self.routers(true);
        if self.renumbered() {
            self.dns(true);
        } else {
            self.clear_arp(true);
        }
        let on = say(
            "Accendere la macchina di origine: solo ora, con la copia scollegata e le rotte tolte. I suoi primi pacchetti correggono le tabelle dei vicini.",
            "Switch the old machine on: only now, with the copy disconnected and the routes away. Its first packets correct the tables of its neighbours.",
        );
        self.steps.push(KitStep::new(Act::SourceOn, Place::Source, on));
        self.check_in_town();
        self.save();
    }

    fn renumbered(&self) -> bool {
        self.cutover.server.reached_by == ReachedBy::SadPrefix
    }

    fn before(&self) -> Ipv4Addr {
        self.cutover.server.before
    }

    fn after(&self) -> Ipv4Addr {
        self.cutover.server.after
    }

    fn copy(&mut self) {
        let (tenant, server) = (&self.plan.tenant, &self.cutover.server.id);
        let quiet = say(
            "Fermare i servizi e bloccare le postazioni: resta aperta solo la via della copia. Fino allo spegnimento si torna indietro riavviandoli.",
            "Stop the services and block the clients: only the copying path stays open. Until the machine is off, starting them again is the way back.",
        );
        let quiet = KitStep::new(Act::Quiet, Place::Town, quiet)
            .shows("", say("Nessuna sessione di utenti sul server.", "No session of users on the server."));
        let run = |act, what: Bilingual, command: String, shows| {
            KitStep::new(act, Place::Operations, what).shows(command, shows)
        };
        let sync = run(
            Act::FinalSync,
            say("Ultima sincronizzazione, a sorgente ferma.", "The final sync, with the source quiet."),
            format!("traghetto migrate run {tenant} --server {server}"),
            say("passo final-sync concluso", "step final-sync done"),
        );
        let verify = run(
            Act::VerifyCopy,
            say("Prova di uguaglianza.", "Proof of equality."),
            format!("traghetto migrate verify {tenant} --server {server}"),
            say(
                "radici uguali (o manifesto uguale, con VMware Converter)",
                "equal roots (or an equal manifest, with VMware Converter)",
            ),
        );
        let convert = say(
            "Convertire un clone della replica; la replica non si avvia mai.",
            "Convert a clone of the replica; the replica is never booted.",
        );
        let convert = KitStep::new(Act::Convert, Place::Landing, convert).shows(
            "",
            say(
                "La macchina virtuale esiste, spenta, con la scheda di rete scollegata.",
                "The virtual machine exists, off, with its network card disconnected.",
            ),
        );
        self.steps.extend([quiet, sync, verify, convert]);
    }

    /// The old machine off, and proven so: what answered answers no more, while a witness does.
    fn source_off(&mut self) {
        let before = self.before();
        let off = say(
            "Spegnere la macchina di origine e staccarne il cavo di rete.",
            "Switch the old machine off and unplug its network cable.",
        );
        let off = KitStep::new(Act::SourceOff, Place::Source, off)
            .run("Windows: shutdown /s /t 0")
            .run("Linux: systemctl poweroff");
        let (witness, cpe) = (self.plan.lan.gateway.address, self.plan.primary_cpe.hostname.clone());
        let silent = say(
            "Provare che tace, mentre un testimone sulla stessa LAN risponde. Se non rispondeva nemmeno prima, firma la persona sul posto.",
            "Prove that it is silent, while a witness on the same LAN answers. Where nothing answered before, the person on site signs for it.",
        );
        let silent = match self.plan.managed_by {
            ManagedBy::Us => KitStep::new(Act::Silent, Place::Router(cpe), silent)
                .run(format!("clear ip arp {before}"))
                .shows(format!("ping {before}"), say("Success rate is 0 percent", "Success rate is 0 percent"))
                .shows(format!("ping {witness}"), say("Success rate is 100 percent", "Success rate is 100 percent")),
            ManagedBy::Carrier => KitStep::new(Act::Silent, Place::Windows, silent)
                .run(format!("arp -d {before}"))
                .shows(format!("ping {before}"), say("nessuna risposta", "no answer"))
                .shows(format!("ping {witness}"), say("risponde", "it answers")),
        };
        self.steps.extend([off, silent]);
    }

    /// The lines of the routers and the carrier's routes: going, the hub first; coming back, the reverse.
    fn routers(&mut self, back: bool) {
        let mut found = Vec::new();
        for (at, step) in self.cutover.steps.iter().enumerate() {
            let Some((add, remove)) = self.pages.lines.get(at) else { continue };
            let (config, undo) = if back { (remove, add) } else { (add, remove) };
            found.push(self.router(&step.router, step.vrf.as_ref(), &step.routes, config, undo, back));
        }
        // The hub, then the carrier, then the CPEs.
        let carrier: Vec<_> = self
            .cutover
            .carrier
            .iter()
            .map(|route| self.carrier(route.destination.ip(), route.towards, back))
            .collect();
        let rest = found.split_off(found.len().min(1));
        found.extend(carrier);
        found.extend(rest);
        if back {
            found.reverse();
        }
        self.steps.extend(found);
    }

    fn router(
        &self,
        router: &Token,
        vrf: Option<&Token>,
        routes: &[Route],
        config: &[String],
        undo: &[String],
        back: bool,
    ) -> KitStep {
        let (address, on_hub) = (self.after(), *router == self.plan.shared.hub);
        let place = self.place(router);
        let what = match (back, on_hub) {
            (false, true) => say(
                format!("Il /32 di {address}: il nodo smette di rispondere per lui nella VLAN dei server."),
                format!("The /32 of {address}: the hub no longer answers for it in the servers' VLAN."),
            ),
            (false, false) => say(
                format!("Il /32 di {address}: il CPE attivo risponde per lui con {}.", self.cutover.virtual_mac),
                format!("The /32 of {address}: the active CPE answers for it with {}.", self.cutover.virtual_mac),
            ),
            (true, _) => say(format!("Togliere il /32 di {address}."), format!("Take the /32 of {address} away.")),
        };
        let act = if on_hub { Act::HubRoute } else { Act::CpeRoute };
        let mut step = KitStep::new(act, place, what);
        step.config = config.to_vec();
        step.undo = undo.to_vec();
        let table = vrf.map(|vrf| format!("vrf {vrf} ")).unwrap_or_default();
        let first = routes.iter().find(|route| route.distance.is_none()).map(|route| &route.via);
        let shows = match (back, first) {
            (false, Some(NextHop::Address(hop))) => say(
                format!("Routing entry for {address}/32, static, * {hop}"),
                format!("Routing entry for {address}/32, static, * {hop}"),
            ),
            (false, Some(NextHop::Interface(name) | NextHop::Both(name, _))) => say(
                format!("Routing entry for {address}/32, static, via {name}"),
                format!("Routing entry for {address}/32, static, via {name}"),
            ),
            (false, _) => say("una rotta statica", "a static route"),
            (true, _) => say(format!("nessuna rotta /32 verso {address}"), format!("no /32 route to {address}")),
        };
        step.shows(format!("show ip route {table}{address}"), shows)
    }

    fn carrier(&self, destination: Ipv4Addr, towards: Ipv4Addr, back: bool) -> KitStep {
        let (what, undo) = if back {
            (
                say(
                    format!("Togliere dalla VPN la rotta {destination}/32."),
                    format!("Remove {destination}/32 from the VPN."),
                ),
                format!("{destination}/32 -> {towards}"),
            )
        } else {
            (
                say(
                    format!(
                        "Instradare nella VPN {destination}/32 verso {towards}: è più specifica della rotta della LAN."
                    ),
                    format!(
                        "Route {destination}/32 in the VPN to {towards}: it is more specific than the route to the LAN."
                    ),
                ),
                format!("{destination}/32 -> (VPN)"),
            )
        };
        let step = KitStep::new(Act::CarrierRoute, Place::Carrier, what).undone_by(undo);
        if back {
            return step;
        }
        let told = say(
            format!("L'operatore mostra la rotta {destination}/32 verso {towards} nella VPN."),
            format!("The carrier shows the route {destination}/32 towards {towards} in the VPN."),
        );
        step.shows("", told)
    }

    fn check_at_sad(&mut self) {
        let (tenant, server, address) = (&self.plan.tenant, &self.cutover.server.id, self.after());
        let what = say("Da una postazione della sede.", "From a client of the site.");
        let mut client = KitStep::new(Act::Check, Place::Windows, what)
            .shows(format!("ping {address}"), say("risponde", "it answers"));
        if !self.renumbered() {
            client = client.shows(
                format!("arp -a {address}"),
                say(self.cutover.windows_mac.clone(), self.cutover.windows_mac.clone()),
            );
        }
        let hub = Place::Router(self.plan.shared.hub.clone());
        let vrf = &self.plan.numbers.vrf;
        let hub = KitStep::new(Act::Check, hub, say("La copia è presente nella sua VLAN.", "The copy is in its VLAN."))
            .shows(
                format!("show ip arp vrf {vrf} {address}"),
                say("l'indirizzo MAC della macchina virtuale", "the MAC address of the virtual machine"),
            );
        let services = KitStep::new(Act::Check, Place::Operations, say("I servizi.", "The services.")).shows(
            format!("traghetto checklist run landing {tenant} --server {server}"),
            say("nessuna voce bloccante", "no blocker"),
        );
        self.steps.extend([client, hub, services]);
    }

    fn check_in_town(&mut self) {
        let address = self.before();
        let what = say("Da una postazione della sede.", "From a client of the site.");
        let mut step = KitStep::new(Act::Check, Place::Windows, what)
            .run(format!("arp -d {address}"))
            .shows(format!("ping {address}"), say("risponde", "it answers"));
        if !self.renumbered() {
            let mac = &self.cutover.windows_mac;
            step = step.shows(format!("arp -a {address}"), say(format!("non più {mac}"), format!("no longer {mac}")));
        }
        self.steps.push(step);
    }

    /// Where a router is configured: the hub by us, a CPE by whoever manages it.
    fn place(&self, router: &Token) -> Place {
        match self.plan.managed_by {
            ManagedBy::Carrier if *router != self.plan.shared.hub => Place::CarrierRouter(router.clone()),
            _ => Place::Router(router.clone()),
        }
    }

    /// Every router that this kit configures keeps what it has.
    fn save(&mut self) {
        let mut places: Vec<Place> = self.cutover.steps.iter().map(|step| self.place(&step.router)).collect();
        if places.is_empty() && self.cutover.server.dhcp {
            places = self.relays();
        }
        for place in places {
            let what = say("Tutto è provato: conservare.", "All is tried: keep it.");
            self.steps.push(KitStep::new(Act::Save, place, what).run("write memory"));
        }
    }
}
