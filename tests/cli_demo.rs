//! The demo: the whole story, without root, without anything installed.

use crate::support::Sandbox;

#[test]
fn the_whole_story_ends_with_equal_disks_and_the_statement() {
    let sandbox = Sandbox::empty();
    let ran = sandbox.run(&["demo", "--dir", "lab"]).code(0);
    let story = &ran.stdout;
    for scene in [
        "stand in for the town's Windows machines",
        "$ traghetto migrate run cinto-caomaggiore",
        "all activities are done",
        "5.067,51",
        "Each replica equals its disk byte for byte.",
    ] {
        assert!(format!("{story}{}", ran.stderr).contains(scene), "`{scene}` is missing from\n{story}");
    }
    let events = std::fs::read_to_string(sandbox.path().join("lab/replicas/cinto-caomaggiore/events.jsonl")).unwrap();
    assert!(events.lines().count() > 50);
    assert!(!events.contains("PRIVATE KEY"));
}

#[test]
fn a_folder_that_exists_is_left_alone() {
    let sandbox = Sandbox::empty();
    sandbox.write("lab/precious", "kept");
    let ran = sandbox.run(&["demo", "--dir", "lab"]).code(1);
    assert!(ran.stderr.contains("choose a new folder with --dir"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(sandbox.path().join("lab/precious")).unwrap(), "kept");
}
