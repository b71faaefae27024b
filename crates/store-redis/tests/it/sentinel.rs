//! Sentinels: the master is followed, and what a replica lacks is barred; two masters at a time never both accept a proof.
use crate::{alone, claimed, clock, replayed, settings, words};
use countersign::ask::Use;
use countersign::time::{Span, Time};
use countersign_store::memory::MemoryStore;
use countersign_store::replay::{ReplayStart, Scope, Terms};
use countersign_store_redis::{RedisOnce, Settings};
use countersign_testkit::redis::{MASTER, Redis, Stop};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Short, so that barriers end within the test.
const WINDOW: i64 = 2;

async fn node(settings: &Settings, words: &Arc<MemoryStore>, fresh: u8) -> Arc<RedisOnce> {
    let start = ReplayStart {
        now: Time::from_seconds(clock()),
        horizon: Span::from_seconds(WINDOW),
        terms: Terms::new(),
        floor: Time::MIN,
    };
    let begun = RedisOnce::begin(settings, words.clone(), Scope::Proofs, start, [fresh; 16]).await;
    Arc::new(begun.unwrap().0)
}

/// How often each proof was accepted, by number and date.
type Accepted = BTreeMap<(u64, i64), usize>;

/// Every node claims the same proofs, dated by the clock, until it is done.
fn load(nodes: &[Arc<RedisOnce>], done: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<Vec<(u64, i64)>>> {
    let one = |node: &Arc<RedisOnce>| {
        let (node, done) = (node.clone(), done.clone());
        tokio::spawn(async move {
            let mut accepted = Vec::new();
            let mut last = (0, 0);
            while !done.load(Ordering::SeqCst) {
                let at = clock();
                // The same numbers in each second on every node.
                last = if last.1 == at { (last.0 + 1, at) } else { (0, at) };
                if let Ok(Use::First) = claimed(&node, last.0, at).await {
                    accepted.push(last);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            accepted
        })
    };
    nodes.iter().map(one).collect()
}

async fn gathered(load: Vec<tokio::task::JoinHandle<Vec<(u64, i64)>>>) -> Accepted {
    let mut accepted = Accepted::new();
    for one in load {
        for proof in one.await.unwrap() {
            *accepted.entry(proof).or_default() += 1;
        }
    }
    accepted
}

/// Waits until a proof is accepted again, and so until barriers are over.
async fn until_accepted(node: &RedisOnce, number: u64) {
    for turn in 0..600 {
        if matches!(claimed(node, number + turn, clock()).await, Ok(Use::First)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("wanted a proof to be accepted in the end, found none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lagging_replica_that_is_promoted_opens_nothing() {
    let master = alone();
    let replica = master.replica();
    let sentinels: Vec<Redis> = (0..3).map(|_| master.sentinel()).collect();
    for sentinel in &sentinels {
        sentinel.until(&["SENTINEL", "MASTER", MASTER], "num-other-sentinels\n2");
        sentinel.until(&["SENTINEL", "MASTER", MASTER], "num-slaves\n1");
    }
    let hosts: Vec<String> =
        sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port())).collect();
    let settings = settings(&format!("redis+sentinel://{}/{MASTER}", hosts.join(",")));
    let words = words();
    let nodes = [node(&settings, &words, 1).await, node(&settings, &words, 2).await];
    until_accepted(&nodes[0], 1 << 40).await;
    let done = Arc::new(AtomicBool::new(false));
    let load = load(&nodes, &done);
    tokio::time::sleep(Duration::from_secs(1)).await;
    // From here on, the replica hears nothing.
    replica.signal("STOP");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let lost: Vec<(u64, i64)> = {
        let at = clock();
        let mut lost = Vec::new();
        for number in 1 << 20..(1 << 20) + 50 {
            if claimed(&nodes[0], number, at).await.unwrap() == Use::First {
                lost.push((number, at));
            }
        }
        lost
    };
    assert!(!lost.is_empty());
    master.stop(Stop::Crash);
    replica.signal("CONT");
    replica.until(&["INFO", "replication"], "role:master");
    // The key, with the state in it, is there; the last uses are not.
    assert_eq!(replayed(&nodes[1], &lost).await, 0);
    until_accepted(&nodes[0], 1 << 41).await;
    until_accepted(&nodes[1], 1 << 42).await;
    assert_eq!(replayed(&nodes[1], &lost).await, 0);
    done.store(true, Ordering::SeqCst);
    let accepted = gathered(load).await;
    assert!(accepted.values().all(|times| *times == 1), "none is accepted twice");
    println!(
        "a lagging replica was promoted by sentinels under load: {} accepted, 0 twice; {} that it lacked: 0 accepted again",
        accepted.len(),
        lost.len()
    );
    // The old master comes back, is made a replica, and changes nothing.
    master.begin();
    master.until(&["INFO", "replication"], "role:slave");
    until_accepted(&nodes[0], 1 << 43).await;
    let unknown = Settings { url: settings.url.replace(MASTER, "nobody"), ..settings };
    let start = ReplayStart {
        now: Time::from_seconds(clock()),
        horizon: Span::ZERO,
        terms: Terms::new(),
        floor: Time::MIN,
    };
    let told =
        RedisOnce::begin(&unknown, words, Scope::Proofs, start, [3; 16]).await.unwrap_err().to_string();
    assert!(told.contains("sentinel monitor"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_masters_at_a_time_never_both_accept_a_proof() {
    let old = alone();
    let new = old.replica();
    let here = settings(&old.url());
    let there = Settings { url: new.url(), ..here.clone() };
    let words = words();
    let one = node(&here, &words, 1).await;
    until_accepted(&one, 1 << 40).await;
    let done = Arc::new(AtomicBool::new(false));
    let before = load(std::slice::from_ref(&one), &done);
    tokio::time::sleep(Duration::from_secs(1)).await;
    // A partition: each node reaches one of two masters, and both go on for longer than any barrier lasts.
    new.run(&["REPLICAOF", "NO", "ONE"]);
    let other = node(&there, &words, 2).await;
    let after = load(&[one.clone(), other.clone()], &done);
    tokio::time::sleep(Duration::from_secs(25)).await;
    done.store(true, Ordering::SeqCst);
    let accepted = gathered(before.into_iter().chain(after).collect()).await;
    assert!(accepted.values().all(|times| *times == 1), "none is accepted twice");
    let used: Vec<(u64, i64)> = accepted.into_keys().collect();
    let again = replayed(&one, &used).await + replayed(&other, &used).await;
    assert_eq!(again, 0);
    println!("two masters for 25 s, a node at each: {} accepted, 0 twice", used.len());
    // The partition ends.
    old.run(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    until_accepted(&other, 1 << 41).await;
    assert!(claimed(&one, 1 << 42, clock()).await.unwrap_err().to_string().contains("replica"));
}
