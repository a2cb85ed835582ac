//! The migration of a tenant: playbook and inventory give a plan; the runner walks it; events say
//! what happened; everything else (state, gates, phases, status) is computed from those events.
//!
//! The one place that composes checklists and replicas. Only `run` and `live` act.

mod decode;
mod forecast;
mod gate;
mod live;
mod next;
mod phase;
mod plan;
mod playbook;
mod quiesce;
mod record;
mod refusal;
mod run;
mod shaping;
mod state;
mod status;

pub use decode::{decode, form};
pub use forecast::{
    Basis, Changes, DiskForecast, Evidence, FinalSync, Forecast, Known, LinkForecast, Measurement, ServerForecast,
    Span, Steady, Term, TermKind, line_seconds,
};
pub use gate::{Approval, GateStatus, Objection, gates, is_joint, may_sign};
pub use live::{Figures, Live, Measured, Measuring, live_figures, server_folder, verify};
pub use next::{Next, Scope, next};
pub use phase::{Phase, phase_of, tenant_phase};
pub use plan::{Plan, PlannedDisk, PlannedServer, Request, Step, StepId, plan, to_json};
pub use playbook::{Action, Activity, Gate, Playbook, Reached};
pub use quiesce::{Quiesce, Unfit};
pub use record::{Class, Record, Result as StepResult, Stop};
pub use refusal::Refusal;
pub use run::{Acts, Ended, Ending, LastCopy, Observer, Progress, Reading, RunError, Runner, Trouble};
pub use shaping::{Allowance, Path, Why, weekday_and_hour};
pub use state::{IllegalEvent, RolledBack, RunState, Signature, StepState, Verified};
pub use status::{Copying, DiskLine, GateLine, Inputs, NextAct, ServerStatus, Signed, Status, Unsigned, contact};
