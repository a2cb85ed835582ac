//! `migrate override`: what two persons may decide by hand, and what no two persons ever do.

use crate::support::memory::Lab;
use crate::support::{Ran, Sandbox};
use std::collections::BTreeMap;
use traghetto::migration::{
    ByHand, Decision, Ending, Record, RunState, Step, StepId, StepResult, StepState, at_hand, may_be_by_hand,
};

fn decision(role: &str, by: &str, operator: &str) -> Decision {
    let (role, by, operator) = (role.parse().unwrap(), by.parse().unwrap(), operator.to_owned());
    Decision { role, by, operator, time: "2022-06-01T10:00:00+02:00".into(), reason: "the vCenter is down".into() }
}

/// One wants it, the other agrees.
async fn overridden(lab: &Lab, step: &str, way: ByHand) {
    let Decision { role, by, reason, .. } = decision("venis-sistemista", "anna-veneto", "anna-veneto");
    let step = StepId(step.into());
    lab.write(Record::OverrideAsked { step: step.clone(), way, role, by, reason }).await;
    let first = lab.state().await.asked_by_hand[&step].first.clone();
    let second = decision("sad-validatore", "carla-riva", "carla-riva");
    lab.write_as("carla-riva", Record::StepOverridden { step, way, first, second }).await;
}

#[test]
fn what_the_design_forbids_is_never_decided_by_hand() {
    let lab = Lab::with_machines();
    let plan = lab.plan();
    let step = |id: &str| plan.steps.iter().find(|step| step.id.0 == id).unwrap_or_else(|| panic!("no {id}"));
    let twice = "source and copy must never both be on the town's network";
    let bytes = "no byte of a replica may be wrong without anybody noticing";
    let hot = "a domain controller is never copied for the last time while its directory runs";
    // Done by hand, then left out; an empty text is allowed. cinto-srv1 is the domain controller.
    let expected = [
        ("a1.prepare-landing", "", "nobody prepared"),
        ("a1.gate.landing-ready", "each role's own signature", "each role's own signature"),
        ("a2.checklist.source", "", "not left out as a whole"),
        ("a3.seed.cinto-srv2.disk0", bytes, bytes),
        ("a3.sync.cinto-srv2.disk0", bytes, bytes),
        ("a3.verify.cinto-srv1.disk0", bytes, bytes),
        ("a3.test-clone.cinto-srv2.disk0", "shows nothing of the replica", ""),
        ("a4.test-launch.cinto-srv1", "a test machine of a domain controller", ""),
        ("a4.test-launch.cinto-srv2", "", ""),
        ("a4.checklist.test", "", "not left out as a whole"),
        ("a5.end-test", "", "no test machine outlives its test"),
        ("a5.gate.quiet", "each role's own signature", "each role's own signature"),
        ("a5.final-sync.cinto-srv1.disk0", hot, hot),
        ("a5.final-sync.cinto-srv2.disk0", bytes, bytes),
        ("a5.convert.cinto-srv2", "a replica that was proven", "a replica that was proven"),
        ("a5.fence.cinto-srv2", twice, twice),
        ("a5.route.cinto-srv2", "leads an address here", "leads an address here"),
        ("a5.boot.cinto-srv2", twice, twice),
        ("a5.checklist.landing", "", "not left out as a whole"),
        ("a6.relocate.cinto-srv2", "", ""),
        ("a6.checklist.decommission", "", "not left out as a whole"),
    ];
    for (id, done, skipped) in expected {
        for (way, wanted) in [(ByHand::Done, done), (ByHand::Skipped, skipped)] {
            match (may_be_by_hand(&plan, step(id), way), wanted) {
                (Ok(()), "") => {}
                (Ok(()), wanted) => panic!("{id} {way:?} is allowed: {wanted}"),
                (Err(found), wanted) => {
                    assert!(!wanted.is_empty() && found.to_string().contains(wanted), "{found}");
                    assert!(found.to_string().starts_with(&format!("{id} is not ")), "{found}");
                    assert!(!found.instead.is_empty());
                }
            }
        }
    }
    let fence = may_be_by_hand(&plan, step("a5.fence.cinto-srv2"), ByHand::Done).unwrap_err();
    let legal =
        "traghetto migrate sign cinto-caomaggiore source-off --server cinto-srv2 --role comune-tecnico --note TEXT";
    assert_eq!(fence.instead, legal);
    // Every kind of step was looked at.
    let words = |steps: &mut dyn Iterator<Item = &Step>| {
        steps.map(|step| step.action.word()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(words(&mut plan.steps.iter()), words(&mut expected.iter().map(|(id, ..)| step(id))));
}

#[tokio::test]
async fn a_step_that_two_persons_decided_is_not_done_by_the_run() {
    let mut lab = Lab::with_machines();
    let colleague = lab.inventory.people.persons[&"carla-riva".parse().unwrap()].clone();
    lab.inventory.people.persons.insert("fabio-canal".parse().unwrap(), colleague);
    lab.adopt().await;
    overridden(&lab, "a1.prepare-landing", ByHand::Done).await;
    assert!(matches!(lab.run().await, Ending::Gate));
    assert!(lab.memory.with(|world| world.acts.is_empty()), "nothing was prepared by the run");
    let state = lab.state().await;
    let StepState::Done { result: StepResult::ByHand { way, decided }, .. } =
        state.step(&StepId("a1.prepare-landing".into()))
    else {
        panic!("it is done by hand")
    };
    assert_eq!((*way, decided.len()), (ByHand::Done, 2));
    // Both who decided it carried it out: a validation of the SAD alone is another person's.
    assert_eq!(lab.gate().await, "landing-ready");
    assert!(lab.try_sign("landing-ready", "sad-validatore", "carla-riva").await.is_err());
    lab.try_sign("landing-ready", "sad-validatore", "fabio-canal").await.unwrap();
    lab.up_to("test-accepted").await;
    assert_eq!(lab.memory.with(|world| world.acts.iter().filter(|act| *act == "prepare").count()), 0);
}

#[tokio::test]
async fn one_person_never_decides_for_two() {
    for (by, operator) in [("anna-veneto", "carla-riva"), ("carla-riva", "anna-veneto")] {
        let lab = Lab::with_machines();
        lab.adopt().await;
        let first = decision("venis-sistemista", "anna-veneto", "anna-veneto");
        let second = decision("sad-validatore", by, operator);
        let step = StepId("a1.prepare-landing".into());
        lab.write(Record::StepOverridden { step, way: ByHand::Done, first, second }).await;
        let events = lab.journal().await.events(&crate::support::memory::cinto()).await.unwrap();
        let error = RunState::of(&events).unwrap_err();
        assert!(error.to_string().contains("one person decided"), "{error}");
    }
}

/// The one takes it back while the other still reads: nothing is decided, and the journal goes on.
#[tokio::test]
async fn a_wish_that_was_taken_back_decides_nothing() {
    let lab = Lab::with_machines();
    lab.adopt().await;
    let step = StepId("a1.prepare-landing".into());
    let Decision { role, by, reason, .. } = decision("venis-sistemista", "anna-veneto", "anna-veneto");
    let way = ByHand::Skipped;
    let asked =
        Record::OverrideAsked { step: step.clone(), way, role: role.clone(), by: by.clone(), reason: reason.clone() };
    lab.write(asked).await;
    let first = lab.state().await.asked_by_hand[&step].first.clone();
    lab.write(Record::OverrideRevoked { step: step.clone(), role, by, reason }).await;
    let second = decision("sad-validatore", "carla-riva", "carla-riva");
    lab.write_as("carla-riva", Record::StepOverridden { step: step.clone(), way, first, second }).await;
    assert!(!lab.state().await.is_by_hand(&step));
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.memory.with(|world| world.acts.clone()), ["prepare"]);
}

#[tokio::test]
async fn tests_that_were_left_out_are_never_overdue_and_paper_does_not_grow_old() {
    let lab = Lab::with_machines();
    lab.adopt().await;
    lab.up_to("test-accepted").await;
    lab.sign("test-accepted").await;
    for server in ["cinto-srv1", "cinto-srv2", "cinto-srv3"] {
        overridden(&lab, &format!("a4.test-launch.{server}"), ByHand::Skipped).await;
    }
    overridden(&lab, "a4.checklist.test", ByHand::Done).await;
    lab.later(100);
    lab.memory.with(|world| world.acts.clear());
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "move-planned");
    assert!(lab.memory.with(|world| world.acts.is_empty()), "{:?}", lab.memory.with(|world| world.acts.clone()));
    lab.sign("move-planned").await;
    let (plan, state) = (lab.plan(), lab.state().await);
    let now = *lab.clock.lock().unwrap();
    assert_eq!(at_hand(&plan, &state, now)[0].id.0, "a5.end-test");
}

/// The end of a step that was at work when two persons decided it changes nothing, and contradicts nothing.
#[tokio::test]
async fn what_ends_after_it_was_decided_stays_decided() {
    let lab = Lab::with_machines();
    lab.adopt().await;
    let step = StepId("a1.prepare-landing".into());
    lab.write(Record::StepStarted { step: step.clone(), observed: serde_json::Value::Null }).await;
    overridden(&lab, &step.0, ByHand::Done).await;
    let (reason, hints) = ("no space".to_owned(), Vec::new());
    let class = traghetto::migration::Class::Failed;
    lab.write(Record::StepFailed { step: step.clone(), reason, hints, class }).await;
    assert!(lab.state().await.is_by_hand(&step));
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_project()
        .env("TRAGHETTO_AGENT", env!("CARGO_BIN_EXE_traghetto-agent"))
        .env("TRAGHETTO_OPERATOR", "anna-veneto");
    sandbox.write(
        "playbooks/con-me-2.2.1.yaml",
        "playbook: {name: prova, source: prova}\nactivities:\n  - activity: 2\n    title: {it: Due, en: Two}\n    \
         responsible: [venis-sistemista]\n    executes: [comune-tecnico, venis-sistemista]\n    \
         validates: [comune-referente, sad-validatore]\n    days: [1, 1]\n    steps:\n      - manual:\n          id: firewall\n          \
         title: {it: Pagina del firewall, en: Page of the firewall}\n          \
         instructions: {it: Aprire la regola 12., en: Open rule 12.}\n          by: [comune-tecnico]\n          \
         probe: {tcp: {host: 127.0.0.1, port: \"1\"}}\n      - checklist: source\n      - gate: {id: pronto, title: {it: Pronto, en: Ready}}\n",
    );
    migrate(&sandbox, &["run"]).code(5);
    sandbox
}

fn migrate(sandbox: &Sandbox, args: &[&str]) -> Ran {
    let (command, rest) = args.split_first().unwrap();
    sandbox.run(&[&["migrate", command, "cinto-caomaggiore"], rest].concat())
}

const STEP: &str = "a2.manual.firewall";

/// The command as a person types it, approved; the page that was shown.
fn decide(sandbox: &Sandbox, step: &str, flag: &str, who: [&str; 3]) -> (Ran, String) {
    let [role, by, operator] = who;
    let words = [
        "override",
        step,
        flag,
        "--role",
        role,
        "--by",
        by,
        "--operator",
        operator,
        "--reason",
        "regola <b>12</b> già aperta",
    ];
    let shown = migrate(sandbox, &words);
    let Some((_, digest)) = shown.stderr.split_once("add --approve ") else { return (shown, String::new()) };
    let digest: String = digest.chars().take_while(char::is_ascii_hexdigit).collect();
    (migrate(sandbox, &[&words[..], &["--approve", &digest]].concat()), shown.stderr)
}

const ANNA: [&str; 3] = ["venis-sistemista", "anna-veneto", "anna-veneto"];
const ELENA: [&str; 3] = ["comune-tecnico", "elena-ponte", "elena-ponte"];

#[test]
fn two_persons_decide_and_everybody_reads_it() {
    let sandbox = sandbox();
    let (first, page) = decide(&sandbox, STEP, "--done", ANNA);
    let first = first.code(5).stderr;
    assert!(page.contains("Serve l'accordo di una persona dell'altra parte."), "{page}");
    assert!(
        first.contains("another person has to agree that a2.manual.firewall is counted as done by hand"),
        "{first}"
    );
    assert!(
        first
            .contains(&format!("traghetto migrate override cinto-caomaggiore {STEP} --done --role ROLE --reason TEXT")),
        "{first}"
    );
    let status = migrate(&sandbox, &["status"]).code(0).stdout;
    assert!(status.contains("Deciso a mano:") && status.contains("manca l'altra parte"), "{status}");
    for (who, said) in [
        (ANNA, "one person, or one operator, does not decide for two"),
        (["comune-tecnico", "elena-ponte", "anna-veneto"], "one person, or one operator, does not decide for two"),
        (["comune-tecnico", "anna-veneto", "anna-veneto"], "may not decide this as comune-tecnico"),
    ] {
        let refused = decide(&sandbox, STEP, "--done", who).0.stderr;
        assert!(refused.contains(said) && refused.contains("Nothing was recorded"), "{said}: {refused}");
    }
    let other = decide(&sandbox, STEP, "--skip", ELENA).0.code(4).stderr;
    assert!(
        other.contains("anna-veneto wants a2.manual.firewall done, not skipped") && other.contains("--revoke"),
        "{other}"
    );

    let (second, page) = decide(&sandbox, STEP, "--done", ELENA);
    second.code(0);
    assert!(page.contains("Chiesto da Anna Veneto, Sistemista Venis: regola"), "{page}");
    let revoke =
        ["override", STEP, "--revoke", "--role", "comune-tecnico", "--operator", "elena-ponte", "--reason", "x"];
    let late = migrate(&sandbox, &revoke).code(4).stderr;
    assert!(late.contains("both have decided a2.manual.firewall already"), "{late}");
    let again = decide(&sandbox, STEP, "--done", ELENA).0.code(2).stderr;
    assert!(again.contains("a2.manual.firewall is done already"), "{again}");
    everybody_reads_it(&sandbox);
}

fn everybody_reads_it(sandbox: &Sandbox) {
    let log = migrate(sandbox, &["log"]).code(0).stdout;
    assert!(log.contains("a2.manual.firewall done by anna-veneto and elena-ponte: regola"), "{log}");
    let status = migrate(sandbox, &["status"]).code(0).stdout;
    assert!(status.contains("anna-veneto (venis-sistemista), ") && status.contains("; elena-ponte"), "{status}");
    assert!(status.contains("a2.checklist.source"), "the run goes on behind it: {status}");
    let json: serde_json::Value =
        serde_json::from_str(&migrate(sandbox, &["status", "--json"]).code(0).stdout).unwrap();
    assert_eq!((&json["by_hand"][0]["way"], &json["by_hand"][0]["agreed"]), (&"done".into(), &true.into()));
    let handover = migrate(sandbox, &["handover"]).code(0).stdout;
    assert!(handover.contains("decidono anna-veneto e elena-ponte"), "{handover}");
    let report = |format: &str| {
        let args = ["checklist", "report", "source", "cinto-caomaggiore", "--format", format];
        sandbox.run(&args).code(0).stdout
    };
    let page = report("html");
    assert!(page.contains("<h2>Passi della migrazione decisi a mano</h2>"), "{page}");
    assert!(
        page.contains("<strong>a2.manual.firewall</strong> fatto a mano; Anna Veneto, Sistemista Venis, "),
        "{page}"
    );
    assert!(page.contains("Elena Ponte, Tecnico del Comune o ditta esterna") && !page.contains("<b>12"), "{page}");
    let markdown = report("md");
    assert!(markdown.contains("## Passi della migrazione decisi a mano\n\n- a2"), "{markdown}");
    assert!(markdown.contains("\n\n## Voci aperte\n"), "{markdown}");
    let json: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!(json["by_hand"][0]["decided"][1]["by"], "elena-ponte");
}

#[test]
fn a_wish_is_taken_back_and_what_is_forbidden_names_the_legal_way() {
    let sandbox = sandbox();
    decide(&sandbox, STEP, "--skip", ANNA).0.code(5);
    let revoke =
        ["override", STEP, "--revoke", "--role", "comune-tecnico", "--operator", "elena-ponte", "--reason", "it works"];
    migrate(&sandbox, &revoke).code(0);
    migrate(&sandbox, &revoke).code(2);
    let status = migrate(&sandbox, &["status"]).code(0).stdout;
    assert!(!status.contains("Deciso a mano"), "{status}");
    let refused: BTreeMap<&str, (&str, i32, &str)> = BTreeMap::from([
        ("a2.gate.pronto", ("--done", 4, "traghetto migrate sign cinto-caomaggiore pronto --role ROLE")),
        ("a2.checklist.source", ("--skip", 4, "--outcome waived --until DATE")),
        ("a2.checklist.sorgente", ("--done", 2, "the plan has no step `a2.checklist.sorgente`")),
    ]);
    for (step, (flag, code, said)) in refused {
        let told = decide(&sandbox, step, flag, ANNA).0.code(code).stderr;
        assert!(told.contains(said), "{said}: {told}");
    }
    let early = decide(&sandbox, "a2.checklist.source", "--done", ANNA).0.code(4).stderr;
    assert!(early.contains("the turn of a2.checklist.source has not come: a2.manual.firewall comes first"), "{early}");
    for step in [STEP, "a2.checklist.source"] {
        decide(&sandbox, step, "--done", ANNA).0.code(5);
        decide(&sandbox, step, "--done", ELENA).0.code(0);
    }
    // Nothing of the checklist was asked or signed: the gate is signed on what two persons decided.
    let gate = migrate(&sandbox, &["run"]).code(5).stderr;
    assert!(gate.contains("sign gate pronto:"), "{gate}");
    let sign = ["sign", "pronto", "--role", "sad-validatore", "--operator", "carla-riva"];
    let page = migrate(&sandbox, &sign).code(2).stderr;
    assert!(page.contains("a2.checklist.source: fatto a mano, deciso da anna-veneto (venis-sistemista)"), "{page}");
}
