//! Targets for what strangers send to the token endpoint: form bodies and DPoP proofs.
use crate::outcome;
use countersign::dpop::{Proof, Wanted};
use countersign::incoming::{Limits, Target};
use countersign::time::{Span, Time};
use countersign_guard::token::form::Form;

/// The proof of RFC 9449 section 4.2: the one whose signature can hold here.
const STANDARD: &str = include_str!("../../../fuzz/seeds/dpop/rfc9449-4.2");
/// When it was made.
const DATED: i64 = 1_562_265_296;

/// Parameters that the endpoints read.
const NAMES: [&str; 6] =
    ["grant_type", "client_assertion", "client_assertion_type", "assertion", "resource", "token"];

/// A form that is taken has each parameter once, and gives back what an encoder would have made of it.
pub fn form(data: &[u8]) -> u64 {
    let form = match Form::read(data) {
        Ok(form) => form,
        Err(why) => return outcome(&format!("{why:?}")),
    };
    let mut seen = 1;
    let mut again = String::new();
    for (bit, name) in NAMES.iter().enumerate() {
        let literally = data
            .split(|byte| *byte == b'&')
            .filter(|pair| pair.split(|byte| *byte == b'=').next() == Some(name.as_bytes()));
        assert!(literally.count() <= 1, "{name} stands twice and was taken");
        let Some(value) = form.get(name) else { continue };
        assert!(!value.is_empty(), "a parameter without a value counts as left out");
        seen |= 2 << bit;
        again.push_str(name);
        again.push('=');
        value.bytes().for_each(|byte| again.push_str(&format!("%{byte:02X}")));
        again.push('&');
    }
    let Ok(same) = Form::read(again.as_bytes()) else { panic!("what was read cannot be written") };
    assert!(NAMES.iter().all(|name| form.get(name) == same.get(name)), "read again it says something else");
    seen
}

/// Any bytes as a proof: nothing but the standard's own holds for its request.
pub fn dpop(data: &[u8]) -> u64 {
    let Ok(proof) = Proof::read(data, &Limits::default()) else { return 0 };
    let outcome_of = countersign_keys::verify(&proof.job());
    let wanted = Wanted {
        method: "POST",
        target: Target::new("https", "server.example.com", "/token"),
        token: None,
        window: Span::from_seconds(60),
    };
    match proof.finish(&outcome_of, &wanted, Time::from_seconds(DATED)) {
        Ok(held) => {
            let signed = STANDARD.rsplit_once('.').map_or("", |(signed, _)| signed);
            assert!(data.starts_with(signed.as_bytes()), "a proof that nobody signed holds");
            assert_eq!(held.jkt(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
            1
        }
        Err(reason) => outcome(reason.code()),
    }
}
