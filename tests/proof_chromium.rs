//! `make proof`: Chromium prints the verbale and the papers of activities 4 to 6 on A4, page by page, with nothing cut,
//! and what hosts and people wrote into it neither runs nor calls anybody. Needs the Debian packages chromium and
//! poppler-utils, which `make proof` installs.

use crate::migration_papers::{cinto, surveyed};
use crate::support::sshd::Sshd;
use crate::support::{Sandbox, project};
use serde_json::json;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use traghetto::document::verbale::Language;
use traghetto::document::{cleanup, wipe};

const CINTO: &str = "inventory/tenants/cinto-caomaggiore.yaml";
const ITEMS: usize = 400;
/// The margin of the page in points: 14 mm, of which a glyph may lean over by a point.
const MARGIN: f64 = 14.0 / 25.4 * 72.0 - 1.0;

/// What would leave a trace if it were more than text: in the page, and at `port`.
fn hostile(port: u16) -> String {
    format!(
        "<script>document.body.append('RAN'+'TOGETHER')</script><img src='http://127.0.0.1:{port}/img' \
         onerror='document.body.append(\"RAN\"+\"TOGETHER\")'><link rel=stylesheet href='http://127.0.0.1:{port}/css'>\
         <style>*{{display:none}}</style></td></table><!-- ]]>"
    )
}

/// A word that no line holds.
fn endless(number: usize) -> String {
    format!("{}{number}", "Wunderbaum".repeat(30))
}

fn checklist(port: u16) -> String {
    let mut text = "checklist: source\nversion: 1\nexecutes: [comune-tecnico]\nitems:\n".to_owned();
    for number in 1..=ITEMS {
        let title = match number % 40 {
            0 => hostile(port),
            1 => endless(number),
            _ => format!("Verifica numero {number} della città, con un titolo di lunghezza ordinaria"),
        };
        let title = title.replace('\'', "''");
        let _ = writeln!(
            text,
            "  - {{id: SRC-PRN-{number:03}, title: {{it: '{title}', en: x}}, severity: blocker, roles: [comune-tecnico], \
             scope: tenant, manual: {{it: 'Guardare.', en: Look.}}}}"
        );
    }
    let said = hostile(port).replace('\'', "");
    let _ = writeln!(
        text,
        "  - id: SRC-SAY-001\n    title: {{it: Detto da un host, en: Said}}\n    severity: warning\n    \
         roles: [comune-tecnico]\n    scope: server\n    applies_to: {{role: [logging]}}\n    probe:\n      sh: |\n        \
         printf '\\342\\200\\256\\033[2J'\n        cat <<'END'\n        {said}\n        {}\n        END",
        endless(0)
    );
    text
}

#[test]
fn proof_the_verbale_prints_in_chromium() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("not run: a proof of `make proof` (TRAGHETTO_PROOF=1), it needs Chromium");
        return;
    }
    let (port, calls) = counting();
    let sshd = Sshd::start();
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
    for number in [10, 11, 12] {
        let from = format!("access: {{host: 192.0.2.{number}, user: root, key: keys/rescue, host_key: unknown}}");
        sandbox.edit(CINTO, &from, &format!("access: {}", sshd.access_yaml()));
    }
    sandbox.write("checklists/source.yaml", &checklist(port));
    sandbox.run(&["checklist", "run", "source", "cinto-caomaggiore"]).code(5);
    let report = ["checklist", "report", "source", "cinto-caomaggiore", "--format", "html", "--lang", "it"];
    sandbox.write("verbale.html", &sandbox.run(&report).code(0).stdout);

    // What the page must not do is seen where a page does it.
    sandbox.write("control.html", &format!("<body>{}", hostile(port).replace("<style>*{display:none}</style>", "")));
    let control = printed(sandbox.path(), "control");
    assert!(control.contains("RANTOGETHER"), "{control}");
    let before = calls.load(Ordering::SeqCst);
    assert!(before > 0, "the control calls");

    let text = printed(sandbox.path(), "verbale");
    assert_eq!(calls.load(Ordering::SeqCst), before, "the verbale calls nobody");
    assert!(!text.contains("RANTOGETHER"), "the verbale runs nothing");
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    for number in 1..=ITEMS {
        assert!(dense.contains(&format!("SRC-PRN-{number:03}")), "item {number} is missing");
    }
    for number in [1, 41, 361] {
        assert!(dense.contains(&endless(number)), "the title of item {number} is cut");
    }
    assert!(dense.contains("<script>document.body.append('RAN'+'TOGETHER')</script>"), "hostile text is text");
    assert!(dense.contains("SRC-SAY-001"), "what a host said is there");
    let pages: Vec<&str> = text.trim_end_matches('\u{c}').split('\u{c}').collect();
    assert!(pages.len() > 10, "{} pages", pages.len());
    for (number, page) in (1..).zip(&pages) {
        let numbered = format!("{number} / {}", pages.len());
        assert!(page.contains(&numbered), "page {number} does not say {numbered}:\n{page}");
    }
    assert_eq!(inside(sandbox.path(), "verbale", (595.0, 842.0), ITEMS), pages.len());
    println!("{} pages of A4, {} words", pages.len(), text.split_whitespace().count());
}

/// The certificate of wiping of 90 disks, in landscape, and the list of clean-up, with what hosts and people wrote.
#[test]
fn proof_the_papers_of_activity_6_print_in_chromium() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("not run: a proof of `make proof` (TRAGHETTO_PROOF=1), it needs Chromium");
        return;
    }
    let (port, calls) = counting();
    let disk = |number: usize| {
        let serial = match number % 30 {
            0 => hostile(port),
            1 => endless(number),
            _ => format!("SERIAL-{number:03}"),
        };
        json!({ "name": format!("sd{number}"), "kind": "disk", "size": 120_034_123_776_u64, "serial": serial, "model": "WDC" })
    };
    let disks: Vec<_> = (0..90).map(disk).collect();
    let inventory = traghetto::inventory::load(&project()).unwrap();
    let events = [surveyed(1, "cinto-srv1", json!({ "disks": disks, "sources": [] }))];
    let folder = tempfile::tempdir().unwrap();
    let (digest, time) = ("0".repeat(64), "2022-07-05T09:30:00.000+02:00");
    let (project, tenant) = (&inventory.project, &inventory.tenants[&cinto()]);
    let sources = wipe::Sources { project, tenant, events: &events, inventory: &digest, time };
    let page = wipe::html(&sources, &wipe::Certificate::new(&sources), Language::Italian).unwrap();
    std::fs::write(folder.path().join("wipe.html"), page).unwrap();
    let network = traghetto::network::NetworkPlan::new(&inventory, tenant).unwrap();
    let sources = cleanup::Sources {
        project,
        tenant,
        paths: &network.migration.iter().collect::<Vec<_>>(),
        inventory: &digest,
        time,
    };
    let page = cleanup::html(&sources, &cleanup::Cleanup::new(&sources), Language::Italian).unwrap();
    std::fs::write(folder.path().join("cleanup.html"), page).unwrap();

    let text = printed(folder.path(), "wipe");
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    for number in (0..90).filter(|number| number % 30 > 1) {
        assert!(dense.contains(&format!("SERIAL-{number:03}")), "disk {number} is missing");
    }
    assert!(dense.contains(&endless(31)) && !text.contains("RANTOGETHER"));
    let pages = inside(folder.path(), "wipe", (842.0, 595.0), 200);
    assert!(text.contains(&format!("{pages} / {pages}")), "pages are numbered");
    printed(folder.path(), "cleanup");
    println!("{pages} and {} pages of A4", inside(folder.path(), "cleanup", (842.0, 595.0), 200));
    assert_eq!(calls.load(Ordering::SeqCst), 0, "they call nobody");
}

/// The plan of the move, in landscape, and the page of the night, with what people wrote.
#[test]
fn proof_the_papers_of_the_night_print_in_chromium() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("not run: a proof of `make proof` (TRAGHETTO_PROOF=1), it needs Chromium");
        return;
    }
    let (port, calls) = counting();
    let sandbox = Sandbox::with_project();
    let window = "windows:\n  - {from: 2022-06-17T20:00, until: 2022-06-18T06:00}\nserver_count:\n";
    sandbox.edit(CINTO, "server_count:\n", window);
    let name = format!("{}{}", hostile(port), endless(1)).replace('\'', "''");
    sandbox.edit("inventory/people.yaml", "name: Elena Ponte", &format!("name: '{name}'"));
    for (paper, command) in [("cutover", &["report", "cutover"][..]), ("runbook", &["runbook"])] {
        let arguments = [&["migrate"], command, &["cinto-caomaggiore"]].concat();
        sandbox.write(&format!("{paper}.html"), &sandbox.run(&arguments).code(0).stdout);
        let text = printed(sandbox.path(), paper);
        let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(dense.contains(&endless(1)) && !text.contains("RANTOGETHER"), "{text}");
        for server in ["cinto-srv1", "cinto-srv2", "cinto-srv3"] {
            assert!(dense.contains(server), "{paper}: {server}");
        }
        let size = if paper == "cutover" { (842.0, 595.0) } else { (595.0, 842.0) };
        let pages = inside(sandbox.path(), paper, size, 200);
        assert!(text.contains(&format!("{pages} / {pages}")), "pages are numbered");
        println!("{paper}: {pages} pages of A4");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0, "they call nobody");
}

/// A port that hangs up on everybody, and how often somebody has called.
fn counting() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    // Ends with the process of the tests.
    std::thread::spawn(move || {
        for call in listener.incoming() {
            drop(call);
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, calls)
}

/// The text of `NAME.html` as Chromium prints it into `NAME.pdf`.
fn printed(folder: &Path, name: &str) -> String {
    let pdf = folder.join(format!("{name}.pdf"));
    run(Command::new("timeout")
        .args(["120", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(format!("file://{}", folder.join(format!("{name}.html")).display())));
    run(Command::new("pdftotext").arg("-raw").arg(&pdf).arg("-"))
}

/// Checks that every page has this size in points and every word is within its margins, and that there are more
/// than `least` words; gives how many pages there are.
fn inside(folder: &Path, name: &str, size: (f64, f64), least: usize) -> usize {
    let boxes = run(Command::new("pdftotext").arg("-bbox").arg(folder.join(format!("{name}.pdf"))).arg("-"));
    let number = |line: &str, name: &str| -> f64 {
        let (_, rest) = line.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{line}"));
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let (mut pages, mut words) = (0, 0);
    let (mut width, mut height) = (0.0, 0.0);
    for line in boxes.lines().map(str::trim) {
        if line.starts_with("<page ") {
            (width, height) = (number(line, "width"), number(line, "height"));
            assert!((width - size.0).abs() < 1.0 && (height - size.1).abs() < 1.0, "{line}");
            pages += 1;
        } else if line.starts_with("<word ") {
            let (left, right) = (number(line, "xMin"), number(line, "xMax"));
            assert!(left >= MARGIN && right <= width - MARGIN, "page {pages}: {line}");
            assert!(number(line, "yMin") >= 0.0 && number(line, "yMax") <= height, "page {pages}: {line}");
            words += 1;
        }
    }
    assert!(words > least, "{words} words");
    pages
}

/// What a command prints; it must end well.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
