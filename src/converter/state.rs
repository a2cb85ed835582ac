//! What is going on with a job, from what the server says of it.
//!
//! A job is done only if a run that began after somebody asked for the last synchronisation has ended
//! without an error: an earlier one does not count, whatever the job is called by then.

use super::cause::Cause;
use super::{Activity, both};
use crate::model::bilingual::Bilingual;
use crate::model::converter::{JobSeen, Standing, TargetSeen};
use jiff::{SignedDuration, Timestamp};

/// A copy that does not move for so long stands still.
const STALL: SignedDuration = SignedDuration::from_mins(30);

/// What is going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConverterState {
    /// The first copy waits for its turn.
    Queued,
    /// The first copy is at work.
    Cloning {
        /// How far it is.
        percent: u8,
    },
    /// A synchronisation is at work, or due.
    Synchronising {
        /// How far it is.
        percent: u8,
    },
    /// The copy is there and its changes can be carried: everything waits for the last synchronisation.
    Idle,
    /// The last synchronisation is at work, or due.
    FinalSync {
        /// How far it is.
        percent: u8,
    },
    /// The last synchronisation is over: the copy is complete.
    Done,
    /// Nothing begins before the job is resumed.
    Suspended {
        /// Whether the first copy is there.
        copied: bool,
    },
    /// It stands still, and its task goes on.
    Stalled {
        /// How far it is.
        percent: u8,
        /// Why, most likely.
        cause: Cause,
    },
    /// It failed.
    Failed {
        /// Why.
        cause: Cause,
        /// What the server says.
        said: String,
    },
    /// Somebody ended the job before its last synchronisation.
    Stopped,
    /// A person drives it, and the vCenter does not show the target yet.
    NotBegun,
    /// A person drives it, and the vCenter shows the target.
    ByHand {
        /// Whether vCenter works on it.
        busy: bool,
    },
    /// The target is on, or would be on the tenant's network once it is: it must be neither.
    Unsafe {
        /// Whether it is on.
        powered_on: bool,
        /// How many cards are connected.
        connected: u32,
    },
}

impl ConverterState {
    /// What the target in the vCenter says of a conversion that a person drives.
    pub fn of_target(seen: Option<TargetSeen>) -> Self {
        match seen {
            None => ConverterState::NotBegun,
            Some(seen) if seen.powered_on || seen.connected > 0 => {
                ConverterState::Unsafe { powered_on: seen.powered_on, connected: seen.connected }
            }
            Some(seen) => ConverterState::ByHand { busy: seen.busy },
        }
    }

    /// What the calendar has to know of it.
    pub fn activity(&self) -> Activity {
        match self {
            ConverterState::Cloning { .. } | ConverterState::Stalled { .. } => Activity::FirstCopy,
            ConverterState::Synchronising { .. } => Activity::Synchronisation,
            ConverterState::FinalSync { .. } => Activity::FinalSync,
            _ => Activity::Idle,
        }
    }

    /// What is going on, what is safe and what comes next, as sentences.
    pub fn message(&self) -> Bilingual {
        match self {
            ConverterState::Queued => both("La prima copia è in coda.", "The first copy is queued."),
            ConverterState::Cloning { percent } => both(
                format!(
                    "Prima copia al {percent} %. L'origine lavora come sempre; non interrompere: ripartirebbe da zero."
                ),
                format!("First copy at {percent} %. The source works as ever; do not interrupt: it would begin anew."),
            ),
            ConverterState::Synchronising { percent } => both(
                format!("Sincronizzazione delle modifiche al {percent} %. L'origine lavora come sempre."),
                format!("Synchronising changes, {percent} %. The source works as ever."),
            ),
            ConverterState::Idle => both(
                "La copia c'è e aspetta la sincronizzazione finale. Provare solo su un clone del bersaglio: acceso, il \
                 bersaglio non si sincronizza più e la linea porterebbe una seconda copia intera.",
                "The copy is there and waits for the last synchronisation. Test on a clone of the target only: once \
                 turned on the target cannot be synchronised, and the line would carry a second full copy.",
            ),
            ConverterState::FinalSync { percent } => both(
                format!("Sincronizzazione finale al {percent} %, servizi fermi. Non usare l'origine."),
                format!("Last synchronisation at {percent} %, services stopped. Do not use the source."),
            ),
            ConverterState::Done => both(
                "Sincronizzazione finale completata (prova: file). Spegnere ora l'origine a mano; il bersaglio resta \
                 spento finché è provato che l'origine tace.",
                "Last synchronisation complete (proof: file). Turn the source off by hand now; the target stays off \
                 until the source is proven silent.",
            ),
            ConverterState::Suspended { copied: true } => both(
                "Il job è sospeso. La copia c'è: alla ripresa passano solo le modifiche.",
                "The job is suspended. The copy is there: once resumed, only changes go over.",
            ),
            ConverterState::Suspended { copied: false } => {
                both("Il job è sospeso e non ha ancora copiato.", "The job is suspended and has not copied yet.")
            }
            ConverterState::Stalled { cause, .. } => of_cause(*cause, ""),
            ConverterState::Failed { cause, said } => of_cause(*cause, said),
            ConverterState::Stopped => both(
                "Qualcuno ha chiuso il job prima della sincronizzazione finale. L'origine lavora come prima; il \
                 bersaglio è incompleto e non va acceso. Chiedere chi l'ha chiuso; un job nuovo copia tutto da capo.",
                "Somebody ended the job before its last synchronisation. The source works as before; the target is \
                 incomplete and must not be turned on. Ask who did; a new job copies everything again.",
            ),
            ConverterState::NotBegun => both(
                "Il bersaglio non c'è ancora nel vCenter: avviare la procedura guidata con la pagina delle impostazioni.",
                "The target is not in the vCenter yet: run the wizard with the page of settings.",
            ),
            ConverterState::ByHand { busy: true } => both(
                "Il bersaglio c'è e il vCenter ci lavora. Guardare l'avanzamento in Converter.",
                "The target is there and the vCenter works on it. Look at the progress in Converter.",
            ),
            ConverterState::ByHand { busy: false } => both(
                "Il bersaglio c'è, spento e scollegato, e nessuno ci lavora. Guardare in Converter se la copia è finita.",
                "The target is there, off and disconnected, and nobody works on it. Look in Converter whether the copy \
                 is complete.",
            ),
            ConverterState::Unsafe { powered_on: true, .. } => both(
                "Il bersaglio è ACCESO. Spegnerlo subito: origine e copia non devono stare sulla stessa rete, e acceso \
                 non si sincronizza più.",
                "The target is ON. Turn it off now: source and copy must not share a network, and turned on it cannot \
                 be synchronised.",
            ),
            ConverterState::Unsafe { connected, .. } => both(
                format!("Schede di rete del bersaglio collegate all'accensione: {connected}. Scollegarle nel vCenter."),
                format!("Cards of the target that connect at power on: {connected}. Disconnect them in the vCenter."),
            ),
        }
    }
}

fn of_cause(cause: Cause, said: &str) -> Bilingual {
    let (what, safe, next) = (cause.what(), cause.safe(), cause.next());
    let quoted = |label: &str| if said.is_empty() { String::new() } else { format!(" {label}: «{said}».") };
    both(
        format!("{}{} {} {}", what.it, quoted("Converter dice"), safe.it, next.it),
        format!("{}{} {} {}", what.en, quoted("Converter says"), safe.en, next.en),
    )
}

/// Follows a job: remembers how far it was, which the server forgets when a task fails.
#[derive(Debug, Clone, Default)]
pub struct Follower {
    reached: Option<u8>,
    since: Option<Timestamp>,
}

impl Follower {
    /// What is going on at `now`, with what was seen before.
    pub fn next(&mut self, seen: &JobSeen, now: Timestamp) -> ConverterState {
        let percent = seen.task.as_ref().filter(|task| !task.queued).map(|task| task.percent.unwrap_or(0));
        match percent {
            Some(percent) if self.reached != Some(percent) => (self.reached, self.since) = (Some(percent), Some(now)),
            Some(_) => {}
            None => self.since = None,
        }
        let state = state(seen, self.reached);
        if seen.task.is_none() && seen.error.is_none() {
            self.reached = None;
        }
        match (&state, self.since) {
            (ConverterState::Cloning { percent }, Some(since)) if now.duration_since(since) >= STALL => {
                ConverterState::Stalled { percent: *percent, cause: Cause::of_stall(*percent) }
            }
            _ => state,
        }
    }
}

/// What the server's words mean, after a task had `reached` so many percent.
fn state(seen: &JobSeen, reached: Option<u8>) -> ConverterState {
    if let Some(task) = &seen.task {
        let percent = task.percent.unwrap_or(0);
        return match (task.incremental, seen.finalize) {
            // A run that is at work when the last one is asked for is not yet the last one.
            (true, true) if began_after_asked(seen) => ConverterState::FinalSync { percent },
            (true, _) => ConverterState::Synchronising { percent },
            (false, _) if task.queued => ConverterState::Queued,
            (false, _) => ConverterState::Cloning { percent },
        };
    }
    if let Some(fault) = &seen.error {
        return ConverterState::Failed { cause: Cause::of(fault, reached), said: said(&fault.kind, &fault.message) };
    }
    let is_last = seen.finalize && began_after_asked(seen) && ended(seen);
    match (&seen.standing, is_last) {
        (_, true) if seen.due.is_none() => ConverterState::Done,
        (Standing::Deactivated, _) => ConverterState::Stopped,
        (Standing::Suspended, _) => ConverterState::Suspended { copied: ended(seen) },
        _ if !ended(seen) => ConverterState::Queued,
        _ if seen.finalize => ConverterState::FinalSync { percent: 0 },
        _ if seen.due.is_some() => ConverterState::Synchronising { percent: 0 },
        _ => ConverterState::Idle,
    }
}

/// Whether the last run began after the settings last changed, which asking for the last one does.
fn began_after_asked(seen: &JobSeen) -> bool {
    seen.started.is_some_and(|started| started >= seen.changed)
}

/// Whether the last run is over.
fn ended(seen: &JobSeen) -> bool {
    match (seen.started, seen.completed) {
        (Some(started), Some(completed)) => completed >= started,
        (_, completed) => completed.is_some(),
    }
}

fn said(kind: &str, message: &str) -> String {
    match (kind, message) {
        ("", message) => message.to_owned(),
        (kind, "") => kind.to_owned(),
        (kind, message) => format!("{kind}: {message}"),
    }
}

#[cfg(test)]
mod tests;
