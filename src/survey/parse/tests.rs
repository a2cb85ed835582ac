//! Answers of real shapes: a Debian 12, an old Red Hat without tools, and nonsense.

use super::*;
use crate::survey::{Protocol, Source};
use proptest::prelude::*;

const DEBIAN: &str = include_str!("../../../tests/fixtures/survey/debian12.txt");
const OLD: &str = include_str!("../../../tests/fixtures/survey/busybox.txt");

const WINDOWS: &str = include_str!("../../../tests/fixtures/survey/windows2008r2.txt");

fn mark() -> Mark {
    Mark::new([0xab; 16])
}

fn read(text: &str) -> Result<Survey, Malformed> {
    parse(text.replace("@@", &mark().to_string()).as_bytes(), &mark())
}

#[test]
fn a_debian_is_read_in_full() {
    let survey = read(DEBIAN).unwrap();
    assert_eq!(survey.host_name, "cinto-srv9");
    assert_eq!(
        survey.system,
        System {
            name: "Debian GNU/Linux 12 (bookworm)".into(),
            kernel: "6.1.0-28-amd64".into(),
            architecture: "x86_64".into(),
            virtualisation: None,
            hardware: Some("HP ProLiant ML310e Gen8".into()),
            firmware: Some("bios".into()),
            processors: Some(4),
            memory: Some(8_127_232 * 1024),
        }
    );
    assert_eq!(survey.uptime_seconds, Some(1_036_852));
    assert_eq!(survey.unread, Vec::<String>::new());
    assert!(survey.domain_controller);
    assert_eq!(survey.services, ["cron.service", "samba-ad-dc.service", "ssh.service"]);
    assert_eq!(survey.name_servers, ["192.0.2.10", "fe80::1"].map(|text| text.parse::<std::net::IpAddr>().unwrap()));
    assert_eq!(survey.sources, [Source::Block { device: "sda".into(), size: Some(120_034_123_776) }, Source::Missing]);
}

#[test]
fn disks_keep_their_parents_and_filesystems_find_their_device() {
    let survey = read(DEBIAN).unwrap();
    let names: Vec<&str> = survey.disks.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(names, ["sda", "sda1", "sda2", "dm-0", "dm-1", "sdb", "sr0"]);
    assert_eq!(survey.disks[0].model.as_deref(), Some("LOGICAL VOLUME"));
    assert_eq!(
        (survey.whole_disk("dm-0"), survey.whole_disk("sdb"), survey.whole_disk("nvme9")),
        ("sda", "sdb", "nvme9")
    );

    let found: Vec<(&str, Option<&str>, Option<u64>, bool)> = survey
        .filesystems
        .iter()
        .map(|fs| (fs.mountpoint.as_str(), fs.device.as_deref(), fs.used, fs.read_only))
        .collect();
    let root = Some(46_875_000 * 1024);
    assert_eq!(
        found,
        [
            ("/", Some("dm-0"), root, false),
            ("/boot", Some("sda1"), Some(62_500 * 1024), true),
            ("/srv/dati comune", Some("dm-0"), root, false),
            ("/mnt/nas", None, None, false),
        ]
    );
    assert_eq!(survey.filesystems[0].uuid.as_deref(), Some("2222-bbbb"));
}

#[test]
fn disks_have_the_numbers_that_are_printed_on_them() {
    let serials =
        |text: &str| -> Vec<Option<String>> { read(text).unwrap().disks.into_iter().map(|disk| disk.serial).collect() };
    let some = |text: &str| Some(text.to_owned());
    let of_debian = [some("PACCR9VYJ1CEE6K"), None, None, None, None, some("4C530001"), None];
    assert_eq!(serials(DEBIAN), of_debian);
    assert_eq!(serials(OLD), [None, None]);
    // Hexadecimal digits of swapped bytes, as Windows 7 and 2008 R2 tell them.
    assert_eq!(serials(WINDOWS), [some("WD-WCADV1485975"), None, None]);
    let of_windows_8 = WINDOWS.replace("2020202057202d44435744413156383439353537", "WD-WCAV59485775");
    assert_eq!(serials(&of_windows_8)[0], some("WD-WCAV59485775"));
    // Forty digits that are no text are a number of their own.
    let digits = "00ff".repeat(10);
    assert_eq!(serials(&WINDOWS.replace("2020202057202d44435744413156383439353537", &digits))[0], Some(digits));
    let controller = DEBIAN.replace("NAME=\"sda\" KNAME=\"sda\"", "NAME=\"cciss/c0d0\" KNAME=\"cciss/c0d0\"");
    let controller = controller.replace("\nsda PACC", "\ncciss!c0d0 PACC");
    assert_eq!(serials(&controller)[0], some("PACCR9VYJ1CEE6K"));
}

#[test]
fn the_network_is_read_from_the_kernels_tables() {
    let survey = read(DEBIAN).unwrap();
    let interfaces: Vec<String> = survey
        .interfaces
        .iter()
        .map(|interface| format!("{} {:?} {:?}", interface.name, interface.mac, interface.addresses.len()))
        .collect();
    assert_eq!(interfaces, ["eno1 Some(\"94:57:a5:00:00:01\") 2", "eno1.5 None 1"]);
    let routes: Vec<String> =
        survey.routes.iter().map(|route| format!("{} {:?}", route.destination, route.via)).collect();
    assert_eq!(routes, ["0.0.0.0/0 Some(192.0.2.1)", "192.0.2.0/24 None"]);
    let ports: Vec<String> =
        survey.ports.iter().map(|port| format!("{:?} {} {}", port.protocol, port.port, port.address)).collect();
    assert_eq!(
        ports,
        [
            "Tcp 22 0.0.0.0",
            "Tcp 88 0.0.0.0",
            "Tcp 389 ::",
            "Tcp 445 192.0.2.19",
            "Tcp 631 127.0.0.1",
            "Udp 123 0.0.0.0"
        ]
    );
    assert!(survey.serves(Protocol::Tcp, 389) && !survey.serves(Protocol::Tcp, 631));
}

#[test]
fn an_old_host_is_read_as_far_as_it_goes() {
    let survey = read(OLD).unwrap();
    assert_eq!(survey.system.name, "Red Hat Enterprise Linux AS release 4 (Nahant Update 8)");
    assert_eq!(survey.system.hardware, None);
    assert_eq!(survey.unread, ["interfaces", "resolver", "sockets"]);
    assert_eq!(survey.services, ["init", "syslogd"]);
    assert_eq!(survey.filesystems.len(), 1);
    assert_eq!(survey.filesystems[0].device.as_deref(), Some("hda1"));
    assert_eq!(survey.whole_disk("hda1"), "hda");
    assert!(!survey.domain_controller);
}

#[test]
fn a_windows_says_the_same_of_itself() {
    let survey = read(WINDOWS).unwrap();
    assert_eq!(survey.host_name, "CINTO-SRV1");
    let system = System {
        name: "Microsoft Windows Server 2008 R2 Standard".into(),
        kernel: "6.1.7601.1".into(),
        architecture: "x86_64".into(),
        virtualisation: None,
        hardware: Some("HP ProLiant ML310e Gen8".into()),
        firmware: Some("bios".into()),
        processors: Some(4),
        memory: Some(8_384_512 * 1024),
    };
    assert_eq!(survey.system, system);
    assert_eq!(survey.uptime_seconds, Some(1_036_852));
    let disks: Vec<&str> = survey.disks.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(disks, ["PhysicalDrive0", "PhysicalDrive0p0", "PhysicalDrive0p1"]);
    assert_eq!(survey.whole_disk("PhysicalDrive0p1"), "PhysicalDrive0");
    let system_disk = &survey.filesystems[0];
    assert_eq!((system_disk.mountpoint.as_str(), system_disk.kind.as_str()), ("C:", "ntfs"));
    assert_eq!(
        (system_disk.device.as_deref(), system_disk.uuid.as_deref()),
        (Some("PhysicalDrive0p1"), Some("A4C1D0F2"))
    );
    assert_eq!(system_disk.used, Some(41_943_040 * 1024));
    assert_eq!(survey.interfaces[0].name, "Connessione_alla_rete_locale_(LAN)_è_più");
    assert_eq!(survey.interfaces[0].addresses.len(), 2);
    assert_eq!(survey.routes[0].via, Some([192, 0, 2, 1].into()));
    assert!(survey.serves(Protocol::Tcp, 389) && survey.serves(Protocol::Udp, 53));
    assert!(survey.domain_controller && survey.controller_seen[0].ends_with("ntds.dit"));
    assert_eq!((survey.sources.len(), survey.unread.len()), (0, 0));
}

#[test]
fn half_an_answer_is_none() {
    let whole = DEBIAN.replace("@@", &mark().to_string());
    let cut = whole.rfind(" end 0").unwrap();
    assert_eq!(parse(&whole.as_bytes()[..cut], &mark()), Err(Malformed));
    for text in ["", "bash: /bin/sh: not found", "\n@@ begin sources\n\n@@ end 0\n"] {
        assert_eq!(read(text), Err(Malformed), "{text}");
    }
    assert_eq!(parse(whole.as_bytes(), &Mark::new([1; 16])), Err(Malformed));
}

#[test]
fn a_circle_of_devices_ends() {
    let text = DEBIAN.replace("KNAME=\"sda\" PKNAME=\"\"", "KNAME=\"sda\" PKNAME=\"dm-0\"");
    let survey = read(&text).unwrap();
    // Any answer will do, as long as there is one.
    assert!(!survey.whole_disk("sda1").is_empty());
}

proptest! {
    #[test]
    fn no_answer_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes, &mark());
    }

    #[test]
    fn no_damage_to_a_real_answer_is_too_strange(
        at in any::<prop::sample::Index>(),
        length in 0_usize..40,
        noise in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = DEBIAN.replace("@@", &mark().to_string()).into_bytes();
        let at = at.index(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, noise);
        if let Ok(survey) = parse(&bytes, &mark()) {
            for disk in &survey.disks {
                let _ = survey.whole_disk(&disk.name);
            }
        }
    }
}
