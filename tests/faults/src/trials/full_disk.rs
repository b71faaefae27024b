//! A disk that fills up while callers, strangers and operators go on, and is given room again.
use super::{Need, Trial};
use crate::disk::Disk;
use crate::installation::{Installation, database, settings};
use crate::load::Load;
use crate::node::Setting;
use crate::tally::Found;
use crate::upstream;
use crate::wire::Word;
use countersign_testkit::postgres::Postgres;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const FOLDER: Trial = Trial {
    name: "full-disk",
    what: "the folder of the embedded store on a small disk that fills up twice, then kill -9",
    needs: &[Need::Root],
    run: folder,
};

pub(crate) const DATABASE: Trial = Trial {
    name: "full-database",
    what: "three nodes on a PostgreSQL whose disk fills up",
    needs: &[Need::Root],
    run: tables,
};

/// Nothing waits for a disk that says at once that it is full.
const BOUND: Duration = Duration::from_secs(15);

fn folder(_soak: bool) -> Found {
    let disk = Disk::small(16 * 1024);
    let setting = Setting {
        data: Some(disk.path().join("data")),
        ..Setting::with(settings(&upstream::start("127.0.0.1"), ""))
    };
    let all = Arc::new(Installation::start(vec![setting]));
    let mut found = Found::default();
    for _ in 0..2 {
        let load = Load::begin(&all, true);
        load.wait_for(&Word::Accepted, 50);
        disk.fill();
        load.wait_for(&Word::Unavailable, 50);
        std::thread::sleep(Duration::from_secs(2));
        found.check(all.nodes[0].lives(), "the process to live");
        disk.make_room();
        println!("  well again by itself {} ms after there was room", all.is_well().as_millis());
        load.wait_for(&Word::Accepted, 50);
        let mut seen = load.end(&all);
        seen.answered_within(BOUND);
        seen.found.check(seen.writes_failed > 0, "writes refused while there is no room");
        // What was acknowledged at the edge of the room is there after a crash, too.
        all.nodes[0].kill();
        all.nodes[0].begin();
        seen.once_more(&all);
        found.add(seen.found);
    }
    // A start without room says so, and lets nobody in; with room, it starts.
    all.nodes[0].kill();
    disk.fill();
    let started = all.nodes[0].try_begin();
    let told = started.as_ref().err().is_none_or(|why| why.contains("No space") || why.contains("full"));
    found.check(told, &format!("a start without room to say why it fails, found {started:?}"));
    all.nodes[0].kill();
    disk.make_room();
    all.nodes[0].begin();
    all.is_well();
    found
}

fn tables(_soak: bool) -> Found {
    let server = Postgres::start(&[]);
    let disk = Disk::small(48 * 1024);
    let place = disk.path().join("tables");
    std::fs::create_dir(&place).unwrap();
    Postgres::give(&place);
    server.sql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", place.display()));
    let url = server.database();
    let name = url.rsplit('/').next().unwrap_or_default();
    server.sql("postgres", &format!("ALTER DATABASE {name} SET TABLESPACE small"));
    let all = Arc::new(Installation::on(&[(); 3].map(|()| database(&url))));
    let mut found = Found::default();
    let load = Load::begin(&all, false);
    load.wait_for(&Word::Accepted, 50);
    disk.fill();
    load.wait_for(&Word::Unavailable, 50);
    std::thread::sleep(Duration::from_secs(2));
    disk.make_room();
    println!("  well again by itself {} ms after there was room", all.is_well().as_millis());
    load.wait_for(&Word::Accepted, 50);
    let mut seen = load.end(&all);
    seen.answered_within(BOUND);
    found.add(seen.found);
    server.stop(countersign_testkit::postgres::Stop::Crash);
    drop(all);
    drop(server);
    found
}
