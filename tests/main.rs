//! One test binary: every file beside this one is a module of it.
#![allow(unreachable_pub, dead_code, reason = "one binary, shared support")]
#![allow(missing_docs, reason = "tests document themselves by name")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod agent_binary;
mod architecture;
mod broken_inventories;
mod checklist_bundle;
mod checklist_directory;
mod checklist_faults;
mod checklist_format;
mod checklist_items;
mod checklist_run;
mod checklist_windows;
mod cli_adopt;
mod cli_basics;
mod cli_checklist;
mod cli_demo;
mod cli_faults;
mod cli_fees;
mod cli_inventory;
mod cli_kit;
mod cli_migrate;
mod cli_network;
mod cli_network_check;
mod cli_network_diff;
mod cli_survey;
mod conversion;
mod converter;
mod converter_faults;
mod converter_night;
mod corpus;
mod evidence;
mod failures;
mod faults;
mod fees_statement;
mod final_sync;
mod forecast;
mod freeze;
mod hives;
mod hostile_hosts;
mod hostile_input;
mod inventory_files;
mod ios_simulator;
mod journal;
mod landing;
mod landing_night;
mod map;
mod migration_by_hand;
mod migration_cutover;
mod migration_going_back;
mod migration_handover;
mod migration_manual;
mod migration_papers;
mod migration_replace;
mod migration_run;
mod migration_runbook;
mod migration_terms;
mod migration_windows;
mod network;
mod network_diff;
mod network_hostile;
mod network_import;
mod network_lab;
mod network_lab_cutover;
mod network_push;
mod network_round_trip;
mod network_rules;
mod network_simulate;
mod notices;
mod over_ssh;
mod played_night;
mod probes;
mod proof_boot;
mod proof_chromium;
mod proof_cutover;
mod proof_libreoffice;
mod proof_live_guest;
mod proof_netmiko;
mod proof_network_lab;
mod proof_network_readers;
mod proof_runbook;
mod races;
mod readme;
mod replica;
mod replica_delta;
mod replica_faults;
mod replica_memory;
mod router_standing;
mod second_aggregator;
mod shaping;
mod ssh;
mod ssh_old_servers;
mod support;
mod test_network;
mod vmdk;
mod vsphere;
mod vsphere_faults;
mod vsphere_import;
mod winrm;
mod wire_probes;

/// A test file that nobody listed would silently never run.
#[test]
fn every_test_file_is_listed() {
    let listing = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") {
            assert!(listing.contains(&format!("mod {module};")), "tests/{name} is not listed in tests/main.rs");
        }
    }
}
