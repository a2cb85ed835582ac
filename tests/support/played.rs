//! A night that is played on a clock of its own and written down: what people typed, what the engine did,
//! what the page of 3 a.m. said. Same script, same text.

use super::memory::{Lab, World, cinto};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use traghetto::journal::{Event, Holder};
use traghetto::migration::{
    Action, Adopted, Copying, Ending, Evidence, Forecast, Handover, Inputs, Known, Notice, Record, RunState, Seen,
    Status, Step, Trouble, WayBack, contact, notice, way_back,
};

/// A run that is at work.
type AtWork = Pin<Box<dyn Future<Output = Ending>>>;

pub struct Played {
    pub lab: Arc<Lab>,
    /// The transcript.
    pub text: String,
    /// Events that are in it.
    told: usize,
    /// The run at work.
    at_work: Option<AtWork>,
    /// How it ended, if it did meanwhile.
    over: Option<Ending>,
}

impl Played {
    /// From `begin` on, in Rome; every act takes a minute where `takes` of the world says nothing else.
    pub fn new(lab: Lab, begin: &str) -> Self {
        let played = Self { lab: Arc::new(lab), text: String::new(), told: 0, at_work: None, over: None };
        played.lab.memory.with(|world| world.clock = Some(played.lab.clock.clone()));
        *played.lab.clock.lock().unwrap() = at(begin);
        played
    }

    pub fn now(&self) -> Timestamp {
        *self.lab.clock.lock().unwrap()
    }

    pub fn title(&mut self, title: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let day = zoned(self.now()).strftime("%a %d %B %Y").to_string();
        writeln!(self.text, "{gap}== {title} ({day})").unwrap();
    }

    /// Time passes.
    pub fn until(&mut self, time: &str) {
        let then = at(time);
        assert!(then >= self.now(), "the clock does not go back");
        *self.lab.clock.lock().unwrap() = then;
    }

    /// Something happens in the world.
    pub fn happens(&mut self, what: &str, change: impl FnOnce(&mut World)) {
        self.line(&format!("! {what}"));
        self.lab.memory.with(change);
    }

    /// A line with the time before it.
    pub fn line(&mut self, line: &str) {
        let clock = zoned(self.now()).strftime("%H:%M").to_string();
        writeln!(self.text, "{clock}  {line}").unwrap();
    }

    /// What somebody typed.
    pub fn typed(&mut self, who: &str, command: &str) {
        self.line(&format!("{who}$ traghetto {command}"));
    }

    /// `migrate run`, to its end.
    pub async fn run(&mut self, who: &str) -> Ending {
        self.typed(who, &format!("migrate run {}", cinto()));
        let ending = self.lab.run_as(who, None).await;
        self.events().await;
        self.ended(&ending);
        ending
    }

    /// `migrate run --server`, to its end.
    pub async fn run_only(&mut self, who: &str, server: &str) -> Ending {
        self.typed(who, &format!("migrate run {} --server {server}", cinto()));
        let ending = self.lab.run_as(who, Some(server)).await;
        self.events().await;
        self.ended(&ending);
        ending
    }

    /// `migrate run`, until its copy may send nothing; it stays at work.
    pub async fn run_until_held(&mut self, who: &'static str) {
        self.typed(who, &format!("migrate run {}", cinto()));
        let (lab, memory) = (self.lab.clone(), self.lab.memory.clone());
        let mut at_work: AtWork = Box::pin(async move { lab.run_as(who, None).await });
        let held = async {
            while !memory.with(|world| world.held) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            ending = &mut at_work => panic!("nothing held it: {ending:?}"),
            () = held => {}
        }
        self.at_work = Some(at_work);
        self.events().await;
    }

    /// `act`, while the run at work goes on beside it: one that stood still would keep what it holds.
    async fn beside<T>(&mut self, act: impl Future<Output = T>) -> T {
        tokio::pin!(act);
        if let Some(at_work) = &mut self.at_work {
            tokio::select! {
                done = &mut act => return done,
                over = at_work => self.over = Some(over),
            }
            self.at_work = None;
        }
        act.await
    }

    /// A run that was at work comes to its end.
    pub async fn goes_on(&mut self) -> Ending {
        let ending = match self.at_work.take() {
            Some(at_work) => at_work.await,
            None => self.over.take().unwrap(),
        };
        self.events().await;
        self.ended(&ending);
        ending
    }

    /// `migrate run`, whose host is lost with its state store.
    pub async fn host_lost(&mut self, who: &str, what: &str) {
        self.typed(who, &format!("migrate run {}", cinto()));
        self.lab.run_dropped_once(|world| world.lost).await;
        self.events().await;
        self.happens(what, |world| world.lost = false);
        self.lab.lose_the_store();
    }

    /// `migrate adopt`: another host goes on.
    pub async fn adopts(&mut self, who: &str, reason: &str) {
        self.typed(who, &format!("migrate adopt replicas/{}/events.jsonl --reason '{reason}'", cinto()));
        let adopted = self.lab.adopt_mirror(who, reason).await;
        assert!(matches!(adopted, Adopted::Now(_)), "{adopted:?}");
        self.events().await;
    }

    /// What the run tells people by now: that LTE carries, that the time to go back is near.
    pub async fn notices(&mut self) {
        let (copies, moves) = (self.call(&Action::Seed), self.call(&Action::FinalSync));
        let (seen, now) = (self.lab.memory.with(|world| std::mem::take(&mut world.lte_seen)), self.now());
        let (tenant, plan, lab) = (cinto(), self.lab.plan(), self.lab.clone());
        let state = self.beside(async { lab.state().await }).await;
        let windows = &lab.inventory.tenants[&tenant].windows;
        let due = notice::go_back_due(windows, &plan, &state, now);
        let status = self.read(Status::of, false).await;
        let name = "Comune di Cinto Caomaggiore";
        let about = |call| Seen { name, tenant: &tenant, status: &status, call, now };
        let lte = seen.iter().map(|(server, since)| Notice::of_lte(server, *since, &about(&copies)));
        let all: Vec<Notice> = lte.chain(due.iter().map(|due| Notice::of_go_back(due, &about(&moves)))).collect();
        for notice in all {
            self.line(&format!("@ people are told ({})", notice.key));
            let text = notice.text(false);
            self.indented(&text);
        }
    }

    /// Whom the program calls about the first step of a kind.
    fn call(&self, action: &Action) -> Vec<String> {
        let plan = self.lab.plan();
        let number = plan.steps.iter().find(|step| step.action == *action).map(|step| step.activity);
        let activity = self.lab.playbook.activities.iter().find(|activity| Some(activity.number) == number);
        let (people, tenant) = (&self.lab.inventory.people, cinto());
        let roles = activity.into_iter().flat_map(|activity| &activity.responsible);
        roles.flat_map(|role| people.holders(role, &tenant).map(move |who| contact(people, role, who))).collect()
    }

    /// What people undo by hand for a server that was replaced, as `migrate rollback` lists it.
    pub async fn undone_by_hand(&mut self, server: &str) {
        let (plan, state) = (self.lab.plan(), self.lab.state().await);
        let WayBack::Open { undo, .. } = way_back(&plan, &state, &server.parse().unwrap()) else {
            panic!("{server} does not come back")
        };
        let line = |(number, step): (usize, &&Step)| match &step.action {
            Action::Manual(manual) => format!("{}. {}: {}", number + 1, step.id, manual.back.as_ref().unwrap().en),
            _ => format!("{}. {} is undone", number + 1, step.id),
        };
        let lines: Vec<String> = undo.iter().enumerate().map(line).collect();
        self.line(&format!("  {server}: by hand, in this order:"));
        self.indented(&lines.join("\n"));
    }

    /// `migrate run`, whose host dies once it has acted `acts` times more.
    pub async fn killed(&mut self, who: &str, acts: usize, what: &str) {
        self.typed(who, &format!("migrate run {}", cinto()));
        let done = self.lab.memory.with(|world| world.acts.len());
        self.lab.run_killed(done + acts).await;
        self.events().await;
        self.line(&format!("! {what}"));
    }

    /// People sign a gate, each at an own account.
    pub async fn signs(&mut self, gate: &str, role: &str, by: &str) {
        self.typed(by, &format!("migrate sign {} {gate} --role {role}", cinto()));
        if let Err(objection) = self.lab.try_sign(gate, role, by).await {
            self.line(&format!("  refused: {objection}"));
        }
        self.events().await;
    }

    /// Somebody types what becomes an event; it takes a minute.
    pub async fn says(&mut self, by: &str, command: &str, record: Record) {
        *self.lab.clock.lock().unwrap() += jiff::SignedDuration::from_mins(1);
        self.typed(by, command);
        let lab = self.lab.clone();
        self.beside(async { lab.write_as(by, record).await }).await;
        self.events().await;
    }

    /// The page of 3 a.m., as far as it does not depend on a terminal.
    pub async fn status(&mut self) {
        self.typed("anybody", &format!("migrate status {}", cinto()));
        let status = self.read(Status::of, true).await;
        let mut page = format!("NOW: {}\n", status.next.what.en);
        if let Some(window) = status.window {
            let clock = |time| zoned(time).strftime("%d.%m. %H:%M").to_string();
            writeln!(
                page,
                "window {} to {}, go back at {}",
                clock(window.from),
                clock(window.to),
                clock(window.go_back_at)
            )
            .unwrap();
        }
        for server in &status.servers {
            let step = server.step.as_ref().map(|step| format!(", next {step}")).unwrap_or_default();
            let failure = server.failure.as_ref().map(|why| format!("; failed: {why}")).unwrap_or_default();
            writeln!(page, "{}: {}{step}{failure}", server.server, server.phase.word()).unwrap();
            page.extend(at_work(&server.copying));
        }
        page.extend(status.go_back.iter().map(|one| format!("go back? {}: {}\n", one.server, one.what.en)));
        page.extend(status.safe.iter().map(|one| format!("safe: {}\n", one.en)));
        page.extend(status.not_safe.iter().map(|one| format!("not safe: {}\n", one.en)));
        page.extend(status.next.command.map(|command| format!("then: {command}\n")));
        page.extend(status.next.or.map(|command| format!("or: {command}\n")));
        self.indented(&page);
    }

    /// The page for the next shift.
    pub async fn handover(&mut self, by: &str, hours: i64) {
        self.typed(by, &format!("migrate handover {} --lang en", cinto()));
        let since = self.now() - jiff::SignedDuration::from_hours(hours);
        let of = |inputs: &Inputs<'_>| Handover::of("Cinto", inputs, &Status::of(inputs), since).unwrap().page();
        let page = self.read(of, true).await;
        self.indented(&page.en);
    }

    fn indented(&mut self, page: &str) {
        for line in page.lines() {
            writeln!(self.text, "{}", format!("       | {line}").trim_end()).unwrap();
        }
    }

    /// What `read` makes of where all stands; people are told as if nobody were at work.
    async fn read<T>(&mut self, read: impl FnOnce(&Inputs<'_>) -> T, with_holder: bool) -> T {
        let (lab, now) = (self.lab.clone(), self.now());
        let journaled = async {
            let journal = lab.journal().await;
            let events = journal.events(&cinto()).await.unwrap();
            (events, journal.holder(&format!("tenant/{}", cinto())).await.unwrap())
        };
        let (events, at_work) = self.beside(journaled).await;
        let (plan, state) = (lab.plan(), RunState::of(&events).unwrap());
        let figures = lab.memory.with(|world| world.figures.clone()).filter(|_| at_work.is_some());
        let holder = at_work.filter(|_| with_holder).map(|holder| Holder { pid: 1, host: "sad-ops".into(), ..holder });
        let (inventory, evidence) = (&lab.inventory, Evidence::of(&events, &plan).unwrap());
        let known = Known { project: &inventory.project, evidence: &evidence, now, begin: now };
        let forecast = Forecast::of(&inventory.tenants[&cinto()], &plan, &known);
        read(&Inputs {
            plan: &plan,
            forecast: &forecast,
            state: &state,
            events: &events,
            people: &inventory.people,
            holder: holder.as_ref(),
            replicas: &BTreeMap::new(),
            live: figures.as_ref(),
            unsigned: &[],
            windows: &inventory.tenants[&cinto()].windows,
            now,
        })
    }

    /// What was written to the journal since it was read last.
    pub async fn events(&mut self) {
        let lab = self.lab.clone();
        let events = self.beside(async { lab.journal().await.events(&cinto()).await.unwrap() }).await;
        for event in &events[self.told..] {
            let clock = zoned(event.time.parse().unwrap()).strftime("%H:%M").to_string();
            writeln!(self.text, "{clock}    {}", told(event)).unwrap();
        }
        self.told = events.len();
    }

    fn ended(&mut self, ending: &Ending) {
        match ending {
            Ending::Gate => self.line("  waits for signatures"),
            Ending::Nobody => self.line("  every server was taken back: nothing moves"),
            Ending::Done => self.line("  all activities are done"),
            Ending::Stopped(why) => self.line(&format!("  stopped: {why:?}")),
            Ending::Withdrawing(server, trouble) => self.trouble(server.as_str(), trouble),
            Ending::Blocked(troubles) => {
                for (step, trouble) in troubles {
                    self.trouble(&step.to_string(), trouble);
                }
            }
        }
    }

    fn trouble(&mut self, of: &str, trouble: &Trouble) {
        self.line(&format!("  {of}: {}", trouble.reason()));
        assert!(!trouble.hints.is_empty(), "{of} says nothing about what is safe and what comes next");
        for hint in &trouble.hints {
            writeln!(self.text, "         {hint}").unwrap();
        }
    }
}

/// The line about a copy at work.
fn at_work(copying: &Copying) -> Option<String> {
    let (path, why) = (copying.path.as_ref()?, copying.why.as_ref()?);
    let held = if copying.allowed_bps == Some(0) { "HELD: " } else { "" };
    let left = copying.eta_at_mcr_seconds.map(|seconds| format!("{} min", seconds.div_ceil(60)));
    let left = left.unwrap_or_else(|| "nobody knows".into());
    let bytes = copying.backlog_bytes.map_or_else(|| "-".into(), |bytes| format!("{} MB", bytes / 1_000_000));
    Some(format!("  path {path}, {held}{why}; {bytes} to go, {left} at the guaranteed rate\n"))
}

/// A time in Rome.
pub fn at(time: &str) -> Timestamp {
    format!("{time}[Europe/Rome]").parse::<Zoned>().unwrap().timestamp()
}

fn zoned(time: Timestamp) -> Zoned {
    time.to_zoned(TimeZone::get("Europe/Rome").unwrap())
}

/// An event in one line: its kind, what it is about, who said what.
fn told(event: &Event) -> String {
    let word = |name: &str| event.data[name].as_str().map(str::to_owned);
    let about = ["step", "gate", "server"].iter().filter_map(|name| word(name)).next().unwrap_or_default();
    let mut text = format!("{} {about}", event.kind).trim_end().to_owned();
    for name in ["fact", "how", "role", "why", "reason", "note", "text"] {
        text.extend(word(name).map(|said| format!(", {name}: {said}")));
    }
    if let Some(seconds) = event.data["held_seconds"].as_u64() {
        write!(text, ", held for {} min", seconds / 60).unwrap();
    }
    if let Value::Number(seconds) = &event.data["facts"]["outage_seconds"] {
        // In minutes: what the engine itself needs is not part of the story.
        write!(text, ", out of service {} min", seconds.as_f64().unwrap() as i64 / 60).unwrap();
    }
    text
}

/// What was played so far, where a test fails.
impl Drop for Played {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.text);
        }
    }
}
