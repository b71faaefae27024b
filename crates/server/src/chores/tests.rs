//! The bound on not knowing the newest registry: it is kept whatever else hangs, and a long reading gets over it.
use super::*;
use crate::call::{Outcome, Who};
use crate::config::{Config, Sources};
use crate::shared::Parts;
use countersign::time::Time;
use countersign_guard::clock::{FrozenClock, SeededEntropy};
use countersign_store::memory::MemoryStore;
use countersign_store::model::{AuditDraft, AuditEntry, Record, User, Write};
use countersign_store::registry::{Answer, LastUse, Loaded, NotWritten, Registry};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const STALE: Duration = Duration::from_secs(2);

/// A registry behind a network that can swallow everything, and with so many rows that reading them takes its time.
struct Far {
    inner: Arc<MemoryStore>,
    away: Arc<AtomicBool>,
    reading: Duration,
}

impl Far {
    async fn way(&self) {
        if self.away.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

impl Registry for Far {
    fn load(&self) -> Answer<'_, Result<Loaded, Fault>> {
        Box::pin(async {
            tokio::time::sleep(self.reading).await;
            self.inner.load().await
        })
    }
    fn version(&self) -> Answer<'_, Result<u64, Fault>> {
        Box::pin(async {
            self.way().await;
            self.inner.version().await
        })
    }
    fn commit<'a>(
        &'a self,
        base: u64,
        writes: &'a [Write],
        audit: &'a [AuditDraft],
    ) -> Answer<'a, Result<u64, NotWritten>> {
        self.inner.commit(base, writes, audit)
    }
    fn audit(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        self.inner.audit(after, limit)
    }
    fn last_audit(&self) -> Answer<'_, Result<Option<AuditEntry>, Fault>> {
        self.inner.last_audit()
    }
    fn touch<'a>(&'a self, uses: &'a [LastUse]) -> Answer<'a, Result<(), Fault>> {
        Box::pin(async {
            self.way().await;
            self.inner.touch(uses).await
        })
    }
    fn uses<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Result<Vec<LastUse>, Fault>> {
        self.inner.uses(keys)
    }
    fn backup<'a>(&'a self, to: &'a Path) -> Answer<'a, Result<(), Fault>> {
        self.inner.backup(to)
    }
}

/// What a node shares, its rows, and whether its registry is away.
async fn node(reading: Duration) -> (Arc<Shared>, Arc<MemoryStore>, Arc<AtomicBool>) {
    let inner = Arc::new(MemoryStore::default());
    let away = Arc::new(AtomicBool::new(false));
    let parts = Parts {
        clock: Arc::new(FrozenClock::at(Time::from_seconds(1_767_225_600))),
        entropy: Arc::new(SeededEntropy::new(1)),
        registry: Arc::new(Far { inner: inner.clone(), away: away.clone(), reading }),
        once: inner.clone(),
        challenges: inner.clone(),
        sessions: inner.clone(),
    };
    let mut config = Config::load(&Sources::default()).unwrap();
    config.store.stale_after = STALE;
    config.server.lanes = false;
    (Arc::new(Shared::open(parts, &config).await.unwrap()), inner, away)
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("wanted {what}");
}

#[tokio::test]
async fn a_write_that_hangs_does_not_hide_that_the_registry_does() {
    let (shared, _, away) = node(Duration::ZERO).await;
    away.store(true, Ordering::SeqCst);
    let outcome = Outcome {
        verdict: Some("verified"),
        who: Who::Told { account: None, key: Some("key_1".to_owned()) },
        ..Outcome::default()
    };
    shared.used(&outcome, shared.clock.now(), [192, 0, 2, 1].into());
    tokio::spawn(run(shared.clone()));
    until("a node that lets nobody in any more", || shared.is_stale()).await;
    away.store(false, Ordering::SeqCst);
}

#[tokio::test]
async fn a_reading_that_takes_longer_than_the_bound_ends_all_the_same() {
    let (shared, rows, _) = node(STALE * 2).await;
    tokio::spawn(run(shared.clone()));
    let user = User { name: "ada".into(), enabled: true, created: shared.clock.now() };
    let draft = AuditDraft {
        at: shared.clock.now(),
        actor: "local".into(),
        action: "user.add".into(),
        subject: "ada".into(),
        detail: String::new(),
    };
    let version = shared.directory.version();
    rows.commit(version, &[Write::Put(Record::User(user))], &[draft]).await.unwrap();
    until("nobody let in by what is old", || shared.is_stale()).await;
    until("what another node wrote", || shared.directory.user("ada").is_some()).await;
    until("a node that lets in again", || !shared.is_stale()).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_long_start_read_is_no_newer_for_having_taken_long() {
    let (shared, _, away) = node(STALE * 2).await;
    // The rows were as they are known before the reading took twice the bound; nothing confirmed them since.
    away.store(true, Ordering::SeqCst);
    tokio::spawn(run(shared.clone()));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(shared.is_stale());
}

#[tokio::test]
async fn a_node_that_was_held_lets_nobody_in_before_it_has_looked() {
    let (shared, _, _) = node(Duration::ZERO).await;
    let chores = tokio::spawn(run(shared.clone()));
    tokio::time::sleep(STALE / 2).await;
    // From here on nothing runs but the time, as in a process that is stopped; and the first thing afterwards is a request.
    chores.abort();
    let _gone = chores.await;
    tokio::time::sleep(STALE * 2).await;
    assert!(shared.is_stale(), "a key may have been revoked meanwhile");
}
