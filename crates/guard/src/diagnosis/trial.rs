//! Finding by trying what a signature that does not hold was made over, and by which key of the account.
//!
//! Whoever asks proved a key or is an operator, but may ask often, and brings the bytes: so everything here is counted. A check of a
//! signature costs some 50 to 100 µs, a kilobyte hashed about 2 µs; one question costs at most some tens of milliseconds of one core.
use super::cause::Cause;
use super::credential::written;
use super::difference::{Difference, Text};
use super::encoding::length;
use super::evidence::Evidence;
use super::finding::Diagnosis;
use super::scene::Scene;
use super::{address, base, body, parts, standing};
use countersign::ask::KnownKey;
use countersign::base64::{Alphabet, encode, encode_hex};
use countersign::dialect::Dialect;
use countersign::incoming::Body;
use countersign::proof::Proof;
use countersign::read::Scratch;
use countersign::reason::Reason;
use countersign_keys::{Algorithm, Digest, Encoding, Job, KeyKind, Opened, PrivateKey, verify};

/// Checks of signatures that one question may cost: all texts below under two keys of a kind that cannot be opened.
const MOST_CHECKS: usize = 512;
/// Bytes hashed for one question: a body of 64 KiB in every spelling.
const MOST_HASHED: usize = 16 * 1024 * 1024;
/// Longest body, and longest text, of which other spellings are tried: some hundreds are made, and dozens are there at one time.
const LONGEST: usize = 64 * 1024;
/// Keys of the account that are tried: as many as an account has in rotation, several times over.
const MOST_KEYS: usize = 16;
/// Keys that all texts are tried under, where each is a check of its own: the one in use and the one before.
const MOST_UNDER: usize = 2;
/// What stands before the 32 bytes of an Ed25519 key in PKCS#8 (RFC 8410 section 7).
const PKCS8_ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// One signature, the keys that may have made it, and what was spent on it.
struct Trial<'a> {
    keys: Vec<&'a KnownKey>,
    /// What the signature tells those RSA keys that made it.
    opened: Vec<(&'a KnownKey, Opened)>,
    signature: &'a [u8],
    checks: usize,
    hashed: usize,
}

/// How a text was found to be signed.
struct Held<'a> {
    key: &'a KnownKey,
    algorithm: Algorithm,
    der: bool,
}

/// Looks for the key and the text.
pub(super) fn run(scene: &Scene<'_>, evidence: &Evidence, found: &mut Diagnosis) {
    let Some(dialect) = scene.dialect else { return };
    if scene.reason != Reason::NotPermitted
        && let Some(cause) = written(scene, evidence)
    {
        return found.sure(cause, None);
    }
    let mut scratch = Scratch::default();
    let read = dialect.read(scene.incoming, &scene.limits, &mut scratch, &mut ());
    let Ok(Some(proof)) = read else { return found.likely(Cause::WrongKey, None) };
    let mut trial = Trial::new(scene, proof.signature());
    search(scene, evidence, dialect, &proof, &mut trial, found);
    found.checks = trial.checks;
    let expected = match scene.signed {
        Some(signed) => Difference::nearest(proof.texts(), signed),
        None => proof.texts().first().copied(),
    };
    if found.expected.is_none() {
        found.expected = expected.map(Text::of);
    }
    if let (Some(expected), Some(signed), None) = (expected, scene.signed, &found.difference) {
        found.difference = Difference::between(expected, signed);
    }
}

fn search<'a>(
    scene: &Scene<'a>,
    evidence: &Evidence,
    dialect: &Dialect,
    proof: &Proof<'_>,
    trial: &mut Trial<'a>,
    found: &mut Diagnosis,
) {
    if scene.keys.is_empty() {
        return found.sure(Cause::NoKey, None);
    }
    if let Some(held) = proof.texts().iter().find_map(|text| trial.holds_anyhow(text)) {
        return right_text(scene, dialect, proof, &held, found);
    }
    if scene.reason == Reason::NotPermitted {
        return found.likely(Cause::PathNotAllowed, None);
    }
    // What the caller says it signed is tried first: it is the best guess there is.
    if let Some(signed) = scene.signed
        && let Some(key) = trial.holds(signed)
    {
        let signed = signed.to_vec();
        slips(scene, evidence, proof, &mut |cause, text| {
            let same = text == signed;
            if same {
                found.sure(cause, by(key));
            }
            same
        });
        return found.sure(Cause::SignedOther, by(key));
    }
    let mut named = None;
    slips(scene, evidence, proof, &mut |cause, text| {
        let key = trial.holds(text);
        if let Some(key) = key {
            named = Some((cause, key, text.to_vec()));
        }
        key.is_some() || trial.is_spent()
    });
    if let Some((cause, key, text)) = named {
        found.sure(cause, by(key));
        if let Some(life) = standing::life(key, scene.now) {
            found.sure(life, by(key));
        }
        let expected = Difference::nearest(proof.texts(), &text);
        found.expected = expected.map(Text::of);
        found.difference = expected.and_then(|expected| Difference::between(expected, &text));
        return;
    }
    if let Some((key, opened)) = trial.opened.first() {
        let digest = opened.digest.map_or("a digest of no known kind", Digest::name);
        return found.sure(Cause::SignedOther, format!("{}, with {digest}", by(key)));
    }
    if trial.is_by_public_half(proof.texts()) {
        return found.sure(Cause::PublicHalf, None);
    }
    if let Some(named) = proof.algorithm()
        && !trial.keys.iter().any(|known| known.key().allows(named))
    {
        found.sure(Cause::AlgorithmOfAnotherKind, format!("the token names {}", named.name()));
    }
    let rsa = trial.keys.iter().all(|known| known.key().kind() == KeyKind::Rsa);
    // An RSA signature tells for certain who did not make it; others may also be over another text.
    if rsa {
        found.sure(Cause::WrongKey, None)
    } else {
        found.likely(Cause::WrongKey, None)
    }
    if !rsa {
        found.likely(Cause::SignedOther, None);
    }
}

fn by(key: &KnownKey) -> String {
    let label =
        if key.label.is_empty() { String::new() } else { format!(" \"{}\"", key.label.escape_debug()) };
    format!("the signature is by key {}{label}", key.id)
}

/// The text is right: what is wrong with the key, the digest or the padding?
fn right_text(
    scene: &Scene<'_>,
    dialect: &Dialect,
    proof: &Proof<'_>,
    held: &Held<'_>,
    found: &mut Diagnosis,
) {
    let Held { key, algorithm, der } = held;
    if *der {
        found.sure(Cause::DerForRaw, by(key));
    }
    if let Some(life) = standing::life(key, scene.now) {
        found.sure(life, by(key));
    }
    if !dialect.names_keys() && !key.serves(dialect.name()) {
        let taken = key.dialects.iter().map(|name| &**name).collect::<Vec<_>>().join(", ");
        found.sure(Cause::KeyForAnotherDialect, format!("{}, registered for {taken}", by(key)));
    }
    if scene.reason == Reason::NotPermitted {
        return standing::limits(scene, key, found);
    }
    let fits = key.allows(*algorithm) && dialect.algorithms().contains(algorithm);
    let told = |wanted: &str| format!("wanted {wanted}; it is {}, {}", algorithm.name(), by(key));
    match proof.algorithm() {
        _ if is_pss(*algorithm) && !fits => {
            found.sure(Cause::PssForPkcs1, told("PKCS#1 v1.5"));
        }
        Some(named) if named.kind() != key.key().kind() => {
            found.sure(
                Cause::AlgorithmOfAnotherKind,
                format!("the token names {}; {}", named.name(), by(key)),
            );
        }
        Some(named) if named != *algorithm => found.sure(Cause::WrongDigest, told(named.name())),
        _ if !fits && scene.reason == Reason::KeyNotForDialect => {
            let taken = key.algorithms.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ");
            found.sure(Cause::KeyNotForAlgorithm, format!("{}, registered for {taken}", by(key)));
        }
        _ if !fits => {
            let usable = dialect.algorithms().iter().filter(|known| key.allows(**known));
            let wanted = usable.map(|known| known.name()).collect::<Vec<_>>().join(" or ");
            found.sure(Cause::WrongDigest, told(&wanted));
        }
        _ => {}
    }
    let hinted = proof
        .kid()
        .is_some_and(|kid| *key.id != *kid && *key.label != *kid && !key.fingerprints().matches_kid(kid));
    if hinted {
        found.sure(Cause::KidOfAnotherKey, by(key));
    }
    if found.causes.is_empty() {
        found.likely(Cause::WrongKey, by(key));
    }
}

fn is_pss(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::PssSha256 | Algorithm::PssSha384 | Algorithm::PssSha512)
}

/// Every text that callers are known to sign by mistake, the likeliest first, until `each` says that it was the one.
fn slips(
    scene: &Scene<'_>,
    evidence: &Evidence,
    proof: &Proof<'_>,
    each: &mut dyn FnMut(Cause, &[u8]) -> bool,
) {
    let long = matches!(scene.incoming.body, Body::Seen(body) if body.len() > LONGEST);
    if long || proof.texts().iter().any(|text| text.len() > 2 * LONGEST) {
        return;
    }
    let label = evidence.message.as_ref().map_or("sig1", |message| message.label.as_str());
    let _ = proof.texts().iter().any(|text| changed(text, each))
        || token_parts(proof, evidence, each)
        || proof.texts().iter().any(|text| base::each(text, label, each))
        || address::each(scene, each)
        || body::each(scene, each)
        || parts::each(scene, evidence, each)
        || proof.texts().iter().any(|text| in_other_letters(text, each));
}

/// What becomes of a text when it is handled as another kind of thing before it is signed.
fn changed(text: &[u8], each: &mut dyn FnMut(Cause, &[u8]) -> bool) -> bool {
    let is_text = std::str::from_utf8(text).ok();
    let utf16 =
        |to: fn(u16) -> [u8; 2]| is_text.map(|text| text.encode_utf16().flat_map(to).collect::<Vec<u8>>());
    let with = |tail: &[u8]| [text, tail].concat();
    let mut decoded = Vec::new();
    let hex = countersign::base64::decode_hex(text, &mut decoded).is_ok();
    each(Cause::SignedLineEnd, &with(b"\n"))
        || each(Cause::SignedLineEnd, &with(b"\r\n"))
        || (text.trim_ascii_end().len() < text.len() && each(Cause::SignedLineEnd, text.trim_ascii_end()))
        || each(Cause::SignedNothing, b"")
        || Digest::ALL.iter().any(|digest| {
            let made = digest.of(text);
            each(Cause::DigestSigned, &made)
                || each(Cause::DigestSigned, encode_hex(&made).as_bytes())
                || each(Cause::DigestSigned, encode(Alphabet::Standard, &made).as_bytes())
        })
        || each(Cause::SignedEncoded, encode(Alphabet::Standard, text).as_bytes())
        || each(Cause::SignedEncoded, encode(Alphabet::Url, text).as_bytes())
        || (hex && each(Cause::SignedDecoded, &decoded))
        || each(Cause::SignedEncoded, encode_hex(text).as_bytes())
        || is_text.is_some_and(|text| {
            each(Cause::SignedEncoded, serde_json::Value::from(text).to_string().as_bytes())
        })
        || utf16(u16::to_le_bytes).is_some_and(|text| each(Cause::SignedEncoded, &text))
        || utf16(u16::to_be_bytes).is_some_and(|text| each(Cause::SignedEncoded, &text))
}

/// The whole in other letters: after everything of which a part has other letters.
fn in_other_letters(text: &[u8], each: &mut dyn FnMut(Cause, &[u8]) -> bool) -> bool {
    each(Cause::SignedOtherCase, &text.to_ascii_uppercase())
        || each(Cause::SignedOtherCase, &text.to_ascii_lowercase())
}

/// Less of a token than is to be signed.
fn token_parts(proof: &Proof<'_>, evidence: &Evidence, each: &mut dyn FnMut(Cause, &[u8]) -> bool) -> bool {
    if proof.algorithm().is_none() {
        return false;
    }
    let parts = evidence.parts.iter().take(2).any(|part| each(Cause::SignedPart, part.as_bytes()));
    let inside = evidence.text.as_deref();
    let bare = || evidence.parts.iter().take(2).map(String::as_str).collect::<String>();
    parts
        || inside.is_some_and(|text| each(Cause::SignedPart, text))
        || each(Cause::SignedPart, bare().as_bytes())
}

impl<'a> Trial<'a> {
    fn new(scene: &Scene<'a>, signature: &'a [u8]) -> Self {
        // Those in use first.
        let live = scene.keys.iter().filter(|key| key.life.is_live(scene.now));
        let dead = scene.keys.iter().filter(|key| !key.life.is_live(scene.now));
        let keys: Vec<&KnownKey> = live.chain(dead).take(MOST_KEYS).map(|key| &**key).collect();
        let opened: Vec<_> =
            keys.iter().filter_map(|known| Some((*known, known.key().open(signature)?))).collect();
        let checks = keys.iter().filter(|known| known.key().kind() == KeyKind::Rsa).count();
        Self { keys, opened, signature, checks, hashed: 0 }
    }

    /// Whether nothing more may be tried, so that nothing more need be made.
    fn is_spent(&self) -> bool {
        self.hashed > MOST_HASHED || self.checks >= MOST_CHECKS
    }

    /// The key under which a text was signed as its kind of key usually signs.
    fn holds(&mut self, text: &[u8]) -> Option<&'a KnownKey> {
        self.hashed = self.hashed.saturating_add(text.len());
        if self.hashed > MOST_HASHED {
            return None;
        }
        if let Some((key, _)) = self.opened.iter().find(|(_, opened)| opened.is_of(text)) {
            return Some(*key);
        }
        let fits = |known: &&KnownKey| {
            let key = known.key();
            key.kind() != KeyKind::Rsa && length(key.kind(), key.bits()) == self.signature.len()
        };
        let under: Vec<&KnownKey> = self.keys.iter().copied().filter(fits).take(MOST_UNDER).collect();
        under
            .into_iter()
            .find(|known| self.check(known, known.key().kind().usual_algorithm(), Encoding::Raw, text))
    }

    /// The same under every key, digest, padding and spelling of the signature.
    fn holds_anyhow(&mut self, text: &[u8]) -> Option<Held<'a>> {
        self.hashed = self.hashed.saturating_add(text.len());
        if self.hashed > MOST_HASHED {
            return None;
        }
        if let Some((key, opened)) = self.opened.iter().find(|(_, opened)| opened.is_of(text)) {
            let algorithm = match opened.digest? {
                Digest::Sha1 => Algorithm::RsaSha1,
                Digest::Sha256 => Algorithm::RsaSha256,
                Digest::Sha384 => Algorithm::RsaSha384,
                Digest::Sha512 => Algorithm::RsaSha512,
            };
            return Some(Held { key, algorithm, der: false });
        }
        for key in self.keys.clone() {
            // What opens was made with the other padding.
            let padded = |algorithm: &Algorithm| !algorithm.is_pkcs1();
            for algorithm in key.key().algorithms().iter().copied().filter(padded) {
                for encoding in [Encoding::Raw, Encoding::Der] {
                    let der = encoding == Encoding::Der;
                    let ecdsa = !matches!(key.key().kind(), KeyKind::Rsa | KeyKind::Ed25519);
                    if (!der || ecdsa) && self.check(key, algorithm, encoding, text) {
                        return Some(Held { key, algorithm, der });
                    }
                }
            }
        }
        None
    }

    fn check(&mut self, known: &KnownKey, algorithm: Algorithm, encoding: Encoding, text: &[u8]) -> bool {
        if self.checks >= MOST_CHECKS {
            return false;
        }
        self.checks += 1;
        let job = Job::new(known.key(), algorithm, text, self.signature).with_encoding(encoding);
        verify(&job).accepted(self.signature).is_ok()
    }

    /// Whether the signer took the public half of an Ed25519 key for the secret.
    fn is_by_public_half(&mut self, texts: &[&[u8]]) -> bool {
        let halves: Vec<[u8; 32]> =
            self.keys.iter().take(MOST_UNDER * 2).filter_map(|known| known.key().ed25519_bytes()).collect();
        for half in halves {
            let der = [&PKCS8_ED25519[..], &half].concat();
            let Ok(wrong) = PrivateKey::from_pkcs8_der(&der) else { continue };
            for text in texts.iter().take(MOST_UNDER) {
                self.checks += 1;
                let job = Job::new(wrong.public_key(), Algorithm::Ed25519, text, self.signature);
                if verify(&job).accepted(self.signature).is_ok() {
                    return true;
                }
            }
        }
        false
    }
}
