//! The page of the night walked to its end: copy, conversion by libguestfs's own tools, the machine by govc in a
//! vCenter that others wrote, and the way back. What is there then is what `migrate run` makes of the same source.
//! Needs root, and `make proof-packages`. Part of `make proof`.

use crate::landing_night::{cut_over, up_to_the_night};
use crate::migration_runbook::{Line, lines};
use crate::support::images::{Image, tree};
use crate::support::project;
use crate::support::roots::{KERNEL, MIB};
use crate::support::vcenter_night::{Address, Night, SERVERS, in_own_network};
use crate::support::vcsim::PASSWORD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const SERVER: &str = SERVERS[0];
/// Where its root is on its disk.
const ROOT: (u64, u64) = (2 * MIB, 88 * MIB);

fn proof() -> bool {
    let wanted = std::env::var_os("TRAGHETTO_PROOF").is_some();
    if !wanted {
        println!("the page walked to its end is part of `make proof`; its copying part is walked in every test run");
    }
    wanted
}

/// A person at a terminal of their own, who is stopped nowhere.
fn types(lines: &[&Line]) -> String {
    let said = answers(lines);
    assert!(!said.contains("FERMARSI"), "{said}");
    said
}

/// What the lines say to a person at a terminal of their own, who types the password where the page asks for it.
fn answers(lines: &[&Line]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("typed");
    let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
    std::fs::write(&script, format!("set -e\n{text}echo WALKED\n")).unwrap();
    let path = format!("{}:{}", project().join("target/govc/bin").display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("script")
        .args(["-qefc", &format!("/bin/sh {}", script.display()), "/dev/null"])
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        // Whatever /dev/kvm promises here: this machine is one itself.
        .env("LIBGUESTFS_BACKEND", "direct")
        .env("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = shell.stdin.take().unwrap();
    if text.contains("GOVC_PASSWORD") {
        std::io::Write::write_all(&mut typed, format!("{PASSWORD}\n").as_bytes()).unwrap();
    }
    let output = shell.wait_with_output().unwrap();
    drop(typed);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("WALKED"), "\n{text}\n--- said\n{said}");
    said
}

/// Those lines of the page that are given here, of some acts.
fn of<'l>(lines: &'l [Line], acts: &[&str], undo: bool) -> Vec<&'l Line> {
    let mine = |line: &&Line| line.at == "operations" && line.undo == undo && acts.contains(&line.act.as_str());
    lines.iter().filter(mine).collect()
}

/// What govc says of a machine.
fn govc(night: &Night, args: &[&str]) -> Value {
    let url = format!("127.0.0.1:{}", night.vcsim.port);
    let output = Command::new(project().join("target/govc/bin/govc"))
        .args(args)
        .env("GOVC_URL", url)
        .env("GOVC_USERNAME", crate::support::vcsim::USER)
        .env("GOVC_PASSWORD", PASSWORD)
        .env("GOVC_INSECURE", "1")
        .env("GOVC_DATACENTER", "DC0")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A machine in what the page promises of it: name, hardware, disks, card, port group, power.
fn machine(night: &Night) -> Value {
    let vm = format!("/DC0/vm/{}/{SERVER}", crate::support::vcenter_night::TENANT);
    let info = govc(night, &["vm.info", "-json", &vm]);
    let config = &info["VirtualMachines"][0]["Config"];
    let devices = config["Hardware"]["Device"].as_array().unwrap();
    let count = |word: &str| {
        devices
            .iter()
            .filter(|one| one["Backing"]["FileName"].as_str().is_some_and(|file| file.ends_with(word)))
            .count()
    };
    let card = devices.iter().find(|one| !one["MacAddress"].is_null()).unwrap();
    let info = govc(night, &["device.info", "-json", "-vm", &vm]);
    let types: Vec<&str> = info["Devices"].as_array().unwrap().iter().filter_map(|one| one["Type"].as_str()).collect();
    let is = |word: &str| types.iter().filter(|kind| kind.contains(word)).count();
    json!({
        "name": config["Name"],
        "guest": config["GuestId"],
        "firmware": config["Firmware"],
        "cpus": config["Hardware"]["NumCPU"],
        "memory": config["Hardware"]["MemoryMB"],
        "disks": count(".vmdk"),
        "controllers": is("SCSI"),
        "paravirtual": is("ParaVirtualSCSI"),
        "card": is("Vmxnet3"),
        "port_group": card["Backing"]["Port"]["PortgroupKey"],
    })
}

/// The disk of the machine as the vCenter has it.
fn disk(night: &Night) -> PathBuf {
    let vm = format!("/DC0/vm/{}/{SERVER}", crate::support::vcenter_night::TENANT);
    let info = govc(night, &["vm.info", "-json", &vm]);
    let devices = info["VirtualMachines"][0]["Config"]["Hardware"]["Device"].as_array().unwrap().clone();
    let file =
        devices.iter().find_map(|one| one["Backing"]["FileName"].as_str().filter(|file| file.ends_with(".vmdk")));
    let (_, path) = file.unwrap().split_once("] ").unwrap();
    let flat = format!("{}-flat.vmdk", path.strip_suffix(".vmdk").unwrap());
    let stores = std::fs::read_dir(night.vcsim.root()).unwrap().map(|entry| entry.unwrap().path());
    let mut found = stores.map(|store| store.join(&flat)).filter(|file| file.exists());
    let only = found.next().unwrap_or_else(|| panic!("{flat} is on no datastore"));
    assert!(found.next().is_none(), "{flat} is there twice");
    only
}

/// Every file of the root on a disk, with what is in it; when it was written is another in every night.
fn files(disk: &Path) -> BTreeMap<PathBuf, String> {
    let image = Image::of(disk);
    let all = image.part(&[ROOT]).mounted("ro,noload", tree);
    let timeless = |line: String| {
        let words = line.split(' ').enumerate().filter(|(at, _)| *at != 2);
        words.map(|(_, word)| word.to_owned() + " ").collect()
    };
    all.into_iter().map(|(path, line)| (path, timeless(line))).collect()
}

/// What a conversion changes: the initramfs, the name of the card, what the disks are called.
fn differences(one: &BTreeMap<PathBuf, String>, other: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let all: std::collections::BTreeSet<&PathBuf> = one.keys().chain(other.keys()).collect();
    let differ = all.into_iter().filter(|path| one.get(*path) != other.get(*path));
    differ.map(|path| path.display().to_string()).collect()
}

fn text(disk: &Path, path: &str) -> String {
    let image = Image::of(disk);
    image.part(&[ROOT]).mounted("ro,noload", |folder| std::fs::read_to_string(folder.join(path)).unwrap())
}

#[test]
fn proof_the_page_walked_to_its_end_reaches_what_a_run_reaches() {
    if !proof() {
        return;
    }
    in_own_network(|| {
        let by_run = Night::new("nfc", &[]);
        up_to_the_night(&by_run, "nfc");
        cut_over(&by_run);
        let by_page = Night::new("nfc", &[]);
        SERVERS.iter().for_each(|server| by_page.answer_again(server));
        up_to_the_night(&by_page, "nfc");
        let untouched = by_page.bytes();
        by_page.migrate(&["runbook", "--out", "carta"]).code(0);
        let page = std::fs::read_to_string(by_page.sandbox.path().join("carta/runbook.html")).unwrap();
        let (going, back) = (lines(&page, SERVER, "going"), lines(&page, SERVER, "back"));
        walk_there(&by_page, &going);
        assert_eq!(by_page.bytes(), untouched, "a source or a replica was written to");
        compare(&by_run, &by_page);
        walk_back(&by_page, &going, &back);
        assert_eq!(by_page.bytes(), untouched, "the way back wrote to a source or a replica");
    });
}

fn walk_there(night: &Night, going: &[Line]) {
    let begun = Instant::now();
    let said = types(&of(going, &["prepare", "quiet", "copy", "prove"], false));
    assert!(said.contains("UGUALI"), "{said}");
    let said = types(&of(going, &["prepare", "convert"], false));
    assert!(said.contains("eth0") && said.contains("Finishing off"), "{said}");
    println!("converted by libguestfs after {:.0} s", begun.elapsed().as_secs_f64());
    // Who stands there switches the source off; routers are not here.
    night.silence(Address::Source, SERVER);
    let opened: Vec<&Line> =
        going.iter().filter(|line| line.act == "prepare" && !line.undo && !line.text.starts_with("s '")).collect();
    let opened: Vec<&Line> = opened.into_iter().filter(|line| !line.text.contains("ssh-keyscan")).collect();
    types(&[opened.clone(), of(going, &["boot"], false)].concat());
    let seen = night.machines()[SERVER].clone();
    assert!(seen.on && !seen.connected, "it boots apart: {seen:?}");
    types(&[session(going), of(going, &["nic"], false)].concat());
    let seen = night.machines()[SERVER].clone();
    assert!(seen.on && seen.connected, "{seen:?}");
}

/// The lines that open govc's session: those of `boot` before the first that does something.
fn session(going: &[Line]) -> Vec<&Line> {
    let boot = of(going, &["boot"], false);
    boot.iter().take_while(|line| !line.text.starts_with("night=")).copied().collect()
}

fn compare(by_run: &Night, by_page: &Night) {
    assert_eq!(by_page.machines()[SERVER], by_run.machines()[SERVER], "power, cable, port group");
    let (mut wanted, mut made) = (machine(by_run), machine(by_page));
    // Keys of two vCenters.
    wanted["port_group"].take();
    made["port_group"].take();
    assert_eq!(made, wanted);
    let source = files(&by_page.source(SERVER));
    let (page, run) = (files(&disk(by_page)), files(&disk(by_run)));
    let changed = differences(&source, &page);
    let allowed = ["boot/initrd.img", "etc/initramfs-tools/modules", "etc/systemd", "etc/udev/rules.d", "root/seen"];
    let beyond: Vec<&String> =
        changed.iter().filter(|path| !allowed.iter().any(|begin| path.starts_with(begin))).collect();
    assert!(beyond.is_empty(), "the page changed more than it says: {beyond:?}");
    let by_traghetto = ["etc", "boot", "root/seen"];
    let others: Vec<String> = differences(&run, &page);
    assert!(others.iter().all(|path| by_traghetto.iter().any(|begin| path.starts_with(begin))), "{others:?}");
    let link = text(&disk(by_page), "etc/systemd/network/05-night.link");
    assert_eq!(link, "[Match]\nDriver=vmxnet3\n\n[Link]\nName=eth0\n");
    // What stands for initramfs-tools here writes one for `all`, where that is asked for.
    for (of, kernel) in [(by_page, "all"), (by_run, KERNEL)] {
        let initramfs = text(&disk(of), &format!("boot/initrd.img-{kernel}"));
        for driver in ["vmw_pvscsi", "vmxnet3"] {
            assert!(initramfs.contains(&format!("/{driver}.ko")), "{kernel}: {initramfs}");
        }
    }
}

/// A second night: the machine of the first is in its way until it is set aside, and is never started instead.
fn walk_again(night: &Night, going: &[Line]) {
    let boot = of(going, &["boot"], false);
    let (first, before) = (disk(night), night.machines());
    let said = answers(&boot);
    assert!(said.contains(&format!("FERMARSI: {SERVER} è già in vCenter")), "{said}");
    assert_eq!(said.matches("FERMARSI").count(), 2, "neither made nor started: {said}");
    assert_eq!((disk(night), night.machines()), (first.clone(), before), "nothing changed");
    types(&[session(going), of(going, &["boot"], true)].concat());
    assert!(!night.machines().contains_key(SERVER), "it gave its name free");
    assert_eq!(set_aside(night).len(), 1);
    assert!(first.exists(), "nothing of it was deleted");
    types(&boot);
    let seen = night.machines()[SERVER].clone();
    assert!(seen.on && !seen.connected, "it boots apart: {seen:?}");
    assert!(disk(night) != first && first.exists(), "a disk of its own");
}

/// The names of the server's machines that are set aside: all of them off and unplugged.
fn set_aside(night: &Night) -> Vec<String> {
    let dated = format!("{SERVER}-");
    let machines = night.machines().into_iter().filter(|(name, _)| name.starts_with(&dated));
    machines
        .map(|(name, seen)| {
            assert!(!seen.on && !seen.connected, "{name}: {seen:?}");
            name
        })
        .collect()
}

fn walk_back(night: &Night, going: &[Line], back: &[Line]) {
    // The undo of each step first, then the page's own way back, which is the same from any state.
    types(&[session(going), of(going, &["nic"], true)].concat());
    let seen = night.machines()[SERVER].clone();
    assert!(seen.on && !seen.connected, "{seen:?}");
    walk_again(night, going);
    types(&of(back, &["nic"], false));
    let aside = set_aside(night);
    assert_eq!(aside.len(), 2, "the machine of each walk is there under its date: {aside:?}");
    assert!(!night.machines().contains_key(SERVER), "none has the name of the server");
    night.answer(Address::Source, SERVER);
    let said = types(&of(going, &["prepare"], false));
    assert!(said.contains("Linux"), "the source goes on: {said}");
    let clones = night.sandbox.path().join("night").join(crate::support::vcenter_night::TENANT).join(SERVER);
    assert!(clones.join("disk0.vm.img").exists() && clones.join("disk0.img").exists());
    let opened = &of(going, &["prepare"], false)[..1];
    for act in ["convert", "copy", "prepare"] {
        types(&[opened, &of(going, &[act], true)].concat());
    }
    assert!(!clones.exists(), "something of the night is left");
}
