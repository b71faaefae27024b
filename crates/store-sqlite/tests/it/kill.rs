//! Kills a process under load a hundred times: what it had acknowledged is there, and nothing is accepted twice.
//!
//! The test runs its own program a second time, which writes and says so line by line until it is killed.
use crate::{DAY, claim, folder, replay_start, session};
use countersign::ask::Use;
use countersign::life::session::Session;
use countersign::time::Time;
use countersign_store::audit;
use countersign_store::model::{AuditDraft, Record, User, Write};
use countersign_store::once::Once;
use countersign_store::registry::Registry;
use countersign_store::sessions::Sessions;
use countersign_store_sqlite::SqliteStore;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const FOLDER: &str = "COUNTERSIGN_TEST_KILL_FOLDER";
const ROUND: &str = "COUNTERSIGN_TEST_KILL_ROUND";
const KILLS: u64 = 100;
/// Numbers of one round's claims and users.
const SPAN: u64 = 1_000_000;

/// What the killed process said.
#[derive(Default)]
struct Said {
    claims: Vec<u64>,
    users: Vec<u64>,
    iteration: u64,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (kind, number) = (words.next(), words.next().and_then(|number| number.parse().ok()));
        // A line that was cut by the kill was not said.
        match (kind, number, words.next()) {
            (Some("claim"), Some(number), Some("ok")) => self.claims.push(number),
            (Some("user"), Some(number), Some("ok")) => self.users.push(number),
            (Some("session"), Some(number), Some("ok")) => self.iteration = number,
            _ => {}
        }
    }
}

/// Not a test by itself: the process that is killed.
#[test]
fn the_one_that_is_killed() {
    let (Some(folder), Some(round)) = (std::env::var_os(FOLDER), std::env::var_os(ROUND)) else { return };
    let round: u64 = round.to_str().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(load(Path::new(&folder), round));
}

async fn load(folder: &Path, round: u64) {
    let now = DAY + i64::try_from(round).unwrap();
    let store = Arc::new(SqliteStore::open(folder).await.unwrap());
    let (once, _) = store.replay_memory(replay_start(now)).await.unwrap();
    let once = Arc::new(once);
    let first = round * SPAN;
    for task in 0..16 {
        let once = Arc::clone(&once);
        tokio::spawn(async move {
            for count in 0.. {
                let number = first + count * 16 + task;
                let found = once.claim(claim(number, now), Time::from_seconds(now)).await.unwrap();
                assert_eq!(found, Use::First);
                println!("claim {number} ok");
            }
        });
    }
    let sessions = Arc::clone(&store);
    tokio::spawn(async move {
        let mut kept = sessions.get("s").await.unwrap().map(|kept| Session::clone(&kept));
        if kept.is_none() {
            let new = session("s", "acc_1");
            Sessions::open(&*sessions, &new).await.unwrap();
            kept = Some(new);
        }
        let mut kept = kept.unwrap();
        loop {
            let number: u64 = kept.iteration.parse::<u64>().unwrap() + 1;
            let next = Session { iteration: number.to_string(), ..kept.clone() };
            assert!(sessions.replace(&kept, &next).await.unwrap());
            println!("session {number} ok");
            kept = next;
        }
    });
    let mut base = store.version().await.unwrap();
    for number in first.. {
        let at = Time::from_seconds(now);
        let user = User { name: number.to_string(), enabled: true, created: at };
        let draft = AuditDraft {
            at,
            actor: "local".into(),
            action: "user.add".into(),
            subject: user.name.clone(),
            detail: String::new(),
        };
        base = store.commit(base, &[Write::Put(Record::User(user))], &[draft]).await.unwrap();
        println!("user {number} ok");
    }
}

#[test]
fn a_hundred_kills_lose_nothing_and_reopen_nothing() {
    let folder = folder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut users = BTreeSet::new();
    let mut acknowledged: Vec<(u64, i64)> = Vec::new();
    let (mut total, mut tried, mut iteration) = (0, 0, 0);
    for round in 0..KILLS {
        let said = run_and_kill(folder.path(), round);
        let now = DAY + i64::try_from(round).unwrap();
        total += said.claims.len() + said.users.len();
        acknowledged.extend(said.claims.iter().map(|number| (*number, now)));
        acknowledged.retain(|(_, dated)| dated + 20 >= now);
        users.extend(said.users.iter().map(u64::to_string));
        iteration = said.iteration.max(iteration);
        tried += acknowledged.len();
        runtime.block_on(check(folder.path(), now, &users, &acknowledged, iteration));
    }
    assert!(total > 2000, "{total}: the load was too small to show anything");
    println!("{KILLS} kills: {total} acknowledged, 0 lost, 0 replayed ({tried} tried again)");
}

fn run_and_kill(folder: &Path, round: u64) -> Said {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::the_one_that_is_killed", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Said::default();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // Different rounds stop at different points, the first ones while the files are hardly begun.
    let stop = 1 + (round * 37) % 150;
    for _ in 0..stop {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            panic!("the process ended by itself: {:?}", child.wait());
        }
        said.hear(line.trim_end());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    rest.lines().for_each(|line| said.hear(line));
    said
}

async fn check(folder: &Path, now: i64, users: &BTreeSet<String>, claims: &[(u64, i64)], iteration: u64) {
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
    let session = store.get("s").await.unwrap().map_or(0, |session| session.iteration.parse().unwrap());
    assert!(session >= iteration, "session {session}, acknowledged {iteration}");
    let (once, recovery) = store.replay_memory(replay_start(now)).await.unwrap();
    assert_eq!(recovery.why, None);
    for (number, dated) in claims {
        let found = once.claim(claim(*number, *dated), Time::from_seconds(now)).await.unwrap();
        assert_eq!(found, Use::Again, "{number}");
    }
    drop(once);
    store.close().await;
}
