//! A registry in memory whose disk can be taken away.
use countersign_store::fault::Fault;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{AuditDraft, AuditEntry, Write};
use countersign_store::registry::{Answer, LastUse, Loaded, NotWritten, Registry};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A registry whose disk can be taken away.
pub(super) struct Breakable {
    pub(super) inner: Arc<MemoryStore>,
    pub(super) broken: Arc<AtomicBool>,
}

impl Breakable {
    fn holds(&self) -> Result<(), Fault> {
        if self.broken.load(Ordering::Relaxed) {
            Err(Fault::new("the disk of cabinet 7 is gone"))
        } else {
            Ok(())
        }
    }
}

impl Registry for Breakable {
    fn load(&self) -> Answer<'_, Result<Loaded, Fault>> {
        Box::pin(async { self.inner.load().await })
    }
    fn version(&self) -> Answer<'_, Result<u64, Fault>> {
        Box::pin(async { self.inner.version().await })
    }
    fn commit<'a>(
        &'a self,
        base: u64,
        writes: &'a [Write],
        audit: &'a [AuditDraft],
    ) -> Answer<'a, Result<u64, NotWritten>> {
        Box::pin(async move {
            self.holds().map_err(NotWritten::Fault)?;
            self.inner.commit(base, writes, audit).await
        })
    }
    fn audit(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        Box::pin(async move {
            self.holds()?;
            self.inner.audit(after, limit).await
        })
    }
    fn last_audit(&self) -> Answer<'_, Result<Option<AuditEntry>, Fault>> {
        Box::pin(async move {
            self.holds()?;
            self.inner.last_audit().await
        })
    }
    fn touch<'a>(&'a self, uses: &'a [LastUse]) -> Answer<'a, Result<(), Fault>> {
        Box::pin(async move {
            self.holds()?;
            self.inner.touch(uses).await
        })
    }
    fn uses<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Result<Vec<LastUse>, Fault>> {
        Box::pin(async move {
            self.holds()?;
            self.inner.uses(keys).await
        })
    }
    fn backup<'a>(&'a self, to: &'a Path) -> Answer<'a, Result<(), Fault>> {
        Box::pin(async move { self.inner.backup(to).await })
    }
}
