//! Tokens to be sent: compact JWS with the claims given.
use countersign::base64::{Alphabet, encode};
use countersign_keys::{Algorithm, PrivateKey};
use std::ops::Range;

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
    token_with(&format!(r#"{{"alg":"{jose}","typ":"JWT"}}"#), algorithm, key, claims)
}

/// A signed token with this head.
///
/// # Errors
/// When the key cannot sign so.
pub(crate) fn token_with(
    head: &str,
    algorithm: Algorithm,
    key: &PrivateKey,
    claims: &str,
) -> Result<String, String> {
    let input =
        format!("{}.{}", encode(Alphabet::Url, head.as_bytes()), encode(Alphabet::Url, claims.as_bytes()));
    let signature = key.sign(algorithm, input.as_bytes()).map_err(|error| error.to_string())?;
    Ok(format!("{input}.{}", encode(Alphabet::Url, &signature)))
}

/// Many tokens, one for each number, signed on all cores.
///
/// # Errors
/// The first that could not be made.
pub(crate) fn all_cores(
    numbers: Range<usize>,
    make: impl Fn(usize) -> Result<String, String> + Sync,
) -> Result<Vec<String>, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let make = &make;
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                let mine = numbers.clone().skip(part).step_by(threads);
                scope.spawn(move || mine.map(make).collect::<Vec<_>>())
            })
            .collect();
        let made = parts.into_iter().flat_map(|part| part.join().unwrap_or_default());
        made.collect()
    })
}
