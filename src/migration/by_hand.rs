//! Steps that two persons count as done by hand, or leave out: which may be, and which never. Pure.

use super::plan::{Plan, Step, StepId};
use super::playbook::Action;
use super::record::{ByHand, Decision, Result as Outcome};
use super::state::{RunState, StepState};
use crate::checklist::Phase;
use crate::model::bilingual::Bilingual;
use jiff::Timestamp;
use serde::Serialize;

/// Why a step is never done by hand, or never left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step} is not {}: {rule}", .way.in_words())]
pub struct Forbidden {
    /// Which step.
    pub step: StepId,
    /// What was wanted.
    pub way: ByHand,
    /// The rule that it would break.
    pub rule: &'static str,
    /// The legal way, as a full sentence or a command.
    pub instead: String,
}

impl ByHand {
    /// In a sentence.
    pub fn in_words(self) -> &'static str {
        match self {
            ByHand::Done => "counted as done by hand",
            ByHand::Skipped => "left out",
        }
    }
}

/// Source and copy on one network, a byte that nobody compared, a directory that went back: what no two persons
/// decide away (DESIGN.md, section 5).
const TWICE: &str = "source and copy must never both be on the town's network";
const UNCOMPARED: &str = "no byte of a replica may be wrong without anybody noticing";
const UNPROVEN: &str = "only a converted clone of a replica that was proven is ever booted";
const LOOSE_TEST: &str = "a test machine of a domain controller is started only where it cannot reach the town";
const HOT_DIRECTORY: &str = "a domain controller is never copied for the last time while its directory runs";

/// Whether the last copy of a step's server is still to come: what follows it copies nothing hot.
fn is_before_last_copy(plan: &Plan, step: &Step) -> bool {
    let mut before = plan.steps.iter().take_while(|planned| planned.id != step.id);
    !before.any(|planned| planned.action == Action::FinalSync && planned.server == step.server)
}

/// Whether two persons may decide that `step` is done by hand or left out.
///
/// # Errors
/// The rule that it would break, and the legal way.
pub fn may_be_by_hand(plan: &Plan, step: &Step, way: ByHand) -> Result<(), Forbidden> {
    let Some((rule, instead)) = forbidden(plan, step, way) else { return Ok(()) };
    Err(Forbidden { step: step.id.clone(), way, rule, instead })
}

fn forbidden(plan: &Plan, step: &Step, way: ByHand) -> Option<(&'static str, String)> {
    let tenant = &plan.tenant;
    let server = step.server.as_ref().map_or("SERVER", |server| server.as_str());
    let run = format!("It is safe to repeat: traghetto migrate run {tenant}");
    let say = |fact: &str, role: &str| {
        format!("traghetto migrate sign {tenant} {fact} --server {server} --role {role} --note TEXT")
    };
    let controller = step.server.as_ref().and_then(|id| plan.server(id)).is_some_and(|server| server.is_controller());
    match (&step.action, way) {
        (Action::Gate(gate), _) => Some((
            "a validation is each role's own signature, and nobody gives it for another",
            format!("traghetto migrate sign {tenant} {} --role ROLE", gate.gate),
        )),
        (Action::FinalSync, _) if controller => Some((HOT_DIRECTORY, run)),
        (Action::Seed | Action::Sync | Action::Verify | Action::FinalSync, _) => Some((UNCOMPARED, run)),
        (Action::TestClone, ByHand::Done) => Some((
            "a clone that traghetto did not make shows nothing of the replica",
            format!("Leave it out with --skip, or: traghetto migrate run {tenant}"),
        )),
        (Action::Convert, _) => Some((UNPROVEN, run)),
        (Action::Fence, _) => Some((TWICE, say("source-off", "comune-tecnico"))),
        (Action::Route, _) => Some((
            "what leads an address here is in the journal, by a push or by the word of who saw it",
            say("routed", "venis-sistemista"),
        )),
        (Action::Boot, _) => Some((
            TWICE,
            format!(
                "It looks at the source once more before it connects: traghetto migrate run {tenant}; or back: \
                 traghetto migrate rollback {tenant} --server {server} --role ROLE --reason TEXT"
            ),
        )),
        (Action::TestLaunch, ByHand::Done) if controller => Some((
            LOOSE_TEST,
            "Leave it out with --skip: then nobody has seen its copy start, and the gate says so.".to_owned(),
        )),
        (Action::EndTest, ByHand::Skipped) => Some((
            "no test machine outlives its test: it is a second copy of a server that runs",
            format!("Destroy it at the landing site and use --done, or: traghetto migrate run {tenant}"),
        )),
        (Action::PrepareLanding, ByHand::Skipped) => Some((
            "nothing is copied to a place that nobody prepared",
            format!("Prepare it by hand and use --done, or: traghetto migrate run {tenant}"),
        )),
        (Action::Checklist { checklist }, ByHand::Skipped) => Some((
            "what both sides validate is not left out as a whole",
            format!(
                "Waive items that do not hold: traghetto checklist sign {checklist} {tenant} --items ITEM --outcome \
                 waived --until DATE --role ROLE --note TEXT"
            ),
        )),
        (Action::Manual(manual), _) if manual.guards_directory() && is_before_last_copy(plan, step) => {
            let role = manual.by.first().map_or("ROLE", |role| role.as_str());
            let say = format!("traghetto migrate sign {tenant} {} --role {role} --note TEXT", step.id);
            Some((HOT_DIRECTORY, say))
        }
        (Action::Manual(_), _) => None,
        (Action::TestClone | Action::TestLaunch | Action::Relocate, _) => None,
        (Action::EndTest | Action::PrepareLanding | Action::Checklist { .. }, ByHand::Done) => None,
    }
}

/// What follows from it, for the page that the two persons read.
pub fn consequence(step: &Step, way: ByHand) -> Bilingual {
    let (it, en) = match (&step.action, way) {
        (Action::Checklist { checklist: Phase::Source }, _) => (
            "Le voci dell'atterraggio che confrontano con la sorgente non avranno con che cosa confrontare.",
            "Items of the landing that compare with the source will have nothing to compare with.",
        ),
        (Action::Checklist { .. }, _) => (
            "Nessun esito di questa lista è nel registro: chi firma il passaggio si basa sulla carta.",
            "No finding of this checklist is in the journal: who signs the gate relies on paper.",
        ),
        (Action::TestLaunch, ByHand::Done) => (
            "La macchina avviata a mano si elimina a mano: traghetto elimina solo quelle che ha avviato.",
            "The machine that was started by hand is destroyed by hand: traghetto destroys only its own.",
        ),
        (Action::TestClone | Action::TestLaunch, ByHand::Skipped) => (
            "Nessuno avrà visto la copia clonarsi o avviarsi prima della notte dello spostamento.",
            "Nobody will have seen the copy cloned or started before the night of the move.",
        ),
        (Action::EndTest, _) => (
            "Macchine e cloni di prova non ci sono più: visto nell'ambiente di atterraggio.",
            "Test machines and their clones are gone: seen at the landing site.",
        ),
        (Action::PrepareLanding, _) => (
            "Cartelle, spazio e reti sono pronti: visto nell'ambiente di atterraggio.",
            "Folders, space and networks are ready: seen at the landing site.",
        ),
        (Action::Relocate, ByHand::Done) => (
            "La macchina è sul datastore di produzione: visto in vSphere. Il clone nella cartella esportata si elimina a mano.",
            "The machine is on the datastore of machines that stay: seen in vSphere. Its clone in the export is removed by hand.",
        ),
        (Action::Relocate, ByHand::Skipped) => (
            "La macchina resta sul disco dell'host di atterraggio: se quell'host si ferma, si ferma anche lei.",
            "The machine stays on the landing host's disk: where that host stops, it stops, too.",
        ),
        (Action::Manual(_), ByHand::Done) => (
            "Il passo vale come fatto anche se la sua verifica automatica non lo mostra.",
            "The step counts as done although its probe does not show it.",
        ),
        _ => ("Il passo non viene fatto.", "The step is not done."),
    };
    Bilingual { it: it.to_owned(), en: en.to_owned() }
}

/// A step that two persons decided, or that one wants and another has to agree to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ByHandLine {
    /// Which step.
    pub step: StepId,
    /// Number of its activity; none where the adopted plan has no such step any more.
    pub activity: Option<u64>,
    /// What became, or is to become, of it.
    pub way: ByHand,
    /// Who decided.
    pub decided: Vec<Decision>,
    /// Whether both did.
    pub agreed: bool,
}

/// Everything that was decided or is wanted by hand, in the order of step ids. A wish is forgotten after its hours.
pub fn by_hand(state: &RunState, now: Timestamp) -> Vec<ByHandLine> {
    let activity = |step: &StepId| {
        let steps = state.plan["steps"].as_array().into_iter().flatten();
        steps.filter(|planned| planned["id"] == step.0.as_str()).find_map(|planned| planned["activity"].as_u64())
    };
    let decided = state.steps.iter().filter_map(|(step, found)| match found {
        StepState::Done { result: Outcome::ByHand { way, decided }, .. } => Some((step, *way, decided.clone(), true)),
        _ => None,
    });
    let asked = state.asked_by_hand.iter().filter(|(_, asked)| asked.counts(now));
    let asked = asked.map(|(step, asked)| (step, asked.way, vec![asked.first.clone()], false));
    let line = |(step, way, decided, agreed): (&StepId, ByHand, Vec<Decision>, bool)| ByHandLine {
        activity: activity(step),
        step: step.clone(),
        way,
        decided,
        agreed,
    };
    decided.chain(asked).map(line).collect()
}
