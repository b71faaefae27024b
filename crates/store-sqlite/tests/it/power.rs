//! Power cuts under SQLite: every system call of a running store is recorded, and a disk that keeps only what was synced is made
//! from the record, cut at any call. What was acknowledged before the cut is there.
//!
//! The test runs its own program a second time, under `strace`, which writes down all calls with all bytes.
#![expect(clippy::indexing_slicing, reason = "tests may stop at once")]
use crate::{DAY, folder, session};
use countersign::life::session::Session;
use countersign::time::Time;
use countersign_store::audit;
use countersign_store::model::{AuditDraft, Record, User, Write};
use countersign_store::registry::Registry;
use countersign_store::sessions::Sessions;
use countersign_store_sqlite::SqliteStore;
use platter::{Choice, Platter};
use record::{Call, calls};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

mod platter;
mod record;

const FOLDER: &str = "COUNTERSIGN_TEST_POWER_FOLDER";
/// Enough to fill the write-ahead log once, so that a checkpoint is cut too.
const UNITS: u64 = 150;
const CUTS: usize = 200;

/// Not a test by itself: the process whose power goes.
#[test]
fn the_one_whose_power_goes() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(load(Path::new(&folder)));
}

async fn load(folder: &Path) {
    let store = SqliteStore::open(folder).await.unwrap();
    let mut kept = session("s", "acc_1");
    Sessions::open(&store, &kept).await.unwrap();
    println!("session 0 ok");
    for number in 0..UNITS {
        let at = Time::from_seconds(DAY);
        let user = User { name: number.to_string(), enabled: true, created: at };
        let draft = AuditDraft {
            at,
            actor: "local".into(),
            action: "user.add".into(),
            subject: user.name.clone(),
            // Pages enough for a checkpoint before the end.
            detail: "x".repeat(20_000),
        };
        store.commit(number, &[Write::Put(Record::User(user))], &[draft]).await.unwrap();
        println!("user {number} ok");
        if number % 5 == 0 {
            let next = Session { iteration: (number + 1).to_string(), ..kept.clone() };
            assert!(store.replace(&kept, &next).await.unwrap());
            println!("session {} ok", number + 1);
            kept = next;
        }
    }
    store.close().await;
}

#[test]
fn two_hundred_power_cuts_lose_nothing_that_was_acknowledged() {
    let scratch = folder();
    let data = scratch.path().join("data");
    let calls = recorded(&data, &scratch.path().join("record"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut choice = Choice(20_261_127);
    let (mut found, mut dropped, mut acknowledged) = (0, 0, 0);
    for cut in 0..CUTS {
        let end = choice.index(calls.len());
        let mut platter = Platter::default();
        let (mut users, mut iteration) = (BTreeSet::new(), None);
        for call in &calls[..end] {
            match call {
                Call::Said(line) => match line.split(' ').collect::<Vec<_>>()[..] {
                    ["user", number, "ok"] => drop(users.insert(number.to_owned())),
                    ["session", number, "ok"] => iteration = Some(number.parse::<u64>().unwrap()),
                    _ => {}
                },
                other => platter.apply(other),
            }
        }
        let after = scratch.path().join(format!("after-{cut}"));
        dropped += platter.power_cut(&mut choice, &data, &after);
        acknowledged += users.len();
        found += runtime.block_on(check(&after, &users, iteration));
        std::fs::remove_dir_all(&after).unwrap();
    }
    println!(
        "{CUTS} power cuts in {} calls: {acknowledged} acknowledged, {found} there, {dropped} writes lost",
        calls.len()
    );
    assert!(acknowledged > 2_000 && dropped > 100, "the record must have something to show");
    assert!(
        calls.iter().any(|call| matches!(call, Call::Write { path, .. } if path.ends_with("registry.db")))
    );
}

fn recorded(data: &Path, record: &Path) -> Vec<Call> {
    let output = Command::new("strace")
        .args(["-f", "-y", "-xx", "-s", "10000000", "-o"])
        .arg(record)
        .args(["-e", "trace=openat,write,pwrite64,ftruncate,fsync,fdatasync,unlink,rename"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "power::the_one_whose_power_goes", "--nocapture", "--test-threads=1"])
        .env(FOLDER, data)
        .output()
        .expect("this test needs strace: apt-get install strace");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calls = calls(&std::fs::read_to_string(record).unwrap());
    let said = calls.iter().filter(|call| matches!(call, Call::Said(line) if line.ends_with(" ok"))).count();
    assert!(said > usize::try_from(UNITS).unwrap(), "{said} lines in the record");
    calls
}

/// How many users are there.
async fn check(folder: &Path, users: &BTreeSet<String>, iteration: Option<u64>) -> usize {
    let store = SqliteStore::open(folder).await.unwrap();
    let loaded = store.load().await.unwrap();
    let kept: BTreeSet<String> = loaded
        .records
        .into_iter()
        .map(|record| match record {
            Record::User(user) => user.name,
            other => panic!("{other:?}"),
        })
        .collect();
    let lost: Vec<&String> = users.difference(&kept).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    // Every row has its audit entry and every entry its row: none is half written.
    let entries = store.audit(0, u32::MAX).await.unwrap();
    audit::check(&entries).unwrap();
    let named: BTreeSet<String> = entries.into_iter().map(|entry| entry.entry.subject).collect();
    assert_eq!(named, kept);
    assert_eq!(loaded.version, u64::try_from(kept.len()).unwrap());
    if let Some(iteration) = iteration {
        let session = store.get("s").await.unwrap().map(|session| session.iteration.parse::<u64>().unwrap());
        assert!(session >= Some(iteration), "session {session:?}, acknowledged {iteration}");
    }
    store.close().await;
    kept.len()
}
