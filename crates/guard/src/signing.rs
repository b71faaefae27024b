//! Our own signing keys (ES256): session tokens and identity assertions, verifiable through our JWKS.
use arc_swap::ArcSwap;
use countersign::ask::KnownKey;
use countersign::base64::{Alphabet, encode};
use countersign::life::key::KeyLife;
use countersign_keys::{Algorithm, CompactKey, PrivateKey};
use countersign_store::fault::Fault;
use smallvec::SmallVec;
use std::sync::Arc;

/// The current key signs; all of them verify.
#[derive(Debug)]
pub struct SigningKeys(ArcSwap<Set>);

#[derive(Debug, Default)]
struct Set {
    current: Option<(String, Arc<PrivateKey>)>,
    known: SmallVec<[Arc<KnownKey>; 4]>,
    jwks: String,
}

/// One of our keys.
#[derive(Debug)]
pub struct SigningKey {
    /// Its id: a UUID.
    pub kid: String,
    /// The key, P-256.
    pub key: PrivateKey,
    /// Whether it still signs.
    pub signs: bool,
}

impl SigningKeys {
    /// A set of keys; the first that still signs is the one that does.
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

    /// Signs a token: `head` gets the current key's id and gives the header's JSON.
    ///
    /// # Errors
    /// [`Fault`] when there is no key that signs.
    pub fn sign(&self, head: impl FnOnce(&str) -> String, payload: &str) -> Result<String, Fault> {
        let set = self.0.load();
        let (kid, key) =
            set.current.as_ref().ok_or_else(|| Fault::new("no signing key; run `countersign init`"))?;
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

    pub(crate) fn known(&self) -> SmallVec<[Arc<KnownKey>; 4]> {
        self.0.load().known.clone()
    }
}

fn set(keys: Vec<SigningKey>) -> Result<Set, Fault> {
    let mut out = Set::default();
    let mut documents = Vec::new();
    for SigningKey { kid, key, signs } in keys {
        let public = key.public_key();
        if !public.allows(Algorithm::EcdsaP256Sha256) {
            return Err(Fault::new(format!("signing key {kid} is not P-256")));
        }
        let compact = CompactKey::from_spki_der(public.spki_der())
            .map_err(|error| Fault::caused("our own public key does not parse", error))?;
        out.known.push(Arc::new(KnownKey::new(&kid, "", KeyLife::ACTIVE, compact)));
        let mut document = serde_json::to_value(public.to_jwk())
            .map_err(|error| Fault::caused("our own public key does not print", error))?;
        if let Some(members) = document.as_object_mut() {
            members.insert("kid".to_owned(), kid.as_str().into());
            members.insert("alg".to_owned(), "ES256".into());
            members.insert("use".to_owned(), "sig".into());
        }
        documents.push(document);
        if signs && out.current.is_none() {
            out.current = Some((kid, Arc::new(key)));
        }
    }
    out.jwks = serde_json::json!({ "keys": documents }).to_string();
    Ok(out)
}
