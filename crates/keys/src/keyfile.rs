//! Private keys on disk: readable by their owner only, and never overwritten.

use crate::error::KeyError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// Longest key file read; the largest private key, RSA-8192 as PEM, has 7 KiB.
const MAX_FILE: u64 = 64 * 1024;

/// What a key file holds.
pub struct KeyFile {
    /// Its text, wiped when dropped.
    pub text: Zeroizing<Vec<u8>>,
    /// A sentence for the owner when others on this machine may read the file.
    pub warning: Option<String>,
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyFile({} bytes not shown, warning: {:?})", self.text.len(), self.warning)
    }
}

/// Writes a new file that only its owner may read, and waits until it is on the disk.
///
/// # Errors
/// When the file is already there, or cannot be written; a half-written one is removed.
pub fn write_key_file(path: &Path, text: &[u8]) -> Result<(), KeyError> {
    let mut file = match new_file(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(KeyError::FileExists { path: path.display().to_string() });
        }
        Err(error) => return Err(problem(path, &error)),
    };
    let written = file.write_all(text).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // We made the file a moment ago, so removing it destroys nothing of anyone else's.
        let _ = fs::remove_file(path);
        problem(path, &error)
    })
}

/// Reads a key file, and warns when others may read it too.
///
/// # Errors
/// When it cannot be read, is no ordinary file, or is longer than any key.
pub fn read_key_file(path: &Path) -> Result<KeyFile, KeyError> {
    let failed = |error: io::Error| problem(path, &error);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        let problem = "it is not an ordinary file".to_owned();
        return Err(KeyError::File { path: path.display().to_string(), problem });
    }
    // Reserved at once, so that growing leaves no copies of the key behind.
    let mut text =
        Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len().min(MAX_FILE)).unwrap_or(0) + 1));
    file.take(MAX_FILE.saturating_add(1)).read_to_end(&mut text).map_err(failed)?;
    let limit = usize::try_from(MAX_FILE).unwrap_or(usize::MAX);
    if text.len() > limit {
        return Err(KeyError::TooLong { found: text.len(), limit });
    }
    Ok(KeyFile { text, warning: mode_warning(path, &metadata) })
}

#[cfg(unix)]
fn new_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn mode_warning(path: &Path, metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        format!(
            "{path} has mode {mode:04o}, so others on this machine may read it; run `chmod 600 {path}`",
            path = path.display()
        )
    })
}

#[cfg(not(unix))]
fn mode_warning(_path: &Path, _metadata: &fs::Metadata) -> Option<String> {
    None
}

fn problem(path: &Path, error: &io::Error) -> KeyError {
    KeyError::File { path: path.display().to_string(), problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::{read_key_file, write_key_file};
    use std::fs;

    #[test]
    fn what_is_written_is_read_back_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        write_key_file(&path, b"secret").unwrap();
        let file = read_key_file(&path).unwrap();
        assert_eq!(file.text.as_slice(), b"secret");
        assert_eq!(file.warning, None);
        assert!(!format!("{file:?}").contains("secret"));
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        write_key_file(&path, b"first").unwrap();
        let refused = write_key_file(&path, b"second").unwrap_err();
        assert_eq!(refused.code(), "key_file_exists");
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_read_with_a_warning() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        write_key_file(&path, b"secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let warning = read_key_file(&path).unwrap().warning.unwrap();
        assert!(warning.contains("0640") && warning.contains("chmod 600"), "{warning}");
    }

    #[test]
    fn what_is_no_key_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_key_file(dir.path()).unwrap_err().code(), "key_file");
        assert_eq!(read_key_file(&dir.path().join("missing")).unwrap_err().code(), "key_file");
        let large = dir.path().join("large");
        fs::write(&large, vec![b'a'; 70_000]).unwrap();
        assert_eq!(read_key_file(&large).unwrap_err().code(), "key_too_long");
    }
}
