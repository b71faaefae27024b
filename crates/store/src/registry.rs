//! The registry: every row, read whole at start, and written in units that carry their audit entries.
use crate::directory::Directory;
use crate::fault::Fault;
use crate::model::{AuditDraft, AuditEntry, Write};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

pub use crate::model::{LastUse, Loaded};

/// What was written between two versions, each row as it is at the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The version that these writes lead to.
    pub version: u64,
    /// Every row that was written or removed in between.
    pub writes: Vec<Write>,
}

/// A future of a store, boxed so that stores can be chosen at run time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Addresses that are kept of a key's uses: who still holds an old key is seen at a glance, and a key that the whole world uses stays
/// as small as any.
pub const MOST_ADDRESSES: usize = 8;

/// Why a unit was not written. Nothing of it was.
#[derive(Debug)]
pub enum NotWritten {
    /// Someone else wrote since `base`: read again, decide again.
    Conflict,
    /// The store failed.
    Fault(Fault),
}

/// Durable rows of one installation.
pub trait Registry: Send + Sync {
    /// Reads everything.
    fn load(&self) -> Answer<'_, Result<Loaded, Fault>>;

    /// The directory of everything; a store that can make it faster than from [`Self::load`], or has it at hand, does.
    fn directory(&self) -> Answer<'_, Result<Arc<Directory>, Fault>> {
        Box::pin(async { Directory::load(self.load().await?).map(Arc::new) })
    }

    /// The current version, cheaply; another node's write is seen by polling it.
    fn version(&self) -> Answer<'_, Result<u64, Fault>>;

    /// Whether the rows were found to lie elsewhere than when everything was read last (a promoted standby, a restored copy), so that
    /// equal versions say nothing and everything has to be read. It is looked at whenever the version is asked for.
    fn has_moved(&self) -> bool {
        false
    }

    /// What was written after the version `since`, as one unit that leads to the version given with it; `None` when this store
    /// cannot tell, and everything has to be read. Cheaper than [`Self::load`] for nodes that follow each other.
    fn changes(&self, _since: u64) -> Answer<'_, Result<Option<Changes>, Fault>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Waits until another process may have written: only to look sooner than the next poll.
    fn announced(&self) -> Answer<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Whether the writes of other processes are announced at this moment; `None` where nothing is.
    fn hears(&self) -> Option<bool> {
        None
    }

    /// Writes all of `writes` and `audit` in one transaction if the version is still `base`; gives the new version.
    fn commit<'a>(
        &'a self,
        base: u64,
        writes: &'a [Write],
        audit: &'a [AuditDraft],
    ) -> Answer<'a, Result<u64, NotWritten>>;

    /// Fills an empty registry with all rows and entries of another one, at that one's version, in one unit. What was used
    /// elsewhere is not known here: the replay memory that begins over these rows begins behind a barrier.
    fn fill<'a>(
        &'a self,
        _loaded: &'a Loaded,
        _audit: &'a [AuditEntry],
    ) -> Answer<'a, Result<(), NotWritten>> {
        let text = "wanted a store that can be filled, found one that cannot; open a database instead";
        Box::pin(std::future::ready(Err(NotWritten::Fault(Fault::new(text)))))
    }

    /// Audit entries with numbers above `after`, in order, at most `limit`.
    fn audit(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>>;

    /// The last audit entry, if there is any.
    fn last_audit(&self) -> Answer<'_, Result<Option<AuditEntry>, Fault>>;

    /// Notes uses, of one key from as many addresses as there are; no new version, no audit entry.
    fn touch<'a>(&'a self, uses: &'a [LastUse]) -> Answer<'a, Result<(), Fault>>;

    /// From where these keys were used, the newest [`MOST_ADDRESSES`] of each, newest first, in whole seconds: by any node.
    fn uses<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Result<Vec<LastUse>, Fault>>;

    /// What whoever follows the registry has marked under a name; it lies with the rows, and a promoted standby or a restored copy has
    /// it as old as they are.
    fn mark<'a>(&'a self, _name: &'a str) -> Answer<'a, Result<Option<String>, Fault>> {
        Box::pin(std::future::ready(Err(no_marks())))
    }

    /// Marks `after` if what is marked is still `before`; `false` when it is not. No new version, no audit entry.
    fn swap_mark<'a>(
        &'a self,
        _name: &'a str,
        _before: Option<&'a str>,
        _after: &'a str,
    ) -> Answer<'a, Result<bool, Fault>> {
        Box::pin(std::future::ready(Err(no_marks())))
    }

    /// Writes a consistent copy to a new file.
    fn backup<'a>(&'a self, to: &'a Path) -> Answer<'a, Result<(), Fault>>;
}

fn no_marks() -> Fault {
    Fault::new("wanted a store that keeps marks, found one that does not; open a database instead")
}
