//! The database slow, held, frozen on the way, stopped and crashed, while callers, strangers and operators go on.
use super::{Need, Trial};
use crate::installation::{Installation, database};
use crate::load::Load;
use crate::road::Road;
use crate::tally::Found;
use crate::wire::Word;
use countersign_testkit::postgres::{Postgres, Stop};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const TRIAL: Trial = Trial {
    name: "slow-store",
    what: "a database that is slow, held by a signal, unreachable without a word, restarted and killed",
    needs: NEEDS,
    run,
};

const NEEDS: &[Need] = &[];
/// A statement has two seconds there and the wait for a connection two; what waits for another's turn waits for it, too.
const BOUND: Duration = Duration::from_secs(15);

/// Longer than anybody may wait.
const LONG: u64 = 16;

fn run(_soak: bool) -> Found {
    let server = Postgres::start(&[]);
    let url = server.database();
    let roads = [(); 3].map(|()| Road::to(server.port()));
    let stores: Vec<String> = roads.iter().map(|road| database(&road.address(&url, server.port()))).collect();
    let all = Arc::new(Installation::on(&stores));
    let mut found = Found::default();
    let mut phase = |name: &str, begin: &dyn Fn(), end: &dyn Fn(), fails: bool, seconds: u64| {
        println!("  {name}");
        let load = Load::begin(&all, false);
        load.wait_for(&Word::Accepted, 50);
        begin();
        if fails {
            load.wait_for(&Word::Unavailable, 30);
            std::thread::sleep(Duration::from_secs(seconds));
        } else {
            load.wait_for(&Word::Accepted, 50);
        }
        end();
        let healed = all.is_well();
        println!("  well again by itself {} ms after the end of it", healed.as_millis());
        load.wait_for(&Word::Accepted, 50);
        let mut seen = load.end(&all);
        seen.answered_within(BOUND);
        seen.found
            .check(fails == (seen.count("unavailable") > 0), "503 when, and only when, the store fails");
        found.add(seen.found);
    };
    let nothing = || {};
    let slow = |delay: u64| roads.iter().for_each(|road| road.delay(Duration::from_millis(delay)));
    phase("every word to and from the database takes 100 ms longer", &|| slow(100), &|| slow(0), false, 0);
    phase("the database is held", &|| server.hold(true), &|| server.hold(false), true, LONG);
    let frozen = |frozen: bool| roads.iter().for_each(|road| road.freeze(frozen));
    phase("packets to the database vanish", &|| frozen(true), &|| frozen(false), true, 3);
    phase("the database is restarted", &|| server.stop(Stop::Fast), &|| server.begin(), true, 3);
    phase("the database is killed", &|| server.stop(Stop::Crash), &|| server.begin(), true, 3);
    phase("nothing at all", &nothing, &nothing, false, 0);
    found
}
