//! One program at a time on a data directory: a lock that the operating system drops when its holder dies.
use crate::private::private;
use countersign_store::fault::Fault;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Held as long as the directory is in use.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// When another program holds it, or the file cannot be made.
    pub(crate) fn take(directory: &Path) -> Result<Self, Fault> {
        let path = directory.join("lock");
        let failed = |error| Fault::caused(format!("cannot lock {}", path.display()), error);
        let mut file = private().read(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // A process number is short; only a hint for people.
                let _read = Read::by_ref(&mut file).take(20).read_to_string(&mut holder);
                return Err(Fault::new(format!(
                    "{} is in use by another countersign (process {}): stop it first, or use another data directory",
                    directory.display(),
                    if holder.is_empty() { "unknown" } else { holder.trim() },
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { file })
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a program that is just being started from this one holds a copy of it until it runs.
        let _released = self.file.unlock();
    }
}
