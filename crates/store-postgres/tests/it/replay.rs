//! The replay memory: used once over all nodes, through crashes, restored copies and other terms.
use crate::{DAY, open};
use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::once::Once;
use countersign_store_postgres::{PostgresOnce, PostgresStore, Recovery, ReplayStart, Scope, Term, Terms};
use countersign_testkit::conformance;
use countersign_testkit::postgres::{Postgres, Stop};
use std::sync::Arc;

fn claim(number: u64, dated: i64) -> Claim {
    let mut mark = [0; 32];
    mark[..8].copy_from_slice(&number.to_le_bytes());
    Claim { mark, since: Time::from_seconds(dated), until: Time::from_seconds(dated + 20) }
}

fn terms(text: &str, window: i64) -> Terms {
    Terms::from([(
        "asymmetric-jwt".to_owned(),
        Term { text: text.into(), window: Span::from_seconds(window) },
    )])
}

async fn begin(store: &PostgresStore, now: i64, terms: Terms) -> (Arc<PostgresOnce>, Recovery) {
    let start = ReplayStart {
        now: Time::from_seconds(now),
        horizon: Span::from_seconds(20),
        terms,
        floor: Time::MIN,
    };
    let (once, recovery) = store.replay_memory_of(Scope::Proofs, start).await.unwrap();
    (Arc::new(once), recovery)
}

/// The database's own clock, seconds.
fn clock(url: &str) -> i64 {
    Postgres::shared()
        .sql(url, "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint")
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_passes_the_suite() {
    let url = Postgres::shared().database();
    let (once, recovery) = begin(&*open(&url).await, DAY, Terms::new()).await;
    assert_eq!(recovery, Recovery { barrier: Time::MIN, why: None });
    conformance::once::once(once, DAY, 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_claims_on_two_nodes_exactly_one_is_first() {
    let url = Postgres::shared().database();
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let store = open(&url).await;
        nodes.push(begin(&store, DAY, Terms::new()).await.0);
    }
    let now = Time::from_seconds(DAY);
    // Each mark comes eight times, in other orders, to both nodes: duplicates meet inside batches and between them.
    let mut tasks = Vec::new();
    for turn in 0..8_u64 {
        for place in 0..500_u64 {
            let number = (place * (2 * turn + 1) + turn) % 500;
            let node = nodes[usize::try_from((turn + place) % 2).unwrap()].clone();
            tasks.push(tokio::spawn(
                async move { (number, node.claim(claim(number, DAY), now).await.unwrap()) },
            ));
        }
    }
    let mut firsts = vec![0; 500];
    let mut others = 0;
    for task in tasks {
        match task.await.unwrap() {
            (number, Use::First) => firsts[usize::try_from(number).unwrap()] += 1,
            (_, Use::Again) => others += 1,
            (_, Use::Barred) => panic!("nothing is barred here"),
        }
    }
    assert!(firsts.iter().all(|count| *count == 1), "{firsts:?}");
    assert_eq!(others, 3500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_a_crash_of_the_database_without_a_barrier() {
    let server = Postgres::start(&[]);
    let url = server.database();
    let store = open(&url).await;
    let (once, _) = begin(&store, DAY, terms("a", 20)).await;
    let now = Time::from_seconds(DAY);
    for number in 0..50 {
        assert_eq!(once.claim(claim(number, DAY), now).await.unwrap(), Use::First);
    }
    server.stop(Stop::Crash);
    let fault = once.claim(claim(50, DAY), now).await.unwrap_err().to_string();
    assert!(fault.contains("PostgreSQL at"), "{fault}");
    assert!(once.peek(claim(0, DAY), now).await.is_err());
    server.begin();
    for number in 0..50 {
        assert_eq!(once.claim(claim(number, DAY), now).await.unwrap(), Use::Again, "{number}");
    }
    assert_eq!(once.claim(claim(51, DAY), now).await.unwrap(), Use::First);
    let (_, recovery) = begin(&store, DAY + 1, terms("a", 20)).await;
    assert_eq!(recovery.why, None);
}

#[tokio::test]
async fn a_copy_that_is_put_elsewhere_starts_behind_a_barrier() {
    let server = Postgres::shared();
    let url = server.database();
    let store = open(&url).await;
    let now = clock(&url);
    let (once, _) = begin(&store, now, terms("a", 20)).await;
    assert_eq!(once.claim(claim(1, now), Time::from_seconds(now)).await.unwrap(), Use::First);
    drop(once);
    store.close().await;
    // Used after the copy was made, and so not in it.
    let name = url.rsplit('/').next().unwrap();
    server.sql("postgres", &format!("CREATE DATABASE {name}_copy OWNER countersign TEMPLATE {name}"));
    let store = open(&format!("{url}_copy")).await;
    let (once, recovery) = begin(&store, now, terms("a", 20)).await;
    assert!(recovery.why.as_deref().unwrap_or_default().contains("restored copy"), "{recovery:?}");
    assert_eq!(once.claim(claim(2, now), Time::from_seconds(now)).await.unwrap(), Use::Barred);
    let later = recovery.barrier.seconds() + 1;
    assert_eq!(once.claim(claim(3, later), Time::from_seconds(later)).await.unwrap(), Use::First);
    // Once begun there, it is a memory like any other.
    let (_, recovery) = begin(&store, later, terms("a", 20)).await;
    assert_eq!(recovery.why, None);
}

#[tokio::test]
async fn a_table_that_is_put_back_under_a_running_node_is_noticed() {
    let server = Postgres::shared();
    let url = server.database();
    let store = open(&url).await;
    let now = clock(&url);
    let (once, _) = begin(&store, now, Terms::new()).await;
    let at = Time::from_seconds(now);
    assert_eq!(once.claim(claim(1, now), at).await.unwrap(), Use::First);
    server.sql(
        &url,
        "SET ROLE countersign; ALTER TABLE used RENAME TO away; CREATE TABLE used (LIKE away INCLUDING ALL); DROP TABLE away",
    );
    assert_eq!(once.claim(claim(1, now), at).await.unwrap(), Use::Barred);
}

#[tokio::test]
async fn other_terms_bar_what_was_used_before_and_stop_nodes_that_go_by_the_old_ones() {
    let url = Postgres::shared().database();
    let store = open(&url).await;
    let now = clock(&url);
    let at = Time::from_seconds(now);
    let (old, _) = begin(&store, now, terms("5 s", 5)).await;
    assert_eq!(old.claim(claim(1, now), at).await.unwrap(), Use::First);
    let other = open(&url).await;
    let (new, recovery) = begin(&other, now, terms("60 s", 60)).await;
    assert!(recovery.why.unwrap().contains("other terms"));
    assert_eq!(new.claim(claim(2, now), at).await.unwrap(), Use::Barred);
    let fault = old.claim(claim(3, now + 200), at).await.unwrap_err().to_string();
    assert!(fault.contains("another node was started with other terms"), "{fault}");
    assert_eq!(new.claim(claim(3, now + 200), at).await.unwrap(), Use::First);
    // A node with a dialect more goes on beside those that have it not.
    let mut more = terms("60 s", 60);
    more.insert("dpop".into(), Term { text: "x".into(), window: Span::from_seconds(60) });
    let (third, recovery) = begin(&*open(&url).await, now, more).await;
    assert!(recovery.why.is_some());
    assert_eq!(third.claim(claim(4, now + 200), at).await.unwrap(), Use::First);
    assert_eq!(new.claim(claim(4, now + 200), at).await.unwrap(), Use::Again);
    // A copy from before that start knows nothing of the one more: whoever runs tells of it again.
    Postgres::shared().sql(&url, "DELETE FROM replay_terms WHERE dialect = 'dpop'");
    Postgres::shared().sql(&url, "UPDATE replay SET place = 'elsewhere' WHERE scope = 1");
    assert_eq!(new.claim(claim(5, now), at).await.unwrap(), Use::Barred);
    assert_eq!(third.claim(claim(5, now), at).await.unwrap(), Use::Barred);
    // Made shorter: proofs may be about that hold by the longer one.
    let (_, recovery) = begin(&*open(&url).await, now, terms("5 s", 5)).await;
    assert!(recovery.barrier.seconds() >= now + 60);
}

#[tokio::test]
async fn what_is_over_is_forgotten_and_never_counts_as_new() {
    let server = Postgres::shared();
    let url = server.database();
    let store = open(&url).await;
    let now = clock(&url);
    let (once, _) = begin(&store, now, Terms::new()).await;
    let old = claim(1, now - 4000);
    assert_eq!(once.claim(old, Time::from_seconds(now - 4000)).await.unwrap(), Use::First);
    for number in 10..20 {
        assert_eq!(once.claim(claim(number, now), Time::from_seconds(now)).await.unwrap(), Use::First);
    }
    assert_eq!(server.sql(&url, "SELECT count(*) FROM used"), "11");
    // What the memory does by itself after a while.
    let reached =
        server.sql(&url, &format!("SELECT countersign_forget_1(1::smallint, {}, 60)", now + 100_000));
    let reached: i64 = reached.parse().unwrap();
    assert!(
        (now - 61..now - 30).contains(&reached),
        "the earlier of both clocks counts, found {}",
        reached - now
    );
    server.sql(&url, "DELETE FROM used WHERE until <= (SELECT forgotten FROM replay WHERE scope = 1)");
    assert_eq!(server.sql(&url, "SELECT count(*) FROM used"), "10");
    // Whatever a node's clock says: what may have been forgotten does not come back.
    for at in [now - 4000, now, now + 4000] {
        assert_eq!(once.claim(old, Time::from_seconds(at)).await.unwrap(), Use::Barred);
        assert_eq!(once.peek(old, Time::from_seconds(at)).await.unwrap(), Use::Barred);
    }
    assert_eq!(once.claim(claim(10, now), Time::from_seconds(now)).await.unwrap(), Use::Again);
}
