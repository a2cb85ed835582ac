//! Windows converted offline: hives written byte for byte, changed by hivex, read back by regipy.

mod faults;
pub mod shapes;

use crate::support::hive::{Key, Lists, bytes};
use shapes::{BACK, FRONT, software};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use traghetto::landing::convert::windows::run::{ConvertError, Converted, Programs, convert};
use traghetto::landing::convert::windows::{Card, Controller, NicModel, Refusal, Wish};
use traghetto::landing::convert::{CloneVolume, NotAClone};

/// A clone's volume with its hives and drivers.
struct Clone {
    dir: TempDir,
}

impl Clone {
    fn new(system: &Key, lists: Lists, version: &str) -> Self {
        let clone = Self { dir: tempfile::tempdir().unwrap() };
        for folder in ["volume/Windows/System32/config", "volume/Windows/System32/drivers", "replicas"] {
            fs::create_dir_all(clone.dir.path().join(folder)).unwrap();
        }
        fs::write(clone.system(), bytes(system, lists)).unwrap();
        fs::write(clone.config().join("SOFTWARE"), bytes(&software(version), Lists::Lh)).unwrap();
        for driver in ["LSI_SAS.SYS", "lsi_scsi.sys", "atapi.sys", "intelide.sys"] {
            clone.driver(driver);
        }
        clone
    }

    fn driver(&self, name: &str) {
        fs::write(self.dir.path().join("volume/Windows/System32/drivers").join(name), "").unwrap();
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("volume/Windows/System32/config")
    }

    fn system(&self) -> PathBuf {
        self.config().join("SYSTEM")
    }

    fn script(&self) -> PathBuf {
        self.dir.path().join("volume/Windows/traghetto/first-boot.ps1")
    }

    fn volume(&self) -> CloneVolume {
        CloneVolume::new(&self.dir.path().join("volume"), &self.dir.path().join("replicas")).unwrap()
    }

    fn convert(&self, wish: &Wish) -> Result<Converted, ConvertError> {
        convert(&self.volume(), wish, &Programs::default())
    }

    /// The conversion is refused, and the hive is as it was; why, and what next.
    #[track_caller]
    fn refused(&self, wish: &Wish) -> Refusal {
        let before = fs::read(self.system()).unwrap();
        let refusal = match self.convert(wish) {
            Err(ConvertError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        };
        assert!(fs::read(self.system()).unwrap() == before, "the hive was changed");
        assert_eq!(self.left_over(), Vec::<String>::new());
        refusal
    }

    /// What lies beside the hives that was not there.
    fn left_over(&self) -> Vec<String> {
        let names = fs::read_dir(self.config()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !["SYSTEM", "SOFTWARE"].contains(&name.as_str()) && !name.contains("LOG")).collect()
    }
}

fn card(model: NicModel, mac: &str, takes: Option<&str>) -> Card {
    Card { model, mac: mac.parse().unwrap(), takes: takes.map(|guid| guid.parse().unwrap()) }
}

fn wish(controller: Controller, cards: Vec<Card>, left: &[&str]) -> Wish {
    Wish { controller, cards, left: left.iter().map(|guid| guid.parse().unwrap()).collect() }
}

/// One card takes the front address, another the back one.
fn server_wish() -> Wish {
    let front = card(NicModel::E1000, "00:50:56:00:00:01", Some(FRONT));
    let back = card(NicModel::E1000, "00-50-56-00-00-02", Some(BACK));
    wish(Controller::LsiSas1068, vec![front, back], &[])
}

fn workstation_wish() -> Wish {
    wish(Controller::LsiSas1068, vec![card(NicModel::E1000, "00:50:56:00:00:03", Some(FRONT))], &[])
}

/// All keys and values of a hive, as regipy reads them.
fn read(hive: &Path) -> Vec<String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = project.join("target/venv-regipy/bin/python");
    assert!(python.exists(), "regipy is not installed: make packages");
    let ran = Command::new(python).arg(project.join("tests/readers/regipy_reads.py")).arg(hive).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What the second has less, with `-`, and more, with `+`.
fn difference(before: &[String], after: &[String]) -> String {
    let (before, after): (BTreeSet<&String>, BTreeSet<&String>) = (before.iter().collect(), after.iter().collect());
    let lines = |sign: &str, ones: &BTreeSet<&String>, others: &BTreeSet<&String>| -> String {
        ones.difference(others).map(|line| format!("{sign} {line}\n")).collect()
    };
    lines("-", &before, &after) + &lines("+", &after, &before)
}

/// Converts, and compares what regipy reads before and after with a golden file.
#[track_caller]
fn converts_as(golden: &str, system: &Key, lists: Lists, wish: &Wish) -> (Clone, Converted) {
    let clone = Clone::new(system, lists, "6.1");
    let before = read(&clone.system());
    let converted = clone.convert(wish).unwrap();
    let found = difference(&before, &read(&clone.system()));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/hives").join(golden);
    if std::env::var_os("TRAGHETTO_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&path).unwrap_or_default(), "{golden}");
    assert_eq!(clone.left_over(), Vec::<String>::new());
    (clone, converted)
}

#[test]
fn a_2008_r2_is_changed_as_expected_and_nothing_else() {
    let (clone, converted) = converts_as("2008-r2.txt", &shapes::server_2008_r2(), Lists::Lh, &server_wish());
    assert_eq!(converted.plan.notes, Vec::<String>::new());
    let script = fs::read_to_string(clone.script()).unwrap();
    let front = "@{ Mac = '00:50:56:00:00:01'; Addresses = @(@('10.1.2.10', '255.255.255.0'), @('10.1.2.11', \
                 '255.255.255.0')); Gateways = @(,@('10.1.2.1', '0')); Dns = @('10.1.2.5', '10.1.2.6'); \
                 Wins = @('10.1.2.7'); Netbios = 1 },\r\n";
    let back = "@{ Mac = '00:50:56:00:00:02'; Addresses = @(,@('192.168.77.10', '255.255.255.252')); \
                Gateways = @(); Dns = @(); Wins = @(); Netbios = 0 }\r\n";
    assert!(script.contains(front) && script.contains(back), "{script}");
    assert!(script.contains("@('validate=no')\r\n") && script.contains(" delete 'traghetto-first-boot' "), "{script}");
}

#[test]
fn a_7_is_changed_as_expected_and_nothing_else() {
    let (_, converted) = converts_as("7.txt", &shapes::windows_7(), Lists::Lf, &workstation_wish());
    let dhcp =
        format!("{} has its address from DHCP and its own name servers, which no card takes", BACK.to_lowercase());
    assert_eq!(converted.plan.notes, [dhcp]);
}

#[test]
fn every_edit_says_what_was_what_is_and_why() {
    let clone = Clone::new(&shapes::windows_7(), Lists::Lh, "6.1");
    let converted = clone.convert(&workstation_wish()).unwrap();
    let plan = converted.plan.to_string();
    let start = "ControlSet002\\Services\\LSI_SAS\\Start: dword 3 -> dword 0 (the disk hangs on lsisas1068)\n";
    assert!(plan.contains(&start.replace("\\\\", "\\")), "{plan}");
    assert!(
        plan.contains(
            "\\IPAddress: `10.9.0.44` -> nothing (the adapter is gone: its address is free for the new card)\n"
        )
    );
    assert_ne!(converted.before, converted.after);
}

#[test]
fn done_again_there_is_nothing_to_do() {
    for (system, wish) in [(shapes::server_2008_r2(), server_wish()), (shapes::windows_7(), workstation_wish())] {
        let clone = Clone::new(&system, Lists::Lh, "6.1");
        let first = clone.convert(&wish).unwrap();
        let (hive, script) = (fs::read(clone.system()).unwrap(), fs::read(clone.script()).unwrap());
        let second = clone.convert(&wish).unwrap();
        assert_eq!(second.plan.edits, []);
        assert_eq!((second.before, second.after), (first.after.clone(), first.after));
        // The settings are those of before, though the interfaces have them no more.
        assert_eq!(second.plan.moved, first.plan.moved);
        assert!(fs::read(clone.system()).unwrap() == hive, "the hive was changed");
        assert_eq!(fs::read(clone.script()).unwrap(), script);
    }
}

#[test]
fn another_controller_starts_another_driver() {
    let clone = Clone::new(&shapes::server_2008_r2(), Lists::Lh, "6.1");
    let converted = clone.convert(&Wish { controller: Controller::Ide, ..server_wish() }).unwrap();
    let of = |plan: &str, service: &str| -> Vec<String> {
        let of = format!("ControlSet001\\Services\\{service}\\");
        plan.lines().filter_map(|line| line.strip_prefix(&of)?.split_once(" (").map(|(edit, _)| edit.into())).collect()
    };
    let plan = converted.plan.to_string();
    // A bare service gets what it needs; what starts with the system already is left alone.
    let group = "Group: nothing -> `System Bus Extender`";
    assert_eq!(of(&plan, "intelide"), ["ErrorControl: nothing -> dword 1", group, "Start: dword 3 -> dword 0"]);
    assert_eq!((of(&plan, "atapi"), of(&plan, "LSI_SAS")), (vec![], vec![]));
}

#[test]
fn a_newer_windows_with_tools_lands_on_its_own_hardware() {
    let mut system = shapes::windows_7();
    for set in ["ControlSet001", "ControlSet002"] {
        let driver = system.at(&format!("{set}\\Services\\pvscsi"));
        driver.dword("Start", 0).dword("Type", 1).dword("ErrorControl", 1).text("Group", "SCSI miniport");
        driver.expanded("ImagePath", "System32\\drivers\\pvscsi.sys").at("StartOverride").dword("0", 3).dword("1", 0);
    }
    let clone = Clone::new(&system, Lists::Lh, "6.3");
    clone.driver("pvscsi.sys");
    clone.driver("vmxnet3.sys");
    let cards = vec![card(NicModel::Vmxnet3, "00:50:56:00:00:03", Some(FRONT))];
    let converted = clone.convert(&wish(Controller::Pvscsi, cards, &[])).unwrap();
    let plan = converted.plan.to_string();
    let of: Vec<&str> = plan.lines().filter(|line| line.contains("pvscsi\\")).collect();
    let line =
        |set| format!("{set}\\Services\\pvscsi\\StartOverride\\0: dword 3 -> dword 0 (the disk hangs on pvscsi)");
    assert_eq!(of, [line("ControlSet001"), line("ControlSet002")]);
}

#[test]
fn thousands_of_services_keep_their_place() {
    let mut system = shapes::windows_7();
    for number in 0..2100 {
        system.at(&format!("ControlSet002\\Services\\Many{number}")).dword("Start", 3);
    }
    let clone = Clone::new(&system, Lists::Lh, "6.1");
    let before = read(&clone.system());
    clone.convert(&workstation_wish()).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/hives/7.txt");
    assert_eq!(difference(&before, &read(&clone.system())), fs::read_to_string(golden).unwrap());
}

#[test]
fn what_would_not_start_is_refused() {
    let clone = Clone::new(&shapes::server_2008_r2(), Lists::Lh, "6.1");
    let pvscsi = Controller::Pvscsi;
    let refusal = clone.refused(&Wish { controller: pvscsi, ..server_wish() });
    assert_eq!(refusal, Refusal::NoDriver { controller: pvscsi, file: "pvscsi.sys".into() });
    assert_eq!(refusal.hint(), "land it on lsisas1068; pvscsi can follow once VMware Tools are installed");
    clone.driver("pvscsi.sys");
    let refusal = clone.refused(&Wish { controller: pvscsi, ..server_wish() });
    assert_eq!(refusal, Refusal::NoService { controller: pvscsi, set: "ControlSet001".into(), service: "pvscsi" });
    let vmxnet3 = vec![card(NicModel::Vmxnet3, "00:50:56:00:00:01", Some(FRONT))];
    let refusal = clone.refused(&Wish { cards: vmxnet3, ..server_wish() });
    assert_eq!(refusal, Refusal::NoCardDriver { mac: "00:50:56:00:00:01".parse().unwrap() });

    let mut system = shapes::server_2008_r2();
    system.at("ControlSet002\\Services\\LSI_SAS").expanded("ImagePath", "\\??\\C:\\tmp\\lsi_sas.sys");
    let refusal = Clone::new(&system, Lists::Lh, "6.1").refused(&server_wish());
    assert!(matches!(&refusal, Refusal::ForeignDriver { set, .. } if set == "ControlSet002"), "{refusal}");

    let refusal = Clone::new(&shapes::server_2008_r2(), Lists::Lh, "5.2").refused(&server_wish());
    assert!(refusal.to_string().contains("CriticalDeviceDatabase"), "{refusal}");
    let refusal = Clone::new(&Key::root(), Lists::Lh, "6.1").refused(&server_wish());
    assert_eq!(refusal, Refusal::NoControlSet { value: "Current" });
}

#[test]
fn no_address_is_lost_without_a_word() {
    let clone = Clone::new(&shapes::server_2008_r2(), Lists::Lh, "6.1");
    let front = card(NicModel::E1000, "00:50:56:00:00:01", Some(FRONT));
    let one = wish(Controller::LsiSas1068, vec![front.clone()], &[]);
    let forgotten = format!("192.168.77.10 of {} (Backup)", BACK.to_lowercase());
    assert_eq!(clone.refused(&one), Refusal::NotTaken(vec![forgotten]));
    let loopback =
        wish(Controller::LsiSas1068, vec![card(NicModel::E1000, "00:50:56:00:00:01", Some(shapes::GHOST))], &[BACK]);
    assert!(matches!(clone.refused(&loopback), Refusal::NotTaken(_)), "the ghost has one of two addresses");
    let twice = Wish { cards: vec![front.clone(), front], ..one.clone() };
    assert!(matches!(clone.refused(&twice), Refusal::Twice(_)));
    let none = card(NicModel::E1000, "00:50:56:00:00:01", Some("{99999999-AAAA-4BBB-8CCC-000000000009}"));
    assert!(matches!(clone.refused(&Wish { cards: vec![none], ..one.clone() }), Refusal::NotStatic { .. }));
    // Left out knowingly, it goes all the same: nothing of the old cards holds an address.
    let left = clone.convert(&Wish { left: vec![BACK.parse().unwrap()], ..one }).unwrap();
    assert_eq!(left.plan.moved.len(), 1);
    assert!(left.plan.to_string().contains("IPAddress: `192.168.77.10` -> nothing"));
}

#[test]
fn addresses_that_are_none_are_refused() {
    for (name, texts) in
        [("IPAddress", ["10.9.0.444"]), ("SubnetMask", ["255.0.255.0"]), ("DefaultGateway", ["'; calc"])]
    {
        let mut system = shapes::windows_7();
        system.at(&format!("ControlSet002\\Services\\Tcpip\\Parameters\\Interfaces\\{FRONT}")).list(name, &texts);
        let refusal = Clone::new(&system, Lists::Lh, "6.1").refused(&workstation_wish());
        assert!(
            matches!(&refusal, Refusal::Unreadable { text, .. } if text.contains(texts[0].split(' ').next().unwrap())),
            "{refusal}"
        );
    }
}

#[test]
fn a_replica_is_never_a_clone() {
    let clone = Clone::new(&shapes::windows_7(), Lists::Lh, "6.1");
    let folder = |name: &str| clone.dir.path().join(name);
    fs::create_dir(folder("replicas/town")).unwrap();
    std::os::unix::fs::symlink(folder("replicas/town"), folder("link")).unwrap();
    for (volume, replicas) in
        [("replicas", "replicas"), ("replicas/town", "replicas"), ("link", "replicas"), ("", "replicas")]
    {
        let refused = CloneVolume::new(&folder(volume), &folder(replicas));
        assert!(matches!(refused, Err(NotAClone::Replica { .. })), "{volume}");
    }
}
