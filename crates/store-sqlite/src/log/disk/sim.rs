//! A disk for tests that forgets what was not synced: power cuts at any step, torn writes, no room.
use crate::log::disk::{Disk, LogFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// A small, seeded source of choices (splitmix64).
pub(crate) struct Choice(pub(crate) u64);

impl Choice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(u64::try_from(end).unwrap().max(1))).unwrap()
    }
}

#[derive(Clone)]
enum NameOp {
    Create(String, usize),
    Rename(String, String),
    Delete(String),
}

#[derive(Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<(usize, Vec<u8>)>,
    born: u64,
}

#[derive(Default)]
struct Platter {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<NameOp>,
    /// Steps until the power goes.
    fuse: Option<u64>,
    dead: bool,
    full: bool,
    syncs: u64,
}

/// The disk; clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct SimDisk(Arc<Mutex<Platter>>);

impl SimDisk {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }

    /// The power goes after so many steps.
    pub(crate) fn light_fuse(&self, steps: u64) {
        self.platter().fuse = Some(steps);
    }

    /// No room from now on, or room again.
    pub(crate) fn set_full(&self, full: bool) {
        self.platter().full = full;
    }

    /// Until this is dropped, whatever asks the disk waits.
    pub(crate) fn hang(&self) -> MutexGuard<'_, impl Sized> {
        self.platter()
    }

    /// How often files were synced.
    pub(crate) fn syncs(&self) -> u64 {
        self.platter().syncs
    }

    /// The power comes back: of what was not synced, some is there and some is not.
    pub(crate) fn power_cut(&self, choice: &mut Choice) {
        let mut platter = self.platter();
        let mut names = platter.durable_names.clone();
        for op in std::mem::take(&mut platter.pending_names) {
            if choice.below(2) == 0 {
                apply(&mut names, &op);
            }
        }
        (platter.names, platter.durable_names) = (names.clone(), names);
        for file in &mut platter.files {
            let mut bytes = std::mem::take(&mut file.durable);
            for (offset, written) in std::mem::take(&mut file.pending) {
                tear(&mut bytes, offset, &written, choice);
            }
            (file.now, file.durable) = (bytes.clone(), bytes);
        }
        (platter.dead, platter.fuse) = (false, None);
    }

    /// Stops all work on the disk until the answer is dropped.
    pub(crate) fn hold(&self) -> impl Drop + '_ {
        self.platter()
    }

    /// The same bytes in new files, as a copy has them.
    pub(crate) fn copied(&self) -> Self {
        self.again(1_000_000)
    }

    /// The same disk a second time.
    pub(crate) fn snapshot(&self) -> Self {
        self.again(0)
    }

    fn again(&self, later: u64) -> Self {
        let platter = self.platter();
        let mut copy = Platter::default();
        for (name, at) in &platter.names {
            let bytes = platter.files[*at].now.clone();
            copy.names.insert(name.clone(), copy.files.len());
            let born = platter.files[*at].born + later;
            copy.files.push(Content { now: bytes.clone(), durable: bytes, pending: Vec::new(), born });
        }
        copy.durable_names = copy.names.clone();
        Self(Arc::new(Mutex::new(copy)))
    }

    /// The names of all files, oldest first.
    pub(crate) fn names(&self) -> Vec<String> {
        self.platter().names.keys().cloned().collect()
    }

    /// Removes a file behind everyone's back.
    pub(crate) fn lose(&self, name: &str) {
        let mut platter = self.platter();
        platter.names.remove(name);
        platter.durable_names.remove(name);
    }

    /// Changes a file's bytes behind everyone's back.
    pub(crate) fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut platter = self.platter();
        let at = platter.names[name];
        change(&mut platter.files[at].now);
        platter.files[at].durable = platter.files[at].now.clone();
    }
}

impl Platter {
    fn step(&mut self) -> io::Result<()> {
        if let Some(fuse) = &mut self.fuse {
            self.dead = self.dead || *fuse == 0;
            *fuse = fuse.saturating_sub(1);
        }
        if self.dead { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn room(&self) -> io::Result<()> {
        if self.full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn change(&mut self, op: NameOp) {
        apply(&mut self.names, &op);
        self.pending_names.push(op);
    }
}

fn apply(names: &mut BTreeMap<String, usize>, op: &NameOp) {
    match op {
        NameOp::Create(name, at) => {
            names.insert(name.clone(), *at);
        }
        NameOp::Rename(from, to) => {
            if let Some(at) = names.remove(from) {
                names.insert(to.clone(), at);
            }
        }
        NameOp::Delete(name) => {
            names.remove(name);
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    if bytes.len() < offset + written.len() {
        bytes.resize(offset + written.len(), 0);
    }
    bytes[offset..offset + written.len()].copy_from_slice(written);
}

/// Of a write that was not synced: all, nothing, its beginning, its length only, or some of its sectors.
fn tear(bytes: &mut Vec<u8>, offset: usize, written: &[u8], choice: &mut Choice) {
    match choice.below(5) {
        0 => put(bytes, offset, written),
        1 => {}
        2 => put(bytes, offset, &written[..choice.index(written.len())]),
        3 => {
            if bytes.len() < offset + written.len() {
                bytes.resize(offset + written.len(), 0);
            }
        }
        _ => {
            let mut at = 0;
            while at < written.len() {
                let end = (at + 512 - (offset + at) % 512).min(written.len());
                if choice.below(2) == 0 {
                    put(bytes, offset + at, &written[at..end]);
                }
                at = end;
            }
        }
    }
}

impl Disk for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut platter = self.platter();
        platter.step()?;
        Ok(platter.names.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut platter = self.platter();
        platter.step()?;
        let at = *platter.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(platter.files[at].now.clone())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let mut platter = self.platter();
        platter.step()?;
        platter.room()?;
        if platter.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let at = platter.files.len();
        let born = u64::try_from(at).unwrap() + 1;
        platter.files.push(Content { born, ..Content::default() });
        platter.change(NameOp::Create(name.to_owned(), at));
        Ok(Box::new(SimFile { disk: self.clone(), at }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut platter = self.platter();
        platter.step()?;
        platter.change(NameOp::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        let mut platter = self.platter();
        platter.step()?;
        platter.change(NameOp::Delete(name.to_owned()));
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut platter = self.platter();
        platter.step()?;
        platter.durable_names = platter.names.clone();
        platter.pending_names.clear();
        Ok(())
    }

    fn born(&self, name: &str) -> u64 {
        let platter = self.platter();
        platter.names.get(name).map_or(0, |at| platter.files[*at].born)
    }
}

struct SimFile {
    disk: SimDisk,
    at: usize,
}

impl LogFile for SimFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut platter = self.disk.platter();
        let offset = usize::try_from(offset).unwrap();
        // What the power interrupts, or what finds no room, may be written in part.
        let stopped = platter.step().and_then(|()| platter.room());
        let bytes = if stopped.is_err() { &bytes[..bytes.len() / 2] } else { bytes };
        let file = &mut platter.files[self.at];
        put(&mut file.now, offset, bytes);
        file.pending.push((offset, bytes.to_vec()));
        stopped
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut platter = self.disk.platter();
        platter.step()?;
        platter.room()?;
        platter.syncs += 1;
        let file = &mut platter.files[self.at];
        file.durable = file.now.clone();
        file.pending.clear();
        Ok(())
    }
}
