//! From the text of `checklists/PHASE.yaml` to a [`Checklist`], with every problem and its place.

mod conditions;
mod expected;
mod organisation;
mod script;
mod silence;

use super::compare::Compare;
use super::expect::{Condition, Test, attributes};
use super::expression::Expression;
use super::item::{AppliesTo, Check, Checklist, Item, ItemId, OsFamily, Phase, Probe, RouterOf, Severity, Until};
use super::native::{Native, native};
use super::scope::Scope;
use super::template::Landing;
use crate::inventory::form::scalars::{id, text_like, whole, word};
use crate::inventory::form::{self, Fields, Form, bilingual, either, nonempty_list, record};
use crate::inventory::problem::{Complaint, Problems, nearest, quote, quoted_list};
use crate::inventory::shape::Shape;
use crate::model::RoleId;
use crate::model::people::People;
use crate::model::server::{ServerRole, Transfer};
use conditions::{Mapped, expectations};
use expected::ExpressionForm;
use script::{Script, template};
use std::collections::BTreeMap;
use std::time::Duration;

const RECORDS: &[(&str, &str)] =
    &[("A", "A"), ("AAAA", "AAAA"), ("PTR", "PTR"), ("SRV", "SRV"), ("CNAME", "CNAME"), ("MX", "MX")];
/// What one answer may take unless the item says otherwise.
const TIMEOUT_SECONDS: u32 = 10;

/// Reads a checklist file that should be for `phase`; `people` are those whose roles it may name.
pub(super) fn decode(
    file: &str,
    bytes: &[u8],
    phase: Phase,
    people: &People,
    lender: impl FnOnce() -> Option<Checklist>,
    problems: &mut Problems,
) -> Option<Checklist> {
    let mut decoded = form::read(file, bytes, &checklist_form(), problems);
    let written = decoded.value.take()?;
    let checklist = &written.checklist;
    if checklist.phase != phase {
        let complaint = Complaint::new(format!("the file is named after the phase `{phase}`"));
        decoded.refuse("checklist", complaint, problems);
    }
    let mut first: BTreeMap<&ItemId, usize> = BTreeMap::new();
    for (index, item) in checklist.items.iter().enumerate() {
        if let Some(before) = first.insert(&item.id, index) {
            let complaint = Complaint::new(format!("the id {} is taken by items[{before}]", item.id));
            decoded.refuse(&format!("items[{index}].id"), complaint, problems);
        }
    }
    let listed = |key: &str, roles: &[RoleId]| {
        let named = roles.iter().enumerate().map(|(position, role)| (format!("{key}[{position}]"), role.clone()));
        named.collect::<Vec<_>>()
    };
    let items = checklist.items.iter().enumerate();
    let named = [listed("executes", &checklist.executes), listed("validates", &checklist.validates)];
    let named =
        named.into_iter().chain(items.map(|(index, item)| listed(&format!("items[{index}].roles"), &item.roles)));
    for (path, role) in named.flatten().filter(|(_, role)| !people.roles.contains_key(role)) {
        let known = || people.roles.keys().map(RoleId::as_str);
        let hint = match nearest(role.as_str(), known()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the roles of people.yaml are {}", quoted_list(known())),
        };
        let complaint = Complaint::new(format!("there is no role `{role}`")).hint(hint);
        decoded.refuse(&path, complaint, problems);
    }
    for (index, item) in checklist.items.iter().enumerate() {
        if let Some((key, complaint)) = organisation::misplaced(item, phase) {
            decoded.refuse(&format!("items[{index}]{key}"), complaint, problems);
        }
    }
    let taken = organisation::borrow(&decoded, &written, lender, problems);
    let Written { mut checklist, .. } = written;
    checklist.items.extend(taken);
    Some(checklist)
}

/// A checklist as it is written.
#[derive(Debug, Clone, PartialEq)]
struct Written {
    checklist: Checklist,
    /// Items of the landing's checklist that this one has, too.
    from_landing: Vec<String>,
}

/// How a checklist file is written: for the JSON Schema of editors.
pub fn shape() -> Shape {
    checklist_form().shape()
}

fn checklist_form() -> impl Form<Value = Written> {
    record("What must hold in one phase.", |fields| {
        let phase = fields.required("checklist", "The phase.", word(&Phase::WORDS));
        let version = fields.required("version", "Version of the text.", whole(1..=9999));
        let executes = fields.or("executes", "Roles that carry it out.", nonempty_list(id()), Vec::new());
        let doc = "Roles that validate what was found, each of them.";
        let validates = fields.or("validates", doc, nonempty_list(id()), Vec::new());
        let items = nonempty_list(record("One thing that must hold.", item));
        let items = fields.required("items", "The items, as they are read out.", items);
        let doc = "Items of the landing's checklist that the test's has, too.";
        let from_landing = fields.or("from_landing", doc, nonempty_list(item_id()), Vec::new());
        let (executes, validates) = (executes?, validates?);
        let checklist = Checklist { phase: phase?, version: version?, executes, validates, items: items? };
        Some(Written { checklist, from_landing: from_landing? })
    })
}

fn item_id() -> impl Form<Value = String> {
    text_like("^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*$", "SRC-OS-01", "an item's id", |text| text.parse::<ItemId>().is_ok())
}

fn item(fields: &mut Fields<'_>) -> Option<Item> {
    let id_text = fields.required("id", "Id, unique in the checklist.", item_id());
    let title = fields.required("title", "What holds, in one short sentence.", bilingual("Both languages."));
    let severity = fields.required("severity", "What follows if it does not hold.", word(&Severity::WORDS));
    let roles = "Who answers for it; a manual item is signed by each of them.";
    let roles = fields.required("roles", roles, nonempty_list(id()));
    let scope = fields.required("scope", "What it is asked of, each once.", word(&Scope::WORDS));
    let applies_to = fields.optional("applies_to", "Which servers it is for.", record("Servers.", applies_to));
    let organised = organisation::read(fields);
    fields.exactly_one(&["probe", "manual"]);
    let manual_only = fields.has("manual");
    let check = if manual_only { manual(fields) } else { probed(fields, scope) };
    let doc = "Hours for which a signature on a manual item counts; absent is for ever.";
    let valid_for = fields.optional("valid_for", doc, whole::<u32>(1..=8784));
    let organised = organised?;
    let item = Item {
        id: id_text?.parse().ok()?,
        title: title?,
        severity: severity?,
        roles: roles?,
        applies_to: applies_to?.unwrap_or_default(),
        scope: scope?,
        when: organised.when,
        sign_with: organised.sign_with,
        trace: organised.trace,
        evidence: organised.evidence,
        check: check?,
        valid_for: valid_for?.map(|hours| Duration::from_secs(u64::from(hours) * 3600)),
    };
    if item.valid_for.is_some() && !manual_only {
        fields.refuse("valid_for", Complaint::new("only a manual item is signed: a probe is run again before a gate"));
    }
    if item.scope != Scope::Server && item.applies_to != AppliesTo::default() {
        fields.refuse("applies_to", Complaint::new("only an item of scope `server` is restricted to some servers"));
    }
    if item.scope != Scope::Server && matches!(item.kind(), "sh" | "ps") {
        fields.refuse("scope", Complaint::new("a script runs on a server").hint("write `scope: server`"));
    }
    if item.scope != Scope::Server && item.kind() == "throughput" {
        fields.refuse("scope", Complaint::new("a rate is measured to a server").hint("write `scope: server`"));
    }
    if !matches!(item.scope, Scope::Site | Scope::Server) && asks_cpe(&item.check) {
        fields.refuse("scope", Complaint::new("a CPE belongs to a site").hint("write `scope: site`"));
    }
    Some(item)
}

fn asks_cpe(check: &Check) -> bool {
    matches!(check, Check::Probe { probe: Probe::Ios { router: RouterOf::Primary | RouterOf::Standby }, .. })
}

fn applies_to(fields: &mut Fields<'_>) -> Option<AppliesTo> {
    let os = fields.or("os", "Families of systems.", nonempty_list(word(&OsFamily::WORDS)), Vec::new());
    let roles = fields.or("role", "With one of these roles.", nonempty_list(word(&ServerRole::WORDS)), Vec::new());
    let transfers = fields.or("transfer", "Ways of moving.", nonempty_list(word(&Transfer::WORDS)), Vec::new());
    Some(AppliesTo { os: os?, roles: roles?, transfers: transfers? })
}

fn manual(fields: &mut Fields<'_>) -> Option<Check> {
    let doc = "What a person does and looks at before signing.";
    let instructions = fields.required("manual", doc, bilingual("Both languages."));
    Some(Check::Manual { instructions: instructions? })
}

fn probed(fields: &mut Fields<'_>, scope: Option<Scope>) -> Option<Check> {
    // Asked for here too, for the schema: a key that is not given is not read.
    let _ = fields.optional("manual", "What a person does and looks at before signing.", bilingual("Both languages."));
    // Where the scope itself is wrong, a server's variables are let pass.
    question(fields, scope.unwrap_or(Scope::Server), true)?
}

/// The keys `probe`, `expect`, `until` and `timeout` of a playbook's step, as an item has them: what is asked once
/// a person has said that the step is done. The inner `None` is a step without a probe.
pub fn step_probe(fields: &mut Fields<'_>, scope: Scope) -> Option<Option<Check>> {
    let check = question(fields, scope, false)?;
    if let Some(Check::Probe { probe, .. }) = &check
        && matches!(probe, Probe::Sh { .. } | Probe::Ps { .. } | Probe::Throughput { .. } | Probe::Ios { .. })
    {
        let kind = probe.kind();
        let complaint = Complaint::new(format!("a step asks from the operations host: `{kind}` logs in somewhere"));
        let hint = "use a probe that needs no login, such as tcp, http or ping; or an item of a checklist";
        fields.refuse("probe", complaint.hint(hint));
    }
    for key in ["expect", "until", "timeout"] {
        if check.is_none() && fields.has(key) {
            fields.refuse(key, Complaint::new("there is no `probe` whose answer it is about"));
        }
    }
    Some(check)
}

/// The probe of an item or a step, and what must hold of its answer; `kept` is whether the answer is kept and
/// compared between phases.
fn question(fields: &mut Fields<'_>, scope: Scope, kept: bool) -> Option<Option<Check>> {
    let probe =
        fields.optional("probe", "What the program asks.", record("One question.", |fields| probe(fields, scope)));
    let kind = probe.as_ref().and_then(Option::as_ref).map(Probe::kind);
    let compare = record("What is kept and compared.", |fields| expected::compare(fields, kind));
    let doc = "What is kept of the answer, and compared with what the source phase kept.";
    let compare = if kept { fields.optional("compare", doc, compare) } else { Some(None) };
    let before = kept && fields.has("compare");
    let expression = Mapped { form: ExpressionForm { kind, scope, before }, map: |text| (Vec::new(), Some(text)) };
    let expect = record("What must hold of the answer, all of it.", |fields| expectations(fields, kind, scope));
    let expect = either(expression, Mapped { form: expect, map: |conditions| (conditions, None) });
    let expect = fields.or("expect", "What must hold of the answer, all of it.", expect, (Vec::new(), None));
    let until = fields.optional("until", "Asks again until it holds.", record("Asking again, in seconds.", until));
    let doc = "Most bytes that a script may print (default: 16384).";
    let bytes = whole::<u32>(1024..=1_048_576);
    let most_bytes = if kept { fields.optional("most_bytes", doc, bytes) } else { Some(None) };
    let doc = "Seconds that one answer may take.";
    let usual = probe.as_ref().and_then(Option::as_ref).map_or(TIMEOUT_SECONDS, usual_seconds);
    let timeout = fields.or("timeout", doc, whole::<u32>(1..=600), usual);
    let Some(probe) = probe? else { return Some(None) };
    let (mut expect, expression) = expect?;
    let compare: Option<Compare> = compare?;
    let written = expect.len();
    imply(fields, &probe, &mut expect, expression.as_ref(), compare.is_some());
    let implied = expect.len() - written;
    if let Some(complaint) = silence::unproven(&probe, &expect, expression.as_ref()) {
        fields.refuse("probe.ps", complaint);
    }
    let timeout = Duration::from_secs(timeout?.into());
    let (most_bytes, until) = (most_bytes?, until?);
    Some(Some(Check::Probe { probe, expect, implied, expression, compare, most_bytes, until, timeout }))
}

/// Adds what holds unless the item says otherwise of the same attribute; an item that cannot fail is refused.
fn imply(
    fields: &mut Fields<'_>,
    probe: &Probe,
    expect: &mut Vec<Condition>,
    expression: Option<&Expression>,
    compared: bool,
) {
    let nothing = expect.is_empty() && expression.is_none() && !compared;
    let named = |attribute: &str| {
        expect.iter().any(|condition| condition.attribute == attribute)
            || expression.is_some_and(|expression| expression.names(attribute))
    };
    // A port that refuses is not open: whoever asks for one says nothing of the other.
    let refused = named("refused");
    let mut imply = |attribute: &'static str, test: Test| {
        let said = expect.iter().any(|condition| condition.attribute == attribute);
        if !said && !expression.is_some_and(|expression| expression.names(attribute)) {
            expect.insert(0, Condition { attribute, test });
        }
    };
    match probe {
        Probe::Tcp { .. } if refused => {}
        Probe::Tcp { .. } => imply("open", Test::Flag(true)),
        Probe::Ios { .. } => imply("unsettled", Test::AtMost(0.0)),
        Probe::Sh { .. } | Probe::Ps { .. } => imply("exit", Test::NumberIn(vec![0.0])),
        Probe::Native(Native::Kerberos { .. }) => {
            for attribute in ["tcp", "udp", "alive"] {
                imply(attribute, Test::Flag(true));
            }
        }
        Probe::Native(Native::Ntp { .. }) => imply("synchronized", Test::Flag(true)),
        Probe::Native(Native::Mtu { .. }) => imply("black_hole", Test::Flag(false)),
        Probe::Native(Native::Locator { .. }) => {
            imply("found", Test::AtLeast(1.0));
            imply("dead", Test::AtMost(0.0));
        }
        _ if nothing => {
            let hint = quoted_list(attributes(probe.kind()).iter().map(|(name, ..)| *name));
            let complaint = Complaint::new("nothing is expected of the answer: the item cannot fail");
            fields.refuse("probe", complaint.hint(format!("add `expect` with one of {hint}")));
        }
        _ => {}
    }
}

/// What one answer of this probe may take unless the item says otherwise.
fn usual_seconds(probe: &Probe) -> u32 {
    match probe {
        Probe::Ping { count, every, .. } => {
            let sending = u64::from(*count) * u64::try_from(every.as_millis()).unwrap_or(u64::MAX) / 1000;
            TIMEOUT_SECONDS.saturating_add(u32::try_from(sending).unwrap_or(u32::MAX))
        }
        // Both ways, and what is still on its way at the end.
        Probe::Throughput { time, .. } => u32::try_from(time.as_secs() * 3).unwrap_or(u32::MAX) + 30,
        Probe::Ios { .. } | Probe::Native(Native::Mtu { .. }) => 60,
        _ => TIMEOUT_SECONDS,
    }
}

fn until(fields: &mut Fields<'_>) -> Option<Until> {
    let within = fields.required("within", "For how many seconds.", whole::<u32>(1..=3600));
    let every = fields.required("every", "Seconds between two questions.", whole::<u32>(1..=600));
    Some(Until { within: Duration::from_secs(within?.into()), every: Duration::from_secs(every?.into()) })
}

fn probe(fields: &mut Fields<'_>, scope: Scope) -> Option<Probe> {
    fields.exactly_one(&Probe::kinds());
    let plain = || template(scope);
    let tcp = record("A TCP port.", |fields| {
        let host = fields.required("host", "Name or address.", plain());
        let port = fields.required("port", "Port.", plain());
        Some(Probe::Tcp { host: host?, port: port? })
    });
    let dns = record("A name server's answer.", |fields| {
        let server = fields.required("server", "Address of the name server.", plain());
        let name = fields.required("name", "The name asked for.", plain());
        let record = fields.required("type", "Type of the records.", word(RECORDS));
        Some(Probe::Dns { server: server?, name: name?, record: record?.to_owned() })
    });
    let http = record("A page.", |fields| {
        let url = fields.required("url", "`http://` or `https://`.", plain());
        Some(Probe::Http { url: url? })
    });
    let ping = record("ICMP echo requests.", |fields| {
        let host = fields.required("host", "Name or address.", plain());
        let count = fields.or("count", "How many.", whole(1..=1000), 5);
        let every = fields.or("every_ms", "Milliseconds between two of them.", whole(20..=1000), 200);
        Some(Probe::Ping { host: host?, count: count?, every: Duration::from_millis(every?) })
    });
    let throughput = record("What the line carries.", |fields| {
        let time = fields.or("seconds", "For how long, each way.", whole(1..=60), 10);
        let rate = fields.optional("rate", "The rate that it is compared with, in Mbit/s.", plain());
        Some(Probe::Throughput { time: Duration::from_secs(time?), rate: rate? })
    });
    let ios = record("How a router stands.", |fields| {
        let router = fields.required("router", "Which router.", word(&RouterOf::WORDS));
        Some(Probe::Ios { router: router? })
    });
    let tcp = fields.optional("tcp", "Connects to a TCP port.", tcp);
    let dns = fields.optional("dns", "Asks a name server.", dns);
    let http = fields.optional("http", "Fetches a page.", http);
    let ping = fields.optional("ping", "Sends ICMP echo requests.", ping);
    let doc = "Measures what the line carries to and from the server, over SSH, without another program.";
    let throughput = fields.optional("throughput", doc, throughput);
    let ios = fields.optional("ios", "Looks how a router stands: HSRP groups, tracked objects, IP SLA probes.", ios);
    let sh = fields.optional(
        "sh",
        "A script for /bin/sh on the server; it must only read.",
        Script { scope, landing: Landing::Shell },
    );
    let sh = sh.map(|script| script.map(|script| Probe::Sh { script }));
    let doc = "A script for PowerShell 2.0 on the server; what is newer, or may write, is refused.";
    let ps = fields.optional("ps", doc, Script { scope, landing: Landing::PowerShell });
    let ps = ps.map(|script| script.map(|script| Probe::Ps { script }));
    let native = native(fields, plain).map(|native| native.map(Probe::Native));
    let probe = tcp?.or(dns?).or(http?).or(ping?).or(throughput?).or(ios?).or(sh?).or(ps?).or(native?)?;
    check_literals(fields, &probe);
    Some(probe)
}

/// What can be told before the values are known.
fn check_literals(fields: &mut Fields<'_>, probe: &Probe) {
    match probe {
        Probe::Tcp { port, .. } => {
            let good = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
            if port.literal().is_some_and(|port| !good(port)) {
                let complaint = Complaint::new(format!("{} is not a port", quote(port.source())));
                fields.refuse("tcp.port", complaint.hint("it is from 1 to 65535"));
            }
        }
        Probe::Http { url } => {
            let web = |url: &str| url.starts_with("http://") || url.starts_with("https://");
            if url.literal().is_some_and(|url| !web(url)) {
                let complaint = Complaint::new(format!("{} is not the address of a page", quote(url.source())));
                fields.refuse("http.url", complaint.hint("it starts with http:// or https://"));
            }
        }
        _ => {}
    }
}
