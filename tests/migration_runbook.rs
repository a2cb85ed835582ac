//! The page of the night works without traghetto: the commands that are printed on it are walked with /bin/sh against
//! a Linux on loopback, and reach the state that `migrate run` reaches. Needs root, and the Debian packages
//! openssh-server, e2fsprogs, util-linux.

use crate::final_sync::PLAYBOOK;
use crate::migration_replace::way;
use crate::support::frozen::Volume;
use crate::support::memory::cinto;
use crate::support::town::{DISK, Town};
use crate::support::{Sandbox, golden, project};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use traghetto::document::runbook::{self, Runbook};
use traghetto::document::verbale::Language;
use traghetto::model::Known;
use traghetto::model::server::{Login, Os, Transfer};
use traghetto::{inventory, migration};

const SERVER: &str = "cinto-srv3";
const CINTO: &str = "inventory/tenants/cinto-caomaggiore.yaml";

/// A line of the page: the act that it belongs to, where it is given, and whether it takes something back.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub act: String,
    pub at: String,
    pub undo: bool,
    pub text: String,
}

/// What stands between two marks, each time.
fn between<'a>(text: &'a str, begin: &'a str, end: &'a str) -> Vec<&'a str> {
    text.split(begin).skip(1).map(|rest| rest.split_once(end).unwrap().0).collect()
}

/// As a reader types it.
fn typed(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// The lines that the page has for a server in one direction.
pub fn lines(page: &str, server: &str, way: &str) -> Vec<Line> {
    let section = format!("<section class=\"server\" data-server=\"{server}\" data-way=\"{way}\">");
    let section = between(page, &section, "</section>")[0];
    let mut found = Vec::new();
    for article in between(section, "<article data-act=\"", "</article>") {
        let (act, rest) = article.split_once('"').unwrap();
        for block in between(rest, "<pre data-", "</pre>") {
            let (kind, rest) = block.split_once("=\"").unwrap();
            let (at, code) = rest.split_once('"').unwrap();
            found.extend(between(code, "<code>", "</code>").into_iter().map(|text| Line {
                act: act.to_owned(),
                at: at.to_owned(),
                undo: kind == "undo",
                text: typed(text),
            }));
        }
    }
    found
}

/// Gives lines to a shell as a person does, from anywhere.
fn walk(lines: &[&str]) -> String {
    for line in lines {
        let stops = ["poweroff", "shutdown", "sysrq", "swapoff -a", "reboot"];
        assert!(!stops.iter().any(|word| line.contains(word)), "not on this machine: {line}");
    }
    let script = format!("set -e\n{}\n", lines.join("\n"));
    let output = Command::new("/bin/sh").args(["-c", &script]).current_dir("/").output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "\n{script}\n--- stdout\n{out}\n--- stderr\n{err}");
    out.into_owned()
}

fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

/// A town whose third server is a running Linux with a mounted disk.
fn town(folder: &Path) -> (Town, Volume) {
    let town = Town::new();
    let volume = Volume::new(folder, "root", "ext4");
    let path = town.sandbox.path().join(CINTO);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("  - id: cinto-srv3\n").unwrap();
    let after = after.replacen("os: {windows: Windows 7}", "os: {linux: Debian 12}", 1);
    let after = after.replacen("transfer: rescue", "transfer: agent", 1);
    let image = format!("\"{}\", size_bytes: {DISK}", town.disk(SERVER).display());
    let device = format!("{}, size_bytes: {}", volume.device.display(), 320 << 20);
    assert!(after.contains(&image));
    std::fs::write(&path, format!("{before}  - id: cinto-srv3\n{}", after.replacen(&image, &device, 1))).unwrap();
    std::fs::remove_file(town.sandbox.path().join("playbooks/con-me-2.2.1.yaml")).unwrap();
    town.sandbox.write("playbooks/last.yaml", PLAYBOOK);
    (town, volume)
}

#[test]
fn the_printed_page_alone_reaches_the_state_that_a_run_reaches() {
    let folder = tempfile::tempdir().unwrap();
    let (town, volume) = town(folder.path());
    town.migrate(&["run", "--whole"]).code(5);
    town.sign("seeded", "sad-validatore", "carla-riva");
    let replica = town.image(SERVER);
    let seeded = sha256(&replica);
    // Written after the first copy: what the night has to bring.
    std::fs::write(volume.dir.join("document"), vec![7; 100_000]).unwrap();

    town.migrate(&["runbook", "--out", "carta"]).code(0);
    let page = std::fs::read_to_string(town.sandbox.path().join("carta/runbook.html")).unwrap();
    let printed = lines(&page, SERVER, "going");
    let copying = ["prepare", "quiet", "read_only", "copy", "prove"];
    let mine = printed.iter().filter(|line| !line.undo && copying.contains(&line.act.as_str()));
    let mine: Vec<&str> = mine.map(|line| line.text.as_str()).collect();
    let said = walk(&mine);
    assert!(said.trim_end().ends_with("UGUALI"), "{said}");

    let clone = town.sandbox.path().join("night/cinto-caomaggiore").join(SERVER).join("disk0.img");
    let by_hand = sha256(&clone);
    assert_eq!(by_hand, sha256(&volume.device), "the clone is the disk");
    assert!(said.contains(&by_hand), "the digest is shown, to be noted");
    assert_eq!(sha256(&replica), seeded, "the replica is not touched");
    assert_ne!(by_hand, seeded, "there was something to bring");
    let differs = clone.with_file_name("disk0.differs");
    let blocks = std::fs::read_to_string(differs).unwrap().lines().count();
    assert!((1..40).contains(&blocks), "{blocks} of 80 blocks were sent: what is equal is not");

    // What traghetto itself reaches from the same source.
    town.migrate(&["run", "--whole"]).code(5);
    assert_eq!(sha256(&replica), by_hand, "the same state");

    // What is printed as the way back of the step makes the source writable again.
    let undo = printed.iter().filter(|line| line.undo && line.act == "read_only" && !line.text.contains("swapon"));
    let prepare = printed.iter().filter(|line| !line.undo && line.act == "prepare");
    let back: Vec<&str> = prepare.chain(undo).map(|line| line.text.as_str()).collect();
    assert!(back.last().unwrap().contains("remount,rw"), "{back:?}");
    walk(&back);
    std::fs::write(volume.dir.join("afterwards"), "writable").unwrap();
}

/// The whole page for Cinto as the inventory has it.
fn page_of(sandbox: &Sandbox, more: &[&str]) -> String {
    let mut args = vec!["migrate", "runbook", "cinto-caomaggiore"];
    args.extend(more);
    sandbox.run(&args).code(0).stdout
}

const WINDOW: &str = "windows:\n  - {from: 2022-06-17T20:00, until: 2022-06-18T06:00}\nserver_count:\n";

fn with_window() -> Sandbox {
    let sandbox = Sandbox::with_project();
    sandbox.edit(CINTO, "server_count:\n", WINDOW);
    sandbox
}

#[test]
fn the_page_of_the_night_is_complete_and_needs_no_traghetto() {
    let sandbox = with_window();
    let page = page_of(&sandbox, &[]);
    let root = std::fs::canonicalize(sandbox.path()).unwrap().display().to_string();
    golden("migrate/runbook.html", &page.replace(&root, "/srv/traghetto"));
    assert_eq!(page_of(&sandbox, &[]), page, "same inputs, same bytes");
    for server in ["cinto-srv1", "cinto-srv2", "cinto-srv3"] {
        let going = lines(&page, server, "going");
        let back = lines(&page, server, "back");
        for line in going.iter().chain(&back).filter(|line| line.at == "operations") {
            assert!(!line.text.contains("traghetto "), "{}", line.text);
            let checked = Command::new("/bin/sh").args(["-n", "-c", &line.text]).output().unwrap();
            assert!(checked.status.success(), "{}\n{}", line.text, String::from_utf8_lossy(&checked.stderr));
        }
        assert!(!going.iter().chain(&back).any(|line| line.text.starts_with("traghetto ")));
        let acts: Vec<&str> = going.iter().map(|line| line.act.as_str()).collect();
        let at = |act: &str| acts.iter().position(|found| *found == act).unwrap_or_else(|| panic!("{act}: {acts:?}"));
        let order =
            ["prepare", "copy", "prove", "convert", "source_off", "silent", "boot", "address", "nic", "services"];
        assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{acts:?}");
        let back: Vec<&str> = back.iter().map(|line| line.act.as_str()).collect();
        assert_eq!(back[0], "nic", "the copy leaves the network first: {back:?}");
    }
    let servers = between(&page, "data-server=\"", "\"");
    let backwards = ["cinto-srv3", "cinto-srv2", "cinto-srv1"];
    assert_eq!(servers, [&["cinto-srv1", "cinto-srv2", "cinto-srv3"][..], &backwards].concat());
    for words in
        ["venerdì 17/06/2022, ore 20:00", "sabato 18/06/2022, ore 02:00", "+39 041 555 0102", "iniziali ______"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("<script"));
    let english = page_of(&sandbox, &["--lang", "en"]);
    assert!(english.contains("Runbook of the night") && english.contains("Decide to go back by Saturday"));
    for word in ["UGUALI", "DIVERSI", "FERMARSI", "NOME", "MASCHERA", "stampante", "aprire"] {
        assert!(!english.contains(word), "{word} is on the English page");
    }
    assert!(english.contains("echo EQUAL || echo DIFFERENT") && english.contains("|| echo STOP"));
}

/// With a vCenter the machine is made by govc, with the hardware that traghetto would give it, and without network.
#[test]
fn on_a_vcenter_the_machine_boots_without_network() {
    let sandbox = with_window();
    let thumbprint = "ab".repeat(32);
    let vsphere = format!(
        "  vsphere: {{server: vcenter.sad.example, user: traghetto@vsphere.local, password: \"env:X\", thumbprint: \
         \"{thumbprint}\", datacenter: SAD, pool: Cluster/Resources, hosts: [Cluster/esx1], distributed_switch: dvs, \
         datastore: \"san 'uno'\", way: nfc}}\n  target: {{directory: replicas}}"
    );
    sandbox.edit("inventory/project.yaml", "  target: {directory: replicas}", &vsphere);
    let page = page_of(&sandbox, &[]);
    let going = lines(&page, "cinto-srv1", "going");
    let shell: Vec<&Line> = going.iter().filter(|line| line.at == "operations" && !line.undo).collect();
    for line in &shell {
        let checked = Command::new("/bin/sh").args(["-n", "-c", &line.text]).output().unwrap();
        assert!(checked.status.success(), "{}", line.text);
    }
    let at =
        |begin: &str| shell.iter().position(|line| line.text.starts_with(begin)).unwrap_or_else(|| panic!("{begin}"));
    let block = at("[ -n \"$night\" ] && ");
    let made = &shell[block].text;
    assert!(made.contains("-disk.controller=lsilogic-sas") && made.contains(r"-ds='san '\''uno'\'''"), "{made}");
    assert!(made.contains("-net='cinto-caomaggiore' -net.adapter=e1000"), "{made}");
    // One command, in this order; the disk that is imported is the disk of the machine.
    let order = ["govc import.vmdk", "govc vm.create -on=false", "govc device.disconnect", "govc vm.power -on"];
    let within = |words: &str| made.find(words).unwrap_or_else(|| panic!("{words}: {made}"));
    assert!(order.windows(2).all(|pair| within(pair[0]) < within(pair[1])), "{made}");
    assert!(!made.contains(';') && made.ends_with(" || echo FERMARSI"), "{made}");
    assert!(made.contains(r#".vmdk' 'cinto-srv1-disk0-'"$night" &&"#), "{made}");
    assert!(made.contains(r#"-disk='cinto-srv1-disk0-'"$night"'/disk0.vmdk'"#), "{made}");
    let asked = at("night=;");
    assert!(asked + 1 == block && block < at("govc device.connect"));
    assert_eq!((shell[block].act.as_str(), shell[at("govc device.connect")].act.as_str()), ("boot", "nic"));
    for (language, stop) in [("it", "FERMARSI"), ("en", "STOP")] {
        let going = lines(&page_of(&sandbox, &["--lang", language]), "cinto-srv1", "going");
        asks_first(&going, stop);
    }
    let back = lines(&page, "cinto-srv1", "back");
    let first = back.iter().find(|line| line.text.starts_with("govc ")).unwrap();
    assert!(first.text.starts_with("govc device.disconnect -vm='/SAD/vm/cinto-caomaggiore/cinto-srv1'"), "{first:?}");
    let aside = "govc vm.power -off -force '/SAD/vm/cinto-caomaggiore/cinto-srv1' && govc object.rename \
                 '/SAD/vm/cinto-caomaggiore/cinto-srv1' 'cinto-srv1-'\"$(date +%Y%m%d-%H%M%S)\" || echo FERMARSI";
    assert!(back.iter().any(|line| line.text == aside), "{back:?}");
    assert!(going.iter().any(|line| line.undo && line.act == "boot" && line.text == aside), "{going:?}");
    let session = |lines: &[Line]| {
        let has = |begin: &str| lines.iter().any(|line| line.act != "undo" && line.text.starts_with(begin));
        has("export GOVC_URL='vcenter.sad.example:443'") && has("mkdir -p -- night; export GOVC_TLS_KNOWN_HOSTS=")
    };
    assert!(session(&going) && session(&back), "both ways open a session of their own");
    let wanted = "GOVC_RESOURCE_POOL='/SAD/host/Cluster/Resources/cinto-caomaggiore'";
    assert!(going.iter().any(|line| line.text.contains(wanted)));
    assert!(made.contains("-folder='/SAD/vm/cinto-caomaggiore'"), "{made}");
    assert!(!page.contains("env:X"), "not even where the password is");
}

/// The machine is made only after the vCenter said that none of its name is there; what fails ends the making.
fn asks_first(going: &[Line], stop: &str) {
    let boot = |begin: &str| going.iter().find(|line| line.act == "boot" && line.text.starts_with(begin)).unwrap();
    let (asks, block) = (&boot("night=;").text, &boot("[ -n").text);
    let folder = tempfile::tempdir().unwrap();
    let done = folder.path().join("done");
    // In place of govc and qemu-img: one that answers what a test says, and notes what it was told to do.
    for program in ["govc", "qemu-img"] {
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = find ]; then printf \"$SEEN\"; exit \"$FAILS\"; fi\nprintf '%s\\n' \"$1\" >> '{}'\n[ \"$1\" != \"$BREAKS\" ]\n",
            done.display()
        );
        let path = folder.path().join(program);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let types = |seen: &str, fails: &str, breaks: &str| {
        let _ = std::fs::remove_file(&done);
        let output = Command::new("/bin/sh")
            .args(["-c", &format!("{asks}\n{block}\n")])
            .current_dir(folder.path())
            .env("PATH", format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap()))
            .envs([("SEEN", seen), ("FAILS", fails), ("BREAKS", breaks)])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (said, std::fs::read_to_string(&done).unwrap_or_default())
    };
    let empty = "/SAD/vm/cinto-caomaggiore\n";
    let others = format!("{empty}/SAD/vm/cinto-caomaggiore/cinto-srv1-20220601-220000\n");
    for seen in [empty, others.as_str()] {
        let (said, did) = types(seen, "0", "none");
        assert!(!said.contains(stop) && did.ends_with("device.info\nvm.power\n"), "{said}\n{did}");
    }
    let taken = format!("{others}/SAD/vm/cinto-caomaggiore/cinto-srv1\n");
    // Taken; no answer, with an error and without one; an answer together with an error.
    for (seen, fails) in [(taken.as_str(), "0"), ("", "1"), ("", "0"), (empty, "1")] {
        let (said, did) = types(seen, fails, "none");
        assert_eq!(did, "", "nothing is made, nothing is started: {said}");
        assert_eq!(said.matches(stop).count(), 2, "{said}");
    }
    for breaks in ["convert", "import.vmdk", "vm.create", "device.disconnect"] {
        let (said, did) = types(empty, "0", breaks);
        assert!(said.trim_end().ends_with(stop) && did.trim_end().ends_with(breaks), "{breaks}: {said}\n{did}");
    }
}

/// The text for the routers is the kit's own, with its timer.
#[test]
fn routers_get_the_lines_of_the_kit() {
    let sandbox = with_window();
    let kits = sandbox.run(&["network", "kit", "cinto-caomaggiore", "--json"]).code(0).stdout;
    let kits: Value = serde_json::from_str(&kits).unwrap();
    let page = page_of(&sandbox, &[]);
    for kit in kits["kits"].as_array().unwrap() {
        let server = kit["server"]["id"].as_str().unwrap();
        let steps = kit["steps"].as_array().unwrap().iter();
        let config = steps.flat_map(|step| step["config"].as_array().unwrap()).map(|line| line.as_str().unwrap());
        let wanted: Vec<&str> = config.collect();
        let printed = lines(&page, server, "going");
        let routers = || printed.iter().filter(|line| line.at == "router" && !line.undo);
        let got: Vec<&str> = routers().filter_map(|line| line.text.strip_prefix(' ')).collect();
        assert_eq!(got, wanted, "{server}");
        let count = |text: &str| routers().filter(|line| line.text == text).count();
        assert_eq!(count("configure terminal revert timer 5"), count("configure confirm"));
    }
    let json: Value = serde_json::from_str(&page_of(&sandbox, &["--json"])).unwrap();
    let first = &json["nights"][0]["going"][0];
    assert_eq!(first["server"], "cinto-srv1");
    assert_eq!(first["replicas"][0], "replicas/cinto-caomaggiore/cinto-srv1/disk0.img");
    let copy = first["steps"].as_array().unwrap().iter().find(|step| step["act"] == "copy").unwrap();
    assert_eq!((&copy["at"]["time"], &copy["at"]["exact"]), (&"2022-06-17T20:00".into(), &true.into()));
    assert_eq!(copy["commands"][0]["place"]["kind"], "operations");
}

/// Commands whose words are of others stay the commands that they are.
#[test]
fn nothing_that_the_inventory_says_breaks_out_of_a_command() {
    let mut inventory = inventory::load(&project()).unwrap();
    let hostile = "x'; touch pwned; echo \"$(touch pwned)\" `touch pwned` \\";
    let tenant = inventory.tenants.get_mut(&cinto()).unwrap();
    let Known::Known(servers) = &mut tenant.servers else { panic!("the servers are known") };
    let server = &mut servers[2];
    server.transfer = Transfer::Agent;
    server.os = Os::Linux("Debian 12".into());
    server.services_stop = vec![hostile.into()];
    server.disks[0].source = Some(format!("/srv/{hostile}").into());
    let access = server.access.as_mut().unwrap();
    (access.user, access.host, access.login) = (hostile.into(), hostile.into(), Login::Key(hostile.into()));
    access.host_key = Some(hostile.into());

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("ro'ot; touch pwned");
    std::fs::create_dir(&root).unwrap();
    let (tenant, project) = (&inventory.tenants[&cinto()], &inventory.project);
    let playbook = migration::decode("last.yaml", PLAYBOOK.as_bytes()).unwrap();
    let request = migration::Request { inventory: &inventory, tenant, playbook: &playbook, start: None };
    let plan = migration::plan(&request).unwrap();
    let forecast = |_| migration::Forecast::default();
    let launches = BTreeMap::new();
    let lengths = migration::Lengths { forecast: &forecast, launches: &launches, now: Timestamp::UNIX_EPOCH };
    let nights = migration::schedule(&plan, &[], &lengths);
    let sources = runbook::Sources {
        project,
        tenant,
        people: &inventory.people,
        plan: &plan,
        terms: &plan.terms,
        nights: &nights,
        root: &root,
        kits: None,
        language: Language::Italian,
    };
    let page = runbook::html(&sources, &Runbook::new(&sources)).unwrap();

    // In place of ssh, what it is given, an argument a line.
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for program in ["ssh", "ssh-keyscan"] {
        let path = bin.join(program);
        std::fs::write(&path, "#!/bin/sh\nfor one in \"$@\"; do printf '<%s>\\n' \"$one\"; done\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let printed = lines(&page, SERVER, "going");
    let mine = printed.iter().filter(|line| line.at == "operations" && !line.undo);
    let (first, rest): (Vec<&Line>, Vec<&Line>) =
        mine.partition(|line| ["prepare", "quiet"].contains(&line.act.as_str()));
    let script: Vec<&str> = first.iter().map(|line| line.text.as_str()).collect();
    let output = Command::new("/bin/sh")
        .args(["-c", &script.join("\n")])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    for word in [format!("<{hostile}>"), "<-l>".to_owned(), "<-->".to_owned(), "<hostname; uname -sr>".to_owned()] {
        assert!(said.lines().any(|line| line == word), "{word}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    // What the source's shell is given is one word there, too.
    let stop = said.lines().find(|line| line.contains("systemctl stop")).unwrap();
    let inner = Command::new("/bin/sh").args(["-n", "-c", stop.trim_matches(['<', '>'])]).output().unwrap();
    assert!(inner.status.success(), "{stop}");
    for line in rest {
        let checked = Command::new("/bin/sh").args(["-n", "-c", &line.text]).output().unwrap();
        assert!(checked.status.success(), "{}", line.text);
    }
    let found = walkdir(folder.path());
    assert!(!found.iter().any(|name| name == "pwned"), "{found:?}");
}

/// The articles of a server in one direction: act and text.
fn articles<'a>(page: &'a str, server: &str, way: &str) -> Vec<(&'a str, &'a str)> {
    let section = format!("<section class=\"server\" data-server=\"{server}\" data-way=\"{way}\">");
    let (_, rest) = page.split_once(section.as_str()).unwrap();
    let section = rest.split_once("</section>").unwrap().0;
    between(section, "<article data-act=\"", "</article>")
        .into_iter()
        .map(|article| article.split_once('"').unwrap())
        .collect()
}

/// Cinto with a vCenter and a Converter server, whose controller moves in another way.
fn with_controller(transfer: &str, directory: &str) -> Sandbox {
    let sandbox = way(transfer, directory);
    sandbox.edit(CINTO, "server_count:\n", WINDOW);
    sandbox
}

/// What the playbook has people do for a new machine is all that is printed, with the address's way.
#[test]
fn of_a_replaced_server_only_what_people_do_is_printed() {
    let sandbox = with_controller("replace", "replace");
    let page = page_of(&sandbox, &[]);
    let going = articles(&page, "cinto-srv1", "going");
    let acts: Vec<&str> = going.iter().map(|(act, _)| *act).collect();
    for act in ["prepare", "quiet", "copy", "prove", "convert", "boot", "address", "nic"] {
        assert!(!acts.contains(&act), "{act}: {acts:?}");
    }
    let at = |words: &str| {
        going.iter().position(|(_, text)| text.contains(words)).unwrap_or_else(|| panic!("{words}: {acts:?}"))
    };
    let order = [
        "Preparare la macchina nuova",
        "Promuovere il nuovo controller",
        "Trasferire i ruoli FSMO",
        "Portare DNS e DHCP",
        "Retrocedere il vecchio controller",
        "Spegnere la macchina di origine",
        "Il /32",
        "Dare alla macchina nuova l'indirizzo",
        "Provare i servizi",
    ];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{acts:?}");
    let promoted = going[at("Promuovere il nuovo controller")].1;
    assert!(promoted.contains("Attività 4, prima della notte") && promoted.contains("LDAP "), "{promoted}");
    assert!(!promoted.contains("{{"), "{promoted}");
    let back = articles(&page, "cinto-srv1", "back");
    let acts: Vec<&str> = back.iter().map(|(act, _)| *act).collect();
    assert_eq!(acts, ["goes_on", "undo", "undo"], "what comes after the demotion is never undone");
    assert!(back[0].1.contains("solo finché non è fatto: Retrocedere il vecchio controller"), "{back:?}");
    assert!(back[1].1.contains("Disfare: Portare DNS e DHCP") && back[1].1.contains("opzione 006"), "{back:?}");
}

/// A controller is guarded before its last copy, and freed again on the copy and on the source that goes on.
#[test]
fn the_guard_of_a_directory_is_set_and_undone() {
    for (way, guard, undo) in [
        ("dsrm", "bcdedit /set safeboot dsrepair", "bcdedit /deletevalue safeboot"),
        ("ntds-stopped", "net stop ntds", "sc config ntds start= auto"),
    ] {
        for transfer in ["converter-assisted", "converter"] {
            let sandbox = with_controller(transfer, way);
            let page = page_of(&sandbox, &[]);
            let going = articles(&page, "cinto-srv1", "going");
            let acts: Vec<&str> = going.iter().map(|(act, _)| *act).collect();
            let at = |act: &str| acts.iter().position(|found| *found == act).unwrap_or_else(|| panic!("{acts:?}"));
            assert!(going[at("manual")].1.contains(guard), "{acts:?}");
            assert!(going[at("directory")].1.contains(&format!("<code>{undo}</code>")));
            let order = ["manual", "copy", "boot", "directory", "services"];
            assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{acts:?}");
            let back = articles(&page, "cinto-srv1", "back");
            let at = |act: &str| back.iter().position(|(found, _)| *found == act).unwrap_or_else(|| panic!("{act}"));
            assert!(at("source_on") < at("directory") && at("directory") < at("check"));
            assert!(back[at("directory")].1.contains(undo));
        }
    }
}

/// With one digest, or two that differ, nothing says that they are equal.
#[test]
fn one_digest_alone_is_not_equal() {
    let sandbox = with_window();
    for (language, equal, differ) in [("it", "UGUALI", "DIVERSI"), ("en", "EQUAL", "DIFFERENT")] {
        let page = page_of(&sandbox, &["--lang", language]);
        judges(&page, equal, differ);
    }
}

fn judges(page: &str, equal: &str, differ: &str) {
    let proves = lines(page, "cinto-srv1", "going");
    let judge = proves.iter().find(|line| line.act == "prove" && line.text.contains(equal)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sums = folder.path().join("night/cinto-caomaggiore/cinto-srv1/disk0.sha256");
    std::fs::create_dir_all(sums.parent().unwrap()).unwrap();
    for (text, said) in [("a  -\n", differ), ("a  -\nb  -\n", differ), ("", differ), ("a  -\na  -\n", equal)] {
        std::fs::write(&sums, text).unwrap();
        let output = Command::new("/bin/sh").args(["-c", &judge.text]).current_dir(folder.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), said, "{text:?}");
    }
}

/// Names of all files below a folder.
fn walkdir(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        found.push(entry.file_name().to_string_lossy().into_owned());
        if entry.path().is_dir() {
            found.extend(walkdir(&entry.path()));
        }
    }
    found
}
