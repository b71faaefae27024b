//! Public keys as callers send them: any spelling, one strict reading, and what was repaired told back.
use super::problem::Problem;
use super::state::Manage;
use countersign_keys::{Fingerprints, Intake, KeyError, Policy, read_one_public_key};
use serde::Serialize;
use utoipa::ToSchema;

/// Every usual fingerprint of a key.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FingerprintsView {
    /// RFC 7638 thumbprint with SHA-256, base64url without padding.
    jwk_thumbprint: String,
    /// SHA-256 of the SPKI DER, base64.
    spki_sha256_base64: String,
    /// SHA-256 of the SPKI DER, lower-case hexadecimal.
    spki_sha256_hex: String,
    /// What `ssh-keygen -l` prints.
    openssh: String,
    /// SHA-256 of the SPKI PEM text with its final line break, lower-case hexadecimal.
    pem_sha256_hex: String,
}

impl From<Fingerprints> for FingerprintsView {
    fn from(all: Fingerprints) -> Self {
        Self {
            jwk_thumbprint: all.jwk_thumbprint,
            spki_sha256_base64: all.spki_sha256_base64,
            spki_sha256_hex: all.spki_sha256_hex,
            openssh: all.openssh,
            pem_sha256_hex: all.pem_sha256_hex,
        }
    }
}

/// A public key that could be registered.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckedKey {
    /// `RSA`, `Ed25519`, `P-256`, `P-384` or `P-521`.
    kind: &'static str,
    /// RSA: bits of the modulus; otherwise of the curve.
    bits: u32,
    /// Every usual fingerprint.
    fingerprints: FingerprintsView,
    /// The public key as SPKI PEM.
    public: String,
    /// What was repaired in its spelling.
    repaired: Vec<String>,
}

impl From<&Intake> for CheckedKey {
    fn from(read: &Intake) -> Self {
        Self {
            kind: read.key.kind().name(),
            bits: read.key.bits(),
            fingerprints: read.key.fingerprints().into(),
            public: read.key.to_pem(),
            repaired: read.repaired.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Reads exactly one public key. The text goes nowhere but into the reader: what is refused may be a private key.
///
/// # Errors
/// The key's own problem with its own code, `key-…`, at the member `at`.
pub(crate) fn one_key(text: &str, policy: &Policy, at: &str) -> Result<Intake, Problem> {
    read_one_public_key(text.as_bytes(), policy).map_err(|error| refused(&error, at))
}

/// Refuses the address of a key set that would not be fetched.
///
/// # Errors
/// `insecure-url`, at the member `at`.
pub(crate) fn key_set_url(url: Option<&str>, manage: &Manage, at: &str) -> Result<(), Problem> {
    let plain = url.and_then(|url| url.get(..7)).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    if !plain || manage.http_key_sets {
        return Ok(());
    }
    let title = "A key set over plain http is not fetched.";
    Err(Problem::invalid("insecure-url", title)
        .detail(
            "Wanted an address that begins with https://, found http://: whoever sits between could put keys of its own \
             into the set. Serve it over https; for tests, [jwks] allow_http takes it.",
        )
        .at(at))
}

fn refused(error: &KeyError, at: &str) -> Problem {
    let code = error.code().replace('_', "-");
    let leaked = matches!(error, KeyError::Private { .. } | KeyError::Symmetric);
    let title = if leaked {
        // Loud on purpose: the pair must be replaced, whatever happens to this call.
        "A SECRET WAS SENT WHERE A PUBLIC KEY BELONGS. It was not kept; replace it now."
    } else {
        "The key cannot be registered."
    };
    Problem::invalid(code, title).detail(format!("{error}{}", hint(error))).at(at)
}

/// The setting that would take the key, when there is one.
fn hint(error: &KeyError) -> &'static str {
    match error {
        KeyError::RsaSize { found: 2048..=8192, .. } => {
            " The setting [keys] other_rsa_sizes takes every size from 2048 to 8192."
        }
        KeyError::RsaExponent { .. } => {
            " The setting [keys] other_exponents takes other odd exponents from 3 on."
        }
        _ => "",
    }
}
