//! Several nodes of the real program on one PostgreSQL and one Redis: a nonce works once over all of them, also after Redis lost
//! everything, and while it is away nobody is blamed.
use crate::nodes::{NODES, PROOFS, ask, node, nodes, shown_at_once, token, until, upstream};
use crate::run::{Place, Server};
use countersign_testkit::postgres::Postgres;
use countersign_testkit::redis::{Redis, Stop};

/// Runs an operator's command until it is taken: after a start it waits out a barrier, as every proof that works once does.
fn order(place: &Place, line: &str, server: &Server) {
    let line = format!("{line} --server {}", server.manage);
    for _ in 0..180 {
        let ran = place.run(&line);
        if ran.code == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    place.run(&line).ok();
}

#[test]
fn three_nodes_with_redis_accept_each_proof_once_whatever_redis_loses() {
    let url = Postgres::shared().database();
    let redis = Redis::start(&[]);
    // Short, so that barriers end within the test.
    let memory = format!("[store.replay]\nurl = \"{}\"\n[session]\nchallenge_life = \"10s\"\n", redis.url());
    let settings = format!("{}{memory}", node(&url, &upstream()));
    let nodes = nodes(&settings);
    let (place, first) = nodes.first().unwrap();
    place.run("key new a.pem").ok();
    order(place, "account add alice --identifier user=alice", first);
    place
        .run(&format!("key register alice --file a.pem.pub -d asymmetric-jwt --server {}", first.manage))
        .ok();
    let made = || token(place, "a.pem", "asymmetric-jwt", "alice");
    for (_, server) in &nodes {
        let waited = until(200, &server.public, "/once/x", &made());
        println!("a new key is taken after {} ms", waited.as_millis());
        assert_eq!(ask(&server.public, "/readyz", "").0, 200);
    }
    let used = shown_at_once(&nodes, made);
    println!("{PROOFS} proofs, each {} times over {NODES} nodes: {PROOFS} accepted", NODES * 2);
    assert_eq!(
        Postgres::shared().sql(&url, "SELECT count(*) FROM used"),
        "0",
        "the database remembers none of them"
    );
    // Away: nobody is blamed and nobody comes in.
    redis.stop(Stop::Crash);
    for (_, server) in &nodes {
        let (status, text) = ask(&server.public, "/once/x", &made());
        assert!(status == 503 && text.contains("retry-after: 1"), "{text}");
    }
    // Back, with nothing in it: what was used is not accepted again, by any node.
    redis.begin();
    let mut again = 0;
    for proof in &used {
        for (_, server) in &nodes {
            again += usize::from(ask(&server.public, "/once/x", proof).0 == 200);
        }
    }
    assert_eq!(again, 0);
    println!(
        "Redis was killed and came back empty: {PROOFS} proofs shown to {NODES} nodes again: 0 accepted"
    );
    for (_, server) in &nodes {
        // Each time another proof: one that was barred stays so.
        let begun = (0..180).find(|_| {
            std::thread::sleep(std::time::Duration::from_secs(1));
            ask(&server.public, "/once/x", &made()).0 == 200
        });
        assert!(begun.is_some(), "the barrier has an end");
    }
    shown_at_once(&nodes, made);
    // A node that remembers in the database stops those that remember in Redis, and begins behind a barrier itself.
    let other = Place::new();
    let elsewhere = Server::with(&other, &node(&url, "http://127.0.0.1:9"));
    until(503, &first.public, "/once/x", &made());
    assert_eq!(ask(&elsewhere.public, "/once/x", &made()).0, 401);
}
