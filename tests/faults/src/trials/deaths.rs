//! kill -9 again and again under load, of the one node of the embedded store and of nodes in turn on a shared one.
use super::Trial;
use crate::installation::{Installation, database};
use crate::load::Load;
use crate::tally::Found;
use crate::wire::Word;
use countersign_testkit::postgres::Postgres;
use std::sync::Arc;

pub(crate) const TRIAL: Trial = Trial {
    name: "deaths",
    what: "kill -9 of the real server under load, embedded and with three nodes",
    needs: &[],
    run,
};

/// In every run; a soak makes a hundred.
const KILLS: usize = 5;

fn run(soak: bool) -> Found {
    let kills = if soak { 100 } else { KILLS };
    let mut found = Found::default();
    let server = Postgres::start(&[]);
    let url = server.database();
    for stores in [vec![String::new()], vec![database(&url); 3]] {
        let all = Arc::new(Installation::on(&stores));
        println!("  {} nodes, {kills} kills", stores.len());
        for kill in 0..kills {
            let load = Load::begin(&all, true);
            load.wait_for(&Word::Accepted, 20 + u64::try_from(kill * 7 % 40).unwrap_or(0));
            let node = &all.nodes[kill % all.nodes.len()];
            node.kill();
            node.begin();
            all.is_well();
            let seen = load.end(&all);
            found.add(seen.found);
        }
    }
    found
}
