//! Bad days: a fault in the end and never a wrong answer, and all is well afterwards without anybody doing anything.
use crate::{alone, answered, claim, claimed, clock, join, node, replayed, settings, terms, words};
use countersign::ask::Use;
use countersign::time::Time;
use countersign_store::accord::Accord;
use countersign_store::fault::Fault;
use countersign_store::memory::MemoryStore;
use countersign_store::once::Once;
use countersign_store::registry::Answer;
use countersign_store::replay::{ReplayStart, Scope};
use countersign_store_redis::{RedisOnce, Settings};
use countersign_testkit::redis::{Redis, Stop};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_hangs_is_a_fault_in_bounded_time() {
    let server = alone();
    let settings = Settings { timeout: Duration::from_millis(300), ..settings(&server.url()) };
    let (once, start) = node(&settings, &words()).await;
    assert_eq!(claimed(&once, 0, start).await.unwrap(), Use::First);
    server.signal("STOP");
    let begun = Instant::now();
    let waiting: Vec<_> = (1..=1000)
        .map(|number| {
            let once = once.clone();
            tokio::spawn(
                async move { claimed(&once, number, start).await.map_err(|fault| fault.to_string()) },
            )
        })
        .collect();
    let mut last = String::new();
    for one in waiting {
        last = one.await.unwrap().unwrap_err();
    }
    println!(
        "1000 claims at a server that hangs: all faults after {} ms; {last}",
        begun.elapsed().as_millis()
    );
    assert!(once.peek(claim(0, start), Time::from_seconds(start)).await.is_err());
    server.signal("CONT");
    assert_eq!(answered(&once, 2000, start).await, Use::First, "nothing was lost, and nothing is barred");
    assert_eq!(claimed(&once, 0, start).await.unwrap(), Use::Again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_a_fault_at_once_and_comes_back() {
    let server = alone();
    let (once, start) = node(&settings(&server.url()), &words()).await;
    server.stop(Stop::Fast);
    for number in 0..20 {
        let fault = claimed(&once, number, start).await.unwrap_err().to_string();
        assert!(fault.contains("127.0.0.1"), "{fault}");
    }
    let refused = join(&settings(&server.url()), &words(), clock(), terms("a")).await.unwrap_err();
    assert!(refused.to_string().contains("cannot reach Redis"), "{refused}");
    server.begin();
    assert_eq!(answered(&once, 100, start).await, Use::Barred);
}

#[tokio::test]
async fn a_server_that_throws_out_is_refused_and_noticed_later() {
    let server = Redis::start(&["maxmemory-policy allkeys-lru"]);
    let settings = settings(&server.url());
    let told = join(&settings, &words(), clock(), terms("a")).await.unwrap_err().to_string();
    assert!(told.contains("wanted maxmemory-policy noeviction, found allkeys-lru"), "{told}");
    server.run(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let (once, start) = node(&settings, &words()).await;
    assert_eq!(claimed(&once, 0, start).await.unwrap(), Use::First);
    server.run(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    // It is looked every few seconds.
    let mut number = 1;
    let fault = loop {
        match claimed(&once, number, start).await {
            Err(fault) => break fault.to_string(),
            Ok(_) if number < 600 => tokio::time::sleep(Duration::from_millis(100)).await,
            Ok(_) => panic!("wanted a fault, found that nobody looked"),
        }
        number += 1;
    };
    assert!(fault.contains("found volatile-ttl"), "{fault}");
    server.run(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    assert_eq!(answered(&once, 10_000, start).await, Use::First);
    assert_eq!(claimed(&once, 0, start).await.unwrap(), Use::Again);
}

#[tokio::test]
async fn a_server_whose_memory_is_full_is_a_fault() {
    let server = alone();
    let (once, start) = node(&settings(&server.url()), &words()).await;
    assert_eq!(claimed(&once, 0, start).await.unwrap(), Use::First);
    server.run(&["CONFIG", "SET", "maxmemory", "1"]);
    let fault = claimed(&once, 1, start).await.unwrap_err().to_string();
    assert!(fault.contains("memory is full"), "{fault}");
    server.run(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(answered(&once, 2, start).await, Use::First);
    assert_eq!(claimed(&once, 0, start).await.unwrap(), Use::Again);
}

/// Words of a registry that may be away.
struct Away(Arc<MemoryStore>, AtomicBool);

impl Accord for Away {
    fn words(&self) -> Answer<'_, Result<BTreeMap<String, String>, Fault>> {
        if self.1.load(Ordering::SeqCst) {
            return Box::pin(async { Err(Fault::new("the registry is away")) });
        }
        self.0.words()
    }

    fn say<'a>(
        &'a self,
        name: &'a str,
        before: Option<&'a str>,
        word: &'a str,
    ) -> Answer<'a, Result<bool, Fault>> {
        self.0.say(name, before, word)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_does_not_confirm_ends_in_faults() {
    let server = alone();
    let accord = Arc::new(Away(words(), AtomicBool::new(false)));
    let start = ReplayStart {
        now: Time::from_seconds(clock()),
        horizon: countersign::time::Span::from_seconds(20),
        terms: terms("a"),
        floor: Time::MIN,
    };
    let settings = settings(&server.url());
    let (once, recovery) =
        RedisOnce::begin(&settings, accord.clone(), Scope::Proofs, start, [9; 16]).await.unwrap();
    let at = recovery.barrier.seconds() + 1;
    assert_eq!(claimed(&once, 0, at).await.unwrap(), Use::First);
    accord.1.store(true, Ordering::SeqCst);
    let mut number = 1;
    while claimed(&once, number, at).await.is_ok() {
        assert!(number < 600, "wanted a fault after a lease, found none");
        number += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(claimed(&once, 1000, at).await.is_err());
    accord.1.store(false, Ordering::SeqCst);
    assert_eq!(answered(&once, 2000, at).await, Use::First, "it was only away");
    assert_eq!(claimed(&once, 0, at).await.unwrap(), Use::Again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_slept_does_not_go_by_its_lease() {
    let (here, there) = (alone(), alone());
    let words = words();
    let accord = Arc::new(Away(words.clone(), AtomicBool::new(false)));
    let start = ReplayStart {
        now: Time::from_seconds(clock()),
        horizon: countersign::time::Span::from_seconds(20),
        terms: terms("a"),
        floor: Time::MIN,
    };
    let settings_here = Settings { prefix: "slept".into(), ..settings(&here.url()) };
    let (slept, recovery) =
        RedisOnce::begin(&settings_here, accord.clone(), Scope::Proofs, start, [9; 16]).await.unwrap();
    let at = recovery.barrier.seconds() + 1;
    assert_eq!(claimed(&slept, 0, at).await.unwrap(), Use::First);
    // While it sleeps, another node moves on to another server: the sleeper's own count of time stands still.
    accord.1.store(true, Ordering::SeqCst);
    let (other, recovery) =
        join(&Settings { prefix: "slept".into(), ..settings(&there.url()) }, &words, at, terms("a"))
            .await
            .unwrap();
    let later = recovery.barrier.seconds() + 100;
    let woken = claimed(&slept, 1, later).await;
    assert_eq!(claimed(&other, 1, later).await.unwrap(), Use::First);
    assert!(!matches!(woken, Ok(Use::First)), "wanted no second first, found {woken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_with_two_servers_never_both_accept_a_proof() {
    let (here, there) = (alone(), alone());
    let words = words();
    let (one, _) = node(&settings(&here.url()), &words).await;
    let other = node(&settings(&there.url()), &words).await;
    let mut used = Vec::new();
    let begun = clock();
    while clock() < begun + 8 {
        let at = clock();
        let number = u64::try_from(used.len()).unwrap();
        for node in [&one, &other.0] {
            if let Ok(Use::First) = claimed(node, number, at).await {
                used.push((number, at));
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let distinct: std::collections::BTreeSet<_> = used.iter().collect();
    assert_eq!(distinct.len(), used.len(), "none is accepted twice");
    assert_eq!(replayed(&one, &used).await + replayed(&other.0, &used).await, 0);
}
