//! Proof that whoever registers a key holds its private half: needed where a key is to stand under a second account.
use super::problem::Problem;
use super::state::Manage;
use countersign::base64::{Alphabet, decode};
use countersign::time::{Span, Time};
use countersign_keys::{Algorithm, Job, KeyKind, PublicKey, verify};
use serde::Deserialize;
use utoipa::ToSchema;

/// Seconds from now that a proof may be dated: it is made by hand, maybe on another machine.
const FRESH: i64 = 300;
/// Bytes of a signature's text: RSA-8192 has 1366.
const LONGEST: usize = 2048;

/// Proof that the registrar holds the private half of the key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Possession {
    /// When it was made, Unix seconds; at most five minutes from now.
    time: i64,
    /// The signature of the key over four lines without a line break at the end: `countersign key possession 1`, the
    /// account's id, the SHA-256 of the key's SPKI DER in lower-case hexadecimal, and the time. base64url without padding.
    /// Ed25519, ES256, ES384, ES512 or RS256, as the key's kind has it.
    signature: String,
}

/// Whether a key may stand under a second account: only where a setting allows it, and with a proof that holds. What is asked
/// for is refused in the same words whether or not another account has the key.
///
/// # Errors
/// `sharing-not-allowed` or `bad-possession`, at the member `at`.
pub(crate) fn may_share(
    possession: Option<&Possession>,
    account: &str,
    key: &PublicKey,
    manage: &Manage,
    now: Time,
    at: &str,
) -> Result<bool, Problem> {
    let Some(possession) = possession else { return Ok(false) };
    if !manage.shared_keys {
        let title = "No key stands under two accounts here.";
        let detail = "The setting [keys] shared is off; make a key pair for this account alone, or ask whoever runs the \
                      server.";
        return Err(Problem::invalid("sharing-not-allowed", title).detail(detail).at(at));
    }
    proved(possession, account, key, now, at)?;
    Ok(true)
}

/// Whether the private half of a key is at hand, for this account and now.
///
/// # Errors
/// `bad-possession`, at the member `at`.
pub(crate) fn proved(
    possession: &Possession,
    account: &str,
    key: &PublicKey,
    now: Time,
    at: &str,
) -> Result<(), Problem> {
    let refused = |detail: String| {
        Problem::invalid("bad-possession", "The proof of possession does not hold.").detail(detail).at(at)
    };
    if now.since(Time::from_seconds(possession.time)).abs() > Span::from_seconds(FRESH) {
        return Err(refused(format!(
            "Wanted a proof made within five minutes of Unix time {}; found {}. Make it anew.",
            now.seconds(),
            possession.time
        )));
    }
    let text = signed_text(account, key, possession.time);
    let mut signature = Vec::new();
    let read = possession.signature.len() <= LONGEST
        && decode(Alphabet::Url, possession.signature.as_bytes(), &mut signature).is_ok();
    let job = Job::new(key, algorithm(key.kind()), text.as_bytes(), &signature);
    if !read || verify(&job).accepted(&signature).is_err() {
        return Err(refused(format!(
            "Wanted a signature of this very key over {text:?}, in base64url without padding; `countersign key register \
             --prove KEYFILE` makes it."
        )));
    }
    Ok(())
}

/// What is signed; the first line keeps it from being a proof of anything else.
fn signed_text(account: &str, key: &PublicKey, time: i64) -> String {
    format!("countersign key possession 1\n{account}\n{}\n{time}", key.fingerprints().spki_sha256_hex)
}

/// The algorithm that a key of this kind proves itself by.
pub(crate) fn algorithm(kind: KeyKind) -> Algorithm {
    match kind {
        KeyKind::P256 => Algorithm::EcdsaP256Sha256,
        KeyKind::P384 => Algorithm::EcdsaP384Sha384,
        KeyKind::P521 => Algorithm::EcdsaP521Sha512,
        KeyKind::Ed25519 => Algorithm::Ed25519,
        _ => Algorithm::RsaSha256,
    }
}
