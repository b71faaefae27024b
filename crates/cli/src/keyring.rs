//! Keys from files, in the words of the command line.
use crate::exit::{Exit, Failure};
use crate::print::Out;
use crate::world;
use countersign_custody::uri::Uri;
use countersign_custody::{NoKey, agent, token};
use countersign_keys::{Intake, KeyError, KeyPair, Policy, PrivateKey, read_key_file, read_public_key};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where keys are that are in no file; what a command line says instead of a path.
const AGENT: &str = "ssh-agent:";
const TOKEN: &str = "pkcs11:";

/// A key pair that signs: from a file, of an ssh-agent (`ssh-agent:FINGERPRINT` or a comment), or in a PKCS#11 token (`pkcs11:…`).
pub(crate) fn key_pair(name: &Path, passphrase: Option<&Path>) -> Result<Arc<dyn KeyPair>, Failure> {
    match elsewhere(name) {
        Some(text) if text.starts_with(AGENT) => {
            let socket = world::variable("SSH_AUTH_SOCK").ok_or_else(|| {
                Failure::usage(format!(
                    "{text}: no ssh-agent is told of; start one, so that SSH_AUTH_SOCK names its socket"
                ))
            })?;
            let key = agent::find(Path::new(&socket), text.trim_start_matches(AGENT))
                .map_err(|error| absent(&error))?;
            Ok(Arc::new(key))
        }
        Some(text) => Ok(Arc::new(in_token(text, passphrase).map_err(|error| match error {
            Ok(failure) => failure,
            Err(error) => absent(&error),
        })?)),
        None => Ok(Arc::new(private_key(name, passphrase)?)),
    }
}

/// The name of a key that is in no file.
pub(crate) fn elsewhere(name: &Path) -> Option<&str> {
    name.to_str().filter(|text| text.starts_with(AGENT) || text.starts_with(TOKEN))
}

/// Opens a key in a token. The PIN comes from a file, the environment or a person, never from an argument.
fn in_token(text: &str, passphrase: Option<&Path>) -> Result<token::TokenKey, Result<Failure, NoKey>> {
    let uri = Uri::read(text).map_err(Err)?;
    let module =
        uri.module.clone().or_else(|| world::variable("COUNTERSIGN_PKCS11_MODULE").map(PathBuf::from));
    let module = module.ok_or_else(|| {
        Ok(Failure::usage(
            "wanted the library that speaks to the token, such as `?module-path=/usr/lib/softhsm/libsofthsm2.so` at the end of the \
             URI, or COUNTERSIGN_PKCS11_MODULE in the environment",
        ))
    })?;
    let mut refused = None;
    let pin = |label: &str| {
        let given = match passphrase.or(uri.pin_file.as_deref()) {
            Some(file) => world::read_secret(file),
            None => match world::variable("COUNTERSIGN_PIN") {
                Some(pin) => pin
                    .into_string()
                    .map(Zeroizing::new)
                    .map_err(|_| Failure::usage("COUNTERSIGN_PIN: wanted text")),
                None => world::ask_passphrase(&format!("the token {label:?} (its PIN)"), false),
            },
        };
        given.map_err(|failure| {
            let told = NoKey::Pin(failure.message.clone());
            refused = Some(failure);
            told
        })
    };
    let opened = token::open(&uri, &module, pin);
    opened.map_err(|error| refused.ok_or(error))
}

fn absent(error: &NoKey) -> Failure {
    let exit = match error {
        NoKey::Missing(_) => Exit::Missing,
        NoKey::Holder(_) => Exit::Failed,
        NoKey::Unclear(_) | NoKey::Pin(_) => Exit::Usage,
    };
    Failure::new(exit, error)
}

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
    let failure = Failure::new(exit, error);
    if named { failure } else { failure.within(path.display()) }
}
