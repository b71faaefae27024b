//! Writes frames to the newest file, begins new files by time, removes those that no longer count.
use crate::log::disk::{Disk, LogFile};
use crate::log::recover::{MARGIN, Recovered, Start, aside_name, name, recover};
use crate::log::segment::{HEADER, Header, Identity, Kept, write_frame};
use countersign::time::Time;
use std::collections::BTreeMap;
use std::io;

/// A new file is begun when the newest is this old, in milliseconds: files go away whole, once nothing in them counts.
const SEGMENT_AGE: u64 = 60_000;
/// A new file is begun when the newest is this long, since a start reads files whole.
const SEGMENT_LENGTH: u64 = 64 << 20;
/// Files grow by zeros written ahead, as many as there are bytes so far: a sync that has no length and no new blocks to write
/// down is one flush, one that has takes several, and so hardly any claim meets it.
const LEAST_AHEAD: usize = 64 << 10;
const MOST_AHEAD: usize = 4 << 20;

/// The log's files, open for writing.
pub(crate) struct Writer {
    disk: Box<dyn Disk>,
    identity: Identity,
    barrier: Time,
    horizon: i64,
    /// The latest time ever seen, and the time seen last: they differ when the clock stepped back.
    clock: i64,
    now: i64,
    open: Option<Newest>,
    before: Option<(u64, u64)>,
    kept: BTreeMap<u64, i64>,
    until: i64,
    next: u64,
    frame: Vec<u8>,
}

/// The file that is written to.
struct Newest {
    file: Box<dyn LogFile>,
    number: u64,
    length: u64,
    ahead: u64,
    begun: i64,
}

impl Writer {
    /// Reads the log and begins a new file; when this returns, the barrier and the clock are certain on disk.
    ///
    /// # Errors
    /// When the disk cannot be read or written.
    pub(crate) fn start(disk: Box<dyn Disk>, start: &Start) -> io::Result<(Self, Recovered)> {
        let recovered = recover(disk.as_ref(), start)?;
        let now = start.now.millis();
        let mut writer = Self {
            disk,
            identity: start.identity,
            barrier: recovered.barrier,
            horizon: start.horizon.millis(),
            clock: recovered.clock.map_or(now, |clock| clock.max(now)),
            now,
            open: None,
            before: recovered.before,
            kept: recovered.kept.clone(),
            until: recovered.until,
            next: recovered.next,
            frame: Vec::new(),
        };
        writer.begin()?;
        // Only now, since the new file's barrier stands for what these remembered.
        for name in &recovered.aside {
            writer.disk.rename(name, &aside_name(name))?;
        }
        for name in &recovered.useless {
            writer.disk.delete(name)?;
        }
        writer.sweep();
        writer.disk.sync_names()?;
        Ok((writer, recovered))
    }

    /// Writes one frame. When this returns, the claims are certain on disk.
    ///
    /// # Errors
    /// When the disk fails; nothing is certain then, and the next call begins a new file.
    pub(crate) fn append(&mut self, now: i64, claims: &[Kept]) -> io::Result<()> {
        (self.now, self.clock) = (now, self.clock.max(now));
        let due = self.open.as_ref().is_none_or(|newest| {
            now.abs_diff(newest.begun) >= SEGMENT_AGE || newest.length >= SEGMENT_LENGTH
        });
        if due {
            self.begin()?;
            self.sweep();
        }
        let Some(mut newest) = self.open.take() else {
            return Err(io::Error::other("no log file is open"));
        };
        self.frame.clear();
        write_frame(&mut self.frame, self.clock, claims);
        let written = newest.append(&mut self.frame);
        let until = claims.iter().map(|claim| claim.until).max().unwrap_or(i64::MIN);
        self.until = self.until.max(until);
        let last = self.kept.entry(newest.number).or_insert(i64::MIN);
        *last = until.max(*last);
        self.before = Some((newest.number, newest.length));
        written?;
        self.open = Some(newest);
        Ok(())
    }

    /// Begins a new file. The one before is never written again, not even when this fails: its length is what the
    /// new header says.
    fn begin(&mut self) -> io::Result<()> {
        self.open = None;
        let number = self.next;
        self.next = self.next.saturating_add(1);
        let name = name(number);
        let begun = self.create(number, &name);
        match begun {
            Ok(newest) => {
                self.before = Some((number, newest.length));
                self.kept.insert(number, i64::MIN);
                self.open = Some(newest);
                Ok(())
            }
            Err(error) => {
                // What is left of it holds nothing; if it cannot be removed, the next start does it.
                if error.kind() != io::ErrorKind::AlreadyExists {
                    let _gone = self.disk.delete(&name);
                }
                Err(error)
            }
        }
    }

    fn create(&self, number: u64, name: &str) -> io::Result<Newest> {
        let mut file = self.disk.create(name)?;
        let header = Header {
            identity: self.identity,
            number,
            born: self.disk.born(name),
            before: self.before,
            until_before: self.until,
            barrier: self.barrier,
            clock: self.clock,
            horizon: self.horizon,
        };
        let mut bytes = header.write();
        bytes.resize(LEAST_AHEAD, 0);
        file.write_at(0, &bytes)?;
        file.sync()?;
        self.disk.sync_names()?;
        Ok(Newest { file, number, length: long(HEADER), ahead: long(LEAST_AHEAD), begun: self.now })
    }

    /// Removes files oldest first while nothing in them counts. A failure is no harm: they stay until the next time.
    fn sweep(&mut self) {
        let second = self.now.div_euclid(1000);
        let mut removed = false;
        while let Some((&number, &until)) = self.kept.first_key_value() {
            let newest = self.before.is_some_and(|(newest, _)| newest == number);
            if newest || until.saturating_add(MARGIN) >= second || self.disk.delete(&name(number)).is_err() {
                break;
            }
            self.kept.remove(&number);
            removed = true;
        }
        if removed {
            let _certain = self.disk.sync_names();
        }
    }
}

impl Newest {
    fn append(&mut self, frame: &mut Vec<u8>) -> io::Result<()> {
        let length = self.length.saturating_add(long(frame.len()));
        let mut ahead = self.ahead;
        if length > ahead {
            let more = usize::try_from(length).unwrap_or(MOST_AHEAD).clamp(LEAST_AHEAD, MOST_AHEAD);
            frame.resize(frame.len().saturating_add(more), 0);
            ahead = self.length.saturating_add(long(frame.len()));
        }
        self.file.write_at(self.length, frame)?;
        self.file.sync()?;
        (self.length, self.ahead) = (length, ahead);
        Ok(())
    }
}

fn long(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
