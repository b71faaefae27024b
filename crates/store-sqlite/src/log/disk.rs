//! What the log asks of a disk, and the real one: files whose bytes and names count only once they are synced.
use crate::lock::DirectoryLock;
use crate::private::{make_private, private, sync_folder};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of log files. A name made, changed or removed is certain only after [`Disk::sync_names`].
pub(crate) trait Disk: Send {
    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// All bytes of a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    /// A new file; an error when the name is taken.
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>>;
    /// Another name for a file.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn delete(&self, name: &str) -> io::Result<()>;
    /// Makes all changes of names certain.
    fn sync_names(&self) -> io::Result<()>;
    /// When the file came into being, in nanoseconds; 0 where the disk cannot tell. A copied file has another birth.
    fn born(&self, name: &str) -> u64;
}

/// A file that is open for writing.
pub(crate) trait LogFile: Send {
    /// Writes all bytes at an offset.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns once all bytes written before are certain.
    fn sync(&mut self) -> io::Result<()>;
}

/// The real disk: one folder, whose lock is held for as long as it may be written.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: Arc<DirectoryLock>,
}

impl Folder {
    /// Opens the folder, made with mode 0700 when it is missing.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn open(path: &Path, lock: Arc<DirectoryLock>) -> io::Result<Self> {
        make_private(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.path.join(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(Open(private().create_new(true).open(self.path.join(name))?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        sync_folder(&self.path)
    }

    fn born(&self, name: &str) -> u64 {
        std::fs::metadata(self.path.join(name))
            .and_then(|meta| meta.created())
            .ok()
            .and_then(|born| born.duration_since(std::time::UNIX_EPOCH).ok())
            .and_then(|since| u64::try_from(since.as_nanos()).ok())
            .unwrap_or(0)
    }
}

struct Open(File);

impl LogFile for Open {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileExt;
            self.0.write_all_at(bytes, offset)
        }
        #[cfg(not(unix))]
        {
            use std::io::{Seek, SeekFrom, Write};
            self.0.seek(SeekFrom::Start(offset))?;
            self.0.write_all(bytes)
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
pub(crate) mod sim;
