//! What is safe to do at this moment, and what is not, in words. Pure.

use super::next::{is_to_withdraw, may_have_machine};
use super::order::{Held, behind};
use super::plan::Plan;
use super::playbook::Action;
use super::state::{RunState, StepState};
use crate::model::ServerId;
use crate::model::bilingual::Bilingual;
use crate::model::server::Transfer;
use std::collections::BTreeMap;

/// What may be done without harm, and what may not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Safety {
    /// Nothing is lost by it.
    pub safe: Vec<Bilingual>,
    /// It loses data, or breaks the service.
    pub not_safe: Vec<Bilingual>,
}

impl Safety {
    /// As the events tell.
    pub(super) fn of(plan: &Plan, state: &RunState) -> Self {
        let servers = |which: &dyn Fn(&ServerId) -> bool| -> Vec<&ServerId> {
            let copied = plan.servers.iter().filter(|planned| planned.transfer != Transfer::Replace);
            let mine = copied.map(|planned| &planned.server);
            mine.filter(|server| !state.rolled_back.contains_key(*server) && which(server)).collect()
        };
        let moving = state.moving();
        let here = |server: &ServerId| may_have_machine(plan, state, server);
        let off = |server: &ServerId| here(server) || is_done(plan, state, server, &Action::Fence);
        let booted = servers(&here);
        let fenced = servers(&off);
        let quiet = servers(&|server| moving.contains(server) && !off(server));
        let back = servers(&|server| moving.contains(server) && !here(server));
        let mut safety = Self::always();
        if moving.is_empty() && booted.is_empty() {
            safety.safe.push(both("usare i server sorgente come sempre", "to use the source servers as ever"));
        }
        safety.about(
            &back,
            true,
            "tornare indietro subito: le sorgenti sono intatte",
            "to go back at once: the sources are intact",
        );
        safety.about(
            &quiet,
            false,
            "riavviare i servizi: ciò che si scrive dopo l'ultima copia si perde",
            "to start services again: what is written after the last copy is lost",
        );
        safety.about(
            &fenced,
            false,
            "riaccendere la sorgente prima di «migrate rollback»: due macchine, un indirizzo",
            "to switch the source on before `migrate rollback`: two machines, one address",
        );
        safety.about_replaced(plan, state);
        safety.about(
            &booted,
            false,
            "tornare indietro senza le due parti: si perde ciò che gli utenti hanno scritto",
            "to go back without both sides: what users wrote is lost",
        );
        safety.about_dependents(plan, state);
        safety
    }

    /// Of servers that move after others which were taken back.
    fn about_dependents(&mut self, plan: &Plan, state: &RunState) {
        let mut held: BTreeMap<Vec<ServerId>, Vec<Held>> = BTreeMap::new();
        for one in behind(plan, state) {
            held.entry(one.taken_back.clone()).or_default().push(one);
        }
        for servers in held.values() {
            let Some(first) = servers.first() else { continue };
            let others = first.others();
            let it = first.number("viene prima, ed è tornato indietro", "vengono prima, e sono tornati indietro");
            let en = first.number("moves before, and was taken back", "move before, and were taken back");
            self.about(
                &servers.iter().map(|held| &held.server).collect::<Vec<_>>(),
                false,
                &format!("rinunciare alla sorgente prima di averlo deciso: {} {it}", others.it),
                &format!("to give the source up before that is decided: {} {en}", others.en),
            );
        }
    }

    /// Of servers that another machine replaces: the old one and its address.
    fn about_replaced(&mut self, plan: &Plan, state: &RunState) {
        let replaced = plan.servers.iter().filter(|planned| planned.transfer == Transfer::Replace);
        let replaced: Vec<&ServerId> = replaced.map(|planned| &planned.server).collect();
        let taken_back = |server: &ServerId| state.rolled_back.contains_key(server);
        let only = |which: &dyn Fn(&ServerId) -> bool| -> Vec<&ServerId> {
            replaced.iter().copied().filter(|server| which(server)).collect()
        };
        self.about(
            &only(&|server| !taken_back(server) && is_done(plan, state, server, &Action::Fence)),
            false,
            "riaccendere il vecchio server: il suo indirizzo è della macchina nuova",
            "to switch the old server on: its address is the new machine's",
        );
        self.about(
            &only(&|server| is_to_withdraw(plan, state, server)),
            false,
            "riaccendere il vecchio server prima che la macchina nuova abbia lasciato il suo indirizzo",
            "to switch the old server on before the new machine has given its address up",
        );
    }

    fn always() -> Self {
        Self {
            safe: vec![both(
                "fermare e ripetere «migrate run»: le sorgenti non sono mai scritte, ciò che è confermato resta",
                "to stop and repeat `migrate run`: sources are never written to, what is acknowledged is kept",
            )],
            not_safe: vec![both(
                "avviare o scrivere una replica: si avvia solo un suo clone",
                "to boot or write a replica: only a clone of it is booted",
            )],
        }
    }

    fn about(&mut self, servers: &[&ServerId], safe: bool, it: &str, en: &str) {
        if servers.is_empty() {
            return;
        }
        let names = servers.iter().map(|server| server.as_str()).collect::<Vec<_>>().join(", ");
        let list = if safe { &mut self.safe } else { &mut self.not_safe };
        list.push(both(&format!("{names}: {it}"), &format!("{names}: {en}")));
    }
}

fn is_done(plan: &Plan, state: &RunState, server: &ServerId, action: &Action) -> bool {
    let mut mine = plan.steps.iter().filter(|step| step.action == *action && step.server.as_ref() == Some(server));
    mine.any(|step| matches!(state.step(&step.id), StepState::Done { .. }))
}

fn both(it: &str, en: &str) -> Bilingual {
    Bilingual { it: it.to_owned(), en: en.to_owned() }
}
