//! Proof that a key comes after another one: signed by the old key, or by one that is kept for recovery.
use super::problem::Problem;
use super::signed::{self, Wrong};
use countersign::life::key::KeyState;
use countersign::time::Time;
use countersign_keys::{CompactKey, PublicKey};
use countersign_store::draft::replaceable;
use countersign_store::model::KeyRecord;
use serde::Deserialize;
use utoipa::ToSchema;

/// Proof by a key of the account that another one comes after the old key.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationProof {
    /// The id of the key that signs: the old key, which it is when this is left out, or one of the account's that is kept for recovery.
    key: Option<String>,
    /// When it was made, Unix seconds; at most five minutes from now.
    time: i64,
    /// The signature over five lines without a line break at the end: `countersign key rotation 1`, the account's id, the id of
    /// the key that is replaced, the SHA-256 of the new key's SPKI DER in lower-case hexadecimal, and the time. base64url
    /// without padding. Ed25519, ES256, ES384, ES512 or RS256, as the kind of the key that signs has it.
    signature: String,
}

/// The id of the key that vouches for the new one; `own` are the keys of the old key's account. Whether it still may is looked at
/// again when the change is made (`Draft::rotate_key`), so a revocation in between counts.
///
/// # Errors
/// What [`replaceable`] says of the old key, since whoever may ask for this sees its state; else `bad-rotation-proof`, at the member `at`. A key that is not the account's and one that may not vouch are one answer.
pub(crate) fn vouching(
    proof: &RotationProof,
    old: &KeyRecord,
    own: &[KeyRecord],
    new: &PublicKey,
    now: Time,
    at: &str,
) -> Result<String, Problem> {
    let refused = |detail: String| {
        Problem::invalid("bad-rotation-proof", "The proof of rotation does not hold.").detail(detail).at(at)
    };
    let id = proof.key.as_deref().unwrap_or(&old.id);
    replaceable(old, id != old.id).map_err(Problem::from)?;
    let text = signed_text(old, new, proof.time);
    let signer = own.iter().find(|key| {
        key.id == *id && (key.id == old.id || key.life.state == KeyState::Recovery) && key.life.may_vouch(now)
    });
    let key = signer.and_then(|key| CompactKey::from_spki_der(&key.spki).ok());
    let wrong = key.map_or(Err(Wrong::Signature), |key| {
        signed::holds(&text, proof.time, &proof.signature, &key.parse(), now)
    });
    match wrong {
        Ok(()) => Ok(id.to_owned()),
        Err(Wrong::Time) => Err(refused(format!(
            "Wanted a proof made within five minutes of Unix time {}; found {}. Make it anew.",
            now.seconds(),
            proof.time
        ))),
        Err(Wrong::Signature) => Err(refused(format!(
            "Wanted a signature over {text:?} in base64url without padding, by the old key while it is active or by a key of the \
             account that is kept for recovery; `countersign key rotate --prove KEYFILE` makes it."
        ))),
    }
}

/// What is signed; the first line keeps it from being a proof of anything else.
fn signed_text(old: &KeyRecord, new: &PublicKey, time: i64) -> String {
    let KeyRecord { id, account, .. } = old;
    format!("countersign key rotation 1\n{account}\n{id}\n{}\n{time}", new.fingerprints().spki_sha256_hex)
}

#[cfg(test)]
mod tests;
