//! The chain of audit entries: each carries a digest over itself and the one before, so a removed or changed one shows.
use crate::fault::Fault;
use crate::model::{AuditDraft, AuditEntry};
use crate::registry::{Answer, Registry};
use countersign_keys::sha256;
use std::fmt;
use std::str::FromStr;

/// Entries read at a time while a log is walked through: a few hundred KiB, whatever its length.
const STRIDE: u32 = 1000;
/// Longest text of a [`Head`] that is read: a number of 20 digits, a colon, 64 digits.
const LONGEST_HEAD: usize = 85;

/// The last entry of a log, by number and chain value: whoever keeps it elsewhere can tell later whether what led to it is unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The entry's number.
    pub number: u64,
    /// The entry's chain value: SHA-256 in lower-case hexadecimal.
    pub chain: String,
}

/// What is wrong where a chain breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The entry with this number is not there, and later ones are.
    Missing,
    /// The entry is another one than what was chained: a field of it was changed, or entries before it were taken out and it was numbered anew.
    Changed,
    /// The entry was put in, or moved here from elsewhere: the one after it is what stood in its place.
    PutIn,
    /// The row holds what no entry can be read from.
    Unreadable,
    /// The log ends before the entry that was expected.
    Cut,
    /// The log holds together, but its entry is not the one that was expected: it was made anew from an earlier one on.
    Replaced,
}

/// Where a chain of audit entries breaks first, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainBreak {
    /// The number of the entry.
    pub number: u64,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// Why a log was not found whole.
#[derive(Debug)]
pub enum NotWhole {
    /// It was changed after it was written.
    Broken(ChainBreak),
    /// It could not be read.
    Fault(Fault),
}

/// Whoever can read an audit log page by page.
pub trait AuditLog: Send + Sync {
    /// Entries with numbers above `after`, in order, at most `limit`.
    fn page(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>>;
}

impl<R: Registry + ?Sized> AuditLog for R {
    fn page(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        self.audit(after, limit)
    }
}

/// Walks through a log from its first entry, one entry at a time.
#[derive(Debug, Default)]
pub struct Walk {
    last: Option<Head>,
    /// One that does not follow; the next one tells how it came there.
    odd: Option<AuditEntry>,
    expected: Option<Head>,
}

/// Reads a log from the first entry to the last and checks that each follows from the one before; gives its head, or none for an empty log.
/// With `expected`, a head that was kept elsewhere, the log must lead to that entry as well, and may go on after it.
///
/// # Errors
/// [`NotWhole`] at the first entry that was changed, removed, put in or moved, or when the log cannot be read.
pub async fn verify(
    log: &(impl AuditLog + ?Sized),
    expected: Option<Head>,
) -> Result<Option<Head>, NotWhole> {
    let mut walk = Walk::to(expected);
    let mut stride = STRIDE;
    let mut after = 0;
    // Ends with the log: every turn moves past an entry, or makes the stride smaller.
    loop {
        let entries = match log.page(after, stride).await {
            Ok(entries) => entries,
            Err(_) if stride > 1 => {
                stride = 1;
                continue;
            }
            Err(fault) => {
                // A store that fails altogether fails here as well; one row that cannot be read does not.
                log.page(u64::MAX, 1).await.map_err(|_| NotWhole::Fault(fault))?;
                let broken = ChainBreak { number: after.saturating_add(1), flaw: Flaw::Unreadable };
                return Err(NotWhole::Broken(walk.finish().err().unwrap_or(broken)));
            }
        };
        let Some(last) = entries.last() else { return walk.finish().map_err(NotWhole::Broken) };
        after = last.number;
        for entry in entries {
            walk.step(entry).map_err(NotWhole::Broken)?;
        }
    }
}

/// The chain value of an entry: over the one before (empty for the first), its number and every field with its length.
#[must_use]
pub fn chain(before: &str, number: u64, entry: &AuditDraft) -> String {
    let AuditDraft { at, actor, action, subject, detail } = entry;
    let at = at.nanos().to_be_bytes();
    let length = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes();
    let digest = sha256(&[
        b"countersign audit\0",
        &length(before),
        before.as_bytes(),
        &number.to_be_bytes(),
        &at,
        &length(actor),
        actor.as_bytes(),
        &length(action),
        action.as_bytes(),
        &length(subject),
        subject.as_bytes(),
        &length(detail),
        detail.as_bytes(),
    ]);
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}

/// The entry that follows `last` in the chain.
#[must_use]
pub fn link(last: Option<&AuditEntry>, entry: AuditDraft) -> AuditEntry {
    let (before, number) = last.map_or(("", 1), |last| (last.chain.as_str(), last.number.saturating_add(1)));
    let chain = chain(before, number, &entry);
    AuditEntry { number, entry, chain }
}

impl Walk {
    /// A walk that must lead past an entry that is known, if any is.
    #[must_use]
    pub fn to(expected: Option<Head>) -> Self {
        Self { expected, ..Self::default() }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// [`ChainBreak`] where the chain breaks; the walk is over then.
    pub fn step(&mut self, entry: AuditEntry) -> Result<(), ChainBreak> {
        let (before, wanted) =
            self.last.as_ref().map_or(("", 1), |last| (last.chain.as_str(), last.number.saturating_add(1)));
        let follows = |entry: &AuditEntry| entry.chain == chain(before, wanted, &entry.entry);
        if self.odd.is_some() {
            let flaw = if follows(&entry) { Flaw::PutIn } else { Flaw::Changed };
            return Err(ChainBreak { number: wanted, flaw });
        }
        if entry.number > wanted {
            return Err(ChainBreak { number: wanted, flaw: Flaw::Missing });
        }
        if entry.number < wanted {
            return Err(ChainBreak { number: entry.number, flaw: Flaw::PutIn });
        }
        if !follows(&entry) {
            self.odd = Some(entry);
            return Ok(());
        }
        let head = Head { number: entry.number, chain: entry.chain };
        if self
            .expected
            .as_ref()
            .is_some_and(|known| known.number == head.number && known.chain != head.chain)
        {
            return Err(ChainBreak { number: head.number, flaw: Flaw::Replaced });
        }
        self.last = Some(head);
        Ok(())
    }

    /// Ends the walk; gives the head of the log.
    ///
    /// # Errors
    /// [`ChainBreak`] when the last entry did not follow, or the expected one was not met.
    pub fn finish(self) -> Result<Option<Head>, ChainBreak> {
        if let Some(odd) = self.odd {
            return Err(ChainBreak { number: odd.number, flaw: Flaw::Changed });
        }
        let met = self.last.as_ref().map_or(0, |last| last.number);
        if self.expected.is_some_and(|known| known.number > met) {
            return Err(ChainBreak { number: met.saturating_add(1), flaw: Flaw::Cut });
        }
        Ok(self.last)
    }
}

/// Checks a log that is in memory as a whole.
///
/// # Errors
/// As for [`Walk::step`].
pub fn check(entries: &[AuditEntry]) -> Result<(), ChainBreak> {
    let mut walk = Walk::default();
    for entry in entries {
        walk.step(entry.clone())?;
    }
    walk.finish().map(|_| ())
}

impl From<AuditEntry> for Head {
    fn from(entry: AuditEntry) -> Self {
        Self { number: entry.number, chain: entry.chain }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.chain)
    }
}

impl FromStr for Head {
    type Err = String;

    /// Reads `NUMBER:CHAIN`, as it is printed.
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (number, chain) = text.split_once(':').filter(|_| text.len() <= LONGEST_HEAD)?;
            let number = number.parse().ok().filter(|number| *number > 0)?;
            let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let whole = chain.len() == 64 && chain.bytes().all(hexadecimal);
            whole.then(|| Self { number, chain: chain.to_owned() })
        };
        read().ok_or_else(|| {
            "wanted NUMBER:CHAIN as `countersign audit head` prints it, with a chain value of 64 lower-case hexadecimal digits"
                .to_owned()
        })
    }
}

impl Flaw {
    /// Its name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::PutIn => "put-in",
            Self::Unreadable => "unreadable",
            Self::Cut => "cut",
            Self::Replaced => "replaced",
        }
    }
}

impl fmt::Display for ChainBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        match self.flaw {
            Flaw::Missing => write!(f, "audit entry {number} is missing: it was removed"),
            Flaw::Changed => write!(
                f,
                "audit entry {number} is not what was written: it was changed, or what stood before it was removed"
            ),
            Flaw::PutIn => write!(f, "audit entry {number} does not belong there: it was put in, or moved"),
            Flaw::Unreadable => write!(f, "audit entry {number} cannot be read: its row was changed"),
            Flaw::Cut => {
                write!(
                    f,
                    "the audit log ends before entry {number}, and the expected head is later: its end was removed"
                )
            }
            Flaw::Replaced => {
                write!(
                    f,
                    "audit entry {number} is not the expected one: the log was made anew from an earlier entry on"
                )
            }
        }?;
        f.write_str("; compare with a backup")
    }
}

impl std::error::Error for ChainBreak {}

#[cfg(test)]
mod tests;
