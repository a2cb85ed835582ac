//! The cutover kit carried out in the lab, every step of it. Needs what `network_lab` needs, and the
//! Debian package iputils-arping.

use crate::support::lab::compare::{Town, plan};
use crate::support::lab::cutover::Move;
use std::time::Duration;
use traghetto::network::kit::Direction;

/// The kit's outage, both ways: from the old machine's last answer to the copy's first, and back.
#[test]
fn the_cutover_kit_moves_a_server_and_brings_it_back() {
    let plan = plan(Town::Lte);
    let server = plan.kept().next().unwrap().id.to_string();
    let mut town = Move::new(plan);
    for direction in [Direction::Going, Direction::Back] {
        for gap in town.carry_out(&server, direction) {
            println!("{direction:?}: {} -> {}: {:?}", gap.client, gap.server, gap.outage);
            let most = if gap.server == server { Duration::from_secs(15) } else { Duration::from_secs(1) };
            assert!(gap.answered && gap.outage < most, "{direction:?}: {gap:?}");
        }
    }
}
