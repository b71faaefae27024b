//! Opens the PostgreSQL that the configuration names, with the replay memories that all nodes share.
use super::opened::{Memories, Opened};
use super::password::password;
use super::redis;
use crate::config::Config;
use crate::seal::Seal;
use crate::secrets::{Keeper, seal_all};
use crate::shared::Parts;
use countersign::time::Time;
use countersign_guard::clock::{Clock, Entropy, draw};
use countersign_store::accord::leave;
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::registry::Registry;
use countersign_store_postgres::{PostgresOnce, PostgresStore, ReplayStart, Scope, Settings, Terms};
use countersign_store_redis::{Announced, Bus};
use std::sync::Arc;

/// How the database is reached; `None` when the configuration names a folder.
///
/// # Errors
/// [`Fault`] when the password's file cannot be read.
pub(crate) fn settings(config: &Config) -> Result<Option<Settings>, Fault> {
    let store = &config.store;
    let Some(url) = &store.url else { return Ok(None) };
    Ok(Some(Settings {
        password: store
            .password_file
            .as_deref()
            .map(|file| password(file, "[store] password_file"))
            .transpose()?,
        ca_file: store.ca_file.clone(),
        connections: store.connections,
        statement_timeout: store.statement_timeout,
        ..Settings::new(url)
    }))
}

/// Opens it and begins to remember.
///
/// # Errors
/// [`Fault`] when it cannot be reached or used.
pub(super) async fn open(
    settings: &Settings,
    config: &Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    memories: Memories,
) -> Result<Opened, Fault> {
    let store = Arc::new(PostgresStore::open(settings).await?);
    let redis = redis::settings(config)?;
    let registry: Arc<dyn Registry> = match &redis {
        Some(redis) => Arc::new(Announced::new(Arc::clone(&store), Bus::start(redis)?)),
        None => {
            store.listen();
            store.clone()
        }
    };
    let directory = store.directory().await?;
    let seal = Seal::load(&config.store)?;
    let keeper = Keeper {
        registry: &*registry,
        directory: &directory,
        clock: &*clock,
        entropy: &*entropy,
        seal: &seal,
    };
    seal_all(&keeper).await?;
    let now = clock.now();
    let start = |horizon, terms: Terms| ReplayStart { now, horizon, terms, floor: Time::MIN };
    let codes = start(memories.life, memories.codes);
    let proofs = start(memories.horizon, memories.proofs);
    let (challenges, once): (Arc<dyn Once>, Arc<dyn Once>) = match &redis {
        None => {
            redis::abandon(&*store).await?;
            let challenges = Arc::new(remember(&store, Scope::Challenges, codes).await?);
            let once = Arc::new(remember(&store, Scope::Proofs, proofs).await?);
            if leave(&*store, "").await? {
                return Err(both());
            }
            (challenges, once)
        }
        Some(redis) => {
            let begin = async |scope, start: ReplayStart| {
                let mut given_up = start.clone();
                given_up.terms.values_mut().for_each(|term| *term = term.elsewhere());
                let (_, before) = store.replay_memory_of(scope, given_up.clone()).await?;
                let start = ReplayStart { floor: before.barrier, ..start };
                let once = redis::remember(redis, store.clone(), scope, start, draw(&*entropy)).await?;
                let (_, again) = store.replay_memory_of(scope, given_up).await?;
                if again.why.is_some() { Err(both()) } else { Ok(once) }
            };
            (begin(Scope::Challenges, codes).await?, begin(Scope::Proofs, proofs).await?)
        }
    };
    let parts =
        Parts { clock, entropy, registry: registry.clone(), once, challenges, sessions: store.clone() };
    Ok(Opened { parts, store: registry })
}

/// Each looks once more after it began, so that of two that began together at least one notices.
fn both() -> Fault {
    Fault::new(
        "wanted all nodes to remember what was used in one place, found one that was started at the same time with another \
         [store.replay]: start this one again, with the same configuration",
    )
}

async fn remember(store: &PostgresStore, scope: Scope, start: ReplayStart) -> Result<PostgresOnce, Fault> {
    let (once, recovery) = store.replay_memory_of(scope, start).await?;
    match &recovery.why {
        None => tracing::info!(?scope, "replay memory joined"),
        Some(why) => tracing::warn!(
            ?scope,
            why,
            until = recovery.barrier.seconds(),
            "what works once and is dated before now is refused for a while"
        ),
    }
    Ok(once)
}
