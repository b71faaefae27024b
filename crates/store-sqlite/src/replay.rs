//! Ties the replay log to its registry, so that a log from elsewhere, or a registry from a backup, is noticed.
use crate::blocking::off_reactor;
use crate::log::disk::Folder;
use crate::log::recover::Begun;
use crate::once::{DurableOnce, Recovery, ReplayStart};
use crate::store::SqliteStore;
use countersign::time::Time;
use countersign_store::fault::Fault;
use countersign_store::replay::{Terms, changed, gone};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a copied registry says instead of its log's identity.
pub(crate) const RESTORED: &str = "restored";

/// What a replay memory is for. Each scope has a log and a bound of its own, so that none takes another's room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One-time proofs.
    Proofs,
    /// Answered challenges, which strangers can ask for. Begun before [`Scope::Proofs`]: where proofs were remembered
    /// already and challenges were not, an older release kept them together, and they are behind a barrier.
    Challenges,
}

impl Scope {
    /// The name in the registry of the log's identity.
    pub(crate) fn epoch(self) -> &'static str {
        match self {
            Self::Proofs => "epoch",
            Self::Challenges => "epoch-challenges",
        }
    }

    /// The name in the registry of the terms by which uses are remembered.
    fn terms(self) -> &'static str {
        match self {
            Self::Proofs => "terms",
            Self::Challenges => "terms-challenges",
        }
    }

    /// The name in the registry of the second up to which what works once was barred at a start.
    fn floor(self) -> &'static str {
        match self {
            Self::Proofs => "barrier",
            Self::Challenges => "barrier-challenges",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Proofs => "replay",
            Self::Challenges => "replay-challenges",
        }
    }
}

impl SqliteStore {
    /// Reads the log of one-time proofs and begins to remember: [`Self::replay_memory_of`] for [`Scope::Proofs`].
    ///
    /// # Errors
    /// As for [`Self::replay_memory_of`].
    pub async fn replay_memory(&self, start: ReplayStart) -> Result<(DurableOnce, Recovery), Fault> {
        self.replay_memory_of(Scope::Proofs, start, &Terms::new()).await
    }

    /// Reads the replay log of a scope and begins to remember by these terms. Tells what was found, for the operator's log.
    ///
    /// # Errors
    /// When it was begun already by this store, or the disk or the database fails.
    pub async fn replay_memory_of(
        &self,
        scope: Scope,
        start: ReplayStart,
        terms: &Terms,
    ) -> Result<(DurableOnce, Recovery), Fault> {
        let begun = match scope {
            Scope::Proofs => &self.replay_begun,
            Scope::Challenges => &self.challenges_begun,
        };
        if begun.swap(true, Ordering::SeqCst) {
            return Err(Fault::new(
                "the replay memory of this store was begun already: there is one for each store",
            ));
        }
        let (epoch, begun) = match self.noted(scope.epoch()).await?.as_deref() {
            None if scope == Scope::Challenges && self.noted(Scope::Proofs.epoch()).await?.is_some() => {
                (start.fresh, Begun::BeforeBackup)
            }
            None => (start.fresh, Begun::Never),
            Some(text) => {
                unhex(text).map_or((start.fresh, Begun::BeforeBackup), |epoch| (epoch, Begun::Here))
            }
        };
        let text = self.noted(scope.terms()).await?;
        let known = match text.as_deref().map(serde_json::from_str) {
            None => BTreeMap::new(),
            Some(Ok(known)) => known,
            // As an older release spelt them: by others than these, for all that can be known.
            Some(Err(_)) => terms.keys().map(|dialect| (dialect.clone(), String::new())).collect(),
        };
        let changed = changed(terms, &known).filter(|_| begun != Begun::Never);
        let floor = self.noted(scope.floor()).await?.and_then(|text| text.parse().ok());
        let floor = floor.map_or(Time::MIN, Time::from_seconds);
        let folder = self.directory.join(scope.folder());
        let lock = Arc::clone(&self.lock);
        let begin = move || {
            let disk = Folder::open(&folder, lock).map_err(|error| {
                Fault::caused(format!("cannot make the folder {}", folder.display()), error)
            })?;
            DurableOnce::start(Box::new(disk), &start, epoch, begun, (changed, floor))
        };
        let begun_now = off_reactor(begin).await?;
        // After the log: a crash in between leaves a log that nobody claims, and costs a barrier.
        if begun != Begun::Here {
            self.note(scope.epoch(), &hex(&epoch)).await?;
        }
        // The log may be lost, and its barrier with it.
        if begun_now.1.barrier > floor {
            // Whole seconds are kept, rounded down.
            let floor = begun_now.1.barrier.seconds().saturating_add(1);
            self.note(scope.floor(), &floor.to_string()).await?;
        }
        // After the log as well, whose barrier stands now, and before the first use that is remembered by them.
        // Those of dialects that are gone stay: they may come back with others.
        let mut told: BTreeMap<String, String> =
            known.into_iter().map(|(dialect, noted)| (dialect, gone(&noted))).collect();
        told.extend(terms.iter().map(|(dialect, term)| (dialect.clone(), term.noted())));
        let told = serde_json::to_string(&told)
            .map_err(|error| Fault::caused("cannot write terms of remembering as JSON", error))?;
        if text.as_deref() != Some(&told) {
            self.note(scope.terms(), &told).await?;
        }
        Ok(begun_now)
    }

    /// What the registry keeps under a name.
    async fn noted(&self, name: &'static str) -> Result<Option<String>, Fault> {
        let mut unit = self.registry.read().await?;
        sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *unit)
            .await
            .map_err(|error| self.registry.failed("read", error))
    }

    async fn note(&self, name: &'static str, value: &str) -> Result<(), Fault> {
        let failed = |error| self.registry.failed("write", error);
        let mut unit = self.registry.begin().await?;
        sqlx::query(
            "INSERT INTO meta (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value.to_owned())
        .execute(&mut *unit)
        .await
        .map_err(failed)?;
        unit.commit().await.map_err(failed)
    }
}

fn hex(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes) } else { None }
}
