//! Opens the stores that the configuration names: SQLite in a folder with its durable replay memory, or a PostgreSQL; beside either a Redis.
use crate::config::Config;
use crate::dialects::{Dialects, dialects};
use crate::seal::Seal;
use crate::secrets::{Keeper, ensure, seal_all};
use crate::shared::Parts;
use countersign::life::challenge::AHEAD;
use countersign::time::{Span, Time};
use countersign_guard::clock::{Clock, Entropy, draw};
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::registry::Registry;
use countersign_store::replay;
use countersign_store_sqlite::{DurableOnce, ReplayStart, Scope, SqliteStore, Term, Terms};
use std::path::Path;
use std::sync::Arc;

mod audit;
mod copying;
mod ends;
mod opened;
mod password;
mod postgres;
mod redis;

pub use audit::Log as AuditLog;
pub use copying::{Carry, Tally, backup, copy, migrate, restore};
pub use ends::End;
use opened::Memories;
pub use opened::Opened;

/// The name of the secret that keys the replay memories' fingerprints.
const REPLAY: &str = "replay";
/// Seconds that the clocks may be apart of nodes, of a store, and of the same machine before and after a restart, for what was used
/// to stay used over a loss: a barrier lies so far ahead.
const CLOCKS: i64 = 60;
/// Uses remembered at once: 80 MB, and at ±20 seconds a hundred thousand a second.
const MOST_USES: usize = 4_000_000;
/// Answered challenges remembered at once: 40 MB, and over their two minutes sixteen thousand a second.
const MOST_ANSWERED: usize = 2_000_000;

/// Opens the PostgreSQL that `[store] url` names, or the folder that `[store] path` does, or else the data directory.
///
/// # Errors
/// [`Fault`] when another program uses it, or the disk or a database fails.
pub async fn open(
    config: &Config,
    data: &Path,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Opened, Fault> {
    let dialects = dialects(config).map_err(|findings| {
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        Fault::new(told.join("\n"))
    })?;
    let memories = memories(config, &dialects);
    match postgres::settings(config)? {
        Some(settings) => postgres::open(&settings, config, clock, entropy, memories).await,
        None => open_folder(config, data, clock, entropy, memories).await,
    }
}

async fn open_folder(
    config: &Config,
    data: &Path,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    memories: Memories,
) -> Result<Opened, Fault> {
    let folder = config.store.path.as_deref().unwrap_or(data);
    let store = Arc::new(SqliteStore::open(folder).await?);
    let directory = store.directory().await?;
    let seal = Seal::load(&config.store)?;
    let keeper =
        Keeper { registry: &*store, directory: &directory, clock: &*clock, entropy: &*entropy, seal: &seal };
    seal_all(&keeper).await?;
    let secret = ensure(&keeper, REPLAY, &draw::<16>(&*entropy)).await?;
    let key = <[u8; 16]>::try_from(secret.as_slice())
        .map_err(|_| Fault::new("the replay memory's key in the registry is not 16 bytes"))?;
    let now: Time = clock.now();
    let start = ReplayStart { key, fresh: draw(&*entropy), now, horizon: memories.horizon, most: MOST_USES };
    let answered =
        ReplayStart { fresh: draw(&*entropy), horizon: memories.life, most: MOST_ANSWERED, ..start };
    // In this order: see `Scope::Challenges`.
    let (challenges, once): (Arc<dyn Once>, Arc<dyn Once>) = match redis::settings(config)? {
        None => {
            redis::abandon(&*store).await?;
            let challenges = remember(&store, Scope::Challenges, answered, &memories.codes).await?;
            let once = remember(&store, Scope::Proofs, start, &memories.proofs).await?;
            (Arc::new(challenges), Arc::new(once))
        }
        Some(settings) => {
            let begin = async |scope, kept, start: ReplayStart, terms: Terms| {
                let there = terms.iter().map(|(dialect, term)| (dialect.clone(), term.elsewhere()));
                let (_, given_up) = store.replay_memory_of(kept, start, &there.collect()).await?;
                let begun =
                    replay::ReplayStart { now, horizon: start.horizon, terms, floor: given_up.barrier };
                redis::remember(&settings, store.clone(), scope, begun, draw(&*entropy)).await
            };
            (
                begin(replay::Scope::Challenges, Scope::Challenges, answered, memories.codes).await?,
                begin(replay::Scope::Proofs, Scope::Proofs, start, memories.proofs).await?,
            )
        }
    };
    let parts = Parts { clock, entropy, registry: store.clone(), once, challenges, sessions: store.clone() };
    Ok(Opened { parts, store })
}

/// What is remembered, and how, under a configuration.
fn memories(config: &Config, dialects: &Dialects) -> Memories {
    let life = challenge_life(config);
    let horizon = Span::from_seconds(CLOCKS);
    // A code is dated by a clock of ours, so hardly ahead of this one.
    let window = Span::from_seconds(AHEAD);
    let text = format!("life:{}", life.millis());
    let codes = Terms::from([("challenge".to_owned(), Term { text, window })]);
    let mut proofs = terms(dialects);
    // DPoP proofs are of no dialect, and work once all the same.
    let window = dpop_window(config);
    let text = format!("window:{}", window.millis());
    proofs.insert("token.dpop_window".to_owned(), Term { text, window });
    Memories { life, horizon, codes, proofs }
}

async fn remember(
    store: &SqliteStore,
    scope: Scope,
    start: ReplayStart,
    terms: &Terms,
) -> Result<DurableOnce, Fault> {
    let (once, recovery) = store.replay_memory_of(scope, start, terms).await?;
    tracing::info!(?scope, claims = recovery.claims, cut = recovery.cut, "replay memory read");
    if let Some(why) = &recovery.why {
        tracing::warn!(
            ?scope,
            why,
            until = recovery.barrier.seconds(),
            "what works once and is dated before now is refused for a while"
        );
    }
    Ok(once)
}

fn challenge_life(config: &Config) -> Span {
    Span::from_seconds(i64::try_from(config.session.challenge_life.as_secs()).unwrap_or(i64::MAX))
}

fn dpop_window(config: &Config) -> Span {
    Span::from_millis(i64::try_from(config.token.dpop_window.as_millis()).unwrap_or(i64::MAX))
}

/// By which terms each dialect's uses are remembered.
fn terms(dialects: &Dialects) -> Terms {
    let windows = dialects.values().filter_map(|dialect| dialect.covered().window);
    let widest = windows.max().unwrap_or_default();
    let terms = dialects.iter().filter_map(|(name, dialect)| {
        let window = dialect.covered().window.unwrap_or(widest);
        Some((name.clone(), Term { text: dialect.remembering()?, window }))
    });
    terms.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::ask::{Claim, Use};
    use countersign_guard::clock::{FrozenClock, SeededEntropy};
    use countersign_store::directory::Directory;
    use countersign_store::model::{Record, SecretRecord, Write};

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
            // One code answered at the first start: used there, and in no memory but its own.
            let until = clock.now() + Span::from_seconds(60);
            let claim = Claim { mark: [9; 32], since: clock.now(), until };
            let used = opened.parts.challenges.claim(claim, clock.now()).await.unwrap();
            assert_eq!(used, if seed == 0 { Use::First } else { Use::Again });
            assert_eq!(opened.parts.once.peek(claim, clock.now()).await.unwrap(), Use::First);
            assert_eq!(opened.parts.once.remembered(), Some(0));
        }
        assert_eq!(keys[0], keys[1]);
        // What a loss costs callers does not depend on the longest proof of any dialect that ships.
        assert_eq!(memories(&config, &dialects(&config).unwrap()).horizon, Span::from_seconds(60));
    }

    #[tokio::test]
    async fn a_longer_time_for_one_dialect_reopens_nothing_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let begun = 1_767_225_600;
        let claim = |mark: u8, dated: i64, life: i64| {
            let dated = Time::from_seconds(begun + dated);
            Claim { mark: [mark; 32], since: dated, until: dated + Span::from_seconds(life) }
        };
        // Starts at a second with a tolerance, and claims then.
        let start = async |at: i64, tolerance: &str, claim: Claim| {
            let mut config = Config::default();
            let section = config.dialects.entry("asymmetric-jwt".to_owned()).or_default();
            section.settings.insert("tolerance".to_owned(), tolerance.to_owned());
            // Longer than any of them, so that the longest time of all is always the same.
            config.session.challenge_life = std::time::Duration::from_secs(600);
            let clock = Arc::new(FrozenClock::at(Time::from_seconds(begun + at)));
            let entropy = Arc::new(countersign_guard::clock::SystemEntropy);
            let opened = open(&config, folder.path(), clock.clone(), entropy).await.unwrap();
            opened.parts.once.claim(claim, clock.now()).await.unwrap()
        };
        assert_eq!(start(0, "5s", claim(1, 0, 5)).await, Use::First);
        assert_eq!(start(2, "5s", claim(2, 2, 5)).await, Use::First, "the same again bars nothing");
        assert_eq!(start(20, "60s", claim(1, 0, 60)).await, Use::Barred, "used, and forgotten since");
        // The barrier goes by, and the next start goes by what is remembered since.
        assert_eq!(start(400, "60s", claim(3, 400, 60)).await, Use::First);
        assert_eq!(start(401, "60s", claim(4, 401, 60)).await, Use::First);
        assert_eq!(start(402, "60s", claim(4, 401, 60)).await, Use::Again);
        assert_ne!(start(403, "5s", claim(4, 401, 60)).await, Use::First);
        assert_eq!(start(800, "5s", claim(5, 800, 5)).await, Use::First);
        assert_ne!(start(820, "60s", claim(5, 800, 60)).await, Use::First);
    }

    #[tokio::test]
    async fn a_longer_time_for_dpop_proofs_reopens_nothing_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let begun = 1_767_225_600;
        let start = async |at: i64, window: u64, dated: i64| {
            let mut config = Config::default();
            config.token.dpop_window = std::time::Duration::from_secs(window);
            config.session.challenge_life = std::time::Duration::from_secs(600);
            let clock = Arc::new(FrozenClock::at(Time::from_seconds(begun + at)));
            let entropy = Arc::new(countersign_guard::clock::SystemEntropy);
            let opened = open(&config, folder.path(), clock.clone(), entropy).await.unwrap();
            let dated = Time::from_seconds(begun + dated);
            let until = dated + Span::from_seconds(window.cast_signed());
            opened.parts.once.claim(Claim { mark: [1; 32], since: dated, until }, clock.now()).await.unwrap()
        };
        assert_eq!(start(0, 5, 0).await, Use::First);
        assert_eq!(start(20, 60, 0).await, Use::Barred, "used, and forgotten since");
    }

    /// Opens a folder and builds a server over it; gives the key set, whether every secret is sealed, and the fault.
    async fn start(folder: &Path, key: Option<&Path>) -> Result<(String, bool), Fault> {
        start_with(folder, key, false).await
    }

    async fn start_with(folder: &Path, key: Option<&Path>, adopt: bool) -> Result<(String, bool), Fault> {
        let mut config = Config::default();
        config.store.seal_open_secrets = adopt;
        config.store.key_encryption_key_file = key.map(Path::to_owned);
        let clock = Arc::new(FrozenClock::at(Time::from_seconds(1_767_225_600)));
        let entropy = Arc::new(countersign_guard::clock::SystemEntropy);
        let opened = open(&config, folder, clock, entropy).await?;
        let dialects = dialects(&config).unwrap();
        let app = crate::app::App::build(config, dialects, opened.parts).await?;
        let secrets = app.directory.secrets("");
        assert_eq!(secrets.len(), 3, "none is made beside one that does not open");
        Ok((app.signing.jwks(), secrets.iter().all(|secret| secret.sealed)))
    }

    /// Whether the file of the registry, or what SQLite keeps beside it, holds these bytes.
    fn on_disk(folder: &Path, part: &[u8]) -> bool {
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        files
            .filter(|path| path.is_file())
            .any(|path| std::fs::read(path).unwrap().windows(part.len()).any(|found| found == part))
    }

    #[tokio::test]
    async fn secrets_are_sealed_at_the_next_start_and_open_with_their_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let [key, other] = ["key", "other"].map(|name| folder.path().join(name));
        std::fs::write(&key, "07".repeat(32)).unwrap();
        std::fs::write(&other, "08".repeat(32)).unwrap();
        let (set, sealed) = start(&data, None).await.unwrap();
        assert!(!sealed);
        let store = SqliteStore::open(&data).await.unwrap();
        let rows = Directory::load(store.load().await.unwrap()).unwrap().secrets("");
        let plain: Vec<Vec<u8>> = rows.into_iter().map(|row| row.value).collect();
        store.close().await;
        assert!(plain.iter().all(|value| on_disk(&data, value)));
        // Not without a word that they are ours. Then the same secrets, sealed; and again at the start after.
        let told = start(&data, Some(&key)).await.unwrap_err().to_string();
        assert!(told.contains("is not sealed") && told.contains("seal_open_secrets = true"), "{told}");
        for adopt in [true, false] {
            assert_eq!(start_with(&data, Some(&key), adopt).await.unwrap(), (set.clone(), true));
        }
        let store = SqliteStore::open(&data).await.unwrap();
        let audit = store.audit(0, 100).await.unwrap();
        let sealings = audit.iter().filter(|entry| entry.entry.action == "secret.seal").count();
        assert_eq!(sealings, 3, "each with its entry, once");
        store.close().await;
        for value in &plain {
            assert!(!on_disk(&data, value), "what was kept open before is gone from the files, too");
        }
        // Without the key, with another, or with none in its file, nothing starts and nothing is made anew.
        let told = start(&data, None).await.unwrap_err().to_string();
        assert!(told.contains("is sealed under key") && told.contains("none is configured"), "{told}");
        let told = start(&data, Some(&other)).await.unwrap_err().to_string();
        assert!(told.contains("put the right file back"), "{told}");
        assert!(start(&data, Some(&folder.path().join("missing"))).await.is_err());
        assert_eq!(start(&data, Some(&key)).await.unwrap(), (set, true));
    }

    #[tokio::test]
    async fn a_signing_key_that_was_put_into_the_database_signs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (data, key) = (folder.path().join("data"), folder.path().join("key"));
        std::fs::write(&key, "07".repeat(32)).unwrap();
        start(&data, Some(&key)).await.unwrap();
        let planted = countersign_keys::PrivateKey::generate(countersign_keys::KeyKind::P256, 0).unwrap();
        let store = SqliteStore::open(&data).await.unwrap();
        let directory = Directory::load(store.load().await.unwrap()).unwrap();
        // All that were sealed are taken away first, as if there had never been a key.
        let mut writes: Vec<Write> = directory.secrets("").into_iter().map(open_one).collect();
        let name = format!("{}planted", crate::secrets::SIGNING);
        let value = planted.to_pkcs8_der().to_vec();
        let created = Time::from_seconds(1_767_225_000);
        let record = SecretRecord { name, value, sealed: false, created, retired: None };
        writes.push(Write::Put(Record::Secret(record)));
        store.commit(directory.version(), &writes, &[]).await.unwrap();
        store.close().await;
        let told = start(&data, Some(&key)).await.unwrap_err().to_string();
        assert!(told.contains("is not sealed"), "{told}");
    }

    /// A secret that whoever writes to the database knows, in the place of another one.
    fn open_one(record: SecretRecord) -> Write {
        Write::Put(Record::Secret(SecretRecord { value: vec![7; 32], sealed: false, ..record }))
    }

    #[tokio::test]
    async fn a_first_start_with_a_key_keeps_nothing_open() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "07".repeat(32)).unwrap();
        let (set, sealed) = start(&folder.path().join("data"), Some(&key)).await.unwrap();
        assert!(sealed);
        assert_eq!(start(&folder.path().join("data"), Some(&key)).await.unwrap().0, set);
    }
}
