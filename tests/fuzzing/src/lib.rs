//! What fuzzing feeds: each target takes any bytes, must never panic, and checks what must hold whatever comes.
#![expect(clippy::panic, reason = "a panic is how a target tells what it found")]
pub mod answer;
pub mod ext_authz;
pub mod judge;
pub mod lanes;
pub mod message;
pub mod parts;
pub mod smooth;
pub mod tokens;

/// A target: gives a number that tells outcomes apart, so that a runner without coverage can keep what led to new ones.
pub type Target = fn(&[u8]) -> u64;

/// Every target by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("base64", parts::base64),
    ("json", parts::json),
    ("jws", parts::jws),
    ("text_form", parts::text_form),
    ("structured", message::structured),
    ("message", message::message),
    ("answer", answer::answer),
    ("dialect_file", parts::dialect_file),
    ("key_intake", parts::key_intake),
    ("trace_context", parts::trace_context),
    ("form", tokens::form),
    ("dpop", tokens::dpop),
    ("judge", judge::judge),
    ("ext_authz", ext_authz::ext_authz),
    ("lanes", lanes::lanes),
    #[cfg(feature = "config")]
    ("config", parts::config),
];

/// A small number for a text that names an outcome.
pub(crate) fn outcome(text: &str) -> u64 {
    // FNV-1a: nothing depends on it but which inputs are kept.
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
