//! Our own signing keys (ES256): session tokens and identity assertions, verifiable through our JWKS.
use arc_swap::ArcSwap;
use countersign::ask::KnownKey;
use countersign::base64::{Alphabet, decode, encode};
use countersign::json::{Bounds, read_object};
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign_keys::{Algorithm, CompactKey, Job, PrivateKey, verify};
use countersign_store::fault::Fault;
use smallvec::SmallVec;
use std::sync::Arc;

/// One key signs; all of them verify. Which one signs depends on the time alone, so that several nodes with the same keys agree.
#[derive(Debug)]
pub struct SigningKeys(ArcSwap<Set>);

#[derive(Debug, Default)]
struct Set {
    /// The one that is retired first comes first: those after it are known to everybody by the time they are needed.
    signers: Vec<SigningKey>,
    known: SmallVec<[Arc<KnownKey>; 4]>,
    jwks: String,
    /// The same keys, named by their thumbprints.
    directory: String,
}

/// One of our keys.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Its id: a UUID.
    pub kid: String,
    /// The key, P-256.
    pub key: Arc<PrivateKey>,
    /// From when it no longer signs, where a later one is to take over.
    pub retired: Option<Time>,
}

impl SigningKeys {
    /// A set of keys.
    ///
    /// # Errors
    /// [`Fault`] when a key is not P-256.
    pub fn new(keys: Vec<SigningKey>) -> Result<Self, Fault> {
        Ok(Self(ArcSwap::from_pointee(set(keys)?)))
    }

    /// Puts another set in place of this one, at once and for everybody.
    ///
    /// # Errors
    /// [`Fault`] when a key is not P-256; the old set stays.
    pub fn replace(&self, keys: Vec<SigningKey>) -> Result<(), Fault> {
        self.0.store(Arc::new(set(keys)?));
        Ok(())
    }

    /// The id of the key that signs at a time.
    #[must_use]
    pub fn signs_at(&self, now: Time) -> Option<String> {
        self.0.load().signer(now).map(|signer| signer.kid.clone())
    }

    /// The key that signs at a time.
    #[must_use]
    pub fn signer_at(&self, now: Time) -> Option<SigningKey> {
        self.0.load().signer(now).cloned()
    }

    /// Every key: each of them may have signed what somebody still has.
    #[must_use]
    pub fn all(&self) -> Vec<SigningKey> {
        self.0.load().signers.clone()
    }

    /// A key of the set, by its id.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<SigningKey> {
        self.0.load().signers.iter().find(|signer| signer.kid == kid).cloned()
    }

    /// Signs a token that is made at a time: `head` gets the id of the key that signs then and gives the header's JSON.
    ///
    /// # Errors
    /// [`Fault`] when there is no key that signs.
    pub fn sign(&self, now: Time, head: impl FnOnce(&str) -> String, payload: &str) -> Result<String, Fault> {
        let set = self.0.load();
        let SigningKey { kid, key, .. } =
            set.signer(now).ok_or_else(|| Fault::new("no signing key; run `countersign init`"))?;
        let input = format!(
            "{}.{}",
            encode(Alphabet::Url, head(kid).as_bytes()),
            encode(Alphabet::Url, payload.as_bytes())
        );
        let signature = key
            .sign(Algorithm::EcdsaP256Sha256, input.as_bytes())
            .map_err(|error| Fault::caused("our own key did not sign", error))?;
        Ok(format!("{input}.{}", encode(Alphabet::Url, &signature)))
    }

    /// The public halves as a JWK set (RFC 7517 section 5).
    #[must_use]
    pub fn jwks(&self) -> String {
        self.0.load().jwks.clone()
    }

    /// The same as a directory of keys for message signatures, in which each key is named by its JWK thumbprint.
    #[must_use]
    pub fn directory(&self) -> String {
        self.0.load().directory.clone()
    }

    /// The payload of a token that one of these keys signed and whose `typ` is this one; what it says is still to be judged.
    pub(crate) fn open(&self, token: &str, typ: &str) -> Option<Vec<u8>> {
        let (input, signature) = token.rsplit_once('.')?;
        let (head, payload) = input.split_once('.')?;
        let (mut bytes, mut found) = (Vec::new(), [const { None }; 3]);
        decode(Alphabet::Url, head.as_bytes(), &mut bytes).ok()?;
        // Our own heads have three members.
        read_object(&bytes, Bounds { depth: 1, members: 8 }, |name, value| {
            let place = ["typ", "kid", "alg"].iter().position(|known| *known == name);
            if let Some(place) = place.and_then(|place| found.get_mut(place)) {
                *place = value.text().map(str::to_owned);
            }
        })
        .ok()?;
        let [found_typ, Some(kid), alg] = found else { return None };
        if found_typ.as_deref() != Some(typ) || alg.as_deref() != Some("ES256") {
            return None;
        }
        let known = self.known().into_iter().find(|known| *known.id == *kid)?;
        let mut raw = Vec::new();
        decode(Alphabet::Url, signature.as_bytes(), &mut raw).ok()?;
        let job = Job::new(known.key(), Algorithm::EcdsaP256Sha256, input.as_bytes(), &raw);
        verify(&job).accepted(&raw).ok()?;
        decode(Alphabet::Url, payload.as_bytes(), &mut bytes).ok()?;
        Some(bytes)
    }

    pub(crate) fn known(&self) -> SmallVec<[Arc<KnownKey>; 4]> {
        self.0.load().known.clone()
    }
}

impl Set {
    fn signer(&self, now: Time) -> Option<&SigningKey> {
        self.signers.iter().find(|signer| signer.retired.is_none_or(|retired| retired > now))
    }
}

fn set(keys: Vec<SigningKey>) -> Result<Set, Fault> {
    let mut out = Set::default();
    let (mut documents, mut named) = (Vec::new(), Vec::new());
    for signer in keys {
        let SigningKey { kid, key, .. } = &signer;
        let public = key.public_key();
        if !public.allows(Algorithm::EcdsaP256Sha256) {
            return Err(Fault::new(format!("signing key {kid} is not P-256")));
        }
        let compact = CompactKey::from_spki_der(public.spki_der())
            .map_err(|error| Fault::caused("our own public key does not parse", error))?;
        out.known.push(Arc::new(KnownKey::new(kid, "", KeyLife::ACTIVE, compact)));
        let mut document = serde_json::to_value(public.to_jwk())
            .map_err(|error| Fault::caused("our own public key does not print", error))?;
        if let Some(members) = document.as_object_mut() {
            members.insert("kid".to_owned(), kid.as_str().into());
            members.insert("alg".to_owned(), "ES256".into());
            members.insert("use".to_owned(), "sig".into());
        }
        let mut by_thumbprint = document.clone();
        if let Some(members) = by_thumbprint.as_object_mut() {
            members.insert("kid".to_owned(), key.fingerprints().jwk_thumbprint.as_str().into());
        }
        named.push(by_thumbprint);
        documents.push(document);
        out.signers.push(signer);
    }
    // Those that nothing is to take over from come last; of equals, the one that was given first.
    out.signers.sort_by_key(|signer| (signer.retired.is_none(), signer.retired));
    out.jwks = serde_json::json!({ "keys": documents }).to_string();
    out.directory = serde_json::json!({ "keys": named }).to_string();
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_keys::KeyKind;

    fn key(kid: &str, retired: Option<i64>) -> SigningKey {
        let key = Arc::new(PrivateKey::generate(KeyKind::P256, 256).unwrap());
        SigningKey { kid: kid.to_owned(), key, retired: retired.map(Time::from_seconds) }
    }

    #[test]
    fn each_key_signs_until_it_is_retired_and_the_next_was_published_by_then() {
        let keys = [key("third", None), key("second", Some(200)), key("first", Some(100))];
        let keys = SigningKeys::new(keys.to_vec()).unwrap();
        for (at, kid) in
            [(0, "first"), (99, "first"), (100, "second"), (199, "second"), (200, "third"), (9999, "third")]
        {
            let token = keys.sign(Time::from_seconds(at), str::to_owned, "{}").unwrap();
            assert!(token.starts_with(&encode(Alphabet::Url, kid.as_bytes())), "{at}");
            assert_eq!(keys.signs_at(Time::from_seconds(at)).as_deref(), Some(kid));
        }
        for kid in ["first", "second", "third"] {
            assert!(keys.jwks().contains(kid), "all are published all the time");
        }
        assert_eq!(keys.known().len(), 3);
        let spent = SigningKeys::new(vec![key("spent", Some(1))]).unwrap();
        assert!(spent.sign(Time::from_seconds(2), str::to_owned, "{}").is_err());
        // Of two that nothing takes over from, the first one given.
        let two = SigningKeys::new(vec![key("a", None), key("b", None)]).unwrap();
        assert_eq!(two.signs_at(Time::from_seconds(5)).as_deref(), Some("a"));
    }
}
