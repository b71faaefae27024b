//! The change bus: what one node writes, the others hear, follow row by row, and learn by polling when the bus is cut.
use crate::{draft, fresh, open, user};
use countersign::time::Time;
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Record, User, Write};
use countersign_store::registrar::Registrar;
use countersign_store::registry::Registry;
use countersign_store_postgres::PostgresStore;
use countersign_testkit::postgres::Postgres;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..300 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("wanted {what}");
}

async fn hearing(url: &str) -> Arc<PostgresStore> {
    let node = open(url).await;
    assert_eq!(node.hears(), None);
    node.listen();
    until("a node that hears", || node.hears() == Some(true)).await;
    // The first word is that something may have been missed.
    timeout(PATIENCE, node.announced()).await.unwrap();
    node
}

fn rows(directory: &Directory) -> Vec<String> {
    let mut rows: Vec<String> = directory.records().iter().map(|row| format!("{row:?}")).collect();
    rows.sort_unstable();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_is_heard_and_a_cut_bus_heals() {
    let (writer, url) = fresh().await;
    let node = hearing(&url).await;
    writer.commit(0, &[user("one")], &[draft("")]).await.unwrap();
    timeout(PATIENCE, node.announced()).await.unwrap();
    assert_eq!(node.version().await.unwrap(), 1);
    // The listening connection is the one that waits for its client after LISTEN.
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    assert_eq!(Postgres::shared().sql(&url, cut), "1");
    // It listens again, and looks whether it missed something.
    timeout(PATIENCE, node.announced()).await.unwrap();
    until("a node that hears again", || node.hears() == Some(true)).await;
    writer.commit(1, &[user("two")], &[draft("")]).await.unwrap();
    timeout(PATIENCE, node.announced()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_follows_row_by_row_to_the_very_directory_that_is_read_whole() {
    let (writer, url) = fresh().await;
    let follower = open(&url).await;
    let registrar = Registrar::open(follower.clone(), Arc::new(MemoryStore::default())).await.unwrap();
    let named = |name: &str, enabled| User { name: name.into(), enabled, created: Time::from_seconds(1) };
    let put = |name: &str, enabled| Write::Put(Record::User(named(name, enabled)));
    let delete = |name: &str| Write::Delete(Record::User(named(name, true)));
    let units: [&[Write]; 4] = [
        &[put("a", true), put("b", true), put("c", true)],
        &[put("a", false), delete("b")],
        &[],
        &[put("b", false), delete("c"), delete("nobody")],
    ];
    let mut version = 0;
    for unit in units {
        let changes = follower.changes(version).await.unwrap();
        assert_eq!(changes, None, "nothing is no change");
        version = writer.commit(version, unit, &[draft("")]).await.unwrap();
        let changes = follower.changes(version - 1).await.unwrap().unwrap();
        assert_eq!((changes.version, changes.writes.len()), (version, unit.len()));
    }
    assert!(registrar.refresh().await.unwrap());
    let whole = Directory::load(writer.load().await.unwrap()).unwrap();
    assert_eq!((registrar.directory().version(), rows(registrar.directory())), (4, rows(&whole)));
    assert_eq!(registrar.directory().user("b").map(|user| user.enabled), Some(false));
    assert!(registrar.directory().user("c").is_none());
    // A large unit is followed by reading everything.
    let many: Vec<Write> = (0..10_001).map(|number| user(&format!("many {number}"))).collect();
    writer.commit(4, &many, &[draft("")]).await.unwrap();
    assert_eq!(follower.changes(4).await.unwrap(), None);
    assert!(registrar.refresh().await.unwrap());
    assert_eq!(registrar.directory().users(None, 20_000).len(), 10_003);
    // And so is a registry that is behind what was seen, which only a restored copy is.
    assert_eq!(follower.changes(99).await.unwrap(), None);
}
