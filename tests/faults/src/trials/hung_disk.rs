//! A disk that lets every write wait, and one that breaks and takes no more.
use super::{Need, Trial};
use crate::disk::Disk;
use crate::installation::{Installation, settings};
use crate::load::Load;
use crate::node::Setting;
use crate::tally::Found;
use crate::upstream;
use crate::wire::Word;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const HUNG: Trial = Trial {
    name: "hung-disk",
    what: "the embedded store on a disk that lets every write wait",
    needs: &[Need::Root, Need::Loop],
    run: hung,
};

pub(crate) const BROKEN: Trial = Trial {
    name: "broken-disk",
    what: "the embedded store on a disk that becomes read-only, is repaired and put back",
    needs: &[Need::Root, Need::Loop],
    run: broken,
};

/// A claim waits for the disk this long at most, and a write of the registry a little longer.
const BOUND: Duration = Duration::from_secs(15);

fn on(disk: &Disk) -> Arc<Installation> {
    let setting = Setting {
        data: Some(disk.path().join("data")),
        ..Setting::with(settings(&upstream::start("127.0.0.1"), ""))
    };
    Arc::new(Installation::start(vec![setting]))
}

fn hung(_soak: bool) -> Found {
    let disk = Disk::real();
    let all = on(&disk);
    let load = Load::begin(&all, false);
    load.wait_for(&Word::Accepted, 50);
    disk.stop();
    load.wait_for(&Word::Unavailable, 2);
    std::thread::sleep(Duration::from_secs(8));
    disk.go_on();
    println!("  well again by itself {} ms after the end of it", all.is_well().as_millis());
    load.wait_for(&Word::Accepted, 50);
    let mut seen = load.end(&all);
    seen.answered_within(BOUND);
    all.nodes[0].kill();
    all.nodes[0].begin();
    seen.once_more(&all);
    seen.found
}

fn broken(_soak: bool) -> Found {
    let disk = Disk::real();
    let all = on(&disk);
    let load = Load::begin(&all, true);
    load.wait_for(&Word::Accepted, 50);
    disk.break_down();
    load.wait_for(&Word::Unavailable, 50);
    std::thread::sleep(Duration::from_secs(2));
    let lives = all.nodes[0].lives();
    // Such a disk heals by hands alone, and the process has files open on it.
    all.nodes[0].kill();
    disk.repair();
    all.nodes[0].begin();
    all.is_well();
    load.wait_for(&Word::Accepted, 50);
    let mut seen = load.end(&all);
    seen.answered_within(BOUND);
    seen.found.check(lives, "the process to live on a disk that takes no writes");
    seen.found
}
