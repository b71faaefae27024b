//! Key pairs in files: the private key in FILE, readable by nobody else, the public one in FILE.pub.
use crate::exit::{Done, Exit, Failure};
use crate::keyring;
use countersign_keys::{KeyKind, PrivateKey, write_key_file};
use std::path::{Path, PathBuf};

/// Makes a key pair and writes it into FILE and FILE.pub.
pub(crate) fn make_pair(kind: KeyKind, bits: u32, file: &Path) -> Result<PrivateKey, Failure> {
    let key = PrivateKey::generate(kind, bits).map_err(Failure::usage)?;
    write_pair(file, &key.to_pkcs8_pem(), &key)?;
    Ok(key)
}

/// Writes a private key, and its public half beside it; gives the latter's name.
pub(crate) fn write_pair(file: &Path, private: &str, key: &PrivateKey) -> Result<PathBuf, Failure> {
    let public_file = beside(file);
    if public_file.exists() {
        return Err(Failure::new(
            Exit::Conflict,
            format!("{} is there already; move it away or choose another name", public_file.display()),
        ));
    }
    write_key_file(file, private.as_bytes()).map_err(|error| keyring::told(file, &error))?;
    write_new(&public_file, key.public_key().to_pem().as_bytes())?;
    Ok(public_file)
}

/// Where the public half of a private key's file is written.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Writes a file that is not secret and must not be there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Done {
    use std::io::Write;
    let file = std::fs::File::create_new(path).and_then(|mut file| file.write_all(bytes));
    file.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::new(
            Exit::Conflict,
            format!("{} is there already; move it away or choose another name", path.display()),
        ),
        _ => Failure::of_file(path.display(), "written", &error),
    })
}
