//! The store in memory passes the suites that every store passes.
#![expect(clippy::as_conversions, reason = "a store becomes one of its traits")]
use countersign_store::memory::MemoryStore;
use countersign_store::registry::Registry;
use countersign_store::sessions::Sessions;
use countersign_testkit::conformance;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn registry() {
    let store = Arc::new(MemoryStore::default());
    // Nothing survives a store in memory: reopening is the same store.
    conformance::registry::registry(store.clone(), async || store.clone() as Arc<dyn Registry>).await;
    let store = Arc::new(MemoryStore::default());
    conformance::registry::fill(store.clone(), async || store.clone() as Arc<dyn Registry>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn once() {
    conformance::once::once(Arc::new(MemoryStore::default()), 1_700_000_000, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions() {
    let store = Arc::new(MemoryStore::default());
    conformance::sessions::sessions(store.clone(), async || store.clone() as Arc<dyn Sessions>, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn accord() {
    conformance::accord::accord(Arc::new(MemoryStore::default()), 20).await;
}
