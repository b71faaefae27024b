//! Faults of ours answer 503 and let nobody in; they are never refusals.
use crate::fixture::{HOST, ROUTES, World, register_for_tests, start};
use countersign::ask::{Claim, Use};
use countersign::time::Time;
use countersign_guard::clock::{FrozenClock, SeededEntropy};
use countersign_server::config::{Config, Sources};
use countersign_server::{Parts, Server, echo};
use countersign_store::fault::Fault;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{AuditDraft, AuditEntry, Write};
use countersign_store::once::Once;
use countersign_store::registry::{Answer, LastUse, Loaded, NotWritten, Registry};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A replay memory whose disk is full.
pub(crate) struct Broken;

impl Once for Broken {
    fn claim(&self, _: Claim, _: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async { Err(Fault::new("disk full at /secret/path")) })
    }

    fn peek(&self, _: Claim, _: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async { Err(Fault::new("disk full at /secret/path")) })
    }
}

#[tokio::test]
async fn a_replay_memory_that_fails_lets_nobody_in() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    let echo = echo::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let text = ROUTES.replace("UPSTREAM", &format!("http://{}", echo.address()));
    let sources = Sources { file: Some(("t".to_owned(), text)), ..Sources::default() };
    let parts = Parts {
        clock: Arc::new(FrozenClock::at(Time::from_seconds(crate::fixture::NOW))),
        entropy: Arc::new(SeededEntropy::new(1)),
        registry: store.clone(),
        once: Arc::new(Broken),
        challenges: Arc::new(Broken),
        sessions: store.clone(),
    };
    let running = Server::start(Config::load(&sources).unwrap(), parts).await.unwrap();
    let address = running.addresses()[0].address;
    let proof = crate::fixture::proof(&running, "alice", "asymmetric-jwt", "GET", "/once", b"", [1; 16]);
    let answer = crate::fixture::send(
        address,
        format!("GET /once HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n").as_bytes(),
    )
    .await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    assert!(!answer.body.contains("disk") && answer.header("www-authenticate").is_none());
    // Dialects that need no replay memory go on.
    let proof = crate::fixture::proof(&running, "alice", "skykit", "GET", "/", b"", [2; 16]);
    let answer =
        crate::fixture::send(address, format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n").as_bytes())
            .await;
    assert_eq!(answer.status, 200);
    running.shutdown().await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_within_seconds_on_a_node_that_did_not_take_the_order() {
    let world = World::new().await;
    assert_eq!(world.get("/", "").await.status, 200);
    let other = countersign_store::registrar::Registrar::open(world.store.clone(), world.store.clone());
    let other = other.await.unwrap();
    let alice = other.directory().account_by_name("alice").unwrap();
    let stamp = countersign_store::stamp::Stamp {
        now: Time::from_seconds(crate::fixture::NOW),
        actor: "local".to_owned(),
        random: [99; 16],
    };
    other.set_account_enabled(&stamp, &alice.id, false).await.unwrap();
    for _ in 0..200 {
        let answer = world.get("/", "").await;
        if answer.status != 200 {
            assert_eq!(answer.status, 401);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("still let in after ten seconds");
}

#[tokio::test]
async fn a_second_start_over_the_same_store_works() {
    let world = World::new().await;
    let text = ROUTES.replace("UPSTREAM", "http://127.0.0.1:1");
    let second = start(&text, world.store.clone(), &world.store, &world.clock).await;
    second.shutdown().await;
    world.running.shutdown().await;
}

/// A registry that can be switched off.
struct Switch {
    store: Arc<MemoryStore>,
    off: AtomicBool,
}

impl Switch {
    fn works(&self) -> Result<(), Fault> {
        if self.off.load(Ordering::SeqCst) { Err(Fault::new("no route to the database")) } else { Ok(()) }
    }
}

impl Registry for Switch {
    fn load(&self) -> Answer<'_, Result<Loaded, Fault>> {
        Box::pin(async move {
            self.works()?;
            self.store.load().await
        })
    }

    fn version(&self) -> Answer<'_, Result<u64, Fault>> {
        Box::pin(async move {
            self.works()?;
            self.store.version().await
        })
    }

    fn commit<'a>(
        &'a self,
        base: u64,
        writes: &'a [Write],
        audit: &'a [AuditDraft],
    ) -> Answer<'a, Result<u64, NotWritten>> {
        Box::pin(async move {
            self.works().map_err(NotWritten::Fault)?;
            self.store.commit(base, writes, audit).await
        })
    }

    fn audit(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        self.store.audit(after, limit)
    }

    fn last_audit(&self) -> Answer<'_, Result<Option<AuditEntry>, Fault>> {
        self.store.last_audit()
    }

    fn touch<'a>(&'a self, uses: &'a [LastUse]) -> Answer<'a, Result<(), Fault>> {
        self.store.touch(uses)
    }

    fn uses<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Result<Vec<LastUse>, Fault>> {
        self.store.uses(keys)
    }

    fn backup<'a>(&'a self, to: &'a Path) -> Answer<'a, Result<(), Fault>> {
        self.store.backup(to)
    }
}

#[tokio::test]
async fn a_registry_that_cannot_be_followed_lets_nobody_in_until_it_answers_again() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    let switch = Arc::new(Switch { store: store.clone(), off: AtomicBool::new(false) });
    let world = World::over(ROUTES, switch.clone(), store).await;
    assert_eq!(world.get("/", "").await.status, 200);
    let until = async |wanted: u16| {
        // Five seconds of patience, and room for a busy machine.
        for _ in 0..300 {
            let answer = world.get("/", "").await;
            assert!(answer.status == 200 || answer.status == 503, "{answer:?}");
            if answer.status == wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("never {wanted}");
    };
    switch.off.store(true, Ordering::SeqCst);
    let ready = world.send(format!("GET /readyz HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!(ready.status, 503);
    until(503).await;
    switch.off.store(false, Ordering::SeqCst);
    until(200).await;
}
