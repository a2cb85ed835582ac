//! `traghetto network kit`: the pages of a cutover, its way back, and the carrier's change request.

use crate::support::golden;
use crate::support::network::sandbox;

#[test]
fn the_pages_of_each_kind_of_server_are_golden() {
    let sandbox = sandbox();
    for (name, lang, args) in [
        ("cinto-srv1", "it", ["cinto-caomaggiore", "--server", "cinto-srv1"]),
        ("cinto-srv1-en", "en", ["cinto-caomaggiore", "--server", "cinto-srv1"]),
        ("cinto-srv3-en", "en", ["cinto-caomaggiore", "--server", "cinto-srv3"]),
        ("ponte-app", "it", ["ponte-lungo", "--server", "ponte-app"]),
    ] {
        let ran = sandbox.run(&[&["--lang", lang, "network", "kit"][..], &args].concat()).code(0);
        assert_eq!(ran.stderr, "");
        golden(&format!("kit/{name}.txt"), &ran.stdout);
    }
    let back = ["--lang", "en", "network", "kit", "cinto-caomaggiore", "--server", "cinto-srv1", "--reverse"];
    golden("kit/cinto-srv1-reverse-en.txt", &sandbox.run(&back).code(0).stdout);
}

#[test]
fn out_writes_both_directions_and_the_change_request() {
    let sandbox = sandbox();
    let ran = sandbox.run(&[
        "--lang",
        "en",
        "network",
        "kit",
        "ponte-lungo",
        "--contact",
        "Reperibile Venis, 041 000",
        "--window",
        "sab 6/11, 20-24",
        "--out",
        "kit",
    ]);
    let ran = ran.code(0);
    let written: Vec<_> = ran.stdout.lines().collect();
    let names = ["ponte-files", "ponte-app", "ponte-files-reverse", "ponte-app-reverse", "change-request"];
    assert_eq!(written, names.map(|name| format!("kit/ponte-lungo/{name}.txt")));
    let request = std::fs::read_to_string(sandbox.path().join("kit/ponte-lungo/change-request.txt")).unwrap();
    golden("kit/ponte-request-en.txt", &request);
    assert!(request.contains("Contact: Reperibile Venis, 041 000\nWindow: sab 6/11, 20-24\n"));
}

#[test]
fn a_server_that_is_not_there_is_named_and_hostile_words_are_refused() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["network", "kit", "ponte-lungo", "--server", "nobody"]).code(2);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr, "error: ponte-lungo has no server `nobody`\nhint: Its servers: ponte-files, ponte-app.\n");
    let ran = sandbox.run(&["network", "kit", "ponte-lungo", "--contact", "a\u{1b}[2J"]).code(3);
    assert_eq!(ran.stdout, "");
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
}
