//! Challenges that nothing stores: random, dated, bound to a user and a purpose by a keyed digest; used once at redemption.
use crate::ask::Claim;
use crate::time::{Span, Time};
use countersign_keys::{MacKey, sha256};
use subtle::ConstantTimeEq;

/// What a challenge may be answered for; a code for one purpose is nothing for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Opening a session.
    Login,
    /// Registering an account under an e-mail address.
    Register,
    /// Adding a key to the account that asks.
    AddKey,
}

/// A code that was opened: ours, for this user and purpose, and young enough.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// When it was issued.
    pub issued: Time,
    /// Until when it counts (inclusive); its use is remembered at least that long.
    pub until: Time,
    /// The text the caller asked to have before the code, when it did.
    pub prefix: Option<String>,
    /// Digest of the join code that came with the question, when one did.
    pub join: Option<[u8; 32]>,
}

/// Why a code is not good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotOpened {
    /// Not issued by us, or for someone or something else.
    Unknown,
    /// Ours, but too old.
    Expired,
}

const RANDOM: usize = 8;
const DATE: usize = 6;
const TAG: usize = 16;
/// What a code carries along begins with one of these; a code that carries nothing has neither.
const PREFIX: u8 = 0;
const JOIN_AND_PREFIX: u8 = 1;
const JOIN: usize = 32;
/// A prefix is a short sentence; a longer one would make the code a text of the caller's choice.
pub const GREATEST_PREFIX: usize = 64;

/// Digits of the longest code: with a join code and a prefix.
const LONGEST: usize = 2 * (RANDOM + DATE + TAG + 1 + JOIN + GREATEST_PREFIX);

/// Seconds that a code may be dated ahead: several nodes answer, and their clocks are not one. As far as our tokens' `nbf` goes.
pub const AHEAD: i64 = 1;

/// What a code is to be for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Whom it is for.
    pub user: &'a str,
    /// What it may be answered for.
    pub purpose: Purpose,
    /// A text to be signed before it.
    pub prefix: Option<&'a str>,
    /// Digest of a join code to be redeemed with it.
    pub join: Option<&'a [u8; JOIN]>,
}

/// Makes a code (lower-case hexadecimal text). `random` makes two codes of one millisecond differ.
/// `None` when the prefix is longer than [`GREATEST_PREFIX`] bytes.
#[must_use]
pub fn issue(mac: &MacKey, random: [u8; RANDOM], now: Time, ask: &Ask<'_>) -> Option<String> {
    let prefix = ask.prefix.unwrap_or("").as_bytes();
    if prefix.len() > GREATEST_PREFIX {
        return None;
    }
    let mut along = Vec::new();
    if let Some(join) = ask.join {
        along.push(JOIN_AND_PREFIX);
        along.extend_from_slice(join);
    } else if !prefix.is_empty() {
        along.push(PREFIX);
    }
    along.extend_from_slice(prefix);
    let millis = now.millis().to_be_bytes();
    let date = millis.get(2..)?;
    let tag = tag(mac, &random, date, ask.user, ask.purpose, &along);
    let mut code = String::with_capacity(2 * (RANDOM + DATE + TAG + along.len()));
    for byte in random.iter().chain(date).chain(tag.iter().take(TAG)).chain(&along) {
        code.push(char::from_digit(u32::from(byte >> 4), 16)?);
        code.push(char::from_digit(u32::from(byte & 15), 16)?);
    }
    Some(code)
}

/// Opens a code: checks that it is ours, for this user and purpose, and at most `life` old.
///
/// # Errors
/// [`NotOpened`]. A code dated more than a second ahead of `now` is unknown: our clock went back, or it is forged. Up to that, another
/// node's clock is a little ahead of this one's.
pub fn open(
    mac: &MacKey,
    code: &str,
    now: Time,
    user: &str,
    purpose: Purpose,
    life: Span,
) -> Result<Opened, NotOpened> {
    // The length bound keeps a caller from making us decode megabytes.
    if code.len() > LONGEST {
        return Err(NotOpened::Unknown);
    }
    let bytes = unhex(code).ok_or(NotOpened::Unknown)?;
    let (random, rest) = bytes.split_at_checked(RANDOM).ok_or(NotOpened::Unknown)?;
    let (date, rest) = rest.split_at_checked(DATE).ok_or(NotOpened::Unknown)?;
    let (found, along) = rest.split_at_checked(TAG).ok_or(NotOpened::Unknown)?;
    let wanted = tag(mac, random, date, user, purpose, along);
    let wanted = wanted.get(..TAG).ok_or(NotOpened::Unknown)?;
    if !bool::from(wanted.ct_eq(found)) {
        return Err(NotOpened::Unknown);
    }
    let millis = date.iter().fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
    let issued = Time::from_millis(millis);
    let age = now.since(issued);
    if age < Span::from_seconds(-AHEAD) {
        return Err(NotOpened::Unknown);
    }
    if age > life {
        return Err(NotOpened::Expired);
    }
    let (join, prefix) = match along {
        [] => (None, along),
        [PREFIX, prefix @ ..] => (None, prefix),
        [JOIN_AND_PREFIX, rest @ ..] => match rest.split_first_chunk::<JOIN>() {
            Some((join, prefix)) => (Some(*join), prefix),
            None => return Err(NotOpened::Unknown),
        },
        _ => return Err(NotOpened::Unknown),
    };
    let prefix = std::str::from_utf8(prefix).map_err(|_| NotOpened::Unknown)?;
    let prefix = (!prefix.is_empty()).then(|| prefix.to_owned());
    Ok(Opened { issued, until: issued + life, prefix, join })
}

/// What must be claimed so that a code works once: its text and its dates, whoever answers it.
#[must_use]
pub fn claim(code: &str, issued: Time, until: Time) -> Claim {
    let mark = sha256(&[b"countersign challenge used\0", code.as_bytes()]);
    // Its date may be that of a node whose clock is ahead.
    Claim { mark, since: issued - Span::from_seconds(AHEAD), until }
}

fn tag(mac: &MacKey, random: &[u8], date: &[u8], user: &str, purpose: Purpose, along: &[u8]) -> [u8; 32] {
    let purpose: &[u8] = match purpose {
        Purpose::Login => b"countersign challenge login\0",
        Purpose::Register => b"countersign challenge register\0",
        Purpose::AddKey => b"countersign challenge add-key\0",
    };
    let length = user.len().to_be_bytes();
    mac.tag(&[purpose, random, date, &length, user.as_bytes(), along])
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        // Only our own spelling opens, so that one code has one text to be remembered by.
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac() -> MacKey {
        MacKey::new(&[7; 32])
    }
    const NOW: i64 = 1_700_000_000;

    fn code(prefix: Option<&str>) -> String {
        let ask = Ask { user: "alice", purpose: Purpose::Login, prefix, join: None };
        issue(&mac(), [1; 8], Time::from_seconds(NOW), &ask).unwrap()
    }
    fn opened(code: &str, at: i64, user: &str, purpose: Purpose) -> Result<Opened, NotOpened> {
        open(&mac(), code, Time::from_seconds(at), user, purpose, Span::from_seconds(60))
    }

    #[test]
    fn a_code_opens_for_its_user_purpose_and_life_only() {
        let code = code(None);
        assert_eq!(code.len(), 60);
        assert_eq!(opened(&code, NOW + 60, "alice", Purpose::Login).unwrap().prefix, None);
        assert_eq!(opened(&code, NOW + 61, "alice", Purpose::Login), Err(NotOpened::Expired));
        assert_eq!(opened(&code, NOW - 5, "alice", Purpose::Login), Err(NotOpened::Unknown));
        assert_eq!(opened(&code, NOW, "bob", Purpose::Login), Err(NotOpened::Unknown));
        assert_eq!(opened(&code, NOW, "alice", Purpose::AddKey), Err(NotOpened::Unknown));
        assert_eq!(opened(&code.to_uppercase(), NOW, "alice", Purpose::Login), Err(NotOpened::Unknown));
    }

    #[test]
    fn a_code_of_a_node_whose_clock_is_a_little_ahead_opens() {
        let code = code(None);
        let open = |millis: i64| {
            let now = Time::from_millis(NOW * 1000 + millis);
            open(&mac(), &code, now, "alice", Purpose::Login, Span::from_seconds(60))
        };
        assert!(open(-20).is_ok() && open(-1000).is_ok());
        assert_eq!(open(-1001), Err(NotOpened::Unknown));
        assert!(open(60_000).is_ok());
        assert_eq!(open(60_001), Err(NotOpened::Expired));
    }

    #[test]
    fn a_join_code_and_a_prefix_come_back_as_they_were() {
        for (prefix, join) in
            [(None, None), (Some("é: "), None), (None, Some([9; 32])), (Some("x"), Some([0; 32]))]
        {
            let ask = Ask { user: "alice", purpose: Purpose::Login, prefix, join: join.as_ref() };
            let code = issue(&mac(), [1; 8], Time::from_seconds(NOW), &ask).unwrap();
            let found = opened(&code, NOW, "alice", Purpose::Login).unwrap();
            assert_eq!((found.prefix.as_deref(), found.join), (prefix, join));
        }
        let (join, longest) = ([9; 32], "x".repeat(GREATEST_PREFIX));
        let ask = Ask { user: "alice", purpose: Purpose::Login, prefix: Some(&longest), join: Some(&join) };
        let code = issue(&mac(), [1; 8], Time::from_seconds(NOW), &ask).unwrap();
        assert_eq!(code.len(), LONGEST);
        let found = opened(&code, NOW, "alice", Purpose::Login).unwrap();
        assert_eq!((found.prefix, found.until), (Some(longest), Time::from_seconds(NOW + 60)));
        let long = "x".repeat(GREATEST_PREFIX + 1);
        let ask = Ask { user: "alice", purpose: Purpose::Login, prefix: Some(&long), join: None };
        assert_eq!(issue(&mac(), [1; 8], Time::from_seconds(NOW), &ask), None);
    }

    #[test]
    fn every_changed_bit_closes_it() {
        let code = code(Some("Sign in: "));
        assert_eq!(opened(&code, NOW, "alice", Purpose::Login).unwrap().prefix.as_deref(), Some("Sign in: "));
        for at in 0..code.len() {
            let mut other = code.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(opened(&other, NOW, "alice", Purpose::Login), Err(NotOpened::Unknown));
        }
        for junk in ["", "0", "zz", "00", "é", &"0".repeat(1000)] {
            assert_eq!(opened(junk, NOW, "alice", Purpose::Login), Err(NotOpened::Unknown));
        }
    }
}
