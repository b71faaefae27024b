//! A running pool of addresses, with the task that looks after them.
use super::connect::{Dial, Roots, roots};
use super::health;
use super::member::Member;
use super::members::Members;
use crate::config::upstream::Upstream;
use countersign_store::fault::Fault;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A running pool; its task and its connections end with it.
pub(crate) struct Pool {
    members: Arc<Members>,
    roots: Option<Roots>,
    task: JoinHandle<()>,
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pool {
    /// Starts a pool.
    ///
    /// # Errors
    /// [`Fault`] when its certificates cannot be read.
    pub(super) fn start(settings: &Upstream) -> Result<Self, Fault> {
        let roots = settings.ca.as_deref().map(roots).transpose()?;
        let mut all = Vec::new();
        for address in &settings.addresses {
            let dial = Dial::new(settings, address, roots.as_ref())?;
            let label = address.authority().map_or("", |authority| authority.as_str());
            all.push(Arc::new(Member::new(settings, label, dial)));
        }
        let members = Arc::new(Members::new(settings, all));
        let task = tokio::spawn(health::tend(Arc::clone(&members)));
        Ok(Self { members, roots, task })
    }

    /// Whether this pool is what these settings ask for, the certificates in their file included.
    pub(super) fn serves(&self, settings: &Upstream) -> bool {
        if self.members.settings != *settings {
            return false;
        }
        match (&self.roots, settings.ca.as_deref().map(roots)) {
            (None, None) => true,
            (Some(ours), Some(Ok(theirs))) => ours.roots == theirs.roots,
            _ => false,
        }
    }

    pub(crate) fn members(&self) -> &Members {
        &self.members
    }
}
