//! Short texts that a key signs by hand to prove one thing, once: its possession, or who comes after it.
use countersign::base64::{Alphabet, decode};
use countersign::time::{Span, Time};
use countersign_keys::{Job, PublicKey, verify};

/// Seconds from now that a proof may be dated: it is made by hand, maybe on another machine.
const FRESH: i64 = 300;
/// Bytes of a signature's text: RSA-8192 has 1366.
const LONGEST: usize = 2048;

/// What is wrong with a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It was made too long ago, or will be.
    Time,
    /// It is no signature of that key over that text.
    Signature,
}

/// Whether a key signed a text that says that it was made at `time`, Unix seconds; the signature in base64url.
///
/// # Errors
/// What is wrong.
pub(crate) fn holds(text: &str, time: i64, signature: &str, key: &PublicKey, now: Time) -> Result<(), Wrong> {
    if now.since(Time::from_seconds(time)).abs() > Span::from_seconds(FRESH) {
        return Err(Wrong::Time);
    }
    let mut bytes = Vec::new();
    let read = signature.len() <= LONGEST && decode(Alphabet::Url, signature.as_bytes(), &mut bytes).is_ok();
    let job = Job::new(key, key.kind().usual_algorithm(), text.as_bytes(), &bytes);
    if read && verify(&job).accepted(&bytes).is_ok() { Ok(()) } else { Err(Wrong::Signature) }
}
