//! What the parties of a trace tell each other beside its id: the W3C's `tracestate`, checked and passed on, never added to.
//!
//! [Trace Context](https://www.w3.org/TR/trace-context/), section 3.3.

/// Members of one list at most (section 3.3.1.1).
const MEMBERS: usize = 32;
/// Bytes that are passed on at most; everybody must be able to (section 3.3.1.5).
const BYTES: usize = 512;
/// Members longer than this go first where there are too many bytes (section 3.3.1.5).
const LONG: usize = 128;
/// Bytes of all lines that are looked at at most: longer than 32 members of the longest kind are, with their commas and spaces.
const MOST: usize = 32 * 1024;

/// Reads the lines of a `tracestate`, which are one list, and gives it as it is passed on: as it came, without what is too long.
/// `None` when there is nothing to pass on, also since something in it is wrong: then all of it is dropped, and the trace goes on.
#[must_use]
pub fn read<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Option<String> {
    let mut members: Vec<&str> = Vec::new();
    let mut bytes = 0;
    for line in lines {
        bytes += line.len();
        if bytes > MOST {
            return None;
        }
        let line = std::str::from_utf8(line).ok()?;
        for member in line.split(',') {
            let member = member.trim_matches([' ', '\t']);
            // Members may be empty, and count for nothing.
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            let is_new =
                members.iter().all(|other| other.split_once('=').is_none_or(|(other, _)| other != key));
            if !is_key(key) || !is_value(value) || !is_new || members.len() == MEMBERS {
                return None;
            }
            members.push(member);
        }
    }
    shorten(&mut members);
    (!members.is_empty()).then(|| members.join(","))
}

/// Takes whole members away until the rest may be passed on: long ones first, then the oldest, which stand last.
fn shorten(members: &mut Vec<&str>) {
    let length =
        |members: &[&str]| members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1);
    while length(members) > BYTES {
        match members.iter().rposition(|member| member.len() > LONG) {
            Some(long) => drop(members.remove(long)),
            None => drop(members.pop()),
        }
    }
}

/// A name, or the name of a tenant at a system (section 3.3.1.3.1).
fn is_key(key: &str) -> bool {
    let letters = |text: &str| {
        text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/'))
    };
    let begins = |text: &str| text.starts_with(|letter: char| letter.is_ascii_lowercase());
    match key.split_once('@') {
        None => key.len() <= 256 && begins(key) && letters(key),
        Some((tenant, system)) => {
            let named = begins(tenant) || tenant.starts_with(|letter: char| letter.is_ascii_digit());
            let fits = tenant.len() <= 241 && system.len() <= 14;
            fits && named && letters(tenant) && begins(system) && letters(system)
        }
    }
}

/// Printable letters of ASCII without comma and equals sign, not ending in a space (section 3.3.1.3.2).
fn is_value(value: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(plain) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests;
