//! Reads the three kinds of structured field values as RFC 9651 section 4.2 says.
use super::value::{
    Bare, Dictionary, InnerList, Item, MOST_ITEMS, MOST_MEMBERS, MOST_PARAMETERS, Member, NotStructured,
    Parameter, Parameters,
};
use smallvec::SmallVec;
use std::borrow::Cow;

type Read<T> = Result<T, NotStructured>;

/// Reads one field line as a dictionary and adds its members to `out`, of which there may be `most` in all.
///
/// Lines of one field are read one after another, so that no member can reach from one line into the next.
///
/// # Errors
/// [`NotStructured`] when it is none, when a key comes twice, and when there are too many members.
pub fn dictionary<'a>(line: &'a [u8], most: usize, out: &mut Dictionary<'a>) -> Read<()> {
    let mut reader = Reader::new(line)?;
    reader.members(|reader| {
        let key = reader.key()?;
        let member = if reader.take(b'=') {
            reader.member()?
        } else {
            Member::Item(Item { value: Bare::Boolean(true), parameters: reader.parameters()? })
        };
        if out.len() >= most.min(MOST_MEMBERS) || out.iter().any(|(known, _)| *known == key) {
            return Err(NotStructured);
        }
        out.push((key, member));
        Ok(())
    })
}

/// Reads one field line as a list and adds its members to `out`, of which there may be `most` in all.
///
/// # Errors
/// [`NotStructured`] when it is none, or too long.
pub fn list<'a>(line: &'a [u8], most: usize, out: &mut Vec<Member<'a>>) -> Read<()> {
    let mut reader = Reader::new(line)?;
    reader.members(|reader| {
        if out.len() >= most.min(MOST_MEMBERS) {
            return Err(NotStructured);
        }
        out.push(reader.member()?);
        Ok(())
    })
}

/// Reads a field value that is one item.
///
/// # Errors
/// [`NotStructured`] when it is none.
pub fn item(line: &[u8]) -> Read<Item<'_>> {
    let mut reader = Reader::new(line)?;
    let item = reader.item()?;
    reader.skip(|byte| byte == b' ');
    if reader.peek().is_none() { Ok(item) } else { Err(NotStructured) }
}

/// As many components or parameters as signatures usually have: lists of them need not grow.
const USUAL: usize = 8;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(line: &'a [u8]) -> Read<Self> {
        let text = std::str::from_utf8(line).ok().filter(|text| text.is_ascii()).ok_or(NotStructured)?;
        let mut reader = Self { text, at: 0 };
        reader.skip(|byte| byte == b' ');
        Ok(reader)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += 1;
        }
        found
    }

    fn want(&mut self, wanted: u8) -> Read<()> {
        if self.take(wanted) { Ok(()) } else { Err(NotStructured) }
    }

    fn skip(&mut self, is: impl Fn(u8) -> bool) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| !is(*byte)).unwrap_or(rest.len());
    }

    /// What stands between a place and here.
    fn since(&self, start: usize) -> Read<&'a str> {
        self.text.get(start..self.at).ok_or(NotStructured)
    }

    /// Members with commas between them; every round takes at least one byte, and the limit is in `member`.
    fn members(&mut self, mut member: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        let space = |byte| byte == b' ' || byte == b'\t';
        while self.peek().is_some() {
            member(self)?;
            self.skip(space);
            if self.peek().is_none() {
                return Ok(());
            }
            self.want(b',')?;
            self.skip(space);
            if self.peek().is_none() {
                return Err(NotStructured);
            }
        }
        Ok(())
    }

    fn member(&mut self) -> Read<Member<'a>> {
        if self.peek() == Some(b'(') {
            self.inner().map(Member::Inner)
        } else {
            self.item().map(Member::Item)
        }
    }

    fn inner(&mut self) -> Read<InnerList<'a>> {
        self.want(b'(')?;
        let mut items = Vec::with_capacity(USUAL);
        // At most `MOST_ITEMS` rounds.
        loop {
            self.skip(|byte| byte == b' ');
            if self.take(b')') {
                return Ok(InnerList { items, parameters: self.parameters()? });
            }
            if items.len() >= MOST_ITEMS {
                return Err(NotStructured);
            }
            items.push(self.item()?);
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return Err(NotStructured);
            }
        }
    }

    fn item(&mut self) -> Read<Item<'a>> {
        Ok(Item { value: self.bare()?, parameters: self.parameters()? })
    }

    fn parameters(&mut self) -> Read<Parameters<'a>> {
        let mut found = Parameters::default();
        // At most `MOST_PARAMETERS` rounds.
        while self.take(b';') {
            self.skip(|byte| byte == b' ');
            let key = self.key()?;
            let start = self.at + 1;
            let (value, text) = if self.take(b'=') {
                let value = self.bare()?;
                (value, self.since(start)?)
            } else {
                (Bare::Boolean(true), "")
            };
            if found.0.len() >= MOST_PARAMETERS {
                return Err(NotStructured);
            }
            if found.0.is_empty() {
                found.0.reserve(USUAL);
            }
            found.0.push(Parameter { key, value, text });
        }
        if is_doubled(&found) { Err(NotStructured) } else { Ok(found) }
    }

    fn key(&mut self) -> Read<&'a str> {
        let start = self.at;
        if !matches!(self.peek(), Some(b'a'..=b'z' | b'*')) {
            return Err(NotStructured);
        }
        self.skip(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'));
        self.since(start)
    }

    fn bare(&mut self) -> Read<Bare<'a>> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'"') => self.string().map(Bare::String),
            Some(b'*' | b'A'..=b'Z' | b'a'..=b'z') => {
                let start = self.at;
                self.skip(|byte| is_token(byte) || matches!(byte, b':' | b'/'));
                self.since(start).map(Bare::Token)
            }
            Some(b':') => self.bytes().map(Cow::Borrowed).map(Bare::Bytes),
            Some(b'?') => {
                self.at += 1;
                match (self.take(b'1'), self.take(b'0')) {
                    (true, false) => Ok(Bare::Boolean(true)),
                    (false, true) => Ok(Bare::Boolean(false)),
                    _ => Err(NotStructured),
                }
            }
            Some(b'@') => {
                self.at += 1;
                match self.number()? {
                    Bare::Integer(seconds) => Ok(Bare::Date(seconds)),
                    _ => Err(NotStructured),
                }
            }
            Some(b'%') => self.display().map(Bare::Display),
            _ => Err(NotStructured),
        }
    }

    fn number(&mut self) -> Read<Bare<'a>> {
        let negative = self.take(b'-');
        let start = self.at;
        self.skip(|byte| byte.is_ascii_digit());
        let whole = self.since(start)?;
        let most = if self.peek() == Some(b'.') { 12 } else { 15 };
        if whole.is_empty() || whole.len() > most {
            return Err(NotStructured);
        }
        let whole: i64 = whole.parse().map_err(|_| NotStructured)?;
        let signed = |value: i64| if negative { -value } else { value };
        if !self.take(b'.') {
            return Ok(Bare::Integer(signed(whole)));
        }
        let start = self.at;
        self.skip(|byte| byte.is_ascii_digit());
        let fraction = self.since(start)?;
        let scale = match fraction.len() {
            1 => 100,
            2 => 10,
            3 => 1,
            _ => return Err(NotStructured),
        };
        let fraction: i64 = fraction.parse().map_err(|_| NotStructured)?;
        Ok(Bare::Decimal(signed(whole * 1000 + fraction * scale)))
    }

    fn string(&mut self) -> Read<Cow<'a, str>> {
        self.want(b'"')?;
        let start = self.at;
        self.skip(is_plain);
        if self.peek() == Some(b'"') {
            let text = self.since(start)?;
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        let mut text = self.since(start)?.to_owned();
        // Every round takes at least one byte.
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(Cow::Owned(text)),
                b'\\' => {
                    let escaped = self.peek().filter(|byte| matches!(byte, b'"' | b'\\'));
                    text.push(char::from(escaped.ok_or(NotStructured)?));
                    self.at += 1;
                }
                _ if is_plain(byte) => text.push(char::from(byte)),
                _ => break,
            }
        }
        Err(NotStructured)
    }

    fn bytes(&mut self) -> Read<&'a str> {
        self.want(b':')?;
        let start = self.at;
        self.skip(|byte| byte != b':');
        let text = self.since(start)?;
        self.want(b':')?;
        if is_canonical(text.as_bytes()) { Ok(text) } else { Err(NotStructured) }
    }

    fn display(&mut self) -> Read<String> {
        self.want(b'%')?;
        self.want(b'"')?;
        let mut bytes = Vec::new();
        // Every round takes at least one byte.
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(bytes).map_err(|_| NotStructured),
                b'%' => {
                    let pair = self.text.get(self.at..self.at + 2).ok_or(NotStructured)?;
                    if !pair.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
                        return Err(NotStructured);
                    }
                    bytes.push(u8::from_str_radix(pair, 16).map_err(|_| NotStructured)?);
                    self.at += 2;
                }
                0x20..=0x7e => bytes.push(byte),
                _ => break,
            }
        }
        Err(NotStructured)
    }
}

/// Whether a key comes twice. Many are put in order first: comparing each with all others would take a hundred times as long.
fn is_doubled(found: &Parameters<'_>) -> bool {
    let mut keys: SmallVec<[&str; 8]> = found.0.iter().map(|parameter| parameter.key).collect();
    keys.sort_unstable();
    keys.iter().zip(keys.iter().skip(1)).any(|(one, next)| one == next)
}

/// A character of a string that stands for itself.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')
}

/// A character of a token (RFC 9110 section 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a text is base64 with padding and without bits to spare.
fn is_canonical(text: &[u8]) -> bool {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (digits, spare) = match text {
        [digits @ .., b'=', b'='] => (digits, 0b1111),
        [digits @ .., b'='] => (digits, 0b11),
        digits => (digits, 0),
    };
    let last = digits.last().copied().and_then(value).unwrap_or(0);
    text.len().is_multiple_of(4)
        && (spare == 0 || !digits.is_empty())
        && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        && last & spare == 0
}
