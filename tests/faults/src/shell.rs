//! Runs programs of the machine, and says which are there.
use std::process::{Command, Stdio};

/// Runs words split at spaces; gives what it said.
///
/// Stops the trial when the program fails.
pub(crate) fn said(line: &str) -> String {
    match tried(line) {
        Ok(said) => said,
        Err(why) => panic!("{line}: {why}"),
    }
}

/// The same, giving the failure.
pub(crate) fn tried(line: &str) -> Result<String, String> {
    let mut words = line.split(' ');
    let output = Command::new(words.next().unwrap_or_default()).args(words).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether this is root.
pub(crate) fn is_root() -> bool {
    tried("id -u").is_ok_and(|id| id == "0")
}
