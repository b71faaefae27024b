//! Makes a DPoP proof for one request.
use super::{ALGORITHMS, TYPE, digest};
use crate::base64::{Alphabet, encode};
use crate::time::Time;
use countersign_keys::{Algorithm, KeyError, PrivateKey};

/// What a proof is to be for.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The method.
    pub method: &'a str,
    /// The address; query and fragment are left out of the proof.
    pub url: &'a str,
    /// The access token that goes along, when there is one.
    pub token: Option<&'a str>,
    /// The nonce that the server gave, when it did.
    pub nonce: Option<&'a str>,
}

/// Why no proof can be made.
#[derive(Debug)]
pub enum CannotProve {
    /// Proofs are made with Ed25519 or an elliptic curve.
    WrongKey,
    /// The key failed.
    Key(KeyError),
}

/// Makes a proof, the value of the header `DPoP`. `random` becomes its `jti`.
///
/// # Errors
/// [`CannotProve`].
pub fn proof(
    key: &PrivateKey,
    about: &About<'_>,
    now: Time,
    random: [u8; 16],
) -> Result<String, CannotProve> {
    let public = key.public_key();
    let algorithm: Algorithm =
        ALGORITHMS.into_iter().find(|known| public.allows(*known)).ok_or(CannotProve::WrongKey)?;
    let alg = algorithm.jose_names().first().copied().unwrap_or_default();
    // The members that make the thumbprint are the whole public key.
    let jwk = public.to_jwk().thumbprint_text();
    let head = format!(r#"{{"typ":"{TYPE}","alg":"{alg}","jwk":{jwk}}}"#);
    let jti = encode(Alphabet::Url, &random);
    let mut claims = String::from("{");
    member(&mut claims, "jti", &jti);
    member(&mut claims, "htm", about.method);
    member(&mut claims, "htu", about.url.split(['?', '#']).next().unwrap_or_default());
    if let Some(token) = about.token {
        member(&mut claims, "ath", &digest(token));
    }
    if let Some(nonce) = about.nonce {
        member(&mut claims, "nonce", nonce);
    }
    claims.push_str(&format!(r#""iat":{}}}"#, now.seconds()));
    let input =
        format!("{}.{}", encode(Alphabet::Url, head.as_bytes()), encode(Alphabet::Url, claims.as_bytes()));
    let signature = key.sign(algorithm, input.as_bytes()).map_err(CannotProve::Key)?;
    Ok(format!("{input}.{}", encode(Alphabet::Url, &signature)))
}

/// Writes a member that is text, and the comma after it.
fn member(out: &mut String, name: &str, value: &str) {
    out.push('"');
    out.push_str(name);
    out.push_str("\":\"");
    for letter in value.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push_str("\",");
}

impl std::fmt::Display for CannotProve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WrongKey => f.write_str("wanted an Ed25519, P-256, P-384 or P-521 key, found another kind"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CannotProve {}
