//! The suites that every store passes; and their races over two pools, as two nodes would run them.
use crate::{draft, fresh, open, user};
use countersign::life::session::Session;
use countersign::time::{Span, Time};
use countersign_store::accord::Accord;
use countersign_store::audit;
use countersign_store::registry::{NotWritten, Registry};
use countersign_store::sessions::Sessions;
use countersign_testkit::conformance;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn registry() {
    let (store, url) = fresh().await;
    conformance::registry::registry(store, async || {
        let again: Arc<dyn Registry> = open(&url).await;
        again
    })
    .await;
    let (store, url) = fresh().await;
    let reopen = async || {
        let again: Arc<dyn Registry> = open(&url).await;
        again
    };
    conformance::registry::fill(store, reopen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions() {
    let (store, url) = fresh().await;
    let reopen = async || {
        let again: Arc<dyn Sessions> = open(&url).await;
        again
    };
    conformance::sessions::sessions(store, reopen, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_on_two_nodes_one_wins_each_version() {
    let (one, url) = fresh().await;
    let nodes = [one.clone(), open(&url).await];
    for round in 0..20_u64 {
        let base = nodes[0].version().await.unwrap();
        let writers: Vec<_> = (0..16_usize)
            .map(|writer| {
                let node = nodes[writer % 2].clone();
                tokio::spawn(async move {
                    node.commit(base, &[user(&format!("{round} {writer}"))], &[draft("")]).await
                })
            })
            .collect();
        let mut won = 0;
        for writer in writers {
            match writer.await.unwrap() {
                Ok(version) => {
                    assert_eq!(version, base + 1);
                    won += 1;
                }
                Err(NotWritten::Conflict) => {}
                Err(NotWritten::Fault(fault)) => panic!("{fault}"),
            }
        }
        assert_eq!(won, 1);
        for node in &nodes {
            assert_eq!(node.version().await.unwrap(), base + 1, "what one node wrote, the other sees");
        }
    }
    let entries = nodes[1].audit(0, 1000).await.unwrap();
    assert_eq!((entries.len(), audit::check(&entries)), (20, Ok(())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_swaps_on_two_nodes_one_wins_and_an_end_holds_everywhere() {
    let (one, url) = fresh().await;
    let nodes = [one, open(&url).await];
    let opened = Time::from_seconds(crate::DAY);
    let mut kept = Session {
        id: "s".into(),
        account: "acc".into(),
        identifier: "alice".into(),
        organisation: None,
        key: "key".into(),
        opened,
        ends: opened + Span::from_seconds(60),
        iteration: "0".into(),
        rotated: opened,
        previous: None,
        ended: None,
        grant: None,
    };
    Sessions::open(&*nodes[0], &kept).await.unwrap();
    for round in 0..10 {
        let racers: Vec<_> = (0..32_usize)
            .map(|racer| {
                let (node, before) = (nodes[racer % 2].clone(), kept.clone());
                tokio::spawn(async move {
                    let after = Session { iteration: format!("{round} {racer}"), ..before.clone() };
                    node.replace(&before, &after).await.unwrap().then_some(after)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            winners.extend(racer.await.unwrap());
        }
        assert_eq!(winners.len(), 1);
        kept = winners.remove(0);
    }
    let over = kept.end(countersign::life::session::Ended::Revoked);
    assert!(nodes[0].replace(&kept, &over).await.unwrap());
    assert_eq!(nodes[1].get("s").await.unwrap().as_deref(), Some(&over));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn accord() {
    let (store, url) = fresh().await;
    conformance::accord::accord(store.clone(), 20).await;
    // A standby that was promoted may lack the last words: what was said elsewhere is not said here.
    let sql = "UPDATE meta SET value = split_part(value, ' ', 1) || ' elsewhere' WHERE name LIKE 'accord/%'";
    countersign_testkit::postgres::Postgres::shared().sql(&url, sql);
    assert!(store.words().await.unwrap().is_empty());
    assert!(!store.say("challenges/0", Some("z"), "y").await.unwrap());
    assert!(store.say("challenges/0", None, "y").await.unwrap());
    assert_eq!(store.words().await.unwrap().len(), 1);
}
