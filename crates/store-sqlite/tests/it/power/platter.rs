//! A disk made from a record: it keeps what was synced, and of the rest some and not the rest.
use super::record::Call;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A small, seeded source of choices (splitmix64).
pub(crate) struct Choice(pub(crate) u64);

impl Choice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }

    pub(crate) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(u64::try_from(end).unwrap().max(1))).unwrap()
    }
}

enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Default)]
struct Content {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

enum NameChange {
    Create(PathBuf, usize),
    Delete(PathBuf),
    Rename(PathBuf, PathBuf),
}

/// The disk as it stands after some calls.
#[derive(Default)]
pub(crate) struct Platter {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<NameChange>,
    /// What each sync under way will make certain: of a file so many changes, or of names.
    syncs: BTreeMap<usize, (Option<usize>, usize)>,
}

impl Platter {
    pub(crate) fn apply(&mut self, call: &Call) {
        match call {
            Call::Create(path) if !self.names.contains_key(path) => {
                self.files.push(Content::default());
                self.rename(NameChange::Create(path.clone(), self.files.len() - 1));
            }
            Call::Delete(path) => self.rename(NameChange::Delete(path.clone())),
            Call::Rename(from, to) => self.rename(NameChange::Rename(from.clone(), to.clone())),
            Call::Write { path, offset, bytes } => self.change(path, Change::Write(*offset, bytes.clone())),
            Call::Length { path, length } => self.change(path, Change::Length(*length)),
            Call::SyncBegins { path, number } => {
                let file = self.names.get(path).copied();
                let changes = file.map_or(self.pending_names.len(), |file| self.files[file].pending.len());
                self.syncs.insert(*number, (file, changes));
            }
            Call::SyncEnds { number } => self.synced(*number),
            Call::Create(_) | Call::Said(_) => {}
        }
    }

    fn synced(&mut self, number: usize) {
        match self.syncs.remove(&number).unwrap() {
            (Some(file), changes) => {
                let Content { durable, pending } = &mut self.files[file];
                for change in pending.drain(..changes.min(pending.len())) {
                    put(durable, &change);
                }
            }
            // All files lie in one folder.
            (None, changes) => {
                for change in self.pending_names.drain(..changes.min(self.pending_names.len())) {
                    rename(&mut self.durable_names, &change);
                }
            }
        }
    }

    fn change(&mut self, path: &Path, change: Change) {
        if let Some(file) = self.names.get(path) {
            self.files[*file].pending.push(change);
        }
    }

    fn rename(&mut self, change: NameChange) {
        rename(&mut self.names, &change);
        self.pending_names.push(change);
    }

    /// Writes what a power cut leaves of the files below `data` to `after`; gives how many changes were lost or torn.
    pub(crate) fn power_cut(mut self, choice: &mut Choice, data: &Path, after: &Path) -> usize {
        let mut lost = 0;
        for change in std::mem::take(&mut self.pending_names) {
            if choice.below(2) == 0 {
                rename(&mut self.durable_names, &change);
            }
        }
        std::fs::create_dir_all(after).unwrap();
        for (path, file) in &self.durable_names {
            // The index of the write-ahead log lies in memory that is shared; nothing of it outlives the power.
            let Ok(name) = path.strip_prefix(data) else { continue };
            if name.to_string_lossy().ends_with("-shm") {
                continue;
            }
            let Content { durable, pending } = &mut self.files[*file];
            for change in pending.drain(..) {
                lost += usize::from(!torn(durable, &change, choice));
            }
            std::fs::write(after.join(name), durable).unwrap();
        }
        lost
    }
}

fn rename(names: &mut BTreeMap<PathBuf, usize>, change: &NameChange) {
    match change {
        NameChange::Create(path, file) => {
            names.insert(path.clone(), *file);
        }
        NameChange::Delete(path) => {
            names.remove(path);
        }
        NameChange::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => bytes.resize(*length, 0),
        Change::Write(offset, written) => {
            bytes.resize(bytes.len().max(offset + written.len()), 0);
            bytes[*offset..offset + written.len()].copy_from_slice(written);
        }
    }
}

/// Of a change that was not synced: all, nothing, or some of its sectors; whether it is whole.
fn torn(bytes: &mut Vec<u8>, change: &Change, choice: &mut Choice) -> bool {
    match (choice.below(3), change) {
        (0, _) => put(bytes, change),
        (1, _) | (_, Change::Length(_)) => return false,
        (_, Change::Write(offset, written)) => {
            for (number, sector) in written.chunks(512).enumerate() {
                if choice.below(2) == 0 {
                    put(bytes, &Change::Write(offset + number * 512, sector.to_vec()));
                }
            }
            return false;
        }
    }
    true
}
