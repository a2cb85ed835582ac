//! Runs a checklist: every host once with one script, every other probe at once, all with deadlines.

use super::answer::{entry, read};
use super::batch::{self, Entry, together};
use super::finding::{Finding, Verdict};
use super::item::Checklist;
use super::judge::{Answer, NoAnswer, at_rest, in_words, judge};
use super::plan::{Inquiry, Options, Origin, Question, Task, Todo, tasks};
use super::powershell;
use super::record::RunRecord;
use super::redact::Redactor;
use super::sign::Signatures;
use crate::digest::hex;
use crate::journal::{Journal, JournalError};
use crate::model::script_access::ScriptAccess;
use crate::model::tenant::Tenant;
use crate::world::{Shell, ShellError};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Hosts that are at work at the same time, and probes beside them.
const AT_ONCE: usize = 64;
/// What a question may take besides its own time: its turn, and until a probe machine that is lost is known
/// to be. Whoever asks keeps the time itself.
const MARGIN: Duration = Duration::from_secs(60);
/// What a host may take besides its items: its shell's start, the way there and back.
const HOST_MARGIN: Duration = Duration::from_secs(15);

/// Why a question has no answer although it was asked.
const LOST: &str = "the check broke off: a bug in traghetto";

/// What a run needs of the world.
pub trait Field: Send + Sync + 'static {
    /// A connection to a host.
    type Shell: Shell + 'static;

    /// Makes sure that questions can go out from there: it is not counted as time of an item, and whoever
    /// cannot be entered is tried once for all.
    fn ready(&self, origin: &Origin) -> impl Future<Output = Result<(), NoAnswer>> + Send;

    /// Connects to a host from there.
    fn connect(
        &self,
        access: &ScriptAccess,
        origin: &Origin,
    ) -> impl Future<Output = Result<Self::Shell, NoAnswer>> + Send;

    /// Why what this connection just did not bring says nothing about the host: whoever carried it is lost.
    fn loss(&self, _shell: &Self::Shell) -> impl Future<Output = Option<NoAnswer>> + Send {
        async { None }
    }

    /// Asks a question that is not a script, from there.
    fn ask(
        &self,
        question: &Question,
        origin: &Origin,
        deadline: Duration,
    ) -> impl Future<Output = Result<Answer, NoAnswer>> + Send;
}

/// Runs `checklist` for `tenant` and returns one finding for each task, in the order of the items.
///
/// Never fails as a whole: what could not be found out is a finding with [`Verdict::Error`].
pub async fn run<F: Field>(
    checklist: &Checklist,
    tenant: &Tenant,
    options: &Options<'_>,
    field: &Arc<F>,
) -> Vec<Finding> {
    let mut tasks: BTreeMap<usize, Task> = tasks(checklist, tenant, options).into_iter().enumerate().collect();
    let mut findings = BTreeMap::new();
    let mut work = JoinSet::new();
    // Of their own: hosts that hang hold up no probe.
    let (host_permits, probe_permits) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Semaphore::new(AT_ONCE)));
    let (hosts, probes) = sort(&tasks);
    let lost: BTreeMap<usize, Finding> =
        tasks.iter().map(|(number, task)| (*number, at_rest(task, options.signatures, LOST))).collect();
    for (host, numbers) in hosts {
        let jobs = numbers.into_iter().filter_map(|number| Job::take(&mut tasks, number)).collect();
        work.spawn(ask_host(field.clone(), host_permits.clone(), host, jobs));
    }
    for number in probes {
        if let Some(job) = Job::take(&mut tasks, number) {
            let (field, permits) = (field.clone(), probe_permits.clone());
            work.spawn(async move { vec![ask_probe(field, permits, job).await] });
        }
    }
    while let Some(done) = work.join_next().await {
        // A task that panicked leaves its findings as they were at rest: `error`, never `pass`.
        findings.extend(done.unwrap_or_default());
    }
    lost.into_iter().map(|(number, at_rest)| findings.remove(&number).unwrap_or(at_rest)).collect()
}

/// Where a run is kept, and how it counts.
#[derive(Clone, Copy)]
pub struct Keeper<'a> {
    /// Where it is kept.
    pub journal: &'a Journal,
    /// Who ran it.
    pub operator: &'a str,
    /// What takes the secrets out.
    pub redactor: &'a Redactor,
    /// The signatures, with the waivers.
    pub signatures: &'a Signatures,
}

impl Keeper<'_> {
    /// Keeps the findings of a run that took `took` seconds, with their raw answers, and returns the
    /// run as it counts: the journal has what was found, waived or not.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn keep(
        &self,
        checklist: &Checklist,
        tenant: &Tenant,
        options: &Options<'_>,
        took: f64,
        mut findings: Vec<Finding>,
    ) -> Result<RunRecord, JournalError> {
        let blobs = self.redactor.seal(&mut findings);
        if let Some(kept) = self.journal.blobs(&tenant.id) {
            kept.put_all(blobs.iter().map(|blob| blob.bytes.as_slice()))?;
        }
        let mut record = RunRecord::new(checklist, &tenant.id, options.server, took, findings);
        record.when = options.when;
        let data = serde_json::to_value(&record).unwrap_or_default();
        self.journal.append(&tenant.id, self.operator, RunRecord::KIND, data).await?;
        let weighed = self.signatures.weigh_all(checklist, record.findings.clone());
        Ok(record.weighed(weighed))
    }
}

/// A host that is asked by scripts, and from where.
#[derive(PartialEq)]
struct Host {
    access: ScriptAccess,
    origin: Origin,
}

/// Tasks of the same host go together; the others are on their own.
fn sort(tasks: &BTreeMap<usize, Task>) -> (Vec<(Host, Vec<usize>)>, Vec<usize>) {
    let mut hosts: Vec<(Host, Vec<usize>)> = Vec::new();
    let mut probes = Vec::new();
    for (number, task) in tasks {
        let Todo::Ask(Inquiry { question, origin, .. }) = &task.todo else { continue };
        match question.script() {
            Some((access, _)) => {
                let own = Host { access, origin: origin.clone() };
                match hosts.iter_mut().find(|(host, _)| *host == own) {
                    Some((_, numbers)) => numbers.push(*number),
                    None => hosts.push((own, vec![*number])),
                }
            }
            None => probes.push(*number),
        }
    }
    (hosts, probes)
}

type Numbered = Vec<(usize, Finding)>;

/// A task with its question.
struct Job {
    number: usize,
    task: Task,
    inquiry: Inquiry,
    attempts: u32,
}

impl Job {
    fn take(tasks: &mut BTreeMap<usize, Task>, number: usize) -> Option<Self> {
        let task = tasks.remove(&number)?;
        let Todo::Ask(inquiry) = &task.todo else { return None };
        let inquiry = inquiry.clone();
        Some(Self { number, task, inquiry, attempts: 0 })
    }

    fn finding(&mut self, answer: Result<Answer, NoAnswer>) -> Finding {
        self.attempts += 1;
        judge(&self.task, &self.inquiry, answer, self.attempts)
    }

    /// How long to wait before it is asked again, if it is.
    fn again(&self, finding: &Finding, began: Instant) -> Option<Duration> {
        let until = self.inquiry.until.filter(|_| finding.verdict != Verdict::Pass)?;
        (began.elapsed() + until.every < until.within).then_some(until.every)
    }
}

async fn ask_probe<F: Field>(field: Arc<F>, permits: Arc<Semaphore>, mut job: Job) -> (usize, Finding) {
    let mut began = None;
    loop {
        // The semaphore is never closed; without a permit the work would only start earlier.
        let permit = permits.acquire().await;
        let began = *began.get_or_insert_with(Instant::now);
        let asked = ask_in_time(&*field, &job.inquiry).await;
        drop(permit);
        let finding = job.finding(asked);
        match job.again(&finding, began) {
            Some(pause) => sleep(pause).await,
            None => return (job.number, finding),
        }
    }
}

async fn ask_in_time<F: Field>(field: &F, inquiry: &Inquiry) -> Result<Answer, NoAnswer> {
    let Inquiry { question, origin, timeout: limit, .. } = inquiry;
    field.ready(origin).await?;
    let asked = timeout(*limit + MARGIN, field.ask(question, origin, *limit)).await;
    let silent = NoAnswer { reason: format!("no answer within {} s", limit.as_secs()), unreachable: true };
    asked.unwrap_or(Err(silent))
}

/// Asks one host everything in one session: one script, then another for what is asked again. A host
/// that was lost, such as one that starts again, is connected to anew when it is asked again.
async fn ask_host<F: Field>(field: Arc<F>, permits: Arc<Semaphore>, host: Host, mut jobs: Vec<Job>) -> Numbered {
    let mut shell = None;
    let mut began = None;
    let mut findings = Vec::new();
    while !jobs.is_empty() {
        let permit = permits.acquire().await;
        let began = *began.get_or_insert_with(Instant::now);
        let answers = ask_once(&*field, &host, &mut shell, &jobs).await;
        drop(permit);
        let mut later = Vec::new();
        let mut pause = None;
        for (mut job, answer) in jobs.into_iter().zip(answers) {
            let finding = job.finding(answer);
            match job.again(&finding, began) {
                Some(every) => {
                    pause = Some(pause.map_or(every, |shortest: Duration| shortest.min(every)));
                    later.push(job);
                }
                None => findings.push((job.number, finding)),
            }
        }
        if let Some(pause) = pause {
            sleep(pause).await;
        }
        jobs = later;
    }
    findings
}

/// Asks everything once, in the session that there is or in a new one.
async fn ask_once<F: Field>(
    field: &F,
    host: &Host,
    shell: &mut Option<F::Shell>,
    jobs: &[Job],
) -> Vec<Result<Answer, NoAnswer>> {
    let open = match shell.take() {
        Some(open) => open,
        None => match enter(field, host).await {
            Ok(open) => open,
            Err(none) => return jobs.iter().map(|_| Err(none.clone())).collect(),
        },
    };
    let mut answers = ask_all(&open, host.access.is_powershell(), jobs).await;
    let lost = |answer: &Result<Answer, NoAnswer>| answer.as_ref().is_err_and(|none| none.unreachable);
    if !answers.iter().any(lost) {
        *shell = Some(open);
        return answers;
    }
    let loss = match field.loss(&open).await {
        None => field.ready(&host.origin).await.err(),
        known => known,
    };
    if let Some(none) = loss {
        // It was the machine that asks, and says nothing about the host.
        answers.iter_mut().filter(|answer| lost(answer)).for_each(|answer| *answer = Err(none.clone()));
    }
    answers
}

async fn enter<F: Field>(field: &F, host: &Host) -> Result<F::Shell, NoAnswer> {
    field.ready(&host.origin).await?;
    field.connect(&host.access, &host.origin).await
}

async fn ask_all<S: Shell>(shell: &S, powershell: bool, jobs: &[Job]) -> Vec<Result<Answer, NoAnswer>> {
    let mut answers = Vec::new();
    let mut rest = jobs;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(batch::first_script(rest.iter().map(|job| job.inquiry.most_bytes)));
        answers.extend(ask_part(shell, powershell, part).await);
        rest = later;
    }
    answers
}

async fn ask_part<S: Shell>(shell: &S, powershell: bool, jobs: &[Job]) -> Vec<Result<Answer, NoAnswer>> {
    let entries: Vec<Entry<'_>> = jobs.iter().map(|job| entry(job.number, &job.inquiry)).collect();
    let (mut answers, none) = answers(shell, powershell, &entries).await;
    let answered = |job: &Job| match (answers.remove(&job.number), &none) {
        (None, Some(none)) => Err(none.clone()),
        (answer, _) => read(answer, &job.inquiry),
    };
    jobs.iter().map(answered).collect()
}

type Answers = BTreeMap<usize, batch::Answer>;

/// What a host answers, and why it does not answer the rest, where there is one reason for that. A shell
/// is asked all at once, and apart what that did not bring.
async fn answers<S: Shell>(shell: &S, powershell: bool, entries: &[Entry<'_>]) -> (Answers, Option<NoAnswer>) {
    let mut answers = Answers::new();
    if !powershell {
        match together(shell, entries).await {
            Ok(found) => answers = found,
            Err(none) => return (answers, Some(none)),
        }
    }
    let missing = entries.iter().filter(|entry| !answers.contains_key(&entry.number));
    let missing: Vec<Entry<'_>> = missing.copied().collect();
    if missing.is_empty() {
        return (answers, None);
    }
    let (rest, none) = apart(shell, powershell, &missing).await;
    answers.extend(rest);
    (answers, none)
}

/// All in one shell.
async fn together<S: Shell>(shell: &S, entries: &[Entry<'_>]) -> Result<Answers, NoAnswer> {
    let nonce = nonce()?;
    let Some(script) = together::script(&nonce, entries) else { return Ok(Answers::new()) };
    match shell.run(&script, together::limit(entries) + HOST_MARGIN).await {
        Ok(output) => Ok(together::answers(&nonce, &output.stdout, Some(&output.stderr), entries)),
        // An item that no signal ends, such as one that reads from a dead server of files.
        Err(ShellError::Deadline { printed, .. }) if !printed.is_empty() => {
            Ok(together::answers(&nonce, &printed, None, entries))
        }
        Err(error) => Err(error.into()),
    }
}

/// Each in a shell of its own.
async fn apart<S: Shell>(shell: &S, powershell: bool, entries: &[Entry<'_>]) -> (Answers, Option<NoAnswer>) {
    let nonce = match nonce() {
        Ok(nonce) => nonce,
        Err(none) => return (Answers::new(), Some(none)),
    };
    let deadline = entries.iter().map(|entry| entry.timeout).sum::<Duration>() + HOST_MARGIN;
    let script = if powershell { powershell::batch::script(&nonce, entries) } else { batch::script(&nonce, entries) };
    let output = match shell.run(&script, deadline).await {
        Ok(output) => output,
        Err(error) => return (rescued(&nonce, &error), Some(error.into())),
    };
    if let Some(answers) = batch::answers(&nonce, &output.stdout) {
        return (answers, None);
    }
    let said = String::from_utf8_lossy(output.stderr.get(..400).unwrap_or(&output.stderr)).into_owned();
    let needs = if powershell { "PowerShell 2.0 in full language mode" } else { "sh, head and od" };
    let reason = format!("the host ran no script: it needs {needs} (exit {}, it says: {said})", output.status);
    (Answers::new(), Some(NoAnswer { reason, unreachable: false }))
}

/// What a host that did not end had answered until then: one item that hangs takes no answer away.
fn rescued(nonce: &str, error: &ShellError) -> Answers {
    let ShellError::Deadline { printed, .. } = error else { return Answers::new() };
    let mut answers = batch::answers(nonce, printed).unwrap_or_default();
    answers.retain(|_, answer| answer.exit.is_some());
    answers
}

/// A heading word that nobody could know before.
fn nonce() -> Result<String, NoAnswer> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|error| NoAnswer {
        reason: format!("this machine gives no random numbers: {error}"),
        unreachable: false,
    })?;
    Ok(hex(&random))
}

/// A refused host key or login is for a person to mend; everything else may pass by itself.
impl From<ShellError> for NoAnswer {
    fn from(error: ShellError) -> Self {
        let reason = match &error {
            ShellError::Algorithms { legacy, .. } if !legacy.is_empty() => {
                let (words, legacy) = (in_words(&error), legacy.join(", "));
                format!("{words}; `ssh_profile: legacy` in its access takes {legacy}")
            }
            _ => in_words(&error),
        };
        NoAnswer { reason, unreachable: error.is_transient() }
    }
}
