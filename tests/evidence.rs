//! Signatures and evidence: made by traghetto, verified by `ssh-keygen` and `sha256sum`; documents.
//! Needs the Debian packages openssh-server and openssh-client.

use crate::support::sshd::{Sshd, commented_key};
use crate::support::{Ran, Sandbox, golden};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CINTO: &str = "inventory/tenants/cinto-caomaggiore.yaml";
const SENTINEL: &str = "S3NT1NEL-of-a-password";

/// Two items that hosts answer, one of which prints passwords, and two for people.
const SOURCE: &str = r#"checklist: source
version: 7
executes: [comune-tecnico, venis-sistemista]
validates: [comune-referente, sad-validatore]
items:
  - id: A-1
    title: {it: Il server risponde, en: The server answers}
    severity: blocker
    roles: [venis-sistemista]
    scope: server
    probe: {sh: 'echo {{ server.id }}; echo "password=S3NT1NEL-of-a-password"; echo "it is $HELD" >&2; exit 0'}
  - id: A-2
    title: {it: Niente è rotto, en: Nothing is broken}
    severity: blocker
    roles: [venis-sistemista]
    scope: server
    applies_to: {role: [logging]}
    probe: {sh: 'echo "no://anna:S3NT1NEL-of-a-password@host" >&2; exit 1'}
  - id: A-3
    title: {it: Il contratto copre il lavoro, en: The contract covers the work}
    severity: blocker
    roles: [comune-referente]
    scope: tenant
    manual: {it: Leggere il contratto., en: Read the contract.}
  - id: A-4
    title: {it: Il salvataggio riesce, en: The backup works}
    severity: blocker
    roles: [comune-tecnico, venis-sistemista]
    scope: server
    valid_for: 48
    manual: {it: Guardare insieme., en: Look together.}
"#;

/// Cinto on one host, with people who have keys.
struct Town {
    sandbox: Sandbox,
    _sshd: Sshd,
}

impl Town {
    fn new() -> Self {
        let sshd = Sshd::start();
        let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
        for number in [10, 11, 12] {
            let from = format!("access: {{host: 192.0.2.{number}, user: root, key: keys/rescue, host_key: unknown}}");
            sandbox.edit(CINTO, &from, &format!("access: {}", sshd.access_yaml()));
        }
        sandbox.write("checklists/source.yaml", SOURCE);
        let town = Self { sandbox, _sshd: sshd };
        for (person, kind) in [("anna", "ed25519"), ("carla", "ecdsa"), ("dario", "rsa")] {
            town.give_key(person, kind);
        }
        town
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sandbox.path().join(name)
    }

    /// A new key for a person of the inventory, in `keys/PERSON`.
    fn give_key(&self, person: &str, kind: &str) {
        std::fs::create_dir_all(self.path("keys")).unwrap();
        let file = self.path(&format!("keys/{person}"));
        commented_key(&file, kind, "a comment");
        let key = std::fs::read_to_string(file.with_extension("pub")).unwrap();
        let people = std::fs::read_to_string(self.path("inventory/people.yaml")).unwrap();
        let line = people.lines().find(|line| line.contains(&format!("{{id: {person}-"))).unwrap();
        let with = line.replace(", example: true", &format!(", example: true, signing_key: \"{}\"", key.trim()));
        self.sandbox.write("inventory/people.yaml", &people.replace(line, &with));
    }

    fn run(&self, line: &str) -> Ran {
        self.sandbox.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    fn sign(&self, more: &str) -> Ran {
        let line = format!("checklist sign source cinto-caomaggiore --note visto {more}");
        let read = self.run(&format!("{line} --print --json"));
        if read.code != 0 {
            return read;
        }
        let read: Value = serde_json::from_str(&read.stdout).unwrap();
        self.run(&format!("{line} --approve {}", &read["approves"].as_str().unwrap()[..12]))
    }

    fn report(&self) -> Value {
        let ran = self.run("checklist report source cinto-caomaggiore --json").code(0);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// Everything signed, in every way that there is.
    fn signed() -> Self {
        let town = Self::new();
        town.run("checklist run source cinto-caomaggiore").code(4);
        town.sign("--items A-4 --role venis-sistemista --key keys/anna").code(0);
        town.sign("--items A-4 --role comune-tecnico --by elena-ponte").code(0);
        for by in [
            "--role comune-referente --by dario-pieve --key keys/dario",
            "--role sad-validatore --by carla-riva --key keys/carla",
        ] {
            town.sign(&format!("--items A-2 --outcome waived --until {} {by}", in_days(90))).code(0);
        }
        std::fs::write(town.path("verbale.pdf"), "%PDF-1.7 /ByteRange [0 1 2 3]").unwrap();
        let document = "--document verbale.pdf --prot 1234/2026 --date 2022-11-30";
        town.sign(&format!("--all --role comune-referente --by dario-pieve {document}")).code(0);
        town.sign("--all --role sad-validatore --by carla-riva --key keys/carla").code(0);
        town
    }
}

/// The day in Rome so many days from now.
fn in_days(days: i32) -> jiff::civil::Date {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::get("Europe/Rome").unwrap());
    now.date().saturating_add(jiff::Span::new().days(days))
}

/// The finding of an item that is asked of something.
fn finding<'a>(report: &'a Value, item: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|found| found["item"] == item && found["verdict"] != "skipped").unwrap()
}

/// What a shell prints in `folder`.
fn shell(folder: &Path, script: &str) -> (bool, String) {
    let ran = Command::new("bash").args(["-c", script]).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    (ran.status.success(), text)
}

/// The commands of the folder's README: its lines that are indented by three spaces.
fn commands(folder: &Path) -> Vec<String> {
    let readme = std::fs::read_to_string(folder.join("README.txt")).unwrap();
    let indented = |line: &str| line.strip_prefix("   ").filter(|rest| !rest.starts_with(' ')).map(str::to_owned);
    let starts = ["cut ", "ssh-keygen ", "sed ", "sha256sum ", "find ", "wc ", "tail ", "grep ", "for "];
    let command = |line: &String| starts.iter().any(|start| line.starts_with(start));
    readme.lines().filter_map(indented).filter(command).collect()
}

#[test]
fn evidence_is_verified_by_traghetto_and_without_it() {
    let town = Town::signed();
    let ran = town.run("checklist evidence cinto-caomaggiore --out prove --key keys/anna").code(0);
    assert!(ran.stderr.contains("7 events and"), "{}", ran.stderr);
    town.run("checklist evidence cinto-caomaggiore --out prove --key keys/anna").code(2);
    town.run("checklist evidence cinto-caomaggiore --out altre --key keys/carla").code(7);
    assert!(!town.path("altre").exists());
    // What stands beside the folder is somebody's.
    town.sandbox.write("terze.new/mine", "kept");
    town.run("checklist evidence cinto-caomaggiore --out terze --key keys/anna").code(0);
    assert_eq!(std::fs::read_to_string(town.path("terze.new/mine")).unwrap(), "kept");
    let (_, left) = shell(town.sandbox.path(), "ls -d terze*");
    assert_eq!(left, "terze\nterze.new\n");
    let ran = town.run("checklist verify prove").code(0);
    for words in [
        "the evidence of cinto-caomaggiore verifies",
        "events      7,",
        "signed by carla-riva with SHA256:",
        "1 on documents",
    ] {
        assert!(ran.stdout.contains(words), "{}\nshould say {words}", ran.stdout);
    }
    // Nobody's inventory is needed.
    let elsewhere = Sandbox::empty();
    let folder = town.path("prove");
    elsewhere.run(&["checklist", "verify", folder.to_str().unwrap()]).code(0);
    let commands = commands(&folder);
    assert_eq!(commands.len(), 12, "{commands:#?}");
    for command in &commands {
        let (good, printed) = shell(&folder, &format!("set -o pipefail; {command}"));
        let added = command.starts_with("find ");
        assert!(good && (!added || printed.is_empty()), "{command}\n{printed}");
    }
    let (_, printed) = shell(&folder, &commands[1]);
    assert!(printed.starts_with("Good \"traghetto\" signature for anna-veneto"), "{printed}");
    let (_, statements) = shell(&folder, commands.last().unwrap());
    assert_eq!(statements.matches("Good \"traghetto\" signature for ").count(), 4, "{statements}");
    let (_, equal) = shell(&folder, &format!("{}; {}", commands[2], commands[3]));
    let lines: Vec<&str> = equal.lines().collect();
    assert_eq!(lines[0], lines[1]);
    let (_, counted) = shell(&folder, &format!("{}; {}; {}", commands[6], commands[7], commands[8]));
    let digest = counted.lines().nth(1).unwrap().split(' ').next().unwrap();
    assert!(counted.starts_with("7\n") && counted.matches(digest).count() == 2, "{counted}");
    let (_, linked) = shell(&folder, &format!("{}; {}", commands[9], commands[10]));
    let digest = linked.split(' ').next().unwrap();
    assert_eq!(linked.matches(digest).count(), 2, "{linked}");
}

#[test]
fn a_verifier_is_told_what_a_folder_alone_cannot_prove() {
    let town = Town::signed();
    town.run("checklist evidence cinto-caomaggiore --out prove --key keys/anna").code(0);
    let ran = town.run("-q checklist verify prove").code(0);
    assert!(ran.stdout.contains("the keys are the folder's own") && ran.stderr.is_empty(), "{ran:?}");
    assert!(ran.stdout.contains("only an earlier head tells (--head)"), "{}", ran.stdout);
    let json = |line: &str| -> Value { serde_json::from_str(&town.run(line).code(0).stdout).unwrap() };
    let own = json("checklist verify prove --json");
    assert_eq!((&own["signers"], &own["extends"]), (&"folder".into(), &Value::Null));
    // The story goes on: the later folder extends the earlier head, the earlier folder not the later one.
    town.run("checklist run source cinto-caomaggiore").code(0);
    town.run("checklist evidence cinto-caomaggiore --out dopo --key keys/anna").code(0);
    let given = json("checklist verify dopo --signers prove/allowed_signers --head prove/head.json --json");
    assert_eq!((&given["signers"], &given["extends"]), (&"given".into(), &7.into()));
    let ran = town.run("checklist verify dopo --head prove/head.json").code(0);
    assert!(ran.stdout.contains("extends the earlier head of 7 events"), "{}", ran.stdout);
    let ran = town.run("checklist verify prove --head dopo/head.json").code(7);
    assert!(ran.stderr.contains("the earlier head has 8 events, these are 7: some were dropped"), "{}", ran.stderr);
    town.run("checklist verify prove --head prove/SHA256SUMS").code(2);
    // Who holds the maker's key may write anything into the head: none of it acts on a terminal.
    let hostile = r#"sed -i 's/"time": ".*"/"time": "2026\\u001b]0;x\\u0007"/' head.json && rm head.sig \
        && ssh-keygen -q -Y sign -n traghetto -f ../keys/anna head.json && mv head.json.sig head.sig"#;
    let (done, said) = shell(&town.path("prove"), hostile);
    assert!(done, "{said}");
    let ran = town.run("checklist verify prove").code(7);
    assert!(ran.stderr.contains("head.json: its time is none"), "{}", ran.stderr);
    assert!(![ran.stdout, ran.stderr].concat().contains(['\u{1b}', '\u{7}']));
}

#[test]
fn a_statement_that_was_typed_for_who_has_a_key_is_in_doubt() {
    let town = Town::signed();
    // Elena typed, and has a key only now.
    town.give_key("elena", "ed25519");
    town.run("checklist evidence cinto-caomaggiore --out prima --key keys/anna").code(0);
    let ran = town.run("checklist verify prima").code(4);
    assert!(ran.stdout.contains("the evidence of cinto-caomaggiore verifies"), "{}", ran.stdout);
    assert!(ran.stderr.contains("it was typed in the name of elena-ponte, who has a key"), "{}", ran.stderr);
    // She says the same again, with the key.
    town.sign("--items A-4 --role comune-tecnico --by elena-ponte --key keys/elena").code(0);
    town.run("checklist evidence cinto-caomaggiore --out dopo --key keys/anna").code(0);
    town.run("checklist verify dopo").code(0);
}

#[test]
fn what_was_changed_is_found_by_both() {
    let town = Town::signed();
    town.run("checklist evidence cinto-caomaggiore --out prove --key keys/anna --lang en").code(0);
    let folder = town.path("prove");
    let listed = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let names: Vec<String> = listed.lines().map(|line| line[66..].to_owned()).collect();
    for name in names.iter().map(String::as_str).chain(["head.json", "head.sig", "SHA256SUMS"]) {
        let file = folder.join(name);
        let bytes = std::fs::read(&file).unwrap();
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 1;
        std::fs::write(&file, &changed).unwrap();
        let ran = town.run("checklist verify prove").code(7);
        assert!(ran.stderr.contains("prove does not verify"), "{}", ran.stderr);
        let script = "ssh-keygen -Y verify -f allowed_signers -I anna-veneto -n traghetto -s head.sig < head.json \
            && grep -q \"$(sha256sum < SHA256SUMS | cut -d ' ' -f 1)\" head.json && sha256sum --check --strict --quiet SHA256SUMS";
        assert!(!shell(&folder, script).0, "{name} was changed, and the standard tools said nothing");
        std::fs::write(&file, bytes).unwrap();
    }
    std::fs::write(folder.join("blobs/more"), "").unwrap();
    town.run("checklist verify prove").code(7);
    std::fs::remove_file(folder.join("blobs/more")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("blobs/link")).unwrap();
    town.run("checklist verify prove").code(7);
    std::fs::remove_file(folder.join("blobs/link")).unwrap();
    town.run("checklist verify prove").code(0);
    // A verifier who brings the keys does not believe the folder's own.
    let signers = std::fs::read_to_string(folder.join("allowed_signers")).unwrap();
    town.sandbox.write("mine", &signers);
    town.run("checklist verify prove --signers mine").code(0);
    let anna = signers.lines().next().unwrap();
    town.sandbox.write("mine", &signers.replace(&format!("{anna}\n"), ""));
    let ran = town.run("checklist verify prove --signers mine").code(7);
    assert!(ran.stderr.contains("head.sig: anna-veneto is not in allowed_signers"), "{}", ran.stderr);
}

#[test]
fn secrets_never_enter_the_journal_or_the_evidence() {
    let town = Town::signed();
    town.run("checklist evidence cinto-caomaggiore --out prove --key keys/anna").code(0);
    let (_, found) = shell(town.sandbox.path(), "grep -rl S3NT1NEL . || true");
    // The checklist itself names the sentinel: it is what the host is made to print.
    let leaks: Vec<&str> = found.lines().filter(|file| *file != "./checklists/source.yaml").collect();
    assert!(leaks.is_empty(), "{leaks:?} hold {SENTINEL}");
    let (_, marks) = shell(&town.path("prove"), "cat blobs/*");
    assert!(marks.contains("cinto-srv1\n<secret>") || marks.contains("password=<secret>"), "{marks}");
    let html = town.run("checklist report source cinto-caomaggiore --format html").code(0).stdout;
    assert!(!html.contains("S3NT1NEL"));
}

#[test]
fn a_person_with_a_key_signs_with_it_and_no_other() {
    let town = Town::new();
    town.run("checklist run source cinto-caomaggiore").code(4);
    let dario = "--items A-3 --by dario-pieve";
    // Without file and agent; with another's key; with a key that others may read.
    let ran = town.sign(dario).code(2);
    assert!(ran.stderr.contains("SSH_AUTH_SOCK is not set"), "{}", ran.stderr);
    let ran = town.sign(&format!("{dario} --key keys/carla")).code(7);
    assert!(ran.stderr.contains("is not a key of dario-pieve"), "{}", ran.stderr);
    shell(town.sandbox.path(), "cp keys/dario keys/open; chmod 644 keys/open");
    town.sign(&format!("{dario} --key keys/open")).code(2);
    assert_eq!(town.report()["counts"]["pending"], 4);
    // Elsewhere, with OpenSSH's own tool.
    let line = format!("checklist sign source cinto-caomaggiore --note visto {dario}");
    let statement = town.run(&format!("{line} --print")).code(0).stdout;
    town.sandbox.write("statement.txt", &statement);
    let (good, said) = shell(town.sandbox.path(), "ssh-keygen -q -Y sign -n traghetto -f keys/dario statement.txt");
    assert!(good, "{said}");
    let other = town
        .run(&format!("checklist sign source cinto-caomaggiore --note altro {dario} --signature statement.txt.sig"));
    assert!(other.code(7).stderr.contains("it does not hold"));
    let ran = town.run(&format!("{line} --signature statement.txt.sig")).code(0);
    assert_eq!(ran.stderr, "Firmato: A-3 da Dario Pieve, con chiave SSH.\n");
    assert_eq!(finding(&town.report(), "A-3")["signatures"][0]["how"], "ssh");
}

#[test]
fn a_signature_of_before_is_not_given_again() {
    let town = Town::new();
    town.run("checklist run source cinto-caomaggiore").code(4);
    let line = "checklist sign source cinto-caomaggiore --note visto --items A-3 --by dario-pieve --signature s.sig";
    // The same options print the statement that they sign.
    town.sandbox.write("s", &town.run(&format!("{line} --print")).code(0).stdout);
    let (good, said) = shell(town.sandbox.path(), "ssh-keygen -q -Y sign -n traghetto -f keys/dario s");
    assert!(good, "{said}");
    town.run(line).code(0);
    town.sign("--items A-3 --by dario-pieve --outcome ko --key keys/dario").code(0);
    let ran = town.run(line).code(7);
    assert!(ran.stderr.contains("this signature is in the journal already"), "{}", ran.stderr);
    // Printed before, signed now, and another was recorded in between.
    town.sandbox.write("s", &town.run(&format!("{line} --print")).code(0).stdout);
    shell(town.sandbox.path(), "rm s.sig; ssh-keygen -q -Y sign -n traghetto -f keys/dario s");
    town.sign("--items A-3 --by dario-pieve --outcome ko --key keys/dario").code(0);
    let ran = town.run(line).code(7);
    assert!(ran.stderr.contains("The next statement of dario-pieve is number 4."), "{}", ran.stderr);
    assert_eq!(finding(&town.report(), "A-3")["verdict"], "fail");
}

#[test]
fn no_operator_types_for_both_sides_of_the_validation() {
    let town = Town::new();
    // Carla and Dario without keys; nothing fails.
    let people = std::fs::read_to_string(town.path("inventory/people.yaml")).unwrap();
    let without = |line: &str| match line.find(", signing_key: ") {
        Some(at) if !line.contains("anna-veneto") => format!("{}}}\n", &line[..at]),
        _ => format!("{line}\n"),
    };
    town.sandbox.write("inventory/people.yaml", &people.lines().map(without).collect::<String>());
    town.sandbox.edit("checklists/source.yaml", "@host\" >&2; exit 1", "@host\" >&2; echo bene");
    town.run("checklist run source cinto-caomaggiore").code(5);
    town.sign("--items A-4 --role venis-sistemista --key keys/anna").code(0);
    town.sign("--items A-4 --role comune-tecnico --by elena-ponte").code(0);
    town.sign("--all --role comune-referente --by dario-pieve").code(0);
    let validate = "--all --role sad-validatore --by carla-riva";
    let ran = town.sign(validate).code(2);
    for words in [
        "la firma di dario-pieve come «comune-referente» su A-1 è stata digitata da anna-veneto",
        "Nulla è stato registrato.",
        "Vie aperte: una chiave propria della persona",
    ] {
        assert!(ran.stderr.contains(words), "{words}\n{}", ran.stderr);
    }
    town.sign(&format!("{validate} --operator carla-riva")).code(0);
    let report = town.report();
    assert!(report["validations"].as_array().unwrap().iter().all(|one| one["missing"].as_array().unwrap().is_empty()));
}

#[test]
fn what_proves_a_statement_is_kept_named_and_shown() {
    let town = Town::new();
    town.sandbox.edit(
        "checklists/source.yaml",
        "    manual: {it: Leggere",
        "    evidence: [document]\n    manual: {it: Leggere",
    );
    town.run("checklist run source cinto-caomaggiore").code(4);
    std::fs::write(town.path("contratto.jpg"), b"\xff\xd8\xff\xe0 a photo").unwrap();
    town.sandbox.write("estratto.txt", "rinnovato fino al 2030\n");
    town.sandbox.write("segreto.txt", "password=S3NT1NEL-of-a-password\n");
    town.sandbox.write("vuoto.txt", "");
    let line = "--items A-3 --by dario-pieve --key keys/dario";
    for (file, words) in
        [("segreto.txt", "seems to hold a password"), ("vuoto.txt", "is empty"), ("none", "cannot be read")]
    {
        let ran = town.sign(&format!("{line} --evidence {file}")).code(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    let ran = town.sign(line).code(0);
    assert!(ran.stderr.contains("nessuna prova allegata, e la chiedono A-3"), "{}", ran.stderr);
    let ran = town.sign(&format!("{line} --evidence contratto.jpg --evidence estratto.txt")).code(0);
    assert_eq!(ran.stderr, "Firmato: A-3 da Dario Pieve, con chiave SSH.\n");
    let report = town.report();
    let mark = &finding(&report, "A-3")["signatures"][0];
    assert_eq!((&mark["evidence"][0]["file"], &mark["outcome"]), (&"contratto.jpg".into(), &"ok".into()));
    let page = town.run("checklist report source cinto-caomaggiore").code(0).stdout;
    assert!(page.contains("Dario Pieve (comune-referente, SSH key, attached: contratto.jpg estratto.txt)"), "{page}");
    let sha256 = mark["evidence"][1]["sha256"].as_str().unwrap();
    let verbale = town.run("checklist report source cinto-caomaggiore --format html").code(0).stdout;
    assert!(verbale.contains(&format!("allegato: estratto.txt, SHA-256 {sha256}")), "{verbale}");
    town.run("checklist evidence cinto-caomaggiore --out prove --key keys/anna").code(0);
    assert_eq!(std::fs::read_to_string(town.path("prove/blobs").join(sha256)).unwrap(), "rinnovato fino al 2030\n");
    let (_, statements) = shell(&town.path("prove"), "grep -h Allegato: signatures/*");
    assert!(statements.contains(&format!("Allegato: {sha256} estratto.txt\n")), "{statements}");
    town.run("checklist verify prove").code(0);
}

#[test]
fn an_agent_signs_for_who_holds_the_key() {
    let town = Town::new();
    let socket = town.path("agent");
    let mut agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let town = Town { sandbox: town.sandbox.env("SSH_AUTH_SOCK", socket.to_str().unwrap()), _sshd: town._sshd };
    let empty = town.sign("--items A-3 --by dario-pieve");
    let script = "for key in anna dario; do SSH_AUTH_SOCK=./agent ssh-add -q keys/$key; done";
    let (added, said) = shell(town.sandbox.path(), script);
    let signed = town.sign("--items A-3 --by dario-pieve");
    let made = town.run("checklist evidence cinto-caomaggiore --out prove");
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(empty.code(2).stderr.contains("it does not hold the key"));
    assert!(added, "{said}");
    signed.code(0);
    made.code(0);
    town.run("checklist verify prove").code(0);
}

#[test]
fn a_received_document_is_kept_and_shown_as_acquired() {
    let town = Town::new();
    town.run("checklist run source cinto-caomaggiore").code(4);
    let p7m = [&[0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02][..], b"signed"].concat();
    std::fs::write(town.path("firma.pdf.p7m"), &p7m).unwrap();
    let document = "--document firma.pdf.p7m --prot 77/2022 --date 2022-11-29";
    town.run("checklist sign source cinto-caomaggiore --note x --all --role comune-referente --document firma.pdf.p7m")
        .code(2);
    town.sandbox.write("hostname", "venis-sad-01\n");
    for (file, date, words) in [
        ("hostname", "2022-11-29", "hostname is no signed document"),
        ("firma.pdf.p7m", "2099-01-01", "the document is dated 01/01/2099, which is to come"),
    ] {
        let ran = town.sign(&format!("--items A-3 --by dario-pieve --document {file} --prot 1/2022 --date {date}"));
        assert!(ran.code(2).stderr.contains(words));
    }
    let ran = town.sign(&format!("--items A-3 --by dario-pieve {document}")).code(0);
    assert!(
        ran.stderr.starts_with("Acquisita: A-3, firma di Dario Pieve sul documento prot. n. 77/2022"),
        "{}",
        ran.stderr
    );
    let report = town.report();
    let mark = &finding(&report, "A-3")["signatures"][0];
    assert_eq!((&mark["how"], &mark["operator"]), (&"document".into(), &"anna-veneto".into()));
    assert_eq!((&mark["document"]["kind"], &mark["document"]["prot"]), (&"p7m".into(), &"77/2022".into()));
    let page = town.run("checklist report source cinto-caomaggiore").code(0).stdout;
    assert!(page.contains("Dario Pieve (comune-referente, acquisita, prot. n. 77/2022)"), "{page}");
    town.run("checklist evidence cinto-caomaggiore --out prove --key keys/anna").code(0);
    let kept = town.path("prove/blobs").join(mark["document"]["sha256"].as_str().unwrap());
    assert_eq!(std::fs::read(kept).unwrap(), p7m);
    town.run("checklist verify prove").code(0);
    // A blob that is lost or damaged stops the next bundle.
    let (_, damaged) =
        shell(town.sandbox.path(), "f=$(find . -path '*/cinto-caomaggiore/blobs/*' | head -1); echo x >> $f; echo $f");
    let ran = town.run("checklist evidence cinto-caomaggiore --out altre --key keys/anna").code(7);
    assert!(ran.stderr.contains("the blob") && !damaged.is_empty(), "{}", ran.stderr);
}

#[test]
fn pending_names_each_person_with_what_waits_for_him() {
    let town = Town::new();
    let nothing = town.run("checklist pending").code(0);
    assert_eq!(nothing.stdout, "nothing waits for a signature\n");
    town.run("checklist run source cinto-caomaggiore").code(4);
    golden("checklist/pending.txt", &town.run("checklist pending").code(0).stdout);
    town.sign("--items A-4 --role venis-sistemista --key keys/anna").code(0);
    let waiting: Value = serde_json::from_str(&town.run("checklist pending --json").code(0).stdout).unwrap();
    let persons: Vec<&str> = waiting.as_array().unwrap().iter().map(|one| one["person"].as_str().unwrap()).collect();
    assert_eq!(persons, ["dario-pieve", "elena-ponte"]);
}

#[test]
fn waivers_and_the_joint_validation_close_a_checklist() {
    let town = Town::signed();
    let report = town.report();
    assert_eq!(report["outcome"], "passed");
    let missing: Vec<usize> =
        report["validations"].as_array().unwrap().iter().map(|one| one["missing"].as_array().unwrap().len()).collect();
    assert_eq!(missing, [0, 0]);
    town.run("checklist run source cinto-caomaggiore").code(0);
    let waiver = &finding(&report, "A-2")["waiver"];
    assert_eq!((&waiver["until"], &waiver["by"][1]), (&in_days(90).to_string().into(), &"carla-riva".into()));
    // Another text reopens both.
    town.sandbox.edit("checklists/source.yaml", "Niente è rotto", "Niente è guasto");
    town.run("checklist run source cinto-caomaggiore").code(4);
    let page = town.run("checklist report source cinto-caomaggiore").code(0).stdout;
    assert!(page.contains("validation of sad-validatore: reopened, 1 findings have changed"), "{page}");
}

/// The text with times, hashes and the key's fingerprints emptied.
fn timeless(text: &str) -> String {
    let mut kept = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || matches!(c, '/' | ':') {
            word.push(c);
            continue;
        }
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let hash = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let date = word.len() == 10 && digits == 8 && word.contains('/');
        let clock = word.len() == 5 && digits == 4 && word.as_bytes()[2] == b':';
        kept.push_str(if hash {
            "HASH"
        } else if date {
            "DATE"
        } else if clock {
            "TIME"
        } else {
            &word
        });
        kept.push(c);
        word.clear();
    }
    kept.trim_end().to_owned() + "\n"
}

#[test]
fn the_verbale_is_written_in_both_languages_and_every_format() {
    let town = Town::signed();
    let report = |format: &str, lang: &str| {
        town.run(&format!("checklist report source cinto-caomaggiore --format {format} --lang {lang}")).code(0).stdout
    };
    golden("checklist/verbale.html", &timeless(&report("html", "it")));
    golden("checklist/verbale.md", &timeless(&report("md", "it")));
    golden("checklist/verbale.en.md", &timeless(&report("md", "en")));
    assert!(report("junit", "it").contains("<skipped message=\"waived until "));
    assert!(report("junit", "it").contains("by dario-pieve, carla-riva: visto (fail: "));
    let json: Value = serde_json::from_str(&report("json", "it")).unwrap();
    assert_eq!((&json["activity"], &json["events"], &json["counts"]["waived"]), (&2.into(), &7.into(), &1.into()));
    let out = town.run("checklist report source cinto-caomaggiore --format html --out verbale.html").code(0);
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("", "written to verbale.html\n"));
    let page = std::fs::read_to_string(town.path("verbale.html")).unwrap();
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"), "self-contained");
}

#[test]
fn hostile_text_is_only_text_in_every_document() {
    let town = Town::new();
    let hostile = r#"<img src=x onerror=a()>|`[b](javascript:c)"'&*_#\u202e"#;
    let yaml = hostile.replace('\'', "''");
    let list = std::fs::read_to_string(town.path("checklists/source.yaml")).unwrap();
    let list = list.replace("it: Il contratto copre il lavoro,", &format!("it: '{yaml}',"));
    let list = list.replace(r#"echo {{ server.id }};"#, r#"printf "<b>|\033[2J\342\200\256x\n";"#);
    town.sandbox.write("checklists/source.yaml", &list);
    town.run("checklist run source cinto-caomaggiore").code(4);
    let start = ["checklist", "sign", "source", "cinto-caomaggiore", "--items", "A-3", "--by", "elena-ponte"];
    assert_eq!(town.sandbox.run(&[&start[..], &["--note", hostile]].concat()).code, 2);
    let html = town.run("checklist report source cinto-caomaggiore --format html").code(0).stdout;
    assert!(html.contains("&lt;img src=x onerror=a()&gt;") && !html.contains("<img"), "{html}");
    assert!(html.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')));
    let md = town.run("checklist report source cinto-caomaggiore --format md").code(0).stdout;
    assert!(md.contains(r"&lt;img src=x onerror=a()&gt;&#124;\`\[b\](javascript:c)"), "{md}");
    assert!(md.lines().filter(|line| line.starts_with("| A-")).all(|line| line.matches('|').count() == 8), "{md}");
    let xml = town.run("checklist report source cinto-caomaggiore --format junit").code(0).stdout;
    assert!(xml.chars().all(|c| c == '\n' || !c.is_control()) && !xml.contains("<b>"), "{xml}");
}
