//! The cutover kit of a server, carried out step by step in the lab: the lines of the routers are entered into
//! their texts, what comes out is read again, and the machines do what the runbook says.

use super::compare::texts;
use super::measure::Gap;
use super::{Lab, place_of};
use std::collections::BTreeMap;
use traghetto::network::NetworkPlan;
use traghetto::network::cpe::Moved;
use traghetto::network::diff::apply;
use traghetto::network::hub::carrier_routes;
use traghetto::network::kit::{Act, Direction, Kit, KitStep, Place as Where};
use traghetto::network::parse;
use traghetto::network::render::{Stage, Templates};
use traghetto::network::simulate::{Place, Role, Scene, SceneRouter, Surroundings};
use traghetto::network::text::ConfigText;

/// A lab in which servers move: their town, and the texts that the routers have at this moment.
pub struct Move {
    plan: NetworkPlan,
    texts: BTreeMap<Role, ConfigText>,
    lab: Lab,
}

impl Move {
    /// The town before any server has moved.
    pub fn new(plan: NetworkPlan) -> Self {
        let files = texts(&plan, Stage::Before);
        let routers = files.iter().map(|(role, file)| SceneRouter {
            role: *role,
            file: file.path.clone(),
            device: parse::parse(&file.text),
        });
        let scene = Scene { routers: routers.collect(), surroundings: Surroundings::of(&plan, &Moved::new()) };
        let texts = files.iter().map(|(role, file)| (*role, ConfigText::parse(&file.text))).collect();
        Self { texts, lab: Lab::new(&scene), plan }
    }

    /// Carries out a server's kit in one direction, and gives what the clients saw meanwhile.
    pub fn carry_out(&mut self, server: &str, direction: Direction) -> Vec<Gap> {
        let kits = Templates::built_in().unwrap().kits(&self.plan, direction).unwrap();
        let kit = kits.iter().find(|kit| kit.server.id.as_str() == server).unwrap();
        let Self { plan, texts, lab } = self;
        lab.watch(|| {
            for step in &kit.steps {
                act(lab, plan, texts, kit, step);
            }
        })
    }
}

fn act(lab: &Lab, plan: &NetworkPlan, texts: &mut BTreeMap<Role, ConfigText>, kit: &Kit, step: &KitStep) {
    let (address, going) = (kit.server.after, kit.direction == Direction::Going);
    match (step.act, &step.place) {
        (Act::SourceOff | Act::SourceOn, _) => lab.connect(address, Place::Town, !going),
        (Act::Nic, _) => lab.connect(address, Place::SadKept, going),
        (Act::HubRoute | Act::CpeRoute, Where::Router(name) | Where::CarrierRouter(name)) => {
            let role = role_of(plan, name.as_str());
            let text = apply(&texts[&role], &step.config).unwrap();
            lab.configure(role, parse::device(&text));
            texts.insert(role, text);
        }
        (Act::CarrierRoute, _) => {
            let ordered =
                carrier_routes(plan).into_iter().find(|route| route.since.as_ref() == Some(&kit.server.id)).unwrap();
            lab.order(ordered.destination, going.then_some(ordered.towards));
        }
        (Act::ClearArp, Where::Router(name) | Where::CarrierRouter(name)) => {
            lab.forget(place_of(role_of(plan, name.as_str())), address)
        }
        (Act::ClearArp, Where::Firewall) => lab.forget("fw", address),
        // The client of the lab is any machine of the LAN; `arp -d` is the same to it.
        (Act::ClearArp, Where::Windows | Where::Linux) => lab.forget("client", address),
        _ => {}
    }
}

fn role_of(plan: &NetworkPlan, router: &str) -> Role {
    match router {
        name if name == plan.primary_cpe.hostname.as_str() => Role::PrimaryCpe,
        name if name == plan.shared.hub.as_str() => Role::Hub,
        _ => Role::StandbyCpe,
    }
}
