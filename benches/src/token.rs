//! Tokens to be sent: compact JWS with the claims given.
use countersign::base64::{Alphabet, encode};
use countersign_keys::{Algorithm, PrivateKey};

/// A signed token.
///
/// # Errors
/// When the key cannot sign so.
pub(crate) fn token(
    jose: &str,
    algorithm: Algorithm,
    key: &PrivateKey,
    claims: &str,
) -> Result<String, String> {
    let head = format!(r#"{{"alg":"{jose}","typ":"JWT"}}"#);
    let input =
        format!("{}.{}", encode(Alphabet::Url, head.as_bytes()), encode(Alphabet::Url, claims.as_bytes()));
    let signature = key.sign(algorithm, input.as_bytes()).map_err(|error| error.to_string())?;
    Ok(format!("{input}.{}", encode(Alphabet::Url, &signature)))
}
