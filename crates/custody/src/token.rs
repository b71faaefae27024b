//! Keys in a PKCS#11 token: a smart card, a hardware module, or SoftHSM; found by a URI and asked to sign.
use crate::NoKey;
use crate::held::Held;
use crate::uri::Uri;
use base64ct::{Base64UrlUnpadded, Encoding};
use countersign_keys::{Algorithm, Fingerprints, KeyError, KeyKind, KeyPair, PublicKey, digest};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::ffi::c_ulong;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// Most keys of a token that are looked at for a message.
const MOST_NAMED: usize = 20;

/// A key that a token holds, with a session in which it signs.
pub struct TokenKey {
    held: Held,
    session: Mutex<Session>,
    key: ObjectHandle,
    /// Kept: the library is loaded as long as this lives.
    _library: Pkcs11,
}

/// Loads the library `module`, and opens the one key that the URI names. The PIN is asked for only where the token wants one.
///
/// # Errors
/// [`NoKey`].
pub fn open(
    uri: &Uri,
    module: &Path,
    pin: impl FnOnce(&str) -> Result<Zeroizing<String>, NoKey>,
) -> Result<TokenKey, NoKey> {
    let told =
        |problem: Error| NoKey::Holder(format!("the PKCS#11 library {} failed: {problem}", module.display()));
    let library = Pkcs11::new(module).map_err(told)?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Another key of this process opened it before.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(told(error)),
    }
    let slot = slot(&library, uri).map_err(|error| error.unwrap_or_else(told))?;
    let info = library.get_token_info(slot).map_err(told)?;
    let label = info.label().to_owned();
    let session = library.open_ro_session(slot).map_err(told)?;
    if info.login_required() {
        if info.user_pin_locked() {
            return Err(NoKey::Pin(format!(
                "the PIN of the token {label:?} is locked; its security officer can set a new one"
            )));
        }
        // A device with a keypad of its own asks there.
        let pin = if info.protected_authentication_path() { None } else { Some(pin(&label)?) };
        let pin = pin.map(|pin| AuthPin::from(pin.as_str().to_owned()));
        match session.login(UserType::User, pin.as_ref()) {
            // Another key of this process signed in; a token knows processes, not sessions.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => {
                return Err(NoKey::Pin(format!("the token {label:?} does not take the PIN: {error}")));
            }
        }
    }
    let key = private(&session, uri, &label).map_err(|error| error.unwrap_or_else(told))?;
    let public = public(&session, key).map_err(told)?.ok_or_else(|| {
        NoKey::Missing(format!(
            "the token {label:?} has the private key, and no public key with the same id that tells its numbers; import that, too"
        ))
    })?;
    let held = Held::read(&public, &format!("the token {label:?}"))
        .map_err(|error| NoKey::Holder(format!("the key in the token {label:?} cannot be used: {error}")))?;
    Ok(TokenKey { held, session: Mutex::new(session), key, _library: library })
}

/// Something that is wrong, or the library's own failure.
type Found<T> = Result<T, Wrong>;

enum Wrong {
    Said(NoKey),
    Library(Error),
}

impl Wrong {
    fn unwrap_or_else(self, told: impl FnOnce(Error) -> NoKey) -> NoKey {
        match self {
            Self::Said(no) => no,
            Self::Library(error) => told(error),
        }
    }
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

fn slot(library: &Pkcs11, uri: &Uri) -> Found<Slot> {
    let (mut fitting, mut there) = (Vec::new(), Vec::new());
    // As many as the library has slots with a token in them.
    for slot in library.get_slots_with_initialized_token()? {
        let info = library.get_token_info(slot)?;
        let fits = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found.trim_end())
        };
        there.push(format!("{:?}", info.label()));
        if fits(&uri.token, info.label())
            && fits(&uri.serial, info.serial_number())
            && fits(&uri.manufacturer, info.manufacturer_id())
            && fits(&uri.model, info.model())
            && uri.slot.is_none_or(|wanted| wanted == slot.id())
        {
            fitting.push(slot);
        }
    }
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    match fitting.as_slice() {
        [one] => Ok(*one),
        [] => Err(Wrong::Said(NoKey::Missing(format!("no token fits the URI; there are {there}")))),
        _ => Err(Wrong::Said(NoKey::Unclear(format!(
            "several tokens fit the URI; name one with token=, there are {there}"
        )))),
    }
}

fn private(session: &Session, uri: &Uri, label: &str) -> Found<ObjectHandle> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(uri.object.as_ref().map(|object| Attribute::Label(object.as_bytes().to_vec())));
    template.extend(uri.id.clone().map(Attribute::Id));
    let found = session.find_objects(&template)?;
    if let [one] = found.as_slice() {
        return Ok(*one);
    }
    let mut names = Vec::new();
    for key in
        session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])?.into_iter().take(MOST_NAMED)
    {
        let told = session.get_attributes(key, &[AttributeType::Label, AttributeType::Id])?;
        names.push(told.iter().map(named).collect::<String>());
    }
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Err(Wrong::Said(if found.is_empty() {
        NoKey::Missing(format!("the token {label:?} has no private key that fits the URI; it has {names}"))
    } else {
        NoKey::Unclear(format!(
            "several keys of the token {label:?} fit the URI; name one with object= and id=: {names}"
        ))
    }))
}

/// A label or id as a URI writes it.
fn named(attribute: &Attribute) -> String {
    match attribute {
        Attribute::Label(label) => format!("object={}", String::from_utf8_lossy(label)),
        Attribute::Id(id) => {
            format!(";id={}", id.iter().map(|byte| format!("%{byte:02x}")).collect::<String>())
        }
        _ => String::new(),
    }
}

/// The public half as a JWK: of the private object where that tells it, else of the public object with its id.
fn public(session: &Session, key: ObjectHandle) -> Result<Option<String>, Error> {
    let mut kind = None;
    let mut beside = vec![Attribute::Class(ObjectClass::PUBLIC_KEY)];
    for attribute in session.get_attributes(key, &[AttributeType::KeyType, AttributeType::Id])? {
        match attribute {
            Attribute::KeyType(found) => kind = Some(found),
            id @ Attribute::Id(_) => beside.push(id),
            _ => {}
        }
    }
    let mut places = vec![key];
    places.extend(session.find_objects(&beside)?);
    // The private object, and the few public ones that have its id.
    for place in places {
        let Ok(told) = session.get_attributes(
            place,
            &[
                AttributeType::Modulus,
                AttributeType::PublicExponent,
                AttributeType::EcPoint,
                AttributeType::EcParams,
            ],
        ) else {
            continue;
        };
        let (mut modulus, mut exponent, mut point) = (None, None, None);
        for attribute in told {
            match attribute {
                Attribute::Modulus(bytes) => modulus = Some(bytes),
                Attribute::PublicExponent(bytes) => exponent = Some(bytes),
                Attribute::EcPoint(bytes) => point = Some(bytes),
                _ => {}
            }
        }
        let jwk = match (kind, modulus.zip(exponent), point) {
            (Some(KeyType::RSA), Some((modulus, exponent)), _) => {
                let text = |bytes: &[u8]| {
                    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                    Base64UrlUnpadded::encode_string(bytes.get(zeros..).unwrap_or_default())
                };
                Some(format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#, text(&modulus), text(&exponent)))
            }
            (Some(_), None, Some(point)) => curve_point(&point),
            _ => None,
        };
        if jwk.is_some() {
            return Ok(jwk);
        }
    }
    Ok(None)
}

/// A point on a curve that is served, by its length: `04 x y`, or the 32 bytes of Ed25519, in an OCTET STRING or bare.
fn curve_point(encoded: &[u8]) -> Option<String> {
    let bare = match encoded {
        [0x04, length, rest @ ..] if usize::from(*length) == rest.len() => rest,
        // Two bytes of length: P-521.
        [0x04, 0x81, length, rest @ ..] if usize::from(*length) == rest.len() => rest,
        bare => bare,
    };
    let text = Base64UrlUnpadded::encode_string;
    match (bare, bare.len()) {
        (_, 32) => Some(format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, text(bare))),
        ([0x04, rest @ ..], 65 | 97 | 133) => {
            let name = match bare.len() {
                65 => "P-256",
                97 => "P-384",
                _ => "P-521",
            };
            let (x, y) = rest.split_at_checked(rest.len() / 2)?;
            Some(format!(r#"{{"kty":"EC","crv":"{name}","x":"{}","y":"{}"}}"#, text(x), text(y)))
        }
        _ => None,
    }
}

impl KeyPair for TokenKey {
    fn public_key(&self) -> &Arc<PublicKey> {
        &self.held.public
    }

    fn fingerprints(&self) -> &Fingerprints {
        &self.held.fingerprints
    }

    fn signs(&self, algorithm: Algorithm) -> bool {
        self.held.public.allows(algorithm) && mechanism(algorithm).is_some()
    }

    fn waits(&self) -> bool {
        true
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        if algorithm.kind() != self.kind() {
            return Err(KeyError::Algorithm { algorithm, kind: self.kind() });
        }
        let mechanism = mechanism(algorithm)
            .ok_or_else(|| self.held.failed(format!("{} is not asked of tokens", algorithm.name())))?;
        let hashed;
        let message_or_digest = match self.kind() {
            KeyKind::Rsa | KeyKind::Ed25519 => message,
            _ => {
                // Every token signs digests with ECDSA; not every one hashes.
                hashed = digest(algorithm, message);
                hashed.as_slice()
            }
        };
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let signature =
            session.sign(&mechanism, self.key, message_or_digest).map_err(|error| self.held.failed(error))?;
        drop(session);
        self.held.checked(algorithm, message, signature)
    }
}

/// SHA-1 is not asked for: what still wants it should not have a key in a token.
fn mechanism(algorithm: Algorithm) -> Option<Mechanism<'static>> {
    let pss = |hash_alg: MechanismType, mgf: PkcsMgfType, length: c_ulong| PkcsPssParams {
        hash_alg,
        mgf,
        s_len: length.into(),
    };
    match algorithm {
        Algorithm::RsaSha256 => Some(Mechanism::Sha256RsaPkcs),
        Algorithm::RsaSha384 => Some(Mechanism::Sha384RsaPkcs),
        Algorithm::RsaSha512 => Some(Mechanism::Sha512RsaPkcs),
        Algorithm::PssSha256 => {
            Some(Mechanism::Sha256RsaPkcsPss(pss(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, 32)))
        }
        Algorithm::PssSha384 => {
            Some(Mechanism::Sha384RsaPkcsPss(pss(MechanismType::SHA384, PkcsMgfType::MGF1_SHA384, 48)))
        }
        Algorithm::PssSha512 => {
            Some(Mechanism::Sha512RsaPkcsPss(pss(MechanismType::SHA512, PkcsMgfType::MGF1_SHA512, 64)))
        }
        Algorithm::EcdsaP256Sha256 | Algorithm::EcdsaP384Sha384 | Algorithm::EcdsaP521Sha512 => {
            Some(Mechanism::Ecdsa)
        }
        Algorithm::Ed25519 => Some(Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure))),
        _ => None,
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey").field("held", &self.held).finish_non_exhaustive()
    }
}
