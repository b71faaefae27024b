//! Seals the server's own secrets where they are kept, under a key that is kept elsewhere and may be changed for another one.
use crate::config::store::StoreSection;
use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64ct::{Base64, Base64Unpadded, Encoding};
use countersign::base64::encode_hex;
use countersign_guard::clock::{Entropy, draw};
use countersign_keys::sha256;
use countersign_store::fault::Fault;
use countersign_store::model::SecretRecord;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Says which form a sealed value has: this one is form, id of the key, nonce, and AES-256-GCM's output.
const FORM: u8 = 1;
/// Bytes of a key's id, which says under which key a value is sealed: there are two while one is changed for another.
const ID: usize = 8;
/// Bytes of a key file: 64 hexadecimal digits, or less in base64, with white space around.
const LONGEST: usize = 256;

/// Seals and opens secrets; without a key it leaves them as they are and opens no sealed one.
pub struct Seal(ArcSwap<SealingKeys>);

/// The keys of one configuration: one seals, and all of them open.
#[derive(Default)]
pub(crate) struct SealingKeys {
    current: Option<SealingKey>,
    others: Vec<SealingKey>,
    /// Secrets that are not sealed are taken although there is a key.
    adopt: bool,
}

struct SealingKey {
    id: [u8; ID],
    key: LessSafeKey,
}

impl SealingKeys {
    /// The keys that `[store] key_encryption_key_file` and `other_key_encryption_key_files` name.
    ///
    /// # Errors
    /// [`Fault`] when a file cannot be read or holds no such key: nothing is ever sealed under another one instead.
    pub(crate) fn load(store: &StoreSection) -> Result<Self, Fault> {
        let current =
            store.key_encryption_key_file.as_deref().map(|path| load("key_encryption_key_file", path));
        let others = store.other_key_encryption_key_files.iter();
        let others =
            others.map(|path| load("other_key_encryption_key_files", path)).collect::<Result<_, _>>()?;
        Ok(Self { current: current.transpose()?, others, adopt: store.seal_open_secrets })
    }

    /// A secret as it is used.
    ///
    /// # Errors
    /// [`Fault`] when it is sealed under a key that is not here, or was changed; or when it is not sealed although there is a key: anybody who
    /// writes to the database may have put it there.
    pub(crate) fn open(&self, record: &SecretRecord) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let name = &record.name;
        if !record.sealed {
            if self.current.is_some() && !self.adopt {
                return Err(Fault::new(format!(
                    "the secret {name} is not sealed, and [store] key_encryption_key_file is set: whoever can write to the database may have put it there; \
                     if you set the key only now, set [store] seal_open_secrets = true for this one start, else put a backup of the registry back"
                )));
            }
            return Ok(Zeroizing::new(record.value.clone()));
        }
        let damaged =
            || Fault::new(format!("the sealed secret {name} was changed; put a backup of the registry back"));
        let (form, rest) = record.value.split_first().ok_or_else(damaged)?;
        if *form != FORM {
            return Err(Fault::new(format!(
                "the secret {name} is sealed in form {form}, and this release knows form {FORM}; run a newer one"
            )));
        }
        let (wanted, rest) = rest.split_first_chunk::<ID>().ok_or_else(damaged)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let Some(SealingKey { id, key }) = self.all().find(|key| key.id == *wanted) else {
            return Err(self.lacks(name, wanted));
        };
        let mut opened = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = key.open_in_place(nonce, about(id, name), &mut opened).map_err(|_| damaged())?.len();
        opened.truncate(length);
        Ok(opened)
    }

    fn all(&self) -> impl Iterator<Item = &SealingKey> {
        self.current.iter().chain(&self.others)
    }

    fn lacks(&self, name: &str, wanted: &[u8; ID]) -> Fault {
        let wanted = encode_hex(wanted);
        let held: Vec<String> = self.all().map(|key| encode_hex(&key.id)).collect();
        if held.is_empty() {
            return Fault::new(format!(
                "the secret {name} is sealed under key {wanted}, and none is configured; set [store] key_encryption_key_file"
            ));
        }
        Fault::new(format!(
            "the secret {name} is sealed under key {wanted}, and [store] key_encryption_key_file holds key {}; put the \
             right file back, or name the old one in other_key_encryption_key_files",
            held.join(", and other_key_encryption_key_files ")
        ))
    }
}

impl Seal {
    /// Seals and opens with the keys that the configuration names.
    ///
    /// # Errors
    /// [`Fault`] as for [`SealingKeys::load`].
    pub fn load(store: &StoreSection) -> Result<Self, Fault> {
        SealingKeys::load(store).map(|keys| Self(ArcSwap::from_pointee(keys)))
    }

    /// Seals under this key.
    ///
    /// # Errors
    /// [`Fault`] when the library does not take the key.
    pub fn under(bytes: &[u8; 32]) -> Result<Self, Fault> {
        let current = Some(SealingKey::new(bytes)?);
        Ok(Self(ArcSwap::from_pointee(SealingKeys { current, ..SealingKeys::default() })))
    }

    /// Goes by other keys from now on.
    pub(crate) fn replace(&self, keys: SealingKeys) {
        self.0.store(Arc::new(keys));
    }

    /// Whether a secret is not kept as one would be that is kept now: it is open, or sealed under a key that no longer seals.
    #[must_use]
    pub fn is_to_seal(&self, record: &SecretRecord) -> bool {
        let keys = self.0.load();
        let under = record.value.get(1..).and_then(|rest| rest.first_chunk::<ID>());
        keys.current.as_ref().is_some_and(|key| !record.sealed || under != Some(&key.id))
    }

    /// A secret as it is to be kept, and whether that is sealed. It opens under its own name only.
    ///
    /// # Errors
    /// [`Fault`] when the library does not seal.
    pub fn seal(&self, name: &str, secret: &[u8], entropy: &dyn Entropy) -> Result<(Vec<u8>, bool), Fault> {
        let keys = self.0.load();
        let Some(SealingKey { id, key }) = &keys.current else { return Ok((secret.to_vec(), false)) };
        let nonce: [u8; NONCE_LEN] = draw(entropy);
        let mut sealed = secret.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), about(id, name), &mut sealed)
            .map_err(|error| Fault::caused(format!("the secret {name} cannot be sealed"), error))?;
        let mut out = vec![FORM];
        out.extend_from_slice(id);
        out.extend_from_slice(&nonce);
        out.append(&mut sealed);
        Ok((out, true))
    }

    /// A secret as it is used.
    ///
    /// # Errors
    /// [`Fault`] when it is sealed under a key that is not configured, or was changed, or is not sealed although it should be.
    pub fn open(&self, record: &SecretRecord) -> Result<Zeroizing<Vec<u8>>, Fault> {
        self.0.load().open(record)
    }
}

impl SealingKey {
    fn new(bytes: &[u8; 32]) -> Result<Self, Fault> {
        let key = UnboundKey::new(&AES_256_GCM, bytes)
            .map_err(|error| Fault::caused("the key-encryption key is not taken", error))?;
        let digest = sha256(&[b"countersign key-encryption key id\0", bytes]);
        let id = digest.first_chunk().copied().unwrap_or_default();
        Ok(Self { id, key: LessSafeKey::new(key) })
    }
}

fn load(setting: &str, path: &Path) -> Result<SealingKey, Fault> {
    let told = |found: &str| {
        Fault::new(format!(
            "[store] {setting}: wanted 32 random bytes in base64 or hexadecimal in {}, {found}; make them with \
             `openssl rand -base64 32`, or put the right file back",
            path.display()
        ))
    };
    let text = Zeroizing::new(std::fs::read(path).map_err(|error| told(&format!("found that {error}")))?);
    warn_of_readers(path);
    SealingKey::new(&*read(&text).ok_or_else(|| told("found another form"))?)
}

/// What is sealed along: a value that was put under another name does not open.
fn about(id: &[u8; ID], name: &str) -> Aad<Vec<u8>> {
    let mut about = b"countersign secret\0".to_vec();
    about.extend_from_slice(id);
    about.extend_from_slice(name.as_bytes());
    Aad::from(about)
}

fn read(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    if text.len() > LONGEST {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?.trim();
    let mut bytes = Zeroizing::new([0; 32]);
    let whole = match text.len() {
        64 => {
            let mut pairs = text.as_bytes().chunks_exact(2).map(|pair| {
                let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
                u8::from_str_radix(pair, 16).ok()
            });
            bytes.iter_mut().all(|byte| pairs.next().flatten().map(|read| *byte = read).is_some())
        }
        44 => Base64::decode(text, &mut *bytes).is_ok_and(|read| read.len() == 32),
        43 => Base64Unpadded::decode(text, &mut *bytes).is_ok_and(|read| read.len() == 32),
        _ => false,
    };
    whole.then_some(bytes)
}

fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map(|file| file.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        tracing::warn!(file = %path.display(), "others may read the key-encryption key; make its mode 0600");
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").field("seals", &self.0.load().current.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::time::Time;
    use countersign_guard::clock::SeededEntropy;

    fn none() -> Seal {
        Seal(ArcSwap::default())
    }

    fn record(name: &str, (value, sealed): (Vec<u8>, bool)) -> SecretRecord {
        SecretRecord { name: name.to_owned(), value, sealed, created: Time::from_seconds(1), retired: None }
    }

    #[test]
    fn what_is_sealed_opens_under_its_key_and_name_alone() {
        let entropy = SeededEntropy::new(1);
        let seal = Seal::under(&[7; 32]).unwrap();
        let sealed = record("signing/a", seal.seal("signing/a", b"secret", &entropy).unwrap());
        assert!(sealed.sealed && !sealed.value.windows(6).any(|part| part == b"secret"));
        assert_eq!(*seal.open(&sealed).unwrap(), b"secret");
        assert_ne!(
            sealed.value,
            seal.seal("signing/a", b"secret", &entropy).unwrap().0,
            "a nonce of its own"
        );
        let told = |seal: &Seal, record: &SecretRecord| seal.open(record).unwrap_err().to_string();
        let moved = SecretRecord { name: "signing/b".to_owned(), ..sealed.clone() };
        assert!(told(&seal, &moved).contains("was changed"));
        assert!(told(&none(), &sealed).contains("set [store] key_encryption_key_file"));
        assert!(told(&Seal::under(&[8; 32]).unwrap(), &sealed).contains("put the right file back"));
        for at in 0..sealed.value.len() {
            let mut changed = sealed.clone();
            changed.value[at] ^= 1;
            assert!(seal.open(&changed).is_err(), "{at}");
            changed.value.truncate(at);
            assert!(seal.open(&changed).is_err(), "{at}");
        }
    }

    #[test]
    fn keys_are_changed_by_opening_under_both() {
        let entropy = SeededEntropy::new(1);
        let keys = |current: Option<u8>, others: &[u8]| {
            let key = |byte: u8| SealingKey::new(&[byte; 32]).unwrap();
            let others = others.iter().map(|byte| key(*byte)).collect();
            SealingKeys { current: current.map(key), others, adopt: false }
        };
        let seal = none();
        seal.replace(keys(Some(7), &[8]));
        let old = record("a", seal.seal("a", b"secret", &entropy).unwrap());
        assert!(!seal.is_to_seal(&old) && seal.is_to_seal(&record("a", (b"secret".to_vec(), false))));
        seal.replace(keys(Some(8), &[7]));
        assert_eq!(*seal.open(&old).unwrap(), b"secret");
        assert!(seal.is_to_seal(&old));
        let new = record("a", seal.seal("a", b"secret", &entropy).unwrap());
        assert!(!seal.is_to_seal(&new));
        seal.replace(keys(Some(8), &[]));
        assert_eq!(*seal.open(&new).unwrap(), b"secret");
        let told = seal.open(&old).unwrap_err().to_string();
        assert!(told.contains("other_key_encryption_key_files"), "{told}");
        // Without one that seals, what is sealed stays so.
        seal.replace(keys(None, &[8]));
        assert!(!seal.is_to_seal(&new) && seal.open(&new).is_ok());
    }

    #[test]
    fn without_a_key_everything_is_kept_as_it_is() {
        let plain = record("a", none().seal("a", b"secret", &SeededEntropy::new(1)).unwrap());
        assert!(!plain.sealed && plain.value == b"secret");
        assert_eq!(*none().open(&plain).unwrap(), b"secret");
    }

    #[test]
    fn what_is_not_sealed_is_taken_beside_a_key_only_when_that_is_asked_for() {
        let plain = record("signing/a", (b"secret".to_vec(), false));
        let told = Seal::under(&[7; 32]).unwrap().open(&plain).unwrap_err().to_string();
        assert!(told.contains("seal_open_secrets = true") && !told.contains("secret\""), "{told}");
        let current = Some(SealingKey::new(&[7; 32]).unwrap());
        let seal = none();
        seal.replace(SealingKeys { current, others: Vec::new(), adopt: true });
        assert!(*seal.open(&plain).unwrap() == b"secret" && seal.is_to_seal(&plain));
        // While a key is brought to all nodes, those that only open with it have secrets of both kinds.
        seal.replace(SealingKeys {
            current: None,
            others: vec![SealingKey::new(&[7; 32]).unwrap()],
            adopt: false,
        });
        assert!(seal.open(&plain).is_ok());
    }

    #[test]
    fn a_key_file_has_32_bytes_in_one_of_two_spellings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let load = |text: Option<&str>| {
            match text {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            Seal::load(&StoreSection {
                key_encryption_key_file: Some(path.clone()),
                ..crate::config::Config::default().store
            })
        };
        let hex = "07".repeat(32);
        let base64 = Base64::encode_string(&[7; 32]);
        for text in [hex.as_str(), base64.as_str(), base64.trim_end_matches('='), &format!("{hex}\n")] {
            let sealed = Seal::under(&[7; 32]).unwrap().seal("a", b"secret", &SeededEntropy::new(1)).unwrap();
            assert_eq!(*load(Some(text)).unwrap().open(&record("a", sealed)).unwrap(), b"secret");
        }
        for text in
            ["", "07", "passphrase", &"+7".repeat(32), &"zz".repeat(32), &"A".repeat(45), &"é".repeat(32)]
        {
            let told = load(Some(text)).err().unwrap().to_string();
            assert!(told.contains("openssl rand -base64 32") && !told.contains("passphrase"), "{told}");
        }
        assert!(load(None).err().unwrap().to_string().contains("No such file"));
    }
}
