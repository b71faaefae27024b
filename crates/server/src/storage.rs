//! Opens the stores that the configuration names: SQLite in a folder, with its durable replay memory.
use crate::app::Parts;
use crate::config::Config;
use crate::dialects::dialects;
use crate::secrets::ensure;
use countersign::time::{Span, Time};
use countersign_guard::clock::{Clock, Entropy, draw};
use countersign_store::fault::Fault;
use countersign_store::registry::Registry;
use countersign_store_sqlite::{ReplayStart, SqliteStore};
use std::path::Path;
use std::sync::Arc;

/// The name of the secret that keys the replay memory's fingerprints.
const REPLAY: &str = "replay";
/// Uses remembered at once: 80 MB, and at ±20 seconds a hundred thousand a second.
const MOST_USES: usize = 4_000_000;

/// The stores of a data directory, opened.
pub struct Opened {
    /// What a server is started with.
    pub parts: Parts,
    /// The store itself, for backups.
    pub store: Arc<SqliteStore>,
}

/// Writes a consistent copy of a data directory's registry to a new file, also while a server runs.
///
/// # Errors
/// [`Fault`] when the file is there already, or the disk or the database fails.
pub async fn backup(folder: &Path, file: &Path) -> Result<(), Fault> {
    countersign_store_sqlite::backup(folder, file).await
}

/// Opens the folder that `[store] path` names, or else the data directory.
///
/// # Errors
/// [`Fault`] when another program uses it, or the disk or a database fails.
pub async fn open(
    config: &Config,
    data: &Path,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Opened, Fault> {
    let folder = config.store.path.as_deref().unwrap_or(data);
    let store = Arc::new(SqliteStore::open(folder).await?);
    let directory = store.directory().await?;
    let secret = ensure(&*store, &directory, &*clock, REPLAY, &draw::<16>(&*entropy)).await?;
    let key = <[u8; 16]>::try_from(secret.value.as_slice())
        .map_err(|_| Fault::new("the replay memory's key in the registry is not 16 bytes"))?;
    let now: Time = clock.now();
    let start = ReplayStart { key, fresh: draw(&*entropy), now, horizon: horizon(config)?, most: MOST_USES };
    let (once, recovery) = store.replay_memory(start).await?;
    tracing::info!(claims = recovery.claims, cut = recovery.cut, "replay memory read");
    if let Some(why) = &recovery.why {
        tracing::warn!(
            why,
            until = recovery.barrier.seconds(),
            "one-time proofs dated before now are refused for a while"
        );
    }
    let parts =
        Parts { clock, entropy, registry: store.clone(), once: Arc::new(once), sessions: store.clone() };
    Ok(Opened { parts, store })
}

/// How far from the clock an accepted one-time proof may be dated, over all dialects and challenges.
fn horizon(config: &Config) -> Result<Span, Fault> {
    let dialects = dialects(config).map_err(|findings| {
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        Fault::new(told.join("\n"))
    })?;
    let windows = dialects
        .values()
        .filter(|dialect| dialect.is_single_use())
        .filter_map(|dialect| dialect.covered().window);
    let challenge =
        Span::from_seconds(i64::try_from(config.session.challenge_life.as_secs()).unwrap_or(i64::MAX));
    Ok(windows.fold(challenge, Span::max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_guard::clock::{FrozenClock, SeededEntropy};
    use countersign_store::directory::Directory;

    #[tokio::test]
    async fn a_folder_opens_again_with_the_same_key_and_memory() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::default();
        let clock = Arc::new(FrozenClock::at(Time::from_seconds(1_767_225_600)));
        let mut keys = Vec::new();
        for seed in 0..2 {
            let opened = open(&config, folder.path(), clock.clone(), Arc::new(SeededEntropy::new(seed)))
                .await
                .unwrap();
            let directory = Directory::load(opened.store.load().await.unwrap()).unwrap();
            keys.push(directory.secret(REPLAY).unwrap().value);
            assert_eq!(opened.parts.once.remembered(), Some(0));
        }
        assert_eq!(keys[0], keys[1]);
        assert!(horizon(&config).unwrap() >= Span::from_seconds(120));
    }
}
