//! OpenSSH `authorized_keys` (sshd(8)): a key a line, with options before it, of which some restrict.
use super::draft::{Draft, Key};
use crate::exit::Failure;
use std::net::IpAddr;

/// Options about shells and tunnels, which mean nothing to requests.
const SHELL: [&str; 12] = [
    "agent-forwarding",
    "environment",
    "no-agent-forwarding",
    "no-port-forwarding",
    "no-pty",
    "no-user-rc",
    "no-x11-forwarding",
    "port-forwarding",
    "pty",
    "restrict",
    "user-rc",
    "x11-forwarding",
];

/// Names in lower case, with what stands behind the equals sign.
type Options = Vec<(String, Option<String>)>;

pub(super) fn read(bytes: &[u8], draft: &mut Draft) -> Result<(), Failure> {
    let text =
        str::from_utf8(bytes).map_err(|_| Failure::usage("wanted text in UTF-8, found other bytes"))?;
    let mut any = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            any = true;
            one(&format!("line {}", number.saturating_add(1)), line, draft);
        }
    }
    if any { Ok(()) } else { Err(Failure::usage("wanted lines of authorized_keys, found none")) }
}

fn one(place: &str, line: &str, draft: &mut Draft) {
    let Some((options, key)) = split(line) else {
        draft.leave(place, "wanted a kind of key such as ssh-ed25519 and its base64, found something else");
        return;
    };
    let Some(intake) = draft.read(place, key) else { return };
    let comment = intake.comment.clone().unwrap_or_default();
    let Some(name) = draft.named.clone().or_else(|| Some(comment.clone()).filter(|name| !name.is_empty()))
    else {
        draft.leave(place, "no comment says whose key it is; name the account with --account NAME");
        return;
    };
    let mut key = Key::plain(&comment, intake.key);
    // sshd refuses a line whose from= stands twice; which one is meant is nobody's guess.
    if options.iter().filter(|(name, _)| name == "from").count() > 1 {
        draft.leave(place, "its from= stands more than once");
        return;
    }
    for (name, value) in options {
        match (name.as_str(), value) {
            ("from", Some(list)) => match networks(&list) {
                Ok(found) => key.networks = found,
                Err(pattern) => {
                    draft.leave(
                        place,
                        format!("it is restricted by from={pattern:?}, which is no address or network; without that it would reach further"),
                    );
                    return;
                }
            },
            ("expiry-time", Some(text)) => match expiry(&text) {
                Some((expires, local)) => {
                    // Of several, the earliest holds; written so, the earlier comes first.
                    key.expires = Some(key.expires.map_or(expires.clone(), |other| other.min(expires)));
                    if local {
                        draft.note(place, "its expiry-time had no time zone and was taken for UTC");
                    }
                }
                None => {
                    draft.leave(place, format!("its expiry-time={text:?} cannot be read"));
                    return;
                }
            },
            ("cert-authority", _) => {
                draft.leave(
                    place,
                    "it is a certificate authority's key, which signs other keys and no requests",
                );
                return;
            }
            ("verify-required" | "no-touch-required", _) => {}
            ("command", Some(command)) => {
                draft.note(
                    place,
                    format!(
                        "its command={command:?} restricted a shell; narrow the key with methods and paths"
                    ),
                );
            }
            (name, _) if SHELL.contains(&name) => {}
            ("permitopen" | "permitlisten" | "tunnel", _) => {}
            (name, _) => {
                draft.leave(place, format!("its option {name} is not known here, and might restrict it"));
                return;
            }
        }
    }
    let by_hand = draft.named.is_some();
    if let Some(account) = draft.take(place, &name, &name, key)
        && !by_hand
        && draft.keys_of(&account) > 1
    {
        draft.note(
            place,
            format!(
                "{account} had a key already; comments are whatever people wrote, so see that this key is the same caller's"
            ),
        );
    }
}

/// The options, and the rest of the line from the kind of key on.
fn split(line: &str) -> Option<(Options, &str)> {
    let is_kind =
        |word: &str| word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
    if is_kind(line) {
        return Some((Vec::new(), line));
    }
    let (mut options, mut quoted, mut word) = (Vec::new(), false, String::new());
    let mut letters = line.char_indices().peekable();
    // Each turn takes a letter of the line.
    while let Some((at, letter)) = letters.next() {
        match (letter, quoted) {
            ('\\', true) if letters.peek().is_some_and(|(_, next)| *next == '"') => {
                letters.next();
                word.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => options.push(std::mem::take(&mut word)),
            (' ' | '\t', false) => {
                options.push(word);
                let rest = line.get(at..).unwrap_or_default().trim_start();
                let options = options.into_iter().map(|option| match option.split_once('=') {
                    Some((name, value)) => (name.to_ascii_lowercase(), Some(value.to_owned())),
                    None => (option.to_ascii_lowercase(), None),
                });
                return is_kind(rest).then(|| (options.collect(), rest));
            }
            (letter, _) => word.push(letter),
        }
    }
    None
}

/// Addresses and networks as a key has them; the first pattern that is neither comes back.
fn networks(list: &str) -> Result<Vec<String>, String> {
    let network = |pattern: &str| {
        let (address, bits) =
            pattern.split_once('/').map_or((pattern, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let most: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most))?;
        Some(format!("{address}/{bits}"))
    };
    list.split(',').map(|pattern| network(pattern.trim()).ok_or_else(|| pattern.to_owned())).collect()
}

/// `YYYYMMDD[HHMM[SS]][Z]` as a date and time in UTC, and whether it was without a zone.
fn expiry(text: &str) -> Option<(String, bool)> {
    let bare = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if !bare.bytes().all(|byte| byte.is_ascii_digit()) || ![8, 12, 14].contains(&bare.len()) {
        return None;
    }
    let full = format!("{bare:0<14}");
    let part = |from: usize, to: usize| full.get(from..to);
    let date = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    date.parse::<jiff::Timestamp>().ok()?;
    Some((date, bare.len() == text.len()))
}
