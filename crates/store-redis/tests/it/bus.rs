//! Changes are announced: heard by every node, and again after the server was away.
use crate::{alone, settings};
use countersign_store::memory::MemoryStore;
use countersign_store::registry::Registry;
use countersign_store_redis::{Announced, Bus, Settings};
use countersign_testkit::redis::{Redis, Stop};
use std::sync::Arc;
use std::time::Duration;

fn bus(settings: &Settings) -> Bus {
    Bus::start(settings).unwrap()
}

async fn until_heard(hears: impl Fn() -> bool) {
    for _ in 0..600 {
        if hears() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("wanted the bus to hear, found that it does not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_on_one_node_wakes_the_other_also_after_the_server_was_away() {
    let server = alone();
    let settings = settings(&server.url());
    let rows = Arc::new(MemoryStore::default());
    let nodes = [bus(&settings), bus(&settings)].map(|bus| Announced::new(rows.clone(), bus));
    for round in 0..3_u64 {
        for node in &nodes {
            until_heard(|| node.hears() == Some(true)).await;
        }
        // What was told at the beginning is not what is waited for.
        while tokio::time::timeout(Duration::from_millis(300), nodes[1].announced()).await.is_ok() {}
        assert_eq!(nodes[0].commit(round, &[], &[]).await.unwrap(), round + 1);
        nodes[1].announced().await;
        assert_eq!(nodes[1].version().await.unwrap(), round + 1);
        server.stop(Stop::Crash);
        for node in &nodes {
            until_heard(|| node.hears() == Some(false)).await;
        }
        server.begin();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_carries_it_between_its_nodes() {
    let nodes = Redis::cluster(3);
    let settings = settings(&nodes[0].url().replace("redis:", "redis+cluster:"));
    let (one, other) = (bus(&settings), bus(&settings));
    until_heard(|| one.hears() && other.hears()).await;
    while tokio::time::timeout(Duration::from_millis(300), other.announced()).await.is_ok() {}
    one.announce(1).await.unwrap();
    other.announced().await;
}
