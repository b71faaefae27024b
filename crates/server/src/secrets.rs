//! The server's own secrets: made once by whichever node comes first, kept in the registry, read by all.
use countersign_guard::clock::{Clock, Entropy, draw};
use countersign_guard::signing::{SigningKey, SigningKeys};
use countersign_keys::{KeyKind, MacKey, PrivateKey};
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::model::{AuditDraft, Record, SecretRecord, Write};
use countersign_store::registry::{NotWritten, Registry};
use std::sync::Arc;

/// Signing keys are named `signing/<kid>`.
pub(crate) const SIGNING: &str = "signing/";
/// The key that challenges are bound by.
const CHALLENGE: &str = "challenge";

/// The signing keys of the installation; makes the first one when there is none.
///
/// # Errors
/// [`Fault`] when the registry cannot be read or written, or a key in it cannot be used.
pub(crate) async fn signing_keys(
    registry: &dyn Registry,
    directory: &Directory,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Arc<SigningKeys>, Fault> {
    let none = directory.secrets(SIGNING).iter().all(|secret| secret.retired.is_some());
    if none {
        let key =
            PrivateKey::generate(KeyKind::P256, 0).map_err(|error| Fault::caused("no signing key", error))?;
        let name = format!("{SIGNING}{}", uuid(draw::<16>(entropy)));
        ensure(registry, directory, clock, &name, key.to_pkcs8_der()).await?;
    }
    Ok(Arc::new(SigningKeys::new(read(directory)?)?))
}

/// The key under which the installation's nodes issue and open challenges; made by the first of them.
///
/// # Errors
/// [`Fault`] when the registry cannot be read or written.
pub(crate) async fn challenge_key(
    registry: &dyn Registry,
    directory: &Directory,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<MacKey, Fault> {
    let record = ensure(registry, directory, clock, CHALLENGE, &draw::<32>(entropy)).await?;
    if record.sealed {
        return Err(Fault::new("the challenge key is sealed, and no key to open it is configured"));
    }
    Ok(MacKey::new(&record.value))
}

/// The signing keys as the directory has them now.
pub(crate) fn read(directory: &Directory) -> Result<Vec<SigningKey>, Fault> {
    let mut records = directory.secrets(SIGNING);
    // The newest one that still signs comes first, and signs.
    records.sort_by_key(|record| std::cmp::Reverse(record.created));
    let keys = records.into_iter().map(|record| {
        let kid = record.name.strip_prefix(SIGNING).unwrap_or_default().to_owned();
        if record.sealed {
            return Err(Fault::new(format!(
                "signing key {kid} is sealed, and no key to open it is configured"
            )));
        }
        let key = PrivateKey::from_pkcs8_der(&record.value)
            .map_err(|error| Fault::caused(format!("signing key {kid} cannot be read"), error))?;
        Ok(SigningKey { kid, key, signs: record.retired.is_none() })
    });
    keys.collect()
}

/// The secret with this name, kept before it is used; a node that was faster wins.
///
/// # Errors
/// [`Fault`] when the registry cannot be read or written.
pub(crate) async fn ensure(
    registry: &dyn Registry,
    directory: &Directory,
    clock: &dyn Clock,
    name: &str,
    fresh: &[u8],
) -> Result<SecretRecord, Fault> {
    // Each round that does not end saw another node's write; five in a row at start would be no accident.
    for _ in 0..5 {
        if let Some(secret) = directory.secret(name) {
            return Ok(secret);
        }
        let now = clock.now();
        let record = SecretRecord {
            name: name.to_owned(),
            value: fresh.to_vec(),
            sealed: false,
            created: now,
            retired: None,
        };
        let audit = AuditDraft {
            at: now,
            actor: "local".to_owned(),
            action: "secret.make".to_owned(),
            subject: name.to_owned(),
            detail: String::new(),
        };
        let writes = [Write::Put(Record::Secret(record))];
        match registry.commit(directory.version(), &writes, &[audit]).await {
            Ok(version) => directory.apply(&writes, version)?,
            Err(NotWritten::Conflict) => directory.reload(registry.load().await?)?,
            Err(NotWritten::Fault(fault)) => return Err(fault),
        }
    }
    Err(Fault::new(format!("the secret {name} could not be written: the registry changes all the time")))
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
        let mut sets = Vec::new();
        for _ in 0..2 {
            let directory = Directory::load(store.load().await.unwrap()).unwrap();
            sets.push(signing_keys(&store, &directory, &clock, &entropy).await.unwrap().jwks());
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
