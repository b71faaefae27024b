//! A cluster of three masters: a memory is spread over them, and what one of them loses is barred there alone.
use crate::{alone, answered, claimed, clock, join, node, replayed, settings, terms, words};
use countersign::ask::Use;
use countersign_testkit::conformance;
use countersign_testkit::redis::{Redis, Stop};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_remembers_and_opens_nothing_when_a_master_loses_all() {
    let nodes = Redis::cluster(3);
    let hosts: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
    let settings = settings(&format!("redis+cluster://{}", hosts[..2].join(",")));
    let words = words();
    let (once, start) = node(&settings, &words).await;
    conformance::once::once(once.clone(), start, 10).await;
    let later = start + 1000;
    let mut used = Vec::new();
    for number in 0..200 {
        assert_eq!(claimed(&once, number, later).await.unwrap(), Use::First);
        used.push((number, later));
    }
    let keys = |node: &Redis| node.run(&["KEYS", &format!("{}:*", settings.prefix)]).lines().count();
    let spread: Vec<usize> = nodes.iter().map(keys).collect();
    assert!(spread.iter().all(|keys| *keys > 0), "every master has a part: {spread:?}");
    assert_eq!(spread.iter().sum::<usize>(), 16);
    nodes[0].run(&["FLUSHALL"]);
    let mut barred = 0;
    for (number, at) in &used {
        match claimed(&once, *number, *at).await.unwrap() {
            Use::Again => {}
            Use::Barred => barred += 1,
            Use::First => panic!("{number} is accepted again"),
        }
    }
    assert!(barred > 0 && barred < used.len(), "the other masters know theirs");
    // As proofs are: dated by the clock.
    let (other, _) = node(&settings, &words).await;
    let at = clock();
    let first = other_first(&other, at).await;
    nodes[2].stop(Stop::Crash);
    let mut faults = 0;
    for number in 1000..1100 {
        faults += usize::from(claimed(&once, number, later).await.is_err());
    }
    assert!(faults > 0 && faults < 100, "what the others own is decided: {faults} of 100 are faults");
    nodes[2].begin();
    nodes[2].until(&["CLUSTER", "INFO"], "cluster_state:ok");
    assert_eq!(replayed(&once, &first).await, 0);
    answered(&once, 5000, later).await;
    println!("parts on three masters: {spread:?}; {faults} of 100 claims were faults while one was away");
}

/// Proofs dated by the clock that a node accepts or bars; those accepted.
async fn other_first(once: &countersign_store_redis::RedisOnce, at: i64) -> Vec<(u64, i64)> {
    let mut first = Vec::new();
    for number in 2000..2100 {
        if claimed(once, number, at).await.unwrap() == Use::First {
            first.push((number, at));
        }
    }
    first
}

#[tokio::test]
async fn an_address_of_the_wrong_kind_is_refused() {
    let server = alone();
    let wrong = settings(&server.url().replace("redis:", "redis+cluster:"));
    let told = join(&wrong, &words(), clock(), terms("a")).await.unwrap_err().to_string();
    assert!(told.contains("cluster"), "{told}");
    let nodes = Redis::cluster(3);
    let mut found = String::new();
    for node in &nodes {
        let told = join(&settings(&node.url()), &words(), clock(), terms("a")).await.unwrap_err().to_string();
        found = format!("{found}{told}\n");
    }
    assert!(found.contains("write redis+cluster://"), "{found}");
}
