//! A registry whose changes are announced on Redis.
use crate::bus::Bus;
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::model::{AuditDraft, AuditEntry, LastUse, Loaded, Write};
use countersign_store::registry::{Answer, Changes, NotWritten, Registry};
use std::path::Path;
use std::sync::Arc;

/// A registry, and the bus on which its nodes hear of each other. Everything else is the registry's own.
#[derive(Debug)]
pub struct Announced<R> {
    registry: Arc<R>,
    bus: Arc<Bus>,
}

impl<R: Registry> Announced<R> {
    /// Puts a bus beside a registry.
    #[must_use]
    pub fn new(registry: Arc<R>, bus: Bus) -> Self {
        Self { registry, bus: Arc::new(bus) }
    }
}

impl<R: Registry> Registry for Announced<R> {
    fn load(&self) -> Answer<'_, Result<Loaded, Fault>> {
        self.registry.load()
    }

    fn directory(&self) -> Answer<'_, Result<Arc<Directory>, Fault>> {
        self.registry.directory()
    }

    fn version(&self) -> Answer<'_, Result<u64, Fault>> {
        self.registry.version()
    }

    fn has_moved(&self) -> bool {
        self.registry.has_moved()
    }

    fn changes(&self, since: u64) -> Answer<'_, Result<Option<Changes>, Fault>> {
        self.registry.changes(since)
    }

    fn announced(&self) -> Answer<'_, ()> {
        Box::pin(self.bus.announced())
    }

    fn hears(&self) -> Option<bool> {
        Some(self.bus.hears())
    }

    fn commit<'a>(
        &'a self,
        base: u64,
        writes: &'a [Write],
        audit: &'a [AuditDraft],
    ) -> Answer<'a, Result<u64, NotWritten>> {
        Box::pin(async move {
            let version = self.registry.commit(base, writes, audit).await?;
            // It is written; nobody who wrote waits for others to hear of it.
            let bus = Arc::clone(&self.bus);
            tokio::spawn(async move {
                if let Err(fault) = bus.announce(version).await {
                    tracing::warn!(%fault, "a change could not be announced: other nodes see it by polling");
                }
            });
            Ok(version)
        })
    }

    fn fill<'a>(&'a self, loaded: &'a Loaded, audit: &'a [AuditEntry]) -> Answer<'a, Result<(), NotWritten>> {
        self.registry.fill(loaded, audit)
    }

    fn audit(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        self.registry.audit(after, limit)
    }

    fn last_audit(&self) -> Answer<'_, Result<Option<AuditEntry>, Fault>> {
        self.registry.last_audit()
    }

    fn touch<'a>(&'a self, uses: &'a [LastUse]) -> Answer<'a, Result<(), Fault>> {
        self.registry.touch(uses)
    }

    fn uses<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Result<Vec<LastUse>, Fault>> {
        self.registry.uses(keys)
    }

    fn backup<'a>(&'a self, to: &'a Path) -> Answer<'a, Result<(), Fault>> {
        self.registry.backup(to)
    }
}
