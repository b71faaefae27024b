//! Keys from files, in the words of the command line.
use crate::exit::{Exit, Failure};
use crate::print::Out;
use crate::world;
use countersign_keys::{Intake, KeyError, Policy, PrivateKey, read_key_file, read_public_key};
use std::path::Path;
use zeroize::Zeroizing;

/// Loads a private key; asks for the passphrase where it is encrypted and none was given.
pub(crate) fn private_key(path: &Path, passphrase: Option<&Path>) -> Result<PrivateKey, Failure> {
    let file = read_key_file(path).map_err(|error| told(path, &error))?;
    let given = passphrase.map(world::read_secret).transpose()?;
    let first = PrivateKey::read(&file.text, given.as_deref().map(|text| text.as_bytes()));
    // Who reads a file that holds no private key does no harm.
    if let (Some(warning), Ok(_) | Err(KeyError::Encrypted)) = (&file.warning, &first) {
        Out::note(&format!("warning: {warning}"));
    }
    match first {
        Err(KeyError::Encrypted) if given.is_none() => {
            let asked: Zeroizing<String> = world::ask_passphrase(&path.display().to_string(), false)?;
            PrivateKey::read(&file.text, Some(asked.as_bytes()))
        }
        other => other,
    }
    .map_err(|error| told(path, &error))
}

/// Reads the one public key of a file.
pub(crate) fn public_key(path: &Path) -> Result<Intake, Failure> {
    let mut keys = public_keys(path)?;
    match (keys.pop(), keys.len()) {
        (Some(key), 0) => Ok(key),
        (Some(_), more) => Err(Failure::usage(format!(
            "{}: wanted one public key, found a set of {}; keep one in the file",
            path.display(),
            more + 1
        ))),
        (None, _) => Err(Failure::usage(format!(
            "{}: wanted a public key, found an empty set; `countersign key new FILE` makes a pair",
            path.display()
        ))),
    }
}

/// Reads all public keys of a file.
pub(crate) fn public_keys(path: &Path) -> Result<Vec<Intake>, Failure> {
    let text = world::read(path)?;
    let keys = read_public_key(&text, &policy()).map_err(|error| told(path, &error))?;
    for repaired in keys.iter().flat_map(|key| &key.repaired) {
        Out::note(&format!("note: {}: {repaired}", path.display()));
    }
    Ok(keys)
}

/// What the widest settings of a server take: which keys it takes, the server says.
pub(crate) fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.allow_other_rsa_sizes = true;
    policy.allow_other_exponents = true;
    policy
}

/// A key's error with the file it is about.
pub(crate) fn told(path: &Path, error: &KeyError) -> Failure {
    let exit = match error {
        KeyError::FileExists { .. } => Exit::Conflict,
        KeyError::File { .. } if !path.exists() => Exit::Missing,
        _ => Exit::Usage,
    };
    let message = error.to_string();
    let named = message.contains(&path.display().to_string());
    Failure::new(exit, if named { message } else { format!("{}: {message}", path.display()) })
}
