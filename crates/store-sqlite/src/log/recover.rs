//! What the log still knows after a stop or a crash, and whether that can be trusted.
use crate::log::disk::Disk;
use crate::log::segment::{Contents, End, Identity, Kept, Parsed, parse};
use countersign::time::{Span, Time};
use countersign_store::replay::{Changed, floor};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// A claim is kept this much longer than it says, in seconds: more than the step back of the clock that is tolerated.
pub(crate) const MARGIN: i64 = 10;
const PREFIX: &str = "replay-";
const ASIDE: &str = "aside-";
const SUFFIX: &str = ".log";

/// How the log is begun or taken up again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// Which log is wanted.
    pub(crate) identity: Identity,
    /// What the registry says about it.
    pub(crate) begun: Begun,
    /// Now.
    pub(crate) now: Time,
    /// How far ahead of `now` a use may stand.
    pub(crate) horizon: Span,
    /// In what uses were remembered by other terms until now.
    pub(crate) changed: Option<Changed>,
    /// Where a barrier lay at an earlier start: one that is raised lies no earlier.
    pub(crate) floor: Time,
}

/// What the registry says about the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// Never begun: this installation has accepted nothing yet.
    Never,
    /// Begun, with the identity wanted.
    Here,
    /// Begun, but the registry comes from a backup.
    BeforeBackup,
}

/// What was found, and where to go on.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Claims to remember.
    pub(crate) claims: Vec<Kept>,
    /// Proofs dated at or before this are not vouched for.
    pub(crate) barrier: Time,
    /// Why the barrier was raised now.
    pub(crate) why: Option<String>,
    /// Bytes left out at the end of the newest file: a write that was cut.
    pub(crate) cut: u64,
    /// Latest time seen before this start, milliseconds.
    pub(crate) clock: Option<i64>,
    /// Last second in which any claim of a file that was removed must be remembered; `None` when none was removed.
    pub(crate) gone: Option<i64>,
    /// The newest file and how many of its bytes count; `None` when the log begins anew.
    pub(crate) before: Option<(u64, u64)>,
    /// Files that are still needed, oldest first, with the last second they must be kept.
    pub(crate) kept: BTreeMap<u64, i64>,
    /// Last second in which any claim of all files must be remembered.
    pub(crate) until: i64,
    /// The next file's number.
    pub(crate) next: u64,
    /// Files that are of no use once the next file stands.
    pub(crate) useless: Vec<String>,
    /// Files to put aside once the next file stands.
    pub(crate) aside: Vec<String>,
}

/// The file name of a number.
pub(crate) fn name(number: u64) -> String {
    format!("{PREFIX}{number:016}{SUFFIX}")
}

/// The name under which a file is put aside.
pub(crate) fn aside_name(name: &str) -> String {
    format!("{ASIDE}{name}")
}

/// Reads the log.
///
/// # Errors
/// When the disk cannot be read at all; bytes that make no sense are no error but raise the barrier.
pub(crate) fn recover(disk: &dyn Disk, start: &Start) -> io::Result<Recovered> {
    let found = Found::read(disk, start)?;
    let now = start.now.millis();
    let chain = found.chain(found.clock().map_or(now, |clock| clock.max(now)).div_euclid(1000));
    let doubt = found.doubt.clone().or_else(|| chain.as_ref().err().cloned());
    let mut recovered = Recovered {
        claims: found.logs.values().flat_map(|log| log.claims.iter().copied()).collect(),
        barrier: found.logs.values().map(|log| log.header.barrier).max().unwrap_or(Time::MIN),
        why: None,
        cut: 0,
        clock: found.clock(),
        gone: None,
        before: None,
        kept: BTreeMap::new(),
        until: i64::MIN,
        next: found.highest.saturating_add(1),
        useless: found.blank.clone(),
        aside: Vec::new(),
    };
    match (doubt, chain) {
        (None, Ok(chain)) => {
            recovered.kept = chain.kept;
            recovered.before = chain.newest;
            recovered.until = chain.until;
            recovered.gone = chain.gone;
            recovered.cut = chain.cut;
            recovered.useless.extend(
                found
                    .logs
                    .keys()
                    .filter(|number| !recovered.kept.contains_key(number))
                    .map(|number| name(*number)),
            );
            // What was remembered for as long as it was valid then may be valid for longer now.
            let narrower = |log: &Parsed| log.header.horizon < start.horizon.millis();
            let narrower = found.logs.values().next_back().is_some_and(narrower);
            match start.changed {
                // The log does not know how late those stand.
                Some(Changed { elsewhere: true, .. }) => {
                    recovered.raise(start, "uses were remembered elsewhere meanwhile");
                }
                Some(_) => recovered.raise_to_last(start, "uses are remembered by other terms than before"),
                None if narrower => {
                    recovered.raise_to_last(start, "uses may stand further ahead of the clock than before");
                }
                None => {}
            }
        }
        (doubt, _) => {
            recovered.raise(start, doubt.as_deref().unwrap_or("the replay log cannot be trusted"));
            recovered.aside = found.logs.keys().map(|number| name(*number)).chain(found.strange).collect();
        }
    }
    Ok(recovered)
}

impl Recovered {
    /// The same where the log tells until when it remembered: no use is dated later than that, and where there was none,
    /// nothing is barred.
    fn raise_to_last(&mut self, start: &Start, why: &str) {
        if self.until != i64::MIN {
            let barrier = self.barrier;
            self.raise(start, why);
            // Whole seconds are kept, rounded down.
            self.barrier = self.barrier.min(Time::from_seconds(self.until.saturating_add(1))).max(barrier);
        }
    }

    /// Everything that may have been accepted and forgotten is dated at or before the new barrier: no later than the
    /// latest clock seen and as far ahead as any proof may be.
    fn raise(&mut self, start: &Start, why: &str) {
        let ahead = start.horizon.max(start.changed.unwrap_or_default().window);
        let latest = self.clock.map_or(start.now, |clock| start.now.max(Time::from_millis(clock)));
        self.barrier = self.barrier.max(latest + ahead).max(floor(start.floor, latest));
        self.why = Some(why.to_owned());
    }
}

/// The files as found.
struct Found {
    logs: BTreeMap<u64, Parsed>,
    sizes: BTreeMap<u64, usize>,
    blank: Vec<String>,
    strange: Vec<String>,
    highest: u64,
    doubt: Option<String>,
}

/// The files that hang together, from the newest back.
struct Chain {
    kept: BTreeMap<u64, i64>,
    newest: Option<(u64, u64)>,
    until: i64,
    gone: Option<i64>,
    cut: u64,
}

impl Found {
    fn read(disk: &dyn Disk, start: &Start) -> io::Result<Self> {
        let mut found = Self {
            logs: BTreeMap::new(),
            sizes: BTreeMap::new(),
            blank: Vec::new(),
            strange: Vec::new(),
            highest: 0,
            doubt: None,
        };
        let names: BTreeSet<String> = disk.list()?.into_iter().collect();
        for name in names {
            let (aside, plain) =
                name.strip_prefix(ASIDE).map_or((false, name.as_str()), |plain| (true, plain));
            let Some(number) = number(plain) else { continue };
            found.highest = found.highest.max(number);
            if !aside {
                found.sort_in(disk, start, number, name)?;
            }
        }
        if found.logs.is_empty() && found.doubt.is_none() {
            found.doubt = match start.begun {
                Begun::Never => None,
                Begun::Here => Some("the replay log is missing".to_owned()),
                Begun::BeforeBackup => Some("the registry was restored from a backup".to_owned()),
            };
        }
        Ok(found)
    }

    fn sort_in(&mut self, disk: &dyn Disk, start: &Start, number: u64, name: String) -> io::Result<()> {
        let bytes = disk.read(&name)?;
        let mut refuse = |why: &str| {
            self.doubt.get_or_insert_with(|| format!("{name} {why}"));
            self.strange.push(name.clone());
        };
        match parse(&bytes) {
            Contents::Blank => self.blank.push(name),
            Contents::Foreign => refuse("is spoilt"),
            Contents::Log(log) => {
                let born = disk.born(&name);
                if log.header.identity != start.identity
                    || log.header.number != number
                    || start.begun != Begun::Here
                {
                    refuse("belongs to another installation, an older backup or another replay key");
                } else if born != 0 && log.header.born != 0 && born != log.header.born {
                    refuse("is a copy, which may lack what was claimed since");
                } else {
                    self.logs.insert(number, log);
                    self.sizes.insert(number, bytes.len());
                }
            }
        }
        Ok(())
    }

    fn clock(&self) -> Option<i64> {
        self.logs.values().map(|log| log.clock).max()
    }

    /// Follows the links from the newest file back, as far as files can still be needed.
    fn chain(&self, second: i64) -> Result<Chain, String> {
        let mut chain = Chain { kept: BTreeMap::new(), newest: None, until: i64::MIN, gone: None, cut: 0 };
        let Some((&newest, log)) = self.logs.last_key_value() else { return Ok(chain) };
        if log.end == End::Spoilt {
            return Err(format!("{} is spoilt", name(newest)));
        }
        let length = log.marks.last().copied().unwrap_or(0);
        chain.newest = Some((newest, length));
        let size = self.sizes.get(&newest).copied().unwrap_or(0);
        if log.end == End::Torn {
            chain.cut = u64::try_from(size).unwrap_or(u64::MAX).saturating_sub(length);
        }
        let mut at = Some((newest, length));
        // Each turn goes to a lower number: no longer than the list of files.
        while let Some((number, length)) = at {
            let Some(log) = self.logs.get(&number) else {
                return Err(format!("{} is missing", name(number)));
            };
            if !log.marks.contains(&length) {
                return Err(format!("{} is spoilt", name(number)));
            }
            let until = log.claims.iter().map(|claim| claim.until).max().unwrap_or(i64::MIN);
            chain.kept.insert(number, until);
            chain.until = chain.until.max(until).max(log.header.until_before);
            chain.gone = Some(log.header.until_before).filter(|until| *until != i64::MIN);
            at = log.header.before.filter(|(before, _)| {
                // Files are removed oldest first, once nothing in them or before them counts.
                *before < number
                    && (self.logs.contains_key(before)
                        || log.header.until_before.saturating_add(MARGIN) >= second)
            });
        }
        Ok(chain)
    }
}

/// The number in a file name; `None` for other files.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let plain = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}
