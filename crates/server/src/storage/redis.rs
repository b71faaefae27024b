//! Begins the replay memories and the bus on the Redis that the configuration names, beside a registry in a database.
use super::password::password;
use crate::config::Config;
use countersign_store::accord::{Accord, leave};
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::replay::{ReplayStart, Scope};
use countersign_store_redis::{LEASE, RedisOnce, Settings};
use std::sync::Arc;

/// How Redis is reached; `None` when the configuration names none.
///
/// # Errors
/// [`Fault`] when a password's file cannot be read.
pub(super) fn settings(config: &Config) -> Result<Option<Settings>, Fault> {
    let Some(replay) = &config.store.replay else { return Ok(None) };
    let read = |file: &Option<std::path::PathBuf>, name| {
        file.as_deref().map(|file| password(file, name)).transpose()
    };
    Ok(Some(Settings {
        password: read(&replay.password_file, "[store.replay] password_file")?,
        sentinel_password: read(&replay.sentinel_password_file, "[store.replay] sentinel_password_file")?,
        ..replay.settings()
    }))
}

/// Begins to remember.
///
/// # Errors
/// [`Fault`] when Redis or the registry cannot be reached or used.
pub(super) async fn remember(
    settings: &Settings,
    accord: Arc<dyn Accord>,
    scope: Scope,
    start: ReplayStart,
    fresh: [u8; 16],
) -> Result<Arc<dyn Once>, Fault> {
    let (once, recovery) = RedisOnce::begin(settings, accord, scope, start, fresh).await?;
    match &recovery.why {
        None => tracing::info!(?scope, "replay memory in Redis joined"),
        Some(why) => tracing::warn!(
            ?scope,
            why,
            until = recovery.barrier.seconds(),
            "what works once and is dated before now is refused for a while"
        ),
    }
    Ok(Arc::new(once))
}

/// Says that nothing is remembered in Redis any more, and waits until nodes that did have noticed.
///
/// # Errors
/// [`Fault`] when the registry fails.
pub(super) async fn abandon(accord: &dyn Accord) -> Result<(), Fault> {
    if leave(accord, "").await? {
        tracing::warn!("what is used was remembered in Redis before: waiting until every node has noticed");
        tokio::time::sleep(LEASE).await;
    }
    Ok(())
}
