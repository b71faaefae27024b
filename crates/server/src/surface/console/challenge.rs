//! Challenges for signing in: nothing is kept by asking for one, and each says for whom it was asked.
use super::state::Console;
use super::token;
use countersign::ask::{Claim, KnownKey};
use countersign::life::challenge::AHEAD;
use countersign::reason::Reason;
use countersign::time::{Span, Time};
use countersign_guard::clock::draw;
use countersign_keys::MacKey;
use countersign_store::model::Account;

/// Seconds that a challenge may be answered: by hand, on another machine.
const LIFE: i64 = 300;
const PURPOSE: &str = "challenge";
const DATE: usize = 8;
const RANDOM: usize = 16;
const WHO: usize = 16;

/// A challenge that is ours and young enough.
pub(super) struct Opened {
    made: Time,
    until: Time,
    who: Vec<u8>,
    text: String,
}

/// A new challenge, and until when it may be answered.
pub(super) fn issue(console: &Console, identifier: &str, now: Time) -> (String, Time) {
    let key = &console.app.console;
    let mut text = now.millis().to_be_bytes().to_vec();
    text.extend_from_slice(&draw::<RANDOM>(&*console.app.entropy));
    text.extend_from_slice(&who(key, identifier));
    (token::seal(key, PURPOSE, &text), now + Span::from_seconds(LIFE))
}

/// What is signed: the first line keeps it from being a proof of anything else, the second from being one for another site.
pub(super) fn signed_text(origin: &str, challenge: &str) -> String {
    format!("countersign console sign-in 1\n{origin}\n{challenge}")
}

/// Opens a challenge.
///
/// # Errors
/// The reason why it is none.
pub(super) fn open(key: &MacKey, challenge: &str, now: Time) -> Result<Opened, Reason> {
    let text = token::open(key, PURPOSE, challenge).ok_or(Reason::UnknownChallenge)?;
    let (date, rest) = text.split_first_chunk::<DATE>().ok_or(Reason::UnknownChallenge)?;
    let made = Time::from_millis(i64::from_be_bytes(*date));
    let age = now.since(made);
    if age < Span::from_seconds(-AHEAD) {
        return Err(Reason::UnknownChallenge);
    }
    if age > Span::from_seconds(LIFE) {
        return Err(Reason::ChallengeExpired);
    }
    let who = rest.get(RANDOM..).unwrap_or_default().to_vec();
    Ok(Opened { made, until: made + Span::from_seconds(LIFE), who, text: challenge.to_owned() })
}

impl Opened {
    /// Whether it was asked for in a name of this account or this key.
    pub(super) fn is_for(&self, key: &MacKey, account: &Account, registered: &KnownKey) -> bool {
        let same = |name: &str| who(key, name).as_slice() == self.who;
        let named = account
            .identifiers
            .iter()
            .any(|own| same(&own.value) || same(&format!("{}:{}", own.namespace, own.value)));
        // Worked out once: a name that is known takes hardly longer than one that is not.
        let prints = registered.fingerprints();
        let printed = [
            &prints.jwk_thumbprint,
            &prints.spki_sha256_base64,
            &prints.spki_sha256_hex,
            &prints.openssh,
            &prints.pem_sha256_hex,
        ];
        let printed = printed.into_iter().any(|text| same(text));
        same(&account.id) || same(&account.name) || same(&registered.id) || named || printed
    }

    /// What must be claimed so that it is answered once.
    pub(super) fn claim(&self) -> Claim {
        token::claim(&self.text, self.made, self.until)
    }
}

/// A name under the key: a challenge tells nobody whom it is for, and is as long for every name.
fn who(key: &MacKey, identifier: &str) -> [u8; WHO] {
    let tag = key.tag(&[b"who\0", identifier.as_bytes()]);
    let mut short = [0; WHO];
    short.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
    short
}
