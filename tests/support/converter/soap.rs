//! What is asked over SOAP, and what it answers.

use super::jobs::SimJob;
use super::{Agent, PASSWORD, SECRET, SOURCE_PASSWORD, State, schema};
use crate::support::vcenter::http::{Reply, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use roxmltree::{Document, Node};
use std::sync::Mutex;
use std::time::Duration;

/// What a method does: the answer, or a fault.
type Told = Result<String, String>;

/// Most bytes of a page of a bundle.
const PAGE: usize = 64 << 10;
/// What an answer takes on the server's clock.
const TAKES: u64 = 1;

/// A fault of a type, with this inside.
pub fn fault(kind: &str, inner: &str) -> String {
    format!(
        "<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>said by the fake</faultstring><detail>\
         <{kind}Fault xsi:type=\"{kind}\" xmlns=\"urn:converter\">{inner}</{kind}Fault></detail></soapenv:Fault>"
    )
}

/// The fault about a certificate that is not known.
fn thumbprint(sha1: &str) -> String {
    format!("<selfSigned>true</selfSigned><thumbprint>{sha1}</thumbprint><msg>self signed certificate</msg>")
}

/// A source with two disks: a basic one with three volumes, a dynamic one with one.
pub fn computer() -> String {
    let disk = |id: &str, bytes: u64, dynamic: bool| {
        format!(
            "<disk><diskId>{id}</diskId><capacityInBytes>{bytes}</capacityInBytes><lvg>{dynamic}</lvg><gpt>false</gpt></disk>"
        )
    };
    let volume = |id: &str, disk: &str, number: &str, system: &str, bytes: u64, used: u64| {
        format!(
            "<volume><volumeId>{id}</volumeId><diskId>{disk}</diskId>{number}<fileSystem>{system}</fileSystem>\
             <capacityInBytes>{bytes}</capacityInBytes><spaceUsedInBytes>{used}</spaceUsedInBytes></volume>"
        )
    };
    let number = |number: u32| format!("<partitionNumber>{number}</partitionNumber>");
    let mount = |id: &str, mount: &str| {
        format!("<logicalVolumeInfo><volumeId>{id}</volumeId><mountPoint>{mount}</mountPoint></logicalVolumeInfo>")
    };
    let service = |name: &str, stops: bool| {
        format!(
            "<services><serviceName>{name}</serviceName><displayName>{name}</displayName>\
             <currentState>running</currentState><startType>automatic</startType><canBeStopped>{stops}</canBeStopped>\
             </services>"
        )
    };
    [
        "<hardwareInfo><storageInfo>".to_owned(),
        disk("disk-0", 120_000_000_000, false),
        disk("disk-1", 500_000_000_000, true),
        // Not in the order of their partitions.
        volume("volume-2", "disk-0", &number(2), "NTFS", 80_000_000_000, 25_000_000_000),
        volume("volume-1", "disk-0", &number(1), "NTFS", 104_857_600, 40_000_000),
        volume("volume-3", "disk-0", &number(3), "NTFS", 39_000_000_000, 4_960_000_000),
        volume("volume-4", "disk-1", "", "NTFS", 400_000_000_000, 10_000_000_000),
        "</storageInfo></hardwareInfo><osInfo>".to_owned(),
        mount("volume-2", "C:"),
        mount("volume-3", "D:"),
        mount("volume-4", "E:"),
        service("MSSQLSERVER", true),
        service("Spooler", true),
        service("RpcSs", false),
        "<capabilities><canSynchronize>true</canSynchronize><canStopServices>true</canStopServices></capabilities>\
         </osInfo>"
            .to_owned(),
    ]
    .concat()
}

pub fn answer(state: &Mutex<State>, request: &mut Request<'_>) -> Reply {
    let Some(body) = request.body() else { return Reply::Cut };
    let body = String::from_utf8(body).unwrap();
    let document = Document::parse(&body).unwrap();
    let call = document.descendants().find(|node| node.tag_name().namespace() == Some("urn:converter"));
    let mut state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(call) = call else {
        state.wrong.push("a call of another namespace".to_owned());
        return reply("x", Err(fault("InvalidRequest", "")));
    };
    if request.header("soapaction") != Some("urn:converter/1.0") {
        state.wrong.push("a call without its SOAPAction".to_owned());
    }
    let name = call.tag_name().name();
    state.calls.push(name.to_owned());
    state.advance(Duration::from_secs(TAKES));
    if let Some((status, body)) = &state.plan.garbage {
        return Reply::body(*status, body.clone());
    }
    if state.plan.expire_before.remove(name) {
        state.session = None;
        state.collectors.clear();
    }
    if state.plan.cut_before.remove(name) {
        return Reply::Cut;
    }
    let (told, session) = told(&mut state, request, call);
    if state.plan.cut_after.remove(name) {
        return Reply::Cut;
    }
    if state.plan.hang_at == Some(state.calls.len()) {
        state.hung = true;
        drop(state);
        std::thread::sleep(Duration::from_secs(2));
        return Reply::Cut;
    }
    let Reply::Body(status, body, _) = reply(name, told) else { return Reply::Cut };
    let cookie =
        session.map(|session| ("Set-Cookie", format!("vmware_soap_session=\"{session}\"; Path=/; HttpOnly; Secure")));
    Reply::Body(status, body, cookie.into_iter().collect())
}

fn reply(name: &str, told: Told) -> Reply {
    let open = "<?xml version=\"1.0\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
                xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
                xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>";
    let (status, inner) = match told {
        Ok(inner) => (200, format!("<{name}Response xmlns=\"urn:converter\">{inner}</{name}Response>")),
        Err(fault) => (500, fault),
    };
    Reply::body(status, format!("{open}{inner}</soapenv:Body></soapenv:Envelope>"))
}

/// What a call does, and the session that it began.
fn told(state: &mut State, request: &Request<'_>, call: Node<'_, '_>) -> (Told, Option<String>) {
    let name = call.tag_name().name();
    if let Err(why) = schema::check(call) {
        state.wrong.push(why);
        return (Err(fault("InvalidRequest", "")), None);
    }
    if name == "ConverterLogin" {
        return login(state, request, call);
    }
    let cookie = request.header("cookie").unwrap_or_default();
    let is_in = state.session.as_ref().is_some_and(|own| cookie == format!("vmware_soap_session=\"{own}\""));
    if name != "ConverterRetrieveServiceContent" && !is_in {
        return (Err(fault("NotAuthenticated", "")), None);
    }
    if let Some(found) = state.plan.faults.iter_mut().find(|(method, _, times)| method == name && *times > 0) {
        found.2 -= 1;
        return (Err(found.1.clone()), None);
    }
    (done(state, call), None)
}

fn login(state: &mut State, request: &Request<'_>, call: Node<'_, '_>) -> (Told, Option<String>) {
    if request.header("cookie").is_some() {
        state.wrong.push("a login with a session".to_owned());
    }
    if text(call, "userName") != "traghetto" || text(call, "password") != state.password {
        return (Err(fault("InvalidLogin", "")), None);
    }
    assert!(text(call, "password") == PASSWORD);
    let session = state.fresh(SECRET);
    state.session = Some(session.clone());
    (Ok("<returnval><key>52f1</key></returnval>".to_owned()), Some(session))
}

fn done(state: &mut State, call: Node<'_, '_>) -> Told {
    let this = text(call, "_this");
    match call.tag_name().name() {
        "ConverterRetrieveServiceContent" => Ok(content()),
        "ConverterLogout" => {
            state.session = None;
            Ok(String::new())
        }
        "ConverterValidateAgentAvailability" => agent(state, call),
        "ConverterInstallAgent" => install(state, call),
        "ConverterQuery" => met(state, call, false).map(|()| format!("<returnval>{}</returnval>", state.computer)),
        "ConverterValidateTargetAndGetDefaults" => {
            met(state, call, true)?;
            Ok("<returnval><defaultConversionParams/></returnval>".to_owned())
        }
        "ConverterValidateParams" => met(state, call, true).map(|()| String::new()),
        "ConverterServerConversionManagerCreateJob" => create(state, call),
        "ConverterServerConversionManagerGetJobInfo" => {
            state.job(&text(call, "conversionJob")).map(|job| format!("<returnval>{}</returnval>", info(job)))
        }
        "ConverterServerConversionManagerGetJobSpec" => state.job(&text(call, "conversionJob")).map(|job| spec(job)),
        "ConverterServerConversionManagerDestroyJob" => destroy(state, call),
        "ConverterCreateCollectorForJobs" => {
            let (id, keys) = (state.fresh("collector"), state.jobs.iter().map(|job| job.key.clone()).collect());
            state.collectors.insert(id.clone(), keys);
            let kind = "ConverterServerConversionConversionJobHistoryCollector";
            Ok(format!("<returnval type=\"{kind}\">{id}</returnval>"))
        }
        "ConverterReadNextConversionJobs" => next(state, &this, text(call, "maxCount").parse().unwrap()),
        "ConverterDestroyCollector" => state.collectors.remove(&this).map(|_| String::new()).ok_or_else(|| gone(&this)),
        "ConverterServerConversionJobUpdateConversionParams" => update(state, call, &this),
        "ConverterServerJobSuspend" => suspend(state, &this, &text(call, "activeTaskHandling")),
        "ConverterServerJobResume" => resume(state, &this),
        "ConverterServerJobStop" => {
            state.end_task(&this, &text(call, "activeTaskHandling"))?;
            state.job(&this)?.deactivated = true;
            Ok(String::new())
        }
        "ConverterGetTaskInfo" => task(state, &text(call, "task")),
        "ConverterGenerateJobLogBundle" => bundle(state, &text(call, "job")),
        "ConverterRetrieveTaskLogBundle" => page(state, call),
        "ConverterDeleteTaskLogBundle" => {
            state.bundles.remove(&text(call, "key")).map(|_| String::new()).ok_or_else(|| fault("NotFound", ""))
        }
        other => panic!("{other} is in the schema and does nothing"),
    }
}

fn gone(object: &str) -> String {
    fault("ManagedObjectNotFound", &format!("<obj type=\"X\">{object}</obj>"))
}

/// Whether the source, and the vCenter, let themselves be met like that.
fn met(state: &mut State, call: Node<'_, '_>, vcenter: bool) -> Result<(), String> {
    let source = node(call, "source");
    if text(source, "password") != SOURCE_PASSWORD {
        return Err(fault("InvalidLogin", ""));
    }
    match state.agent {
        Agent::Absent => return Err(fault("ConverterAgentConnectionFault", "<host>192.0.2.21</host>")),
        Agent::NeedsReboot | Agent::Installed => {}
    }
    if text(source, "sslThumbprint") != state.agent_sha1 {
        return Err(fault("ConverterSSLVerificationFault", &thumbprint(&state.agent_sha1)));
    }
    if state.agent == Agent::NeedsReboot {
        return Err(fault("InvalidState", ""));
    }
    if !state.agent_checked {
        state.wrong.push("a source was asked before its agent".to_owned());
    }
    if !vcenter {
        return Ok(());
    }
    let target = node(call, "vimConnect");
    if text(target, "password") != state.vcenter_password {
        return Err(fault("InvalidLogin", ""));
    }
    if text(target, "sslThumbprint") != state.vcenter_sha1 {
        // As the cause of another fault, as some calls do.
        let cause = format!(
            "<faultCause><fault xsi:type=\"ConverterSSLVerificationFault\">{}</fault></faultCause>",
            thumbprint(&state.vcenter_sha1)
        );
        return Err(fault("InvalidArgument", &cause));
    }
    Ok(())
}

fn agent(state: &mut State, call: Node<'_, '_>) -> Told {
    state.agent_checked |= state.agent == Agent::Installed;
    if state.agent == Agent::NeedsReboot && text(call, "sslThumbprint") == state.agent_sha1 {
        return Ok("<returnval>rebootRequired</returnval>".to_owned());
    }
    met(state, call, false).map(|()| "<returnval>available</returnval>".to_owned())
}

fn install(state: &mut State, call: Node<'_, '_>) -> Told {
    if state.agent != Agent::Absent {
        state.wrong.push("the agent was installed twice".to_owned());
    }
    if text(call, "postponeReboot") != "true" {
        state.wrong.push("a server of the town would be rebooted".to_owned());
    }
    if text(call, "password") != SOURCE_PASSWORD {
        return Err(fault("InvalidLogin", ""));
    }
    let (agent, status) =
        if state.plan.reboot { (Agent::NeedsReboot, "rebootRequired") } else { (Agent::Installed, "completed") };
    state.agent = agent;
    let sha1 = &state.agent_sha1;
    Ok(format!("<returnval><status>{status}</status><sslThumbprint>{sha1}</sslThumbprint></returnval>"))
}

fn create(state: &mut State, call: Node<'_, '_>) -> Told {
    met(state, call, true)?;
    let spec = node(call, "spec");
    let own = |name: &str| direct(spec, name);
    let name = own("name");
    if state.jobs.iter().any(|job| job.name == name) {
        return Err(fault("DuplicateName", &format!("<name>{name}</name>")));
    }
    settings(state, spec);
    let (id, key, now) = (state.fresh("job"), state.fresh("key"), state.now);
    let job = SimJob {
        id,
        key,
        name,
        description: own("description"),
        spec: String::new(),
        source: text(spec, "hostname"),
        target: direct(node(spec, "target"), "name"),
        suspended: own("startSuspended") == "true",
        deactivated: false,
        finalize: text(spec, "doFinalize") == "true",
        services: texts(spec, "servicesToSuspend"),
        task: None,
        error: None,
        errors: 0,
        created: now,
        changed: now,
        started: None,
        completed: None,
        due: Some(now),
        copied: false,
        dirty: 0,
    };
    let told = format!("<returnval>{}</returnval>", info(&job));
    state.jobs.push(job);
    Ok(told)
}

/// What would make the copy another one than was agreed on.
fn settings(state: &mut State, spec: Node<'_, '_>) {
    let never = [
        ("connected", "true", "cards connected at power on"),
        ("powerOnTargetVM", "true", "the target turned on"),
        ("shutdownSource", "true", "the source turned off"),
        ("resize", "true", "a volume resized"),
        ("optimizedPartitionAlignment", "true", "partitions moved"),
        ("doFinalize", "true", "the last synchronisation by itself"),
        ("synchronizeImmediately", "true", "synchronised by itself"),
        ("doInstallTools", "true", "Tools installed"),
        ("doCustomize", "true", "the guest customised"),
        ("verifyPeer", "false", "a peer not verified"),
    ];
    for (name, value, what) in never {
        if texts(spec, name).iter().any(|text| text == value) {
            state.wrong.push(format!("a job with {what}"));
        }
    }
    for (name, value) in [("doSynchronize", "true"), ("diskControllerType", "scsiLsiLogicSAS"), ("doReconfig", "true")]
    {
        if text(spec, name) != value {
            state.wrong.push(format!("a job without {name}={value}"));
        }
    }
    let volumes = texts(spec, "sourceVolumeId");
    if volumes != ["volume-1", "volume-2", "volume-3", "volume-4"] {
        state.wrong.push(format!("a job with the volumes {volumes:?}"));
    }
}

fn destroy(state: &mut State, call: Node<'_, '_>) -> Told {
    let id = text(call, "job");
    state.end_task(&id, &text(call, "activeTaskHandling"))?;
    state.job(&id)?;
    state.jobs.retain(|job| job.id != id);
    Ok(String::new())
}

fn next(state: &mut State, collector: &str, most: usize) -> Told {
    let Some(left) = state.collectors.get_mut(collector) else { return Err(gone(collector)) };
    // Smaller pages than asked for: a server may do that.
    let page: Vec<String> = left.drain(..left.len().min(most).min(2)).collect();
    let jobs = state.jobs.iter().filter(|job| page.contains(&job.key));
    Ok(jobs.map(|job| format!("<returnval>{}</returnval>", info(job))).collect())
}

fn update(state: &mut State, call: Node<'_, '_>, id: &str) -> Told {
    let now = state.now;
    let job = state.job(id)?;
    if !job.copied || job.deactivated || job.task.is_some() {
        return Err(fault("InvalidState", ""));
    }
    if text(call, "doFinalize") == "true" {
        job.finalize = true;
        job.services = texts(call, "servicesToSuspend");
    }
    let at: Timestamp = text(call, "synchronizationStartTime").parse().unwrap();
    // Clocks differ: what is about now is now.
    let soon = at <= now + SignedDuration::from_hours(1);
    job.due = Some(if soon { now } else { at });
    job.changed = now;
    let wrong = [("powerOnTargetVM", "the target turned on"), ("shutdownSource", "the source turned off")];
    for (name, what) in wrong {
        if text(call, name) == "true" {
            state.wrong.push(format!("an update with {what}"));
        }
    }
    Ok("<returnval/>".to_owned())
}

fn suspend(state: &mut State, id: &str, handling: &str) -> Told {
    let job = state.job(id)?;
    if job.suspended || job.deactivated {
        return Err(fault("InvalidState", ""));
    }
    state.end_task(id, handling)?;
    state.job(id)?.suspended = true;
    Ok(String::new())
}

fn resume(state: &mut State, id: &str) -> Told {
    let job = state.job(id)?;
    if !job.suspended || job.deactivated {
        return Err(fault("InvalidState", ""));
    }
    job.suspended = false;
    Ok(String::new())
}

fn info(job: &SimJob) -> String {
    let state = match (job.deactivated, job.suspended) {
        (true, _) => "deactivated",
        (_, true) => "suspended",
        _ => "active",
    };
    let task = job
        .task
        .as_ref()
        .map_or_else(String::new, |task| format!("<activeTask type=\"ConverterTask\">{}</activeTask>", task.id));
    let error = job.error.as_ref().map_or_else(String::new, |inner| {
        format!("<mostRecentError>{inner}<localizedMessage>failed, says the fake</localizedMessage></mostRecentError>")
    });
    let time = |name: &str, at: Option<Timestamp>| at.map_or_else(String::new, |at| format!("<{name}>{at}</{name}>"));
    [
        format!("<key>{}</key><owner>traghetto</owner><state>{state}</state>{task}", job.key),
        format!("<creationTime>{}</creationTime><lastModifiedTime>{}</lastModifiedTime>", job.created, job.changed),
        format!("{error}<numConsecutiveErrors>{}</numConsecutiveErrors>", job.errors),
        time("lastRunStartTime", job.started),
        time("lastRunCompleteTime", job.completed),
        time("nextRunStartTime", job.due),
        format!("<job type=\"ConverterServerConversionConversionJob\">{}</job><targetVm/>", job.id),
    ]
    .concat()
}

/// The settings that matter, without passwords, as servers give them back.
fn spec(job: &SimJob) -> String {
    format!(
        "<returnval><name>{}</name><description>{}</description><conversionParams><cloningParams>\
         <doSynchronize>true</doSynchronize><doFinalize>{}</doFinalize></cloningParams></conversionParams></returnval>",
        job.name, job.description, job.finalize
    )
}

fn task(state: &State, id: &str) -> Told {
    let mut tasks = state.jobs.iter().filter_map(|job| job.task.as_ref());
    let task = tasks.find(|task| task.id == id).ok_or_else(|| fault("NotFound", ""))?;
    Ok(format!(
        "<returnval><key>{id}</key><task type=\"ConverterTask\">{id}</task><descriptionId>x</descriptionId>\
         <state>running</state><cancelled>false</cancelled><cancelable>true</cancelable><progress>{}</progress>\
         <transferRate>{}</transferRate><incremental>{}</incremental></returnval>",
        task.percent(),
        super::RATE,
        task.incremental
    ))
}

fn bundle(state: &mut State, job: &str) -> Told {
    state.job(job)?;
    let key = state.fresh("bundle");
    // More than two pages, of bytes that are no text.
    let bytes: Vec<u8> = (0..(2 * PAGE + 777)).map(|at| (at * 31 % 251) as u8).collect();
    let size = bytes.len();
    state.bundles.insert(key.clone(), bytes);
    Ok(format!("<returnval><key>{key}</key><format>zip</format><size>{size}</size><crc>7</crc></returnval>"))
}

fn page(state: &State, call: Node<'_, '_>) -> Told {
    let bytes = state.bundles.get(&text(call, "key")).ok_or_else(|| fault("NotFound", ""))?;
    let number = |name: &str| text(call, name).parse::<usize>().unwrap();
    let from = number("offset").min(bytes.len());
    let to = (from + number("maxPageSize").min(PAGE)).min(bytes.len());
    Ok(format!("<returnval>{}</returnval>", STANDARD.encode(&bytes[from..to])))
}

fn content() -> String {
    let part = |name: &str, kind: &str| format!("<{name} type=\"{kind}\">{name}</{name}>");
    let parts = [
        part("sessionManager", "ConverterSessionManager"),
        part("taskManager", "ConverterTaskManager"),
        part("queryManager", "ConverterQueryManager"),
        part("diagnosticManager", "ConverterServerDiagnosticManager"),
        "<about><fullName>VMware vCenter Converter, a fake</fullName></about>".to_owned(),
        part("conversionManager", "ConverterServerConversionConversionManager"),
        part("agentManager", "ConverterAgentManager"),
    ];
    format!("<returnval>{}</returnval>", parts.concat())
}

fn node<'a, 'b>(within: Node<'a, 'b>, name: &str) -> Node<'a, 'b> {
    within.descendants().find(|one| one.tag_name().name() == name).unwrap_or(within)
}

/// The text of the first element of a name below, wherever.
fn text(within: Node<'_, '_>, name: &str) -> String {
    let found = within.descendants().find(|one| one.tag_name().name() == name);
    found.and_then(|one| one.text()).unwrap_or_default().to_owned()
}

fn texts(within: Node<'_, '_>, name: &str) -> Vec<String> {
    let found = within.descendants().filter(|one| one.tag_name().name() == name);
    found.map(|one| one.text().unwrap_or_default().to_owned()).collect()
}

/// The text of an element right below.
fn direct(within: Node<'_, '_>, name: &str) -> String {
    let found = within.children().find(|one| one.tag_name().name() == name);
    found.and_then(|one| one.text()).unwrap_or_default().to_owned()
}
