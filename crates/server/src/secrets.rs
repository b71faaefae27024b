//! The server's own secrets: made once by whichever node comes first, kept in the registry, read by all.
use crate::seal::Seal;
use countersign_guard::clock::{Clock, Entropy, draw};
use countersign_guard::signing::{SigningKey, SigningKeys};
use countersign_keys::{KeyKind, MacKey, PrivateKey};
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::model::{AuditDraft, Record, SecretRecord, Write};
use countersign_store::registry::{NotWritten, Registry};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Signing keys are named `signing/<kid>`.
pub(crate) const SIGNING: &str = "signing/";
/// The key that challenges are bound by.
const CHALLENGE: &str = "challenge";

/// Each round that does not end saw another node's write; so many in a row at start would be no accident.
const MOST_ROUNDS: u32 = 20;

/// Where the secrets are, and how they are kept.
#[derive(Clone, Copy)]
pub(crate) struct Keeper<'k> {
    pub(crate) registry: &'k dyn Registry,
    pub(crate) directory: &'k Directory,
    pub(crate) clock: &'k dyn Clock,
    pub(crate) entropy: &'k dyn Entropy,
    pub(crate) seal: &'k Seal,
}

/// Opens every secret, so that none is made anew beside one that cannot be opened; then seals those that are not sealed yet, or
/// under a key that no longer seals.
///
/// # Errors
/// [`Fault`] when a secret does not open, or the registry cannot be read or written.
pub(crate) async fn seal_all(keeper: &Keeper<'_>) -> Result<(), Fault> {
    for _ in 0..MOST_ROUNDS {
        let (mut writes, mut audit) = (Vec::new(), Vec::new());
        for record in keeper.directory.secrets("") {
            let opened = keeper.seal.open(&record)?;
            if !keeper.seal.is_to_seal(&record) {
                continue;
            }
            let (value, sealed) = keeper.seal.seal(&record.name, &opened, keeper.entropy)?;
            audit.push(note(keeper, "secret.seal", &record.name, ""));
            writes.push(Write::Put(Record::Secret(SecretRecord { value, sealed, ..record })));
        }
        if writes.is_empty() {
            return Ok(());
        }
        match keeper.registry.commit(keeper.directory.version(), &writes, &audit).await {
            Ok(version) => keeper.directory.apply(&writes, version)?,
            Err(NotWritten::Conflict) => keeper.directory.reload(keeper.registry.load().await?)?,
            Err(NotWritten::Fault(fault)) => return Err(fault),
        }
    }
    Err(Fault::new("the secrets could not be sealed: the registry changes all the time"))
}

/// The signing keys of the installation; makes the first one when there is none.
///
/// # Errors
/// [`Fault`] when the registry cannot be read or written, or a key in it cannot be used.
pub(crate) async fn signing_keys(keeper: &Keeper<'_>) -> Result<Arc<SigningKeys>, Fault> {
    let directory = keeper.directory;
    // Again only when another node wrote meanwhile: perhaps the first key, and one is enough for all.
    for _ in 0..MOST_ROUNDS {
        if directory.secrets(SIGNING).iter().any(|secret| secret.retired.is_none()) {
            return Ok(Arc::new(SigningKeys::new(read(directory, keeper.seal, None)?)?));
        }
        let key =
            PrivateKey::generate(KeyKind::P256, 0).map_err(|error| Fault::caused("no signing key", error))?;
        let name = format!("{SIGNING}{}", uuid(draw::<16>(keeper.entropy)));
        attempt(keeper, &name, key.to_pkcs8_der()).await?;
    }
    Err(Fault::new("the first signing key could not be written: the registry changes all the time"))
}

/// The key under which the installation's nodes issue and open challenges; made by the first of them.
///
/// # Errors
/// [`Fault`] when the registry cannot be read or written.
pub(crate) async fn challenge_key(keeper: &Keeper<'_>) -> Result<MacKey, Fault> {
    let fresh = Zeroizing::new(draw::<32>(keeper.entropy));
    Ok(MacKey::new(&ensure(keeper, CHALLENGE, &*fresh).await?))
}

/// The signing keys as the directory has them now. One that does not open is taken from those that are `held`, if it is there: another
/// node may have sealed it under a key that this one is yet to be given.
///
/// # Errors
/// [`Fault`] when one does not open and is not held, or cannot be read.
pub(crate) fn read(
    directory: &Directory,
    seal: &Seal,
    held: Option<&SigningKeys>,
) -> Result<Vec<SigningKey>, Fault> {
    let mut records = directory.secrets(SIGNING);
    // Of two that nothing is to take over from, the older one signs: everybody knows it.
    records.sort_by(|one, other| (one.created, &one.name).cmp(&(other.created, &other.name)));
    records.sort_by_key(|record| std::cmp::Reverse(record.created));
    let keys = records.into_iter().map(|record| {
        let kid = record.name.strip_prefix(SIGNING).unwrap_or_default().to_owned();
        let opened = match (seal.open(&record), held.and_then(|held| held.get(&kid))) {
            (Ok(opened), _) => opened,
            (Err(fault), Some(held)) => {
                tracing::error!(%fault, "a signing key was sealed anew, and this node cannot open it; it goes on until its next start");
                return Ok(SigningKey { retired: record.retired, ..held });
            }
            (Err(fault), None) => return Err(fault),
        };
        let key = PrivateKey::from_pkcs8_der(&opened)
            .map_err(|error| Fault::caused(format!("signing key {kid} cannot be read"), error))?;
        Ok(SigningKey { kid, key: Arc::new(key), retired: record.retired })
    });
    keys.collect()
}

/// The secret with this name, kept before it is used; a node that was faster wins.
///
/// # Errors
/// [`Fault`] when the registry cannot be read or written.
pub(crate) async fn ensure(
    keeper: &Keeper<'_>,
    name: &str,
    fresh: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    for _ in 0..MOST_ROUNDS {
        if let Some(secret) = keeper.directory.secret(name) {
            return keeper.seal.open(&secret);
        }
        attempt(keeper, name, fresh).await?;
    }
    Err(Fault::new(format!("the secret {name} could not be written: the registry changes all the time")))
}

/// Writes a secret, or takes up what another node wrote meanwhile.
async fn attempt(keeper: &Keeper<'_>, name: &str, fresh: &[u8]) -> Result<(), Fault> {
    let Keeper { registry, directory, clock, entropy, seal } = *keeper;
    let (value, sealed) = seal.seal(name, fresh, entropy)?;
    let record = SecretRecord { name: name.to_owned(), value, sealed, created: clock.now(), retired: None };
    let audit = note(keeper, "secret.make", name, if sealed { "sealed" } else { "not sealed" });
    let writes = [Write::Put(Record::Secret(record))];
    match registry.commit(directory.version(), &writes, &[audit]).await {
        Ok(version) => directory.apply(&writes, version),
        Err(NotWritten::Conflict) => directory.reload(registry.load().await?),
        Err(NotWritten::Fault(fault)) => Err(fault),
    }
}

fn note(keeper: &Keeper<'_>, action: &str, name: &str, detail: &str) -> AuditDraft {
    AuditDraft {
        at: keeper.clock.now(),
        actor: "local".to_owned(),
        action: action.to_owned(),
        subject: name.to_owned(),
        detail: detail.to_owned(),
    }
}

/// A random UUID (version 4) as text.
pub(crate) fn uuid(mut bytes: [u8; 16]) -> String {
    if let Some(byte) = bytes.get_mut(6) {
        *byte = (*byte & 0x0f) | 0x40;
    }
    if let Some(byte) = bytes.get_mut(8) {
        *byte = (*byte & 0x3f) | 0x80;
    }
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::time::Time;
    use countersign_guard::clock::{FrozenClock, SeededEntropy};
    use countersign_store::memory::MemoryStore;

    #[tokio::test]
    async fn the_first_start_makes_a_signing_key_and_the_next_finds_it() {
        let store = MemoryStore::new([0; 16]);
        let clock = FrozenClock::at(Time::from_seconds(1));
        let entropy = SeededEntropy::new(1);
        let none = crate::config::Config::default().store;
        let mut sets = Vec::new();
        for _ in 0..2 {
            let directory = Directory::load(store.load().await.unwrap()).unwrap();
            let (registry, directory, seal) = (&store, &directory, &Seal::load(&none).unwrap());
            let keeper = Keeper { registry, directory, clock: &clock, entropy: &entropy, seal };
            sets.push(signing_keys(&keeper).await.unwrap().jwks());
        }
        assert_eq!(sets[0], sets[1]);
        assert!(sets[0].contains("ES256"), "{}", sets[0]);
        assert_eq!(store.audit(0, 10).await.unwrap().len(), 1);
    }

    #[test]
    fn ids_of_keys_are_uuids() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
