//! Whatever Redis loses: nothing that was accepted is accepted again.
use crate::{alone, claimed, node, replayed, settings, words};
use countersign::ask::Use;
use countersign_testkit::redis::{Redis, Stop};

/// Proofs that are accepted before each loss.
const USED: u64 = 50;

/// Accepts proofs, lets something happen, and shows them all again. Gives what the first new proof is answered afterwards, once
/// anything is.
async fn after(
    server: &Redis,
    settings: &countersign_store_redis::Settings,
    what: &str,
    loss: impl FnOnce(),
) -> Use {
    let words = words();
    let (once, start) = node(settings, &words).await;
    let mut used = Vec::new();
    for number in 0..USED {
        assert_eq!(claimed(&once, number, start).await.unwrap(), Use::First);
        used.push((number, start));
    }
    loss();
    server.until(&["PING"], "PONG");
    assert_eq!(replayed(&once, &used).await, 0, "{what}");
    let found = crate::answered(&once, 1000, start).await;
    // Another node that begins now knows no more.
    let (other, later) = node(settings, &words).await;
    assert_eq!(replayed(&other, &used).await, 0, "{what}");
    assert_eq!(claimed(&other, 5000, later).await.unwrap(), Use::First, "{what}: the barrier has an end");
    println!("{what}: {USED} proofs shown again, to two nodes: 0 accepted; a new one is {found:?}");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_started_again_with_any_persistence() {
    for (how, lines) in [
        ("no persistence", &[][..]),
        ("RDB", &["save 3600 1"][..]),
        ("AOF every second", &["appendonly yes"][..]),
        ("AOF always", &["appendonly yes", "appendfsync always"][..]),
    ] {
        let server = Redis::start(lines);
        for round in 0..5 {
            let how = format!("kill -9 with {how}, round {round}");
            let found = after(&server, &settings(&server.url()), &how, || {
                server.stop(Stop::Crash);
                server.begin();
            })
            .await;
            assert_eq!(found, Use::Barred, "{how}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emptied_or_filled_with_something_else() {
    let server = alone();
    let other = alone();
    let ours = || settings(&server.url());
    for command in ["FLUSHALL", "FLUSHDB"] {
        let found = after(&server, &ours(), command, || drop(server.run(&[command]))).await;
        assert_eq!(found, Use::Barred, "{command}");
    }
    let one = ours();
    let key = format!("{}:{{0}}:proofs", one.prefix);
    let found = after(&server, &one, "DEL of the key", || drop(server.run(&["DEL", &key]))).await;
    assert_eq!(found, Use::Barred);
    let one = ours();
    let key = format!("{}:{{0}}:proofs", one.prefix);
    let lost = || drop(server.run(&["ZREMRANGEBYRANK", &key, "-1", "-1"]));
    assert_eq!(after(&server, &one, "the state alone is removed", lost).await, Use::Barred);
    let found = after(&server, &ours(), "SWAPDB", || drop(server.run(&["SWAPDB", "0", "1"]))).await;
    assert_eq!(found, Use::Barred);
    let found = after(&server, &ours(), "another's data and back to being master", || {
        server.run(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
        server.until(&["INFO", "replication"], "master_link_status:up");
        server.run(&["REPLICAOF", "NO", "ONE"]);
    })
    .await;
    assert_eq!(found, Use::Barred);
    // Nothing is lost by these, and nothing is barred.
    for command in ["DEBUG RELOAD", "SCRIPT FLUSH", "CLIENT KILL TYPE normal"] {
        let words: Vec<&str> = command.split(' ').collect();
        let found = after(&server, &ours(), command, || drop(server.run(&words))).await;
        assert_eq!(found, Use::First, "{command}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_in_the_same_process_on_the_same_connection() {
    let server = alone();
    let copy = server.replica();
    let (once, start) = node(&settings(&server.url()), &words()).await;
    assert_eq!(claimed(&once, 1000, start).await.unwrap(), Use::First);
    copy.until(&["DBSIZE"], "1");
    // It has the state, and none of what is used from here on.
    copy.run(&["REPLICAOF", "NO", "ONE"]);
    for number in 0..USED {
        assert_eq!(claimed(&once, number, start).await.unwrap(), Use::First);
    }
    let used: Vec<(u64, i64)> = (0..USED).map(|number| (number, start)).collect();
    server.run(&["REPLICAOF", "127.0.0.1", &copy.port().to_string()]);
    server.until(&["INFO", "replication"], "master_link_status:up");
    server.run(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(replayed(&once, &used).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thrown_out_since_memory_is_short() {
    let server = alone();
    let found = after(&server, &settings(&server.url()), "eviction", || {
        server.run(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", "1mb"]);
        server.run(&[
            "EVAL",
            "for i = 1, 20000 do redis.call('SET', 'k' .. i, string.rep('x', 100)) end",
            "0",
        ]);
        assert!(!server.run(&["INFO", "stats"]).contains("evicted_keys:0\r"), "something was thrown out");
        server.run(&["CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "0"]);
        server.run(&["FLUSHALL"]);
    })
    .await;
    assert_eq!(found, Use::Barred);
}
