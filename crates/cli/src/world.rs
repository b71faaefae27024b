//! What a command gets from outside: clock, chance, the environment, the data directory and hidden prompts.
use crate::exit::{Exit, Failure};
use countersign::time::Time;
use countersign_client::ambient::Ambient;
use countersign_guard::clock::{Clock, SystemClock, SystemEntropy, draw};
use etcetera::BaseStrategy;
use std::io::{IsTerminal, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Longest text file that a command reads whole: an installation of ten thousand accounts has 3 MiB.
pub(crate) const LONGEST_FILE: u64 = 16 * 1024 * 1024;

pub(crate) fn now() -> Time {
    SystemClock.now()
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    draw(&SystemEntropy)
}

/// The two doors, for the client library.
pub(crate) fn ambient() -> Ambient {
    Ambient::new(now, random)
}

/// The data directory: as given, else `countersign` below the user's data home.
pub(crate) fn data_dir(given: Option<&Path>) -> Result<PathBuf, Failure> {
    match given {
        Some(given) => Ok(given.to_owned()),
        None => {
            etcetera::choose_base_strategy().map(|base| base.data_dir().join("countersign")).map_err(|_| {
                Failure::usage("no home directory was found; name a data directory with --data DIR")
            })
        }
    }
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let result = if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST_FILE + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut bytes))
    };
    result.map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::Missing } else { Exit::Usage };
        Failure { exit, ..Failure::of_file(path.display(), "read", &error) }
    })?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LONGEST_FILE {
        return Err(Failure::usage(format!(
            "{} is longer than {LONGEST_FILE} bytes; is it the right file?",
            path.display()
        )));
    }
    Ok(bytes)
}

/// Reads a text file.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?).map_err(|_| {
        Failure::usage(format!(
            "{}: wanted text in UTF-8, found other bytes; is it the right file?",
            path.display()
        ))
    })
}

/// A variable of the environment.
pub(crate) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Reads a secret from a file; white space around it is not part of it.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = Zeroizing::new(read_text(path)?);
    let secret = Zeroizing::new(text.trim().to_owned());
    if secret.is_empty() {
        return Err(Failure::usage(format!(
            "{}: wanted a secret, found an empty file; write the secret alone into it",
            path.display()
        )));
    }
    Ok(secret)
}

/// Asks for a passphrase without showing it; only a person at a terminal is asked.
pub(crate) fn ask_passphrase(what: &str, twice: bool) -> Result<Zeroizing<String>, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::usage(format!(
            "{what} wants a passphrase, and there is no terminal to ask at; put it into a file and name it with --passphrase-file"
        )));
    }
    let mut prompt = dialoguer::Password::new().with_prompt(format!("Passphrase for {what}"));
    if twice {
        prompt = prompt.with_confirmation("Once more", "The two differ; once more from the start.");
    }
    prompt.interact().map(Zeroizing::new).map_err(|error| {
        Failure::failed(format!(
            "the passphrase could not be read: {error}; put it into a file and name it with --passphrase-file"
        ))
    })
}

/// Runs what waits for the network or the store: on every core, and on one core without what passes work between threads.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut builder = match cores {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no threads can be started: {error}; is there memory, and are threads left? `ulimit -u` tells how many there may be")))?
        .block_on(work)
}
