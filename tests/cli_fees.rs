//! `traghetto fees`: statements in five formats, the table of all tenants, what was issued.

use crate::support::{Sandbox, golden};
use std::fs;

const CINTO: &str = "inventory/tenants/cinto-caomaggiore.yaml";

fn sandbox() -> Sandbox {
    Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto")
}

fn statement(sandbox: &Sandbox, more: &[&str]) -> String {
    let args = [&["fees", "statement", "cinto-caomaggiore", "--year", "2023"], more].concat();
    let ran = sandbox.run(&args).code(0);
    assert_eq!(ran.stderr, "");
    ran.stdout
}

#[test]
fn the_statement_of_cinto_in_every_text_format() {
    let sandbox = sandbox();
    golden("fees/cinto-2023.txt", &statement(&sandbox, &[]));
    golden("fees/cinto-2023.csv", &statement(&sandbox, &["--format", "csv"]));
    golden("fees/cinto-2023.html", &statement(&sandbox, &["--format", "html"]));
    golden("fees/cinto-2023-2025.txt", &statement(&sandbox, &["--to", "2025"]));
    assert_eq!(statement(&sandbox, &["--json"]), statement(&sandbox, &["--format", "json"]));
    assert!(!sandbox.path().join(".traghetto").exists(), "a command that only reads creates nothing");
}

#[test]
fn italian_excel_gets_its_own_dialect() {
    let text = statement(&sandbox(), &["--format", "csv-it"]);
    assert!(text.starts_with("\u{feff}Ente;Anno;Voce;"), "{text}");
    assert!(text.contains(";Comune;calcolato;2411,11;530,44;2941,55;;\r\n"), "{text}");
    assert!(text.contains(";Totale;;;;;;;;Comune;totale;4153,70;913,81;5067,51;;\r\n"), "{text}");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
}

#[test]
fn the_origin_of_every_figure_is_named() {
    let text = statement(&sandbox(), &["--explain"]);
    assert!(text.contains("schedules[0].bands[0].annual_net"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&statement(&sandbox(), &["--explain", "--json"])).unwrap();
    assert_eq!(json["explain"][0]["file"], "inventory/fees.yaml");
}

#[test]
fn a_tenant_outside_the_bands_is_refused_by_name() {
    let ran = sandbox().run(&["fees", "statement", "caorle", "--year", "2023"]).code(3);
    assert_eq!(ran.stdout, "");
    assert_eq!(
        ran.stderr,
        "error: caorle: 11476 abitanti fuori da ogni fascia di 2.2.2; la fascia più alta nota è `< 5.000`\n\
         hint: Nulla viene estrapolato. Aggiungere la fascia a inventory/fees.yaml quando un documento la riporta.\n"
    );
}

#[test]
fn what_is_unknown_is_printed_and_fails_unless_it_is_accepted() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["fees", "statement", "cona", "--year", "2023"]).code(3);
    assert!(ran.stdout.contains("non noto: numero di server"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("0,00"), "{}", ran.stdout);
    let accepted = sandbox.run(&["fees", "statement", "cona", "--year", "2023", "--partial"]).code(0);
    assert_eq!(accepted.stdout, ran.stdout);
}

#[test]
fn the_table_shows_every_tenant_and_says_that_its_sum_is_partial() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["fees", "table", "--year", "2023"]).code(3);
    golden("fees/table-2023.txt", &ran.stdout);
    assert_eq!(ran.stdout.matches("Comune di ").count(), 21);
    assert_eq!(
        ran.stderr,
        "error: 2023: totale parziale (1 ente su 21)\n\
         hint: La tabella dice che cosa manca a ciascun ente. Con --partial il totale parziale è accettato.\n"
    );
    let partial = sandbox.run(&["fees", "table", "--year", "2023", "--to", "2024", "--partial", "--json"]).code(0);
    let json: serde_json::Value = serde_json::from_str(&partial.stdout).unwrap();
    assert_eq!(json["years"][1]["totals"]["tenant"]["gross"], "5067.51");
    assert_eq!(json["years"][0]["rows"][10]["lines"][1]["status"], "not_admitted");
}

#[test]
fn all_writes_complete_statements_only_and_the_reasons_of_the_others() {
    let sandbox = sandbox();
    let all = ["fees", "statement", "--all", "--year", "2023", "--out", "out"];
    let ran = sandbox.run(&all).code(0);
    assert_eq!(
        ran.stdout,
        "out/cinto-caomaggiore-2023.json\nout/cinto-caomaggiore-2023.csv\nout/cinto-caomaggiore-2023.excel.csv\n\
         out/cinto-caomaggiore-2023.xlsx\nout/cinto-caomaggiore-2023.html\nout/elenco.csv\n"
    );
    assert_eq!(ran.stderr, "warning: 20 of 21 tenants have no complete statement: see elenco.csv\n");
    let list = fs::read_to_string(sandbox.path().join("out/elenco.csv")).unwrap();
    assert_eq!(list.lines().count(), 22);
    assert!(list.contains("Comune di Cona;2023;non noto;\"2.2.1 non noto (numero di server); connettività"), "{list}");
    assert!(list.contains("Comune di Dolo;2023;fascia non prevista;2.2.2: valore 15.080, fascia più alta"), "{list}");

    let book = || fs::read(sandbox.path().join("out/cinto-caomaggiore-2023.xlsx")).unwrap();
    let first = book();
    sandbox.run(&all).code(0);
    assert!(first == book(), "the same figures give the same file");

    // A statement that is not complete any more does not stay beside the new list.
    sandbox.edit(CINTO, "assessed: 3", "assessed: unknown");
    let ran = sandbox.run(&all).code(0);
    assert!(ran.stderr.contains("removed cinto-caomaggiore-2023.xlsx"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(sandbox.path().join("out")).unwrap().count(), 1);
}

#[test]
fn text_of_the_inventory_is_no_formula_and_no_markup() {
    let sandbox = sandbox();
    sandbox.edit(
        CINTO,
        "address: Municipio, Piazza S. Biagio, 1",
        "address: \"=HYPERLINK(1)<script>alert(1)</script>\"",
    );
    let machine = statement(&sandbox, &["--format", "csv"]);
    let excel = statement(&sandbox, &["--format", "csv-it"]);
    assert!(excel.contains(";'=HYPERLINK(1)<script>"), "{excel}");
    assert!(!excel.contains(";=") && !machine.contains(",="), "{excel}{machine}");
    let page = statement(&sandbox, &["--format", "html"]);
    assert!(page.contains("=HYPERLINK(1)&lt;script&gt;"), "{page}");
    assert!(!page.contains("<script"), "{page}");
}

#[test]
fn an_issued_statement_is_frozen_and_a_change_shows_its_conguaglio() {
    let sandbox = sandbox();
    let issue = |prot: &str, date: &str| {
        sandbox.run(&["fees", "issue", "cinto-caomaggiore", "--year", "2023", "--prot", prot, "--date", date])
    };
    let issued = issue("0000123/2023", "2023-01-10").code(0);
    assert!(issued.stdout.contains("Prot. n. 0000123/2023 del 10/01/2023"), "{}", issued.stdout);
    assert_eq!(statement(&sandbox, &[]), issued.stdout, "what was issued is what is shown");

    let again = issue("0000123/2023", "2023-01-11").code(2);
    assert_eq!(
        again.stderr,
        "error: cinto-caomaggiore: il Prot. n. 0000123/2023 è il prospetto 2023, emesso il 10/01/2023\n\
         hint: Nulla è stato emesso. Un nuovo documento vuole un nuovo numero di protocollo: --prot NUMERO.\n"
    );

    sandbox.edit("inventory/fees.yaml", "2411.11", "2511.11");
    let changed = statement(&sandbox, &[]);
    assert!(changed.contains("2.411,11\u{a0}€") && !changed.contains("2.511,11"), "{changed}");
    golden("fees/cinto-2023-conguaglio.txt", &changed);
    let json: serde_json::Value = serde_json::from_str(&statement(&sandbox, &["--json"])).unwrap();
    assert_eq!(json["adjustment"]["difference"]["tenant"]["gross"], "122.00");
    let excel = statement(&sandbox, &["--format", "csv-it"]);
    assert!(excel.contains(";Conguaglio;;;;;;;;Comune;conguaglio;100,00;22,00;122,00;;0000123/2023"), "{excel}");
    let page = statement(&sandbox, &["--format", "html"]);
    assert!(page.contains("Conguaglio rispetto al prospetto Prot. n. 0000123&#x2f;2023 del 10"), "{page}");

    let second = issue("77/2023", "2023-02-01").code(0);
    assert!(second.stdout.contains("Conguaglio rispetto al Prot. n. 0000123/2023 del 10/01/2023"), "{}", second.stdout);
    let shown = statement(&sandbox, &[]);
    assert!(shown.contains("2.511,11\u{a0}€") && !shown.contains("Conguaglio"), "{shown}");
}

#[test]
fn an_incomplete_statement_is_not_issued() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["fees", "issue", "cona", "--year", "2023", "--prot", "1"]).code(3);
    assert!(ran.stderr.ends_with("hint: Nulla è stato emesso.\n"), "{}", ran.stderr);
    assert!(!sandbox.path().join(".traghetto").exists());
}

#[test]
fn wrong_usage_is_refused_with_a_way_on() {
    let sandbox = sandbox();
    for (args, expected) in [
        (vec!["cinto", "--year", "2023"], "hint: Did you mean `cinto-caomaggiore`?"),
        (vec!["cinto-caomaggiore", "--year", "2020"], "error: 2020 precede il progetto, iniziato nel 2021"),
        (vec!["cinto-caomaggiore", "--year", "2023", "--to", "2022"], "is not a range of 1 to 50 years"),
        (vec!["cinto-caomaggiore", "--year", "2023", "--json", "--format", "csv"], "hint: Give one of the two."),
        (vec!["cinto-caomaggiore", "--year", "2023", "--explain", "--format", "csv"], "table and json"),
        (vec!["--all", "--year", "2023", "--format", "xlsx"], "--out DIR"),
        (vec!["cinto-caomaggiore", "--year", "2023", "--lang", "en"], "in Italian only"),
        (vec!["cinto-caomaggiore"], "--year <YEAR>"),
    ] {
        let ran = sandbox.run(&[vec!["fees", "statement"], args].concat()).code(2);
        assert!(ran.stderr.contains(expected), "{expected}\n{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}
