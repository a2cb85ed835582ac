//! The migration of a tenant: playbook and inventory give a plan; the runner walks it; events say
//! what happened; everything else (state, gates, phases, status) is computed from those events.
//!
//! The one place that composes checklists and replicas. Only `run` and `live` act.

mod adopt;
mod by_hand;
mod decode;
mod elsewhere;
mod forecast;
mod gate;
mod go_back;
mod handover;
mod hours;
mod live;
mod next;
pub mod notice;
mod order;
mod phase;
mod plan;
mod playbook;
mod quiesce;
mod record;
mod refusal;
mod replaced;
mod routing;
mod run;
mod safety;
mod schedule;
mod shaping;
mod silence;
mod state;
mod status;
mod terms;
mod written;

pub use adopt::{AdoptError, Adopted, Adoption, adopt};
pub use by_hand::{ByHandLine, Forbidden, by_hand, consequence, may_be_by_hand};
pub use decode::{decode, form};
pub use forecast::{
    Basis, Changes, DiskForecast, Evidence, FinalSync, Forecast, Known, LinkForecast, Measurement, Offline,
    OfflinePart, OfflineTerm, ServerForecast, Span, Steady, Term, TermKind, line_seconds,
};
pub use gate::{Approval, GateStatus, Objection, gates, is_joint, may_sign, quiet_period};
pub use go_back::{Criterion, criteria, unmeasured};
pub use handover::{Handover, Told};
pub use hours::{Wait, clock};
pub use live::{Figures, Live, Measured, Measuring, live_figures, server_folder, verify};
pub use next::{Next, Scope, at_hand, is_off_again, is_to_withdraw, machine_off, may_have_machine, next};
pub use notice::{GoBackDue, Notice, Seen};
pub use order::{Held, held};
pub use phase::{Phase, phase_of, tenant_phase};
pub use plan::{Plan, PlannedDisk, PlannedServer, Request, Step, StepId, plan, to_json};
pub use playbook::{Action, Activity, Addressed, Gate, Manual, Per, Playbook, Reached, ServersOf, Signs, Stage};
pub use quiesce::{Quiesce, Unfit};
pub use record::{ByHand, Class, Decision, Fact, Leg, Record, Result as StepResult, Shown, Stop};
pub use refusal::Refusal;
pub use replaced::{WayBack, way_back};
pub use routing::pushed;
pub use run::{
    Acts, AddressSeen, Ended, Ending, Hours, LastCopy, Observer, Progress, Raised, Reading, Routing, RunError, Runner,
    Tempo, Trouble,
};
pub use schedule::{LengthBasis, Lengths, Night, ServerNight, Slot, TimedStep, launches, schedule};
pub use shaping::{Allowance, HoldNews, Holds, Look, LteWatch, Path, Shaper, Why, weekday_and_hour};
pub use silence::Sight;
pub use state::{
    Asked, AskedByHand, Home, IllegalEvent, LateStep, RolledBack, RunState, Signature, Statement, StepState, Verified,
};
pub use status::{
    Copying, DiskLine, GateLine, Inputs, ManualLine, NextAct, ServerStatus, Signed, Status, Unsigned, WindowLine,
    contact,
};
pub use terms::{AgreedContact, AgreedQuiet, AgreedServer, AgreedWindow, CutoverTerms, GoBackIf};
pub use written::{
    Writings, Written, in_use_since, powershell as powershell_written, read as read_written, sh as sh_written,
};
