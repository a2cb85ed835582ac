//! `make proof`: LibreOffice recalculates a workbook whose cached values are wrong, and its totals
//! are ours. Needs the Debian packages libreoffice-calc, zip and unzip, which `make proof` installs.

use crate::support::Sandbox;
use std::path::Path;
use std::process::Command;

/// A profile of its own, which always recalculates what it loads.
const PROFILE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"#;

#[test]
fn proof_libreoffice_recalculates_our_totals() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("not run: a proof of `make proof` (TRAGHETTO_PROOF=1), it needs LibreOffice");
        return;
    }
    let sandbox = Sandbox::with_project();
    // Amounts whose line and document rounding differ: the workbook has lines `Arrotondamento IVA`.
    sandbox.edit("inventory/fees.yaml", "2411.11", "1.02");
    sandbox.edit("inventory/fees.yaml", "1742.59", "1.02");
    sandbox.run(&["fees", "statement", "cinto-caomaggiore", "--year", "2023", "--to", "2025", "--out", "."]).code(0);
    let book = sandbox.path().join("cinto-caomaggiore-2023-2025.xlsx");
    let replaced = spoil(sandbox.path(), &book);
    assert_eq!(replaced, 3 * 6 + 2 * 4, "formulas of three years and of their summary");
    let sheets = recalculate(sandbox.path(), &book);
    for year in [2023, 2024, 2025] {
        let sheet = &sheets[&format!("Canoni {year}")];
        assert!(sheet.iter().any(|row| row[0] == "Arrotondamento IVA"), "{sheet:?}");
        assert_eq!(total(sheet, "Comune"), ["2.04", "0.45", "2.49"]);
        assert_eq!(total(sheet, "CMV"), ["5994", "1318.68", "7312.68"]);
    }
    let summary = &sheets["Riepilogo"];
    let row = |label: &str| summary.iter().find(|row| row[0] == label).unwrap()[1..].to_vec();
    assert_eq!(row("Comune"), ["2.49", "2.49", "2.49", "7.47"]);
    assert_eq!(row("CMV"), ["7312.68", "7312.68", "7312.68", "21938.04"]);
}

/// Net, tax and gross of a payer's total row.
fn total(sheet: &[Vec<String>], payer: &str) -> Vec<String> {
    sheet.iter().find(|row| row[0] == "Totale" && row[4] == payer).unwrap()[5..8].to_vec()
}

/// Replaces the cached value of every formula by 1; gives how many there were.
fn spoil(folder: &Path, book: &Path) -> usize {
    let parts = folder.join("parts");
    run(Command::new("unzip").arg("-q").arg(book).arg("-d").arg(&parts));
    let mut replaced = 0;
    for entry in std::fs::read_dir(parts.join("xl/worksheets")).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut pieces = text.split("</f><v>");
        let mut spoiled = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (_, rest) = piece.split_once("</v>").unwrap();
            spoiled.push_str(&format!("</f><v>1</v>{rest}"));
            replaced += 1;
        }
        std::fs::write(&path, spoiled).unwrap();
    }
    std::fs::remove_file(book).unwrap();
    run(Command::new("zip").arg("-q").arg("-r").arg(book).arg(".").current_dir(&parts));
    replaced
}

/// The sheets of the workbook as LibreOffice calculates them, by name.
fn recalculate(folder: &Path, book: &Path) -> std::collections::HashMap<String, Vec<Vec<String>>> {
    let profile = folder.join("profile");
    std::fs::create_dir_all(profile.join("user")).unwrap();
    std::fs::write(profile.join("user/registrymodifications.xcu"), PROFILE).unwrap();
    let out = folder.join("sheets");
    run(Command::new("soffice")
        .arg(format!("-env:UserInstallation=file://{}", profile.display()))
        .args(["--headless", "--convert-to"])
        .arg("csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1")
        .arg("--outdir")
        .arg(&out)
        .arg(book));
    let mut sheets = std::collections::HashMap::new();
    for entry in std::fs::read_dir(&out).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let name = stem.strip_prefix("cinto-caomaggiore-2023-2025-").unwrap().to_owned();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(&path).unwrap();
        let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        sheets.insert(name, rows);
    }
    sheets
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}
