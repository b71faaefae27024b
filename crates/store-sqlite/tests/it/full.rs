//! A real disk that takes no more: units are refused whole, reading goes on, and room brings everything back.
//!
//! The test runs its own program a second time under a limit on the size of files.
use crate::{DAY, claim, folder, replay_start};
use countersign::ask::Use;
use countersign::time::Time;
use countersign_store::audit;
use countersign_store::model::{AuditDraft, Record, User, Write};
use countersign_store::once::Once;
use countersign_store::registry::{NotWritten, Registry};
use countersign_store_sqlite::SqliteStore;
use futures_util::future::join_all;
use std::path::Path;
use std::process::Command;

const FOLDER: &str = "COUNTERSIGN_TEST_FULL_FOLDER";

/// Of a hundred claims each.
const GROUPS: u64 = 800;

fn unit(number: u64) -> (Write, AuditDraft) {
    let at = Time::from_seconds(DAY);
    let user = User { name: number.to_string(), enabled: true, created: at };
    let draft = AuditDraft {
        at,
        actor: "local".into(),
        action: "user.add".into(),
        subject: user.name.clone(),
        detail: "x".repeat(10_000),
    };
    (Write::Put(Record::User(user)), draft)
}

async fn add(store: &SqliteStore, number: u64) -> Result<u64, NotWritten> {
    let (write, draft) = unit(number);
    store.commit(number, &[write], &[draft]).await
}

/// Not a test by itself: the process that finds no room.
#[test]
fn the_one_without_room() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fill(Path::new(&folder)));
}

async fn fill(folder: &Path) {
    let store = SqliteStore::open(folder).await.unwrap();
    let (once, _) = store.replay_memory(replay_start(DAY)).await.unwrap();
    let mut written = 0;
    while let Ok(version) = add(&store, written).await {
        written = version;
        assert!(written < 10_000, "there must be a limit");
    }
    for _ in 0..3 {
        assert!(matches!(add(&store, written).await, Err(NotWritten::Fault(_))));
        let loaded = store.load().await.unwrap();
        assert_eq!((loaded.version, loaded.records.len()), (written, usize::try_from(written).unwrap()));
    }
    // Each file of the log may grow as far; where one ends, the next begins, and what failed stays used.
    let (mut first, mut failed) = (0, 0);
    for group in 0..GROUPS {
        let fresh = (0..100).map(|number| claim(group * 100 + number, DAY));
        let found = join_all(fresh.map(|fresh| once.claim(fresh, fresh.since))).await;
        for (number, found) in (0..).zip(found) {
            match found {
                Ok(found) => {
                    assert_eq!(found, Use::First);
                    first += 1;
                }
                Err(_) => {
                    let lost = claim(group * 100 + number, DAY);
                    assert_eq!(once.claim(lost, lost.since).await.unwrap(), Use::Again);
                    failed += 1;
                }
            }
        }
    }
    println!("\nwritten {written} first {first} failed {failed}");
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let folder = folder();
    let output = Command::new("sh")
        // A write past the limit is then an error and no signal. 2000 blocks: one or two MiB, as the shell counts.
        .args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full::the_one_without_room", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let line = said.lines().find(|line| line.starts_with("written ")).unwrap();
    let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [written, first, failed] = numbers[..] else { panic!("{line}") };
    assert!(written > 5 && first > 1000 && failed > 0, "{line}");

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(folder.path()).await.unwrap();
        let loaded = store.load().await.unwrap();
        assert_eq!((loaded.version, loaded.records.len()), (written, usize::try_from(written).unwrap()));
        audit::check(&store.audit(0, u32::MAX).await.unwrap()).unwrap();
        // With room, it goes on where it stopped.
        assert_eq!(add(&store, written).await.unwrap(), written + 1);
        let (once, recovery) = store.replay_memory(replay_start(DAY)).await.unwrap();
        assert_eq!(recovery.why, None);
        let mut again = 0;
        for number in 0..GROUPS * 100 {
            again += u64::from(
                once.peek(claim(number, DAY), Time::from_seconds(DAY)).await.unwrap() == Use::Again,
            );
        }
        // Those that failed may have been kept.
        assert!((first..=first + failed).contains(&again), "{again} of {first}");
        println!("{line}; all there after a restart");
    });
}
