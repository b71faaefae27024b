//! Reads HTTP/1 framing as strictly as the standard allows: heads, sized bodies, chunks and trailers, byte by byte.
use super::bounds::{Bounds, Broken};
use super::head::{Framing, check_head, check_line, is_token, is_value};
use super::sweep;

/// A chunk's size line with its extensions: nobody uses extensions, and long ones cost work for nothing.
const CHUNK_LINE: usize = 256;
/// Trailers are not passed on; they only have to be passed over.
const TRAILERS: usize = 8 * 1024;

/// Where in the stream of messages the scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Head,
    Sized(u64),
    ChunkLine,
    ChunkData(u64),
    /// The line end after a chunk's data; the byte is how much of it was seen.
    ChunkEnd(u8),
    Trailers,
}

/// Follows the messages of one connection.
#[derive(Debug)]
pub(crate) struct Scanner {
    bounds: Bounds,
    phase: Phase,
    /// How many bytes of an unfinished head or line were looked at already.
    seen: usize,
    /// Where the current line of an unfinished head begins.
    line: usize,
    /// Bytes of trailers so far.
    trailers: usize,
}

impl Scanner {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, phase: Phase::Head, seen: 0, line: 0, trailers: 0 }
    }

    /// Whether the next byte would be the first of a head.
    pub(crate) fn between(&self) -> bool {
        self.phase == Phase::Head && self.seen == 0
    }

    /// Whether it is in a body or its framing.
    pub(crate) fn in_body(&self) -> bool {
        self.phase != Phase::Head
    }

    /// Whether it is inside a head.
    pub(crate) fn in_head(&self) -> bool {
        self.phase == Phase::Head && self.seen > 0
    }

    /// How many bytes of a sized body are to come: they can pass without a look.
    pub(crate) fn sized(&self) -> Option<u64> {
        match self.phase {
            Phase::Sized(left) => Some(left),
            _ => None,
        }
    }

    /// Notes that bytes of a sized body passed.
    pub(crate) fn passed(&mut self, count: u64) {
        if let Phase::Sized(left) = &mut self.phase {
            *left = left.saturating_sub(count);
            if *left == 0 {
                self.begin(Phase::Head);
            }
        }
    }

    /// How many of these bytes are whole and right, up to the end of a message, and whether what follows cannot become a message; else
    /// it waits for more. What was sent together passes one message at a time, so that whoever is refused for one is not heard for the next.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> (usize, Option<Broken>) {
        let mut done = 0;
        let broken = self.follow(bytes, &mut done).err();
        (done, broken)
    }

    fn follow(&mut self, bytes: &[u8], done: &mut usize) -> Result<(), Broken> {
        // Each round passes at least one byte or returns; it ends with the message.
        while let Some(rest) = bytes.get(*done..).filter(|rest| !rest.is_empty()) {
            let passed = match self.phase {
                Phase::Head => self.head(rest)?,
                Phase::Sized(left) | Phase::ChunkData(left) => {
                    let count = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let passed = u64::try_from(count).unwrap_or(u64::MAX);
                    match &mut self.phase {
                        Phase::ChunkData(left) => {
                            *left -= passed;
                            if *left == 0 {
                                self.begin(Phase::ChunkEnd(0));
                            }
                        }
                        _ => self.passed(passed),
                    }
                    count
                }
                Phase::ChunkLine => self.chunk_line(rest)?,
                Phase::ChunkEnd(at) => {
                    match (at, rest.first()) {
                        (0, Some(b'\r')) => self.begin(Phase::ChunkEnd(1)),
                        (1, Some(b'\n')) => self.begin(Phase::ChunkLine),
                        _ => return Err(Broken::Malformed("a chunk is longer than its size says")),
                    }
                    1
                }
                Phase::Trailers => self.trailer(rest)?,
            };
            if passed == 0 {
                break;
            }
            *done += passed;
            if self.between() {
                break;
            }
        }
        Ok(())
    }

    fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        self.seen = 0;
        self.line = 0;
    }

    /// A head passes as a whole or not at all.
    fn head(&mut self, rest: &[u8]) -> Result<usize, Broken> {
        let within = rest.get(..self.bounds.head).unwrap_or(rest);
        // A CR that ended the last piece is looked at again, beside what follows it.
        let cut = self.seen.checked_sub(1).filter(|at| within.get(*at) == Some(&b'\r'));
        let mut from = cut.unwrap_or(self.seen);
        // Each round passes a line.
        while let Some(end) = sweep::control(within, from) {
            let after = end + 1;
            match (within.get(end), within.get(after)) {
                (Some(b'\r'), Some(b'\n')) => {}
                // The rest of the line's end is still to come, or too far.
                (Some(b'\r'), None) => break,
                (Some(b'\r'), _) => return Err(Broken::Malformed("a CR stands alone")),
                (Some(b'\n'), _) => return Err(Broken::Malformed("a line ends in LF without CR")),
                _ => return Err(Broken::Malformed("a control character stands in the head")),
            }
            if self.line == end {
                if end == 0 {
                    return Err(Broken::Malformed("an empty line stands before the request line"));
                }
                return self.whole_head(within.get(..=after).unwrap_or_default(), after + 1);
            }
            if self.line == 0 {
                // A first line that is no request line need not wait for the rest of its head.
                check_line(within.get(..end).unwrap_or_default(), &self.bounds)?;
            }
            self.line = after + 1;
            from = self.line;
        }
        if rest.len() > self.bounds.head {
            return Err(Broken::TooLarge("the head is too large"));
        }
        self.seen = within.len();
        Ok(0)
    }

    fn whole_head(&mut self, head: &[u8], length: usize) -> Result<usize, Broken> {
        let next = match check_head(head, &self.bounds)? {
            Framing::None | Framing::Sized(0) => Phase::Head,
            Framing::Sized(length) => Phase::Sized(length),
            Framing::Chunked => Phase::ChunkLine,
        };
        self.trailers = 0;
        self.begin(next);
        Ok(length)
    }

    fn chunk_line(&mut self, rest: &[u8]) -> Result<usize, Broken> {
        let Some(line) = whole_line(rest, &mut self.seen, CHUNK_LINE)? else { return Ok(0) };
        let (size, extension) = match line.iter().position(|byte| *byte == b';') {
            Some(at) => line.split_at(at),
            None => (line, &[][..]),
        };
        // 15 hexadecimal digits: more than anyone sends, and no overflow.
        let digits = std::str::from_utf8(size).ok().filter(|size| {
            (1..=15).contains(&size.len()) && size.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let size = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let Some(size) = size else {
            return Err(Broken::Malformed("a chunk's size is no hexadecimal number"));
        };
        if !is_value(extension) {
            return Err(Broken::Malformed("a chunk's extension has control characters"));
        }
        let length = line.len() + 2;
        self.begin(if size == 0 { Phase::Trailers } else { Phase::ChunkData(size) });
        Ok(length)
    }

    fn trailer(&mut self, rest: &[u8]) -> Result<usize, Broken> {
        let Some(line) = whole_line(rest, &mut self.seen, TRAILERS)? else { return Ok(0) };
        let length = line.len() + 2;
        self.trailers += length;
        if self.trailers > TRAILERS {
            return Err(Broken::TooLarge("the trailers are too large"));
        }
        if line.is_empty() {
            self.begin(Phase::Head);
            return Ok(length);
        }
        let colon = line.iter().position(|byte| *byte == b':').and_then(|at| line.split_at_checked(at));
        match colon {
            Some((name, value)) if is_token(name) && is_value(value) => self.begin(Phase::Trailers),
            _ => return Err(Broken::Malformed("a trailer is no header line")),
        }
        Ok(length)
    }
}

/// The line before the next CR LF; `None` while it is not whole.
fn whole_line<'b>(rest: &'b [u8], seen: &mut usize, most: usize) -> Result<Option<&'b [u8]>, Broken> {
    for (at, byte) in rest.iter().copied().enumerate().skip(*seen) {
        if byte == b'\n' {
            let line = at.checked_sub(1).and_then(|at| rest.split_at_checked(at));
            return match line {
                Some((line, end)) if end.first() == Some(&b'\r') && !line.contains(&b'\r') => Ok(Some(line)),
                _ => Err(Broken::Malformed("a line ends in LF without CR")),
            };
        }
        if at >= most {
            return Err(Broken::TooLarge("a line is too long"));
        }
        *seen = at + 1;
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
