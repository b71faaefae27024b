//! A strict reader for the JSON in proofs: one object, unique members at every depth, bounded, borrowed, without a tree.
use smallvec::SmallVec;
use std::borrow::Cow;

/// A member's value. Numbers, lists and objects stay text: numbers so that no digit is lost, the others since no rule needs a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'j> {
    /// There is no such member.
    Absent,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(&'j str),
    /// A string, unescaped.
    Text(Cow<'j, str>),
    /// A list, as written (its contents were checked).
    List(&'j str),
    /// An object, as written (its contents were checked).
    Object(&'j str),
}

/// The text is not strict JSON, or passes a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotJson;

/// How deep and how wide JSON may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Nesting; the outermost object is 1.
    pub depth: u8,
    /// Members of one object.
    pub members: usize,
}

impl Value<'_> {
    /// The text, when it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Absent => "nothing",
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Reads one object and hands each member to `each`, in order.
///
/// # Errors
/// [`NotJson`] for anything but one strict object within the bounds; `each` may have seen members before.
pub fn read_object<'j>(
    bytes: &'j [u8],
    bounds: Bounds,
    mut each: impl FnMut(&str, Value<'j>),
) -> Result<(), NotJson> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotJson)?;
    let mut cursor = Cursor { text, at: 0, bounds };
    cursor.space();
    cursor.object(bounds.depth, &mut each)?;
    cursor.space();
    if cursor.at == text.len() { Ok(()) } else { Err(NotJson) }
}

/// Reads a list that [`read_object`] gave and hands each item to `each`.
///
/// # Errors
/// [`NotJson`] when it is not a list.
pub fn read_list<'j>(text: &'j str, bounds: Bounds, mut each: impl FnMut(Value<'j>)) -> Result<(), NotJson> {
    let mut cursor = Cursor { text, at: 0, bounds };
    cursor.list(bounds.depth, &mut each)?;
    if cursor.at == text.len() { Ok(()) } else { Err(NotJson) }
}

/// The bytes that end a run of plain characters in a string: its end, an escape, and what must not stand there.
static ENDS: [bool; 256] = ends();

const fn ends() -> [bool; 256] {
    let mut table = [false; 256];
    let mut rest: &mut [bool] = &mut table;
    let mut byte = 0_u8;
    while let [first, tail @ ..] = rest {
        *first = matches!(byte, b'"' | b'\\' | 0..=0x1f);
        byte = byte.wrapping_add(1);
        rest = tail;
    }
    table
}

struct Cursor<'j> {
    text: &'j str,
    at: usize,
    bounds: Bounds,
}

impl<'j> Cursor<'j> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'j [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(NotJson)
        }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn slice(&self, from: usize) -> Result<&'j str, NotJson> {
        self.text.get(from..self.at).ok_or(NotJson)
    }

    fn object(&mut self, depth: u8, each: &mut dyn FnMut(&str, Value<'j>)) -> Result<(), NotJson> {
        let inner = depth.checked_sub(1).ok_or(NotJson)?;
        self.take(b'{')?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut seen: SmallVec<[Cow<'j, str>; 16]> = SmallVec::new();
        // Bounded by `members`; comparing each name with all before is cheap up to there.
        loop {
            let name = self.string()?;
            if seen.len() >= self.bounds.members || seen.contains(&name) {
                return Err(NotJson);
            }
            self.space();
            self.take(b':')?;
            self.space();
            let value = self.value(inner)?;
            each(&name, value);
            seen.push(name);
            self.space();
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(());
            }
            self.take(b',')?;
            self.space();
        }
    }

    fn list(&mut self, depth: u8, each: &mut dyn FnMut(Value<'j>)) -> Result<(), NotJson> {
        let inner = depth.checked_sub(1).ok_or(NotJson)?;
        self.take(b'[')?;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        // Bounded by the text, which the credential's or body's limit bounds.
        loop {
            let value = self.value(inner)?;
            each(value);
            self.space();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(());
            }
            self.take(b',')?;
            self.space();
        }
    }

    fn value(&mut self, depth: u8) -> Result<Value<'j>, NotJson> {
        let from = self.at;
        match self.peek().ok_or(NotJson)? {
            b'"' => self.string().map(Value::Text),
            b'{' => {
                self.object(depth, &mut |_, _| {})?;
                self.slice(from).map(Value::Object)
            }
            b'[' => {
                self.list(depth, &mut |_| {})?;
                self.slice(from).map(Value::List)
            }
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number().map(Value::Number),
        }
    }

    fn word(&mut self, word: &str, value: Value<'j>) -> Result<Value<'j>, NotJson> {
        let rest = self.text.get(self.at..).ok_or(NotJson)?;
        if !rest.starts_with(word) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(value)
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// RFC 8259 section 6.
    fn number(&mut self) -> Result<&'j str, NotJson> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (zero && whole > 1) {
            return Err(NotJson);
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(NotJson);
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(NotJson);
            }
        }
        self.slice(from)
    }

    fn string(&mut self) -> Result<Cow<'j, str>, NotJson> {
        self.take(b'"')?;
        let from = self.at;
        match self.plain()? {
            b'"' => {
                let text = self.slice(from)?;
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            b'\\' => self.escaped(from).map(Cow::Owned),
            _ => Err(NotJson),
        }
    }

    /// Goes on to the first byte that does not stand for itself in a string, and tells it.
    fn plain(&mut self) -> Result<u8, NotJson> {
        let ends = |byte: &u8| ENDS.get(usize::from(*byte)).copied().unwrap_or(true);
        self.at += self.rest().iter().position(ends).ok_or(NotJson)?;
        self.peek().ok_or(NotJson)
    }

    fn escaped(&mut self, from: usize) -> Result<String, NotJson> {
        let mut out = self.slice(from)?.to_owned();
        // Bounded by the text.
        loop {
            let run = self.at;
            let stop = self.plain()?;
            out.push_str(self.slice(run)?);
            self.at += 1;
            match stop {
                b'"' => return Ok(out),
                b'\\' => out.push(self.escape()?),
                _ => return Err(NotJson),
            }
        }
    }

    fn escape(&mut self) -> Result<char, NotJson> {
        let letter = self.peek().ok_or(NotJson)?;
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                let code = match first {
                    0xd800..=0xdbff => {
                        self.take(b'\\')?;
                        self.take(b'u')?;
                        match self.unit()? {
                            low @ 0xdc00..=0xdfff => 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00),
                            _ => return Err(NotJson),
                        }
                    }
                    other => other,
                };
                // A lone surrogate is no character, so it stops here.
                char::from_u32(code).ok_or(NotJson)?
            }
            _ => return Err(NotJson),
        })
    }

    fn unit(&mut self) -> Result<u32, NotJson> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or(NotJson)?;
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }
}

#[cfg(test)]
mod tests;
