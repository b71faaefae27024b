//! By which terms, and where, uses are remembered: changes bar what was used before, and stop nodes that go by the old ones.
use crate::{alone, claim, claimed, clock, join, node, settings, terms, words};
use countersign::ask::Use;
use countersign::time::{Span, Time};
use countersign_store::accord::leave;
use countersign_store::once::Once;
use countersign_store::replay::{ReplayStart, Scope, Term, Terms};
use countersign_store_redis::RedisOnce;
use countersign_testkit::redis::Redis;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_terms_bar_what_was_used_before_and_stop_nodes_that_go_by_the_old_ones() {
    let (settings, words) = (settings(&Redis::shared().url()), words());
    let (old, start) = node(&settings, &words).await;
    assert_eq!(claimed(&old, 1, start).await.unwrap(), Use::First);
    let (new, recovery) = join(&settings, &words, start, terms("b")).await.unwrap();
    assert!(recovery.why.unwrap().contains("other terms"));
    assert_eq!(claimed(&new, 1, start).await.unwrap(), Use::Barred);
    let later = recovery.barrier.seconds() + 1;
    let fault = claimed(&old, 3, later).await.unwrap_err().to_string();
    assert!(fault.contains("another node was started with other terms"), "{fault}");
    assert_eq!(claimed(&new, 3, later).await.unwrap(), Use::First);
    // A node with a dialect more goes on beside those that have it not.
    let mut more = terms("b");
    more.insert("dpop".into(), Term { text: "x".into(), window: Span::from_seconds(20) });
    let (third, recovery) = join(&settings, &words, later, more).await.unwrap();
    let later = recovery.barrier.seconds() + 1;
    assert_eq!(claimed(&third, 4, later).await.unwrap(), Use::First);
    assert_eq!(claimed(&new, 4, later).await.unwrap(), Use::Again);
    // Whoever was outdated once does not bring the old terms back when all is lost.
    Redis::shared().run(&["DEL", &format!("{}:{{0}}:proofs", settings.prefix)]);
    assert!(claimed(&old, 5, later).await.is_err());
    assert!(matches!(claimed(&new, 5, later).await, Ok(Use::First | Use::Barred)));
    // And the one with a dialect more tells of it again, whoever came first.
    assert_eq!(claimed(&third, 6, later).await.unwrap(), Use::Barred);
    assert_eq!(claimed(&third, 6, later + 100).await.unwrap(), Use::First);
    assert_eq!(claimed(&new, 6, later + 100).await.unwrap(), Use::Again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_held_by_a_longer_window_stays_used_after_it_was_made_shorter() {
    let (settings, words) = (settings(&Redis::shared().url()), words());
    let long = |window| {
        Terms::from([(
            "a".to_owned(),
            Term { text: format!("near:{window}"), window: Span::from_seconds(window) },
        )])
    };
    let start = clock();
    join(&settings, &words, start, long(1200)).await.unwrap();
    let (once, recovery) = join(&settings, &words, start, long(40)).await.unwrap();
    assert!(recovery.barrier.seconds() >= start + 1200);
    assert_eq!(claimed(&once, 1, start + 1200).await.unwrap(), Use::Barred);
    // What another memory keeps of it counts when this one loses it.
    let from = ReplayStart {
        now: Time::from_seconds(start),
        horizon: Span::from_seconds(20),
        terms: long(40),
        floor: recovery.barrier,
    };
    let (once, again) =
        RedisOnce::begin(&settings, words.clone(), Scope::Proofs, from, [8; 16]).await.unwrap();
    assert_eq!(again.why, None);
    Redis::shared().run(&["DEL", &format!("{}:{{0}}:proofs", settings.prefix)]);
    assert_eq!(claimed(&once, 1, start).await.unwrap(), Use::Barred);
    assert_eq!(claimed(&once, 1, start + 1200).await.unwrap(), Use::Barred);
    assert_eq!(claimed(&once, 2, start + 1300).await.unwrap(), Use::First, "and no longer than it held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_that_was_elsewhere_meanwhile_begins_behind_a_barrier() {
    let (settings, words) = (settings(&Redis::shared().url()), words());
    let (running, start) = node(&settings, &words).await;
    let (_, recovery) = join(&settings, &words, start, terms("a")).await.unwrap();
    assert_eq!(recovery.why, None, "a node more changes nothing");
    // What a node does that remembers in the database.
    assert!(leave(&*words, "proofs/").await.unwrap());
    let mut number = 0;
    let fault = loop {
        match claimed(&running, number, start).await {
            Err(fault) => break fault.to_string(),
            Ok(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        number += 1;
        assert!(number < 600, "wanted a fault in a lease, found none");
    };
    assert!(fault.contains("another place of remembering"), "{fault}");
    let (again, recovery) = join(&settings, &words, clock(), terms("a")).await.unwrap();
    assert!(recovery.why.unwrap().contains("remembered elsewhere"));
    assert_eq!(claimed(&again, 100_000, clock()).await.unwrap(), Use::Barred);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_is_forgotten_and_never_counts_as_new() {
    let server = alone();
    let (settings, words) = (settings(&server.url()), words());
    let (once, start) = node(&settings, &words).await;
    let key = format!("{}:{{0}}:proofs", settings.prefix);
    let count = || server.run(&["ZCARD", &key]).parse::<u64>().unwrap();
    // Uses of long ago, as they would be if this server had run since.
    let over = (start - 4000).to_string();
    let script = "for i = 1, 5000 do redis.call('ZADD', KEYS[1], ARGV[1], string.format('%032d', i)) end";
    server.run(&["EVAL", script, "1", &key, &over]);
    let mut number = 0;
    while count() > 5000 || number == 0 {
        // Callers keep it busy, and it forgets beside that.
        assert_eq!(claimed(&once, number, start).await.unwrap(), Use::First);
        number += 1;
        assert!(number < 600, "wanted it to forget, found that it does not");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    while count() > number + 1 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(once.remembered().unwrap_or(0) > 0);
    // Whatever a node's clock says: what may have been forgotten does not come back.
    let old = claim(1, start - 4000);
    for at in [start - 4000, start, start + 4000] {
        assert_eq!(once.claim(old, Time::from_seconds(at)).await.unwrap(), Use::Barred);
        assert_eq!(once.peek(old, Time::from_seconds(at)).await.unwrap(), Use::Barred);
    }
    assert_eq!(claimed(&once, 0, start).await.unwrap(), Use::Again);
}
