//! One file of the log, as bytes: a header that ties it to the file before, then frames of claims.
use crate::log::crc::crc32;
use countersign::time::Time;

/// Length of a header. Less than the 512 bytes that disks write whole.
pub(crate) const HEADER: usize = 136;
/// Length of a frame's head and of the sum after its claims.
pub(crate) const FRAME_HEAD: usize = 16;
const FRAME_TAIL: usize = 4;
const CLAIM: usize = 16;
/// Most claims in a frame: as many as may wait at once, 1 MiB of them.
pub(crate) const MOST_CLAIMS: usize = 65_536;
const MAGIC: [u8; 8] = *b"csreplay";
const FORMAT: u32 = 1;

/// A claim as the log keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Keyed fingerprint of the claim's mark.
    pub(crate) fingerprint: u64,
    /// Last second in which the claim must be remembered.
    pub(crate) until: i64,
}

/// Which log a file belongs to: another identity is another installation, another backup or another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Drawn when the log was begun; the registry names the same.
    pub(crate) epoch: [u8; 16],
    /// Fingerprint of a fixed mark, so that another fingerprint key is noticed.
    pub(crate) key_check: u64,
}

/// What the first bytes of a file say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Which log this is.
    pub(crate) identity: Identity,
    /// The file's number; higher is newer.
    pub(crate) number: u64,
    /// When the file came into being, as its disk told; 0 when the disk could not.
    pub(crate) born: u64,
    /// The file before and how many of its bytes count; `None` when the log begins here.
    pub(crate) before: Option<(u64, u64)>,
    /// Last second in which any claim of all files before must be remembered.
    pub(crate) until_before: i64,
    /// Proofs dated at or before this are not vouched for.
    pub(crate) barrier: Time,
    /// Latest time seen, milliseconds.
    pub(crate) clock: i64,
    /// How far ahead a proof could be dated when the file was begun, milliseconds.
    pub(crate) horizon: i64,
}

/// How the bytes of a file end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// After a whole frame, nothing but zeros.
    Clean,
    /// In a frame that was being written when the power went: never answered for.
    Torn,
    /// In bytes that no interrupted write explains.
    Spoilt,
}

/// All that can be read from a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Its header was never written whole, so nothing in it was answered for.
    Blank,
    /// Its header is not one of ours.
    Foreign,
    /// A header and the frames that follow.
    Log(Parsed),
}

/// A header and the frames that follow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// The header.
    pub(crate) header: Header,
    /// Every claim.
    pub(crate) claims: Vec<Kept>,
    /// Ends of the whole frames, in bytes from the start; the header's end first.
    pub(crate) marks: Vec<u64>,
    /// Latest time seen, milliseconds.
    pub(crate) clock: i64,
    /// How the bytes end.
    pub(crate) end: End,
}

impl Header {
    /// The header as bytes.
    pub(crate) fn write(&self) -> Vec<u8> {
        let (before, length) = self.before.unwrap_or((0, 0));
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&u32::from(self.before.is_some()).to_le_bytes());
        bytes.extend_from_slice(&self.identity.epoch);
        bytes.extend_from_slice(&self.identity.key_check.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.born.to_le_bytes());
        bytes.extend_from_slice(&before.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&self.until_before.to_le_bytes());
        bytes.extend_from_slice(&self.barrier.nanos().to_le_bytes());
        bytes.extend_from_slice(&self.clock.to_le_bytes());
        bytes.extend_from_slice(&self.horizon.to_le_bytes());
        // Room for later; zeros now.
        bytes.resize(HEADER - 4, 0);
        seal(&mut bytes, 0);
        bytes
    }

    fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.take::<8>()? != MAGIC || u32::from_le_bytes(reader.take()?) != FORMAT {
            return None;
        }
        let linked = u32::from_le_bytes(reader.take()?) != 0;
        let identity = Identity { epoch: reader.take()?, key_check: u64::from_le_bytes(reader.take()?) };
        let number = u64::from_le_bytes(reader.take()?);
        let born = u64::from_le_bytes(reader.take()?);
        let before = (u64::from_le_bytes(reader.take()?), u64::from_le_bytes(reader.take()?));
        Some(Self {
            identity,
            number,
            born,
            before: linked.then_some(before),
            until_before: i64::from_le_bytes(reader.take()?),
            barrier: Time::from_nanos(i128::from_le_bytes(reader.take()?)),
            clock: i64::from_le_bytes(reader.take()?),
            horizon: i64::from_le_bytes(reader.take()?),
        })
    }
}

/// A frame of claims as bytes, after those already in `bytes`.
pub(crate) fn write_frame(bytes: &mut Vec<u8>, clock: i64, claims: &[Kept]) {
    let start = bytes.len();
    let count = u32::try_from(claims.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&clock.to_le_bytes());
    seal(bytes, start);
    for claim in claims {
        bytes.extend_from_slice(&claim.fingerprint.to_le_bytes());
        bytes.extend_from_slice(&claim.until.to_le_bytes());
    }
    seal(bytes, start);
}

/// Reads a file.
pub(crate) fn parse(bytes: &[u8]) -> Contents {
    let Some((head, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Contents::Blank;
    };
    if !is_sealed(head) {
        // A write that was cut leaves zeros at its end; anything else was whole once.
        return if head.ends_with(&[0; 4]) { Contents::Blank } else { Contents::Foreign };
    }
    let Some(header) = Header::read(head) else {
        return Contents::Foreign;
    };
    let mut parsed = Parsed {
        clock: header.clock,
        header,
        claims: Vec::new(),
        marks: vec![length(HEADER)],
        end: End::Clean,
    };
    let mut rest = rest;
    // Bounded by the bytes: each turn takes a whole frame or stops.
    loop {
        match read_frame(rest) {
            Ok(Some((clock, claims, after))) => {
                parsed.clock = parsed.clock.max(clock);
                parsed.claims.extend(claims);
                rest = after;
                parsed.marks.push(length(bytes.len() - rest.len()));
            }
            Ok(None) => break,
            Err(end) => {
                parsed.end = end;
                break;
            }
        }
    }
    Contents::Log(parsed)
}

type Frame<'a> = (i64, Vec<Kept>, &'a [u8]);

/// The next frame; `None` at the end.
fn read_frame(bytes: &[u8]) -> Result<Option<Frame<'_>>, End> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let (head, _) = bytes.split_first_chunk::<FRAME_HEAD>().ok_or(End::Torn)?;
    let cut = |part: &[u8]| if part.ends_with(&[0; 4]) { End::Torn } else { End::Spoilt };
    if !is_sealed(head) {
        return Err(cut(head));
    }
    let mut reader = Reader(head);
    let count = reader.take().map_or(0, u32::from_le_bytes);
    let clock = reader.take().map_or(0, i64::from_le_bytes);
    let count =
        usize::try_from(count).ok().filter(|count| (1..=MOST_CLAIMS).contains(count)).ok_or(End::Spoilt)?;
    let (frame, after) = bytes.split_at_checked(FRAME_HEAD + count * CLAIM + FRAME_TAIL).ok_or(End::Torn)?;
    if !is_sealed(frame) {
        return Err(cut(frame));
    }
    let (pairs, _) = frame.get(FRAME_HEAD..).unwrap_or_default().as_chunks::<CLAIM>();
    let claims = pairs.iter().filter_map(|pair| {
        let mut reader = Reader(pair);
        Some(Kept {
            fingerprint: u64::from_le_bytes(reader.take()?),
            until: i64::from_le_bytes(reader.take()?),
        })
    });
    Ok(Some((clock, claims.collect(), after)))
}

/// Appends the sum of the bytes from `start` on. It is never zero, so that a cut write is told from a whole one.
fn seal(bytes: &mut Vec<u8>, start: usize) {
    let sum = crc32(bytes.get(start..).unwrap_or_default()).max(1);
    bytes.extend_from_slice(&sum.to_le_bytes());
}

fn is_sealed(bytes: &[u8]) -> bool {
    bytes.split_last_chunk::<4>().is_some_and(|(body, sum)| crc32(body).max(1) == u32::from_le_bytes(*sum))
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }
}

#[cfg(test)]
mod tests;
