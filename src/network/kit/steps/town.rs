//! What the machines of the town, and the CPEs for them, learn or forget: routes, ARP, DHCP, names.

use super::super::{Act, KitStep, Place, Relay};
use super::{Steps, say};
use crate::model::link::GatewayKind;

impl Steps<'_> {
    /// Routes of the town's machines to the new address: safe at any time before the window.
    pub(super) fn host_routes(&mut self) {
        let places = [Place::Firewall, Place::Windows, Place::Linux, Place::Dhcp];
        let at = &self.plan.shared.place;
        let what = say(
            format!("Rotta verso il prefisso dell'ente al {at}, in qualsiasi momento prima della finestra."),
            format!("Route to the tenant's prefix at the {at}, at any time before the window."),
        );
        for (place, page) in places.into_iter().zip(self.pages.hosts.clone()) {
            let mut step = KitStep::new(Act::HostRoutes, place, what.clone());
            step.page = Some(page);
            self.steps.push(step);
        }
    }

    /// Old answers are forgotten at once, instead of after minutes (hosts) or hours (IOS: four).
    pub(super) fn clear_arp(&mut self, back: bool) {
        let address = self.after();
        for step in &self.cutover.steps {
            let place = self.place(&step.router);
            let table = step.vrf.as_ref().map(|vrf| format!("vrf {vrf} ")).unwrap_or_default();
            let what = say("Dimenticare la vecchia risposta ARP.", "Forget the old ARP answer.");
            self.steps.push(KitStep::new(Act::ClearArp, place, what).run(format!("clear ip arp {table}{address}")));
        }
        let what = match back {
            false => say(
                "Nessuna rotta da aggiungere: l'indirizzo resta. Dimenticare la vecchia risposta ARP.",
                "No route to add: the address stays. Forget the old ARP answer.",
            ),
            true => say("Dimenticare la vecchia risposta ARP.", "Forget the old ARP answer."),
        };
        let firewall = match self.plan.lan.gateway.kind {
            GatewayKind::Endian => format!("ip neigh flush to {address} dev br0"),
            GatewayKind::Other => format!("(ARP table) delete {address}"),
        };
        let hosts = [
            (Place::Firewall, firewall),
            (Place::Windows, format!("arp -d {address}")),
            (Place::Linux, format!("ip neigh flush to {address}")),
        ];
        for (place, command) in hosts {
            self.steps.push(KitStep::new(Act::ClearArp, place, what.clone()).run(command));
        }
        if !back && !self.cutover.server.dhcp {
            self.leases();
        }
    }

    /// A kept address changes no lease.
    fn leases(&mut self) {
        let what = say("Nulla cambia: gli indirizzi assegnati restano.", "Nothing changes: leases stay.");
        self.steps.push(KitStep::new(Act::ClearArp, Place::Dhcp, what));
    }

    /// A DHCP server that moved is no longer heard by broadcast: each CPE passes on what the LAN asks.
    pub(super) fn relay(&mut self, back: bool) {
        let Some(Relay { port, helper, add, remove }) = Relay::of(&self.cutover.server) else { return };
        let what = match back {
            false => say(
                "Il server spostato assegna gli indirizzi della LAN: il CPE gli inoltra le richieste.",
                "The moved server gives out the addresses of the LAN: the CPE passes the requests on to it.",
            ),
            true => say("Il CPE non inoltra più le richieste DHCP.", "The CPE no longer passes DHCP requests on."),
        };
        let shows = if back { say("nessuna riga", "no line") } else { say(helper.clone(), helper.clone()) };
        let (config, undo) = if back { (remove, add) } else { (add, remove) };
        let mut routers = self.relays();
        if back {
            routers.reverse();
        }
        for place in routers {
            let mut step = KitStep::new(Act::Relay, place, what.clone());
            (step.config, step.undo) = (config.clone(), undo.clone());
            self.steps.push(step.shows(format!("show running-config {port} | include {helper}"), shows.clone()));
        }
    }

    /// The CPEs, the standby one first.
    pub(super) fn relays(&self) -> Vec<Place> {
        let cpes = self.plan.standby_cpe.iter().chain([&self.plan.primary_cpe]);
        cpes.map(|cpe| self.place(&cpe.hostname)).collect()
    }

    pub(super) fn dns(&mut self, back: bool) {
        let server = &self.cutover.server.id;
        let (from, to) = if back { (self.after(), self.before()) } else { (self.before(), self.after()) };
        let what = say(
            format!("Il nome di {server} passa da {from} a {to}."),
            format!("The name of {server} moves from {from} to {to}."),
        );
        self.steps.push(
            KitStep::new(Act::Dns, Place::Dns, what)
                .run("Windows (client): ipconfig /flushdns")
                .shows(format!("nslookup {server}"), say(to.to_string(), to.to_string()))
                .undone_by(format!("{to} -> {from}")),
        );
    }
}
