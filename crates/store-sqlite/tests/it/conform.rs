//! The suites that every store passes. To reopen, what the disk has at that moment is copied, as if the power had gone.
use crate::{DAY, folder, replay_start};
use countersign_store::registry::Registry;
use countersign_store::sessions::Sessions;
use countersign_store_sqlite::SqliteStore;
use countersign_testkit::conformance;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Opens a copy of all files; SQLite's shared memory is none of the disk's.
async fn image(directory: &Path, copies: &TempDir) -> Arc<SqliteStore> {
    let copy = tempfile::tempdir_in(copies).unwrap().keep();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.to_string_lossy().ends_with("-shm") {
            std::fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
        }
    }
    Arc::new(SqliteStore::open(&copy).await.unwrap())
}

fn rows(store: Arc<SqliteStore>) -> Arc<dyn Registry> {
    store
}

fn live(store: Arc<SqliteStore>) -> Arc<dyn Sessions> {
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn registry() {
    let (data, copies) = (folder(), folder());
    let store = Arc::new(SqliteStore::open(data.path()).await.unwrap());
    let reopen = async || rows(image(data.path(), &copies).await);
    conformance::registry::registry(store, reopen).await;
    let (data, copies) = (folder(), folder());
    let store = Arc::new(SqliteStore::open(data.path()).await.unwrap());
    let reopen = async || rows(image(data.path(), &copies).await);
    conformance::registry::fill(store, reopen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn once() {
    let data = folder();
    let store = SqliteStore::open(data.path()).await.unwrap();
    let (once, _) = store.replay_memory(replay_start(DAY)).await.unwrap();
    conformance::once::once(Arc::new(once), DAY, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions() {
    let (data, copies) = (folder(), folder());
    let store = Arc::new(SqliteStore::open(data.path()).await.unwrap());
    let reopen = async || live(image(data.path(), &copies).await);
    conformance::sessions::sessions(store, reopen, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn accord() {
    let data = folder();
    let store = Arc::new(SqliteStore::open(data.path()).await.unwrap());
    conformance::accord::accord(store, 20).await;
}
