//! What goes wrong between a node and the database: a network that swallows everything, and crashes in the middle of races.
use crate::{DAY, draft, open, user};
use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::accord::Accord;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Record, User, Write};
use countersign_store::once::Once;
use countersign_store::registrar::Registrar;
use countersign_store::registry::{NotWritten, Registry};
use countersign_store::sessions::Sessions;
use countersign_store_postgres::{PostgresOnce, PostgresStore, ReplayStart, Scope, Settings, Terms};
use countersign_testkit::postgres::{Postgres, Stop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn begin(store: &PostgresStore) -> Arc<PostgresOnce> {
    let start = ReplayStart {
        now: Time::from_seconds(DAY),
        horizon: Span::from_seconds(20),
        terms: Terms::new(),
        floor: Time::MIN,
    };
    Arc::new(store.replay_memory_of(Scope::Proofs, start).await.unwrap().0)
}

fn claim(number: u32) -> Claim {
    let mut mark = [0; 32];
    mark[..4].copy_from_slice(&number.to_be_bytes());
    // Marks that lie anywhere, as digests do.
    mark[4..8].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    mark.rotate_left(4);
    Claim { mark, since: Time::from_seconds(DAY), until: Time::from_seconds(DAY + 20) }
}

/// A way to the database that can be frozen (connections stay open, and nothing comes through) and led elsewhere.
async fn way(port: u16) -> (u16, Arc<AtomicBool>, Arc<AtomicU16>) {
    let (own, frozen, leads, _) = way_that_loses(port).await;
    (own, frozen, leads)
}

/// The same, with a count of losses: whatever was connected before one is gone without a word.
async fn way_that_loses(port: u16) -> (u16, Arc<AtomicBool>, Arc<AtomicU16>, Arc<AtomicU16>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let frozen = Arc::new(AtomicBool::new(false));
    let leads = Arc::new(AtomicU16::new(port));
    let losses = Arc::new(AtomicU16::new(0));
    let (state, port, lost) = (Arc::clone(&frozen), Arc::clone(&leads), Arc::clone(&losses));
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let Ok(far) = TcpStream::connect(("127.0.0.1", port.load(Ordering::SeqCst))).await else {
                continue;
            };
            let (near, far) = (near.into_split(), far.into_split());
            let born = lost.load(Ordering::SeqCst);
            let ends = |state: &Arc<AtomicBool>| {
                let (state, lost) = (Arc::clone(state), Arc::clone(&lost));
                move || state.load(Ordering::SeqCst) || lost.load(Ordering::SeqCst) != born
            };
            tokio::spawn(pass(near.0, far.1, ends(&state)));
            tokio::spawn(pass(far.0, near.1, ends(&state)));
        }
    });
    (own, frozen, leads, losses)
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    is_frozen: impl Fn() -> bool,
) {
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        if is_frozen() {
            // A connection that was frozen once never comes back, as when the machine behind it is gone.
            std::future::pending::<()>().await;
        }
        if to.write_all(piece.get(..count).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_network_that_swallows_everything_ends_in_faults_and_not_in_waiting() {
    let server = Postgres::shared();
    let url = server.database();
    let (port, frozen, _) = way(server.port()).await;
    let through = url.replace(&format!(":{}/", server.port()), &format!(":{port}/"));
    let settings =
        Settings { connections: 4, statement_timeout: Duration::from_millis(500), ..Settings::new(through) };
    let store = PostgresStore::open(&settings).await.unwrap();
    store.listen();
    let once = begin(&store).await;
    let now = Time::from_seconds(DAY);
    assert_eq!(once.claim(claim(1), now).await.unwrap(), Use::First);
    store.commit(0, &[user("u")], &[draft("")]).await.unwrap();
    frozen.store(true, Ordering::SeqCst);
    // All at once, so that every connection hangs.
    let entries = [draft("")];
    let (version, get, commit, used) = tokio::join!(
        store.version(),
        store.get("s"),
        store.commit(1, &[], &entries),
        once.claim(claim(2), now)
    );
    assert!(version.is_err() && get.is_err() && commit.is_err() && used.is_err());
    frozen.store(false, Ordering::SeqCst);
    for attempt in 0.. {
        if store.version().await.is_ok_and(|version| version >= 1) && store.get("s").await.is_ok() {
            break;
        }
        assert!(attempt < 100, "wanted the store to find its way again by itself");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(once.claim(claim(1), now).await.unwrap(), Use::Again);
    assert_eq!(once.claim(claim(3), now).await.unwrap(), Use::First);
    for attempt in 0.. {
        if store.hears() == Some(true) {
            break;
        }
        assert!(attempt < 300, "wanted the store to hear again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_whose_database_hangs_ends_and_says_whether_it_may_be_made() {
    // For tests that hang: whoever writes waits some seconds.
    const HANGS: Duration = Duration::from_secs(60);
    let server = Postgres::start(&[]);
    let url = server.database();
    let settings = Settings { statement_timeout: Duration::from_millis(500), ..Settings::new(&url) };
    let store = PostgresStore::open(&settings).await.unwrap();
    store.commit(0, &[user("u")], &[draft("")]).await.unwrap();
    server.hold(true);
    let written = tokio::time::timeout(HANGS, store.commit(1, &[user("v")], &[draft("")])).await;
    server.hold(false);
    let NotWritten::Fault(fault) = written.unwrap().unwrap_err() else { panic!("wanted a fault") };
    assert!(!fault.has_open_outcome(), "it had not come to the end of the unit: {fault}");
    assert_eq!(store.version().await.unwrap(), 1);
    // The end of the unit waits for a standby that does not come.
    server.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    server.sql("postgres", "SELECT pg_reload_conf()");
    for attempt in 0.. {
        let (base, entries) = (store.version().await.unwrap(), [draft("")]);
        let written = tokio::time::timeout(HANGS, store.commit(base, &[user("w")], &entries)).await;
        match written.unwrap() {
            Err(NotWritten::Fault(fault)) => {
                assert!(fault.has_open_outcome(), "nobody can know: {fault}");
                break;
            }
            _ => assert!(attempt < 100, "wanted a fault, found that no standby was waited for"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_were_lost_while_idle_are_not_waited_for_one_after_another() {
    const CONNECTIONS: u32 = 16;
    let server = Postgres::shared();
    let url = server.database();
    let (port, _, _, losses) = way_that_loses(server.port()).await;
    let through = url.replace(&format!(":{}/", server.port()), &format!(":{port}/"));
    let settings = Settings { connections: CONNECTIONS, ..Settings::new(through) };
    let store = PostgresStore::open(&settings).await.unwrap();
    // A lock that is held for a moment, so that each has a connection of its own.
    let lock = "BEGIN; LOCK TABLE sessions; SELECT pg_sleep(1); COMMIT";
    let holding = {
        let url = url.clone();
        tokio::task::spawn_blocking(move || server.sql(&url, lock))
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    futures_util::future::join_all((0..CONNECTIONS).map(|_| store.get("s"))).await;
    holding.await.unwrap();
    // Idle for as long as a connection is believed unasked, then gone.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    losses.fetch_add(1, Ordering::SeqCst);
    let mut failed = 0;
    while let Err(fault) = store.version().await {
        failed += 1;
        assert!(failed < CONNECTIONS, "wanted the store to find its way again by itself, found {fault}");
    }
    assert!(failed <= 1, "{failed} calls waited for connections that were lost together");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_standby_is_no_store_and_a_promoted_one_starts_behind_a_barrier() {
    let primary = Postgres::start(&[]);
    let url = primary.database();
    let (port, _, leads) = way(primary.port()).await;
    let place = format!(":{}/", primary.port());
    let store = open(&url.replace(&place, &format!(":{port}/"))).await;
    let once = begin(&store).await;
    let now = Time::from_seconds(DAY);
    assert_eq!(once.claim(claim(1), now).await.unwrap(), Use::First);
    let standby = primary.standby();
    let followed = url.replace(&place, &format!(":{}/", standby.port()));
    let told = PostgresStore::open(&Settings::new(&followed)).await.unwrap_err().to_string();
    assert!(told.contains("only reads"), "{told}");
    // Used at the last moment, so that the standby may not have it.
    assert_eq!(once.claim(claim(2), now).await.unwrap(), Use::First);
    primary.stop(Stop::Crash);
    assert!(once.claim(claim(3), now).await.is_err());
    leads.store(standby.port(), Ordering::SeqCst);
    assert!(once.claim(claim(3), now).await.is_err(), "not yet promoted");
    standby.sql("postgres", "SELECT pg_promote()");
    for attempt in 0.. {
        // The same node goes on by itself; what is dated before the change is barred, used or not.
        match once.claim(claim(2), now).await {
            Ok(found) => {
                assert_eq!(found, Use::Barred);
                break;
            }
            Err(_) => assert!(attempt < 100, "wanted the node to find the new primary"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let sql = "SELECT barrier + 1 FROM replay WHERE scope = 1";
    let after: i64 = standby.sql(&followed, sql).parse().unwrap();
    let later = Claim { since: Time::from_seconds(after), until: Time::from_seconds(after + 20), ..claim(4) };
    assert_eq!(once.claim(later, Time::from_seconds(after)).await.unwrap(), Use::First);
    assert_eq!(once.claim(later, Time::from_seconds(after)).await.unwrap(), Use::Again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_standby_that_lacked_the_last_units_is_read_whole_whatever_its_version_became_since() {
    let primary = Postgres::start(&[]);
    let url = primary.database();
    let (port, _, leads) = way(primary.port()).await;
    let place = format!(":{}/", primary.port());
    let store = open(&url.replace(&place, &format!(":{port}/"))).await;
    let registrar = Registrar::open(store.clone(), Arc::new(MemoryStore::default())).await.unwrap();
    let named = |name: &str, enabled| {
        Write::Put(Record::User(User { name: name.into(), enabled, created: Time::from_seconds(DAY) }))
    };
    store.commit(0, &[named("eve", true)], &[draft("")]).await.unwrap();
    let standby = primary.standby();
    standby.stop(Stop::Fast);
    // These two units are lost.
    store.commit(1, &[named("lost", true)], &[draft("")]).await.unwrap();
    store.commit(2, &[named("lost too", true)], &[draft("")]).await.unwrap();
    assert!(registrar.refresh().await.unwrap());
    assert_eq!(registrar.directory().version(), 3);
    primary.stop(Stop::Crash);
    standby.begin();
    standby.sql("postgres", "SELECT pg_promote()");
    // Another node finds it first, and takes it to the very version that this one knows.
    let other = open(&url.replace(&place, &format!(":{}/", standby.port()))).await;
    other.commit(1, &[named("eve", false)], &[draft("")]).await.unwrap();
    other.commit(2, &[named("found", true)], &[draft("")]).await.unwrap();
    leads.store(standby.port(), Ordering::SeqCst);
    for attempt in 0.. {
        match registrar.refresh().await {
            Ok(new) => {
                assert!(new, "another history is news, at the same version too");
                break;
            }
            Err(_) => assert!(attempt < 100, "wanted the node to find the new primary"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let known = |name: &str| registrar.directory().user(name).map(|user| user.enabled);
    assert_eq!(known("eve"), Some(false), "disabled by a unit of the other history");
    assert_eq!((known("found"), known("lost"), known("lost too")), (Some(true), None, None));
    assert!(!registrar.refresh().await.unwrap(), "once is enough");
    // From there on it is followed row by row again.
    other.commit(3, &[named("later", true)], &[draft("")]).await.unwrap();
    assert_eq!(store.changes(3).await.unwrap().unwrap().writes.len(), 1);
    assert!(registrar.refresh().await.unwrap() && known("later") == Some(true));
}

#[tokio::test]
async fn a_primary_that_was_made_to_read_only_confirms_nothing() {
    let server = Postgres::start(&[]);
    let url = server.database();
    let store = open(&url).await;
    assert_eq!(store.version().await.unwrap(), 0);
    // As whoever promotes another one fences the old one off, without ending its connections.
    server.sql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    server.sql("postgres", "SELECT pg_reload_conf()");
    for attempt in 0.. {
        match store.version().await {
            Err(fault) => {
                assert!(fault.to_string().contains("only reads"), "{fault}");
                break;
            }
            Ok(_) => assert!(attempt < 100, "wanted a fault: changes are made elsewhere now"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let fault = store.words().await.unwrap_err();
    assert!(fault.to_string().contains("only reads"), "neither who remembers what was used: {fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn raced_duplicates_over_three_nodes_with_crashes_between_are_never_taken_twice() {
    const PROOFS: usize = 16_800;
    const COPIES: usize = 6;
    let server = Postgres::start(&[]);
    let url = server.database();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(begin(&*open(&url).await).await);
    }
    let now = Time::from_seconds(DAY);
    let firsts = Arc::new((0..PROOFS).map(|_| AtomicBool::new(false)).collect::<Vec<_>>());
    let faults = Arc::new((0..PROOFS).map(|_| AtomicBool::new(false)).collect::<Vec<_>>());
    let mut callers = Vec::new();
    // Each caller claims all proofs, beginning elsewhere than the others, eight at a time.
    for copy in 0..COPIES * 8 {
        let (node, firsts, faults) = (nodes[copy % 3].clone(), firsts.clone(), faults.clone());
        callers.push(tokio::spawn(async move {
            for step in 0..PROOFS / 8 {
                let number = (step + (copy / 8) * 100) % (PROOFS / 8) * 8 + copy % 8;
                match node.claim(claim(u32::try_from(number).unwrap()), now).await {
                    Ok(Use::First) => {
                        assert!(
                            !firsts[number].swap(true, Ordering::SeqCst),
                            "proof {number} was taken twice"
                        );
                    }
                    Ok(Use::Again) => {}
                    Ok(Use::Barred) => panic!("a crash is no reason to bar"),
                    Err(_) => faults[number].store(true, Ordering::SeqCst),
                }
            }
        }));
    }
    let crash = tokio::task::spawn_blocking(move || {
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(1500));
            server.stop(Stop::Crash);
            server.begin();
        }
        server
    });
    for caller in callers {
        caller.await.unwrap();
    }
    let server = crash.await.unwrap();
    let lost = (0..PROOFS)
        .filter(|place| !firsts[*place].load(Ordering::SeqCst) && !faults[*place].load(Ordering::SeqCst));
    assert_eq!(lost.count(), 0, "a proof that met no fault was taken once");
    let taken = firsts.iter().filter(|first| first.load(Ordering::SeqCst)).count();
    let met = faults.iter().filter(|fault| fault.load(Ordering::SeqCst)).count();
    println!(
        "{} claims of {PROOFS} proofs over 3 nodes, 2 crashes: {taken} taken once, none twice, {met} met a fault",
        PROOFS * COPIES
    );
    drop(server);
}
