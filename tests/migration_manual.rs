//! Steps that people do: instructions, a person's word, then a probe.

use crate::support::Sandbox;
use crate::support::memory::{Lab, cinto};
use std::net::TcpListener;
use traghetto::migration::{self, Action, Class, Ending, Record, Stage, StepId, StepResult, StepState};

const PLAYBOOK: &str = "playbooks/con-me-2.2.1.yaml";
const STEP: &str = "a1.manual.firewall";

/// The real playbook with `steps` before the first gate of `before`.
fn playbook(before: &str, steps: &str) -> String {
    let text = std::fs::read_to_string(crate::support::project().join(PLAYBOOK)).unwrap();
    let at = text.find(&format!("      - gate:\n          id: {before}\n")).unwrap();
    format!("{}{steps}{}", &text[..at], &text[at..])
}

fn manual(id: &str, rest: &str) -> String {
    format!(
        "      - manual:\n          id: {id}\n          title: {{it: Pagina del firewall, en: Page of the firewall}}\n          \
         instructions: {{it: Aprire la regola 12., en: Open rule 12.}}\n          by: [comune-tecnico, venis-sistemista]\n{rest}"
    )
}

fn problems(text: &str) -> String {
    migration::decode("playbooks/x.yaml", text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn mistakes_in_a_manual_step_have_their_places() {
    let probe = |probe: &str| format!("          probe: {{{probe}}}\n");
    let good = manual("firewall", &probe("tcp: {host: 192.0.2.1, port: \"443\"}"));
    migration::decode("playbooks/x.yaml", playbook("landing-ready", &good).as_bytes()).unwrap();
    for (rest, wanted) in [
        (probe("sh: \"true\""), "a step asks from the operations host: `sh` logs in somewhere"),
        (probe("ios: {router: hub}"), "a step asks from the operations host: `ios` logs in somewhere"),
        (probe("http: {url: \"http://192.0.2.1\"}"), "nothing is expected of the answer: the item cannot fail"),
        (
            probe("tcp: {host: \"{{ server.address }}\", port: \"443\"}"),
            "`server.address` is not known to an item of scope `tenant`",
        ),
        ("          expect: {open: true}\n".to_owned(), "there is no `probe` whose answer it is about"),
        ("          applies_to: {transfer: [replace]}\n".to_owned(), "it is done once for the tenant"),
        ("          back: {it: Disfare., en: Undo.}\n".to_owned(), "it is done once for the tenant"),
        (
            "          per: server\n          no_way_back: true\n          back: {it: Disfare., en: Undo.}\n"
                .to_owned(),
            "it is undone, and there is no way back after it",
        ),
        ("          per: disk\n".to_owned(), "disk"),
        ("          compare: {key: x}\n".to_owned(), "unknown key `compare`"),
    ] {
        let told = problems(&playbook("landing-ready", &manual("firewall", &rest)));
        assert!(told.contains(wanted), "{wanted}:\n{told}");
        assert!(told.contains("activities[0].steps[1].manual"), "{told}");
    }
    let twice = playbook("landing-ready", &(good.clone() + &good));
    assert!(problems(&twice).contains("there are two steps `firewall`"));
}

/// A sandbox whose playbook has one activity: a manual step that asks `port`, and a gate.
fn sandbox(port: u16) -> Sandbox {
    let sandbox = Sandbox::with_project()
        .env("TRAGHETTO_AGENT", env!("CARGO_BIN_EXE_traghetto-agent"))
        .env("TRAGHETTO_OPERATOR", "anna-veneto");
    let step = manual(
        "firewall",
        &format!("          probe: {{tcp: {{host: 127.0.0.1, port: \"{port}\"}}}}\n          timeout: 2\n"),
    );
    sandbox.write(
        PLAYBOOK,
        &format!(
            "playbook: {{name: prova, source: prova}}\nactivities:\n  - activity: 1\n    title: {{it: Uno, en: One}}\n    \
             responsible: [venis-sistemista]\n    executes: [comune-tecnico, venis-sistemista]\n    validates: [sad-validatore]\n    \
             days: [1, 1]\n    steps:\n{step}      - gate: {{id: pronto, title: {{it: Pronto, en: Ready}}}}\n"
        ),
    );
    sandbox
}

fn migrate(sandbox: &Sandbox, args: &[&str]) -> crate::support::Ran {
    let (command, rest) = args.split_first().unwrap();
    sandbox.run(&[&["migrate", command, "cinto-caomaggiore"], rest].concat())
}

/// Says that the step is done, as who sees the page types it.
#[track_caller]
fn confirm(sandbox: &Sandbox) -> String {
    let words = ["sign", STEP, "--role", "comune-tecnico", "--operator", "elena-ponte", "--note", "regola 12 aperta"];
    let shown = migrate(sandbox, &words).code(2).stderr;
    let (_, digest) = shown.split_once("add --approve ").unwrap();
    let digest: String = digest.chars().take_while(char::is_ascii_hexdigit).collect();
    migrate(sandbox, &[&words[..], &["--approve", &digest]].concat()).code(0);
    shown
}

#[test]
fn a_manual_step_waits_is_confirmed_and_looked_at() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let sandbox = sandbox(port);
    let plan = migrate(&sandbox, &["plan"]).code(0).stdout;
    let line = "by hand, says comune-tecnico or venis-sistemista, then tcp is asked: Pagina del firewall";
    assert!(plan.contains(line), "{plan}");
    let command = format!("traghetto migrate sign cinto-caomaggiore {STEP} --role comune-tecnico --note TEXT");
    let waits = migrate(&sandbox, &["run"]).code(5).stderr;
    for said in ["a1.manual.firewall is done by hand: Page of the firewall", &command, "Aprire la regola 12."] {
        assert!(waits.contains(said), "{said}: {waits}");
    }
    let status = migrate(&sandbox, &["status"]).code(0).stdout;
    assert!(status.starts_with(&format!("ORA: fare a mano {STEP}: Pagina del firewall")), "{status}");
    assert!(status.contains("Aprire la regola 12.") && status.ends_with(&format!("\n  {command}\n")), "{status}");
    let english = migrate(&sandbox, &["status", "--lang", "en"]).code(0).stdout;
    assert!(english.contains("Open rule 12."), "{english}");
    let handover = migrate(&sandbox, &["handover"]).code(0).stdout;
    let words = handover.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&format!("Aprire la regola 12. Poi: {command}")), "{handover}");
    assert!(handover.contains("Elena Ponte"), "who may say it is called: {handover}");

    let refused = |args: &[&str], code: i32, said: &str| {
        let told = migrate(&sandbox, &[&["sign"], args].concat()).code(code).stderr;
        assert!(told.contains(said), "{said}: {told}");
    };
    refused(&[STEP, "--role", "sad-validatore", "--by", "carla-riva", "--note", "x"], 2, "may not say this as");
    refused(&[STEP, "--role", "comune-tecnico", "--by", "elena-ponte"], 2, "is to be said with --note TEXT");
    refused(&["a1.manual.firewal", "--role", "comune-tecnico", "--note", "x"], 2, "people do are: a1.manual.firewall.");
    refused(&["pronto", "--role", "sad-validatore", "--note", "x"], 2, "a gate is signed without --note");

    let page = confirm(&sandbox);
    assert!(page.contains("Poi si verifica (tcp)") && page.contains("Dichiara: Elena Ponte, Tecnico"), "{page}");
    let failed = migrate(&sandbox, &["run"]).code(4).stderr;
    for said in [
        "a1.manual.firewall does not show yet: open is false",
        "elena-ponte said of this step counts no more",
        &command,
    ] {
        assert!(failed.contains(said), "{said}: {failed}");
    }
    let status = migrate(&sandbox, &["status"]).code(0).stdout;
    assert!(status.contains(&format!("rifare a mano {STEP}")), "{status}");
    migrate(&sandbox, &["run"]).code(5);

    let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    confirm(&sandbox);
    refused(
        &[STEP, "--role", "comune-tecnico", "--by", "elena-ponte", "--note", "x"],
        2,
        "as elena-ponte has said already",
    );
    let gate = migrate(&sandbox, &["run"]).code(5).stderr;
    assert!(gate.contains("sign gate pronto:"), "{gate}");
    let sign =
        migrate(&sandbox, &["sign", "pronto", "--role", "sad-validatore", "--operator", "carla-riva"]).code(2).stderr;
    assert!(sign.contains("fatto a mano, dichiarato da elena-ponte, comune-tecnico; verificato con tcp"), "{sign}");
    let log = migrate(&sandbox, &["log"]).code(0).stdout;
    assert!(log.contains("a1.manual.firewall by elena-ponte as comune-tecnico: regola 12 aperta"), "{log}");
}

async fn say(lab: &Lab, step: &str) {
    let (step, role, by) = (StepId(step.into()), "comune-tecnico".parse().unwrap(), "elena-ponte".parse().unwrap());
    lab.write_as("elena-ponte", Record::StepStated { step, role, by, note: "visto".into() }).await;
}

/// A town in memory whose playbook has `steps` before the gate `before`.
fn lab(before: &str, steps: &str) -> Lab {
    let mut lab = Lab::with_machines();
    lab.playbook = migration::decode("x", playbook(before, steps).as_bytes()).unwrap();
    lab
}

#[tokio::test]
async fn a_word_counts_until_a_probe_says_no() {
    let lab = lab("landing-ready", &manual("firewall", "          probe: {tcp: {host: 192.0.2.1, port: \"443\"}}\n"));
    lab.adopt().await;
    let waiting = async || {
        let Ending::Blocked(troubles) = lab.run().await else { panic!("nobody said it") };
        troubles[0].1.class
    };
    assert_eq!(waiting().await, Class::Waiting);
    lab.memory.with(|world| assert!(!world.acts.iter().any(|act| act.starts_with("ask"))));
    lab.memory.with(|world| world.unseen.insert(STEP.to_owned()));
    say(&lab, STEP).await;
    assert_eq!(waiting().await, Class::CheckFailed);
    assert_eq!(waiting().await, Class::Waiting, "what was said counts once");
    // Killed while it asks, the same command asks again, and nobody has to say it twice.
    lab.memory.with(|world| world.unseen.clear());
    say(&lab, STEP).await;
    let before = lab.memory.with(|world| world.acts.len());
    lab.run_killed(before).await;
    assert!(matches!(lab.run().await, Ending::Gate));
    let state = lab.state().await;
    let role = "comune-tecnico".parse().unwrap();
    let wanted = StepResult::Confirmed { role, by: "elena-ponte".parse().unwrap(), probe: Some("tcp".into()) };
    assert_eq!(state.step(&StepId(STEP.into())).result(), Some(&wanted));
}

/// Two steps after the gate at which the sources are quiet: one for the tenant, one for each server.
fn nightly() -> Lab {
    let mut lab = Lab::with_machines();
    let text = std::fs::read_to_string(crate::support::project().join(PLAYBOOK)).unwrap();
    let each = manual("cable", "          per: server\n          applies_to: {role: [logging]}\n");
    let at = text.find("      - each_server:").unwrap();
    let text = format!("{}{}{each}{}", &text[..at], manual("users", ""), &text[at..]);
    lab.playbook = migration::decode("x", text.as_bytes()).unwrap();
    lab
}

#[tokio::test]
async fn a_new_night_asks_people_anew() {
    let lab = nightly();
    let manual: Vec<String> = lab
        .plan()
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::Manual(_)))
        .map(|step| step.id.0.clone())
        .collect();
    assert_eq!(manual, ["a5.manual.users", "a5.manual.cable.cinto-srv3"], "it is for the server with that role");
    lab.adopt().await;
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    for step in &manual {
        assert!(matches!(lab.run().await, Ending::Blocked(_)));
        say(&lab, step).await;
    }
    // The sources are on: the move waits at its first fence.
    assert!(matches!(lab.run().await, Ending::Blocked(_)));
    let state = lab.state().await;
    for step in &manual {
        assert!(matches!(state.step(&StepId(step.clone())), StepState::Done { .. }), "{step}");
    }
    lab.later(13);
    assert!(matches!(lab.run().await, Ending::Gate), "the word that the sources are quiet is too old");
    lab.sign("quiet").await;
    let state = lab.state().await;
    for step in &manual {
        let step = StepId(step.clone());
        assert_eq!((state.step(&step), state.confirmed.get(&step)), (&StepState::Pending, None), "{step}");
    }
}

#[test]
fn the_steps_of_the_playbook_that_people_do_are_theirs_by_role() {
    let lab = Lab::new();
    let tenant = &lab.inventory.tenants[&cinto()];
    for activity in &lab.playbook.activities {
        for action in activity.steps.iter().flat_map(Stage::actions) {
            if let Action::Manual(manual) = action {
                for role in &manual.by {
                    assert!(lab.inventory.people.holders(role, &tenant.id).next().is_some(), "{}", manual.manual);
                }
            }
        }
    }
}
