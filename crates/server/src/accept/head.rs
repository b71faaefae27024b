//! Judges one whole HTTP/1 head: the request line, every field line, one host, one framing.
use super::bounds::{Bounds, Broken};
use super::sweep;

/// How the body after a head is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Sized(u64),
    Chunked,
}

/// Whether these bytes are a token of RFC 9110: what header names and methods are made of.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| TOKEN.get(usize::from(*byte)).copied().unwrap_or(false))
}

/// The characters that tokens are made of.
static TOKEN: [bool; 256] = token();

const fn token() -> [bool; 256] {
    let mut table = [false; 256];
    let mut rest: &mut [bool] = &mut table;
    let mut byte = 0_u8;
    while let [first, tail @ ..] = rest {
        *first = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte = byte.wrapping_add(1);
        rest = tail;
    }
    table
}

/// Whether these bytes can stand in a header's value: no control characters but the tab.
pub(crate) fn is_value(bytes: &[u8]) -> bool {
    sweep::control(bytes, 0).is_none()
}

/// Whether this can be the value of Host: a name or address with an optional port, nothing else.
pub(crate) fn is_host(host: &[u8]) -> bool {
    let (name, port) = match host.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !host.ends_with(b"]") => (host.get(..colon), host.get(colon + 1..)),
        _ => (Some(host), None),
    };
    let port_fits =
        port.is_none_or(|port| (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit));
    let name_fits = |name: &[u8]| match name.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        Some(literal) => literal.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte)),
        None => name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)),
    };
    // 255 bytes are the longest name that DNS can hold.
    name.is_some_and(|name| (1..=255).contains(&name.len()) && name_fits(name)) && port_fits
}

/// Checks a head that ends in its empty line and gives the framing of what follows.
pub(crate) fn check_head(head: &[u8], bounds: &Bounds) -> Result<Framing, Broken> {
    let mut lines = Lines(head);
    let (target, one_one) = check_line(lines.next().unwrap_or_default(), bounds)?;
    let mut seen = Seen::default();
    for line in lines.take_while(|line| !line.is_empty()) {
        seen.count += 1;
        if seen.count > bounds.fields {
            return Err(Broken::TooLarge("there are too many header lines"));
        }
        if line.len() > bounds.field {
            return Err(Broken::TooLarge("a header line is too long"));
        }
        seen.field(line)?;
    }
    let Some(host) = seen.host else { return Err(Broken::Malformed("there is no Host")) };
    if !is_host(host) {
        return Err(Broken::Malformed("Host is no host with an optional port"));
    }
    if let Some(authority) = absolute(target)
        && !authority.eq_ignore_ascii_case(host)
    {
        return Err(Broken::Malformed("the target names another host than Host"));
    }
    match (seen.length, seen.chunked) {
        (Some(_), true) => Err(Broken::Malformed("Content-Length and Transfer-Encoding stand together")),
        (None, true) if !one_one => Err(Broken::Malformed("Transfer-Encoding stands in HTTP/1.0")),
        (None, true) => Ok(Framing::Chunked),
        (Some(length), false) => Ok(Framing::Sized(length)),
        (None, false) => Ok(Framing::None),
    }
}

/// The lines of a head, without their ends.
struct Lines<'h>(&'h [u8]);

impl<'h> Iterator for Lines<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        let end = sweep::byte(self.0, 0, b'\n')?;
        let line = self.0.get(..end)?;
        self.0 = self.0.get(end + 1..)?;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// Checks a request line; gives the target and whether the version is 1.1.
pub(crate) fn check_line<'l>(line: &'l [u8], bounds: &Bounds) -> Result<(&'l [u8], bool), Broken> {
    if line.len() > bounds.line {
        return Err(Broken::TooLarge("the request line is too long"));
    }
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Broken::Malformed("the request line has not three parts with single spaces between"));
    };
    if !is_token(method) {
        return Err(Broken::Malformed("the method is no token"));
    }
    // Letters of other scripts come as they are from clients of PHP; the bytes judged are the bytes passed on.
    let plain = |byte: &u8| (33..=126).contains(byte) || *byte > 127;
    let readable = target.iter().all(plain) && std::str::from_utf8(target).is_ok();
    if target.is_empty() || !readable || target.contains(&b'#') {
        return Err(Broken::Malformed("the target has a fragment or bytes that must be percent-encoded"));
    }
    let form = target.starts_with(b"/")
        || absolute(target).is_some()
        || (method == b"OPTIONS" && target == b"*")
        || (method == b"CONNECT" && is_host(target));
    if !form {
        return Err(Broken::Malformed("the target is no path and no http address"));
    }
    match version {
        b"HTTP/1.1" => Ok((target, true)),
        b"HTTP/1.0" => Ok((target, false)),
        _ => Err(Broken::Malformed("the version is neither HTTP/1.1 nor HTTP/1.0")),
    }
}

/// The authority of a target in absolute form.
fn absolute(target: &[u8]) -> Option<&[u8]> {
    let rest = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"))?;
    let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
    rest.get(..end)
}

#[derive(Default)]
struct Seen<'h> {
    count: usize,
    host: Option<&'h [u8]>,
    length: Option<u64>,
    chunked: bool,
}

impl<'h> Seen<'h> {
    fn field(&mut self, line: &'h [u8]) -> Result<(), Broken> {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(Broken::Malformed("a header line is folded"));
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let Some((name, rest)) = colon.and_then(|colon| line.split_at_checked(colon)) else {
            return Err(Broken::Malformed("a header line has no colon"));
        };
        if !is_token(name) {
            return Err(Broken::Malformed("a header's name has bytes that names cannot have"));
        }
        let value = trim(rest.strip_prefix(b":").unwrap_or_default());
        if !is_value(value) {
            return Err(Broken::Malformed("a header's value has control characters"));
        }
        let framing = [&b"host"[..], b"content-length", b"transfer-encoding"];
        let Some(framing) = framing.into_iter().find(|framing| spelled(name, framing)) else { return Ok(()) };
        if name.contains(&b'_') {
            return Err(Broken::Malformed("a header is spelled like one that frames the message"));
        }
        match framing {
            b"host" => match self.host.replace(value) {
                None => Ok(()),
                Some(_) => Err(Broken::Malformed("Host stands twice")),
            },
            b"content-length" => match (self.length, length(value)) {
                (None, Some(length)) => {
                    self.length = Some(length);
                    Ok(())
                }
                (Some(_), _) => Err(Broken::Malformed("Content-Length stands twice")),
                (None, None) => Err(Broken::Malformed("Content-Length is no number")),
            },
            _ => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Broken::Malformed("Transfer-Encoding is not exactly chunked"));
                }
                self.chunked = true;
                Ok(())
            }
        }
    }
}

/// Whether a name is this one when case and underscores do not count.
fn spelled(name: &[u8], wanted: &[u8]) -> bool {
    let plain = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    name.len() == wanted.len() && name.iter().map(plain).eq(wanted.iter().copied())
}

fn length(value: &[u8]) -> Option<u64> {
    // 15 digits: more than anyone sends, and no overflow.
    let digits = (1..=15).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

fn trim(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|byte| !b" \t".contains(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !b" \t".contains(byte)).map_or(start, |at| at + 1);
    value.get(start..end).unwrap_or_default()
}
