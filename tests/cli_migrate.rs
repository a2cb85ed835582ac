//! `traghetto migrate` against real SSH hosts on loopback. Needs the Debian package openssh-server.

use crate::support::town::{SERVERS, Town};

#[test]
fn a_town_is_moved_from_gate_to_gate() {
    let town = Town::new();
    town.run_to("landing-ready");
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    town.run_to("source-checked");
    town.sign_jointly("source-checked");
    town.run_to("test-accepted");
    for server in SERVERS {
        assert!(town.is_equal(server), "{server}");
    }
    town.sign("test-accepted", "sad-validatore", "carla-riva");
    town.run_to("move-planned");
    town.sign_jointly("move-planned");

    town.change("cinto-srv2", 7, 0x55);
    town.run_to("quiet");
    assert!(town.is_equal("cinto-srv2"));
    town.change("cinto-srv3", 0, 0);
    town.sign("quiet", "venis-sistemista", "anna-veneto");
    town.sign("quiet", "comune-tecnico", "elena-ponte");
    town.run_to("moved");
    for server in SERVERS {
        assert!(town.is_equal(server), "{server}");
    }
    let status = town.status();
    assert_eq!(status["phase"], "verified");
    town.sign("moved", "venis-sistemista", "anna-veneto");
    town.sign("moved", "comune-tecnico", "elena-ponte");
    town.run_to("landing-accepted");
    town.sign_jointly("landing-accepted");
    town.run_to("decommissioned");
    assert_eq!(town.status()["phase"], "accepted");
    town.sign_jointly("decommissioned");
    town.migrate(&["run"]).code(0);
    let status = town.status();
    assert_eq!((&status["phase"], &status["next"]["command"]), (&"decommissioned".into(), &serde_json::Value::Null));
}
