//! Starts programs: shows what they print, and keeps it for whoever counts.
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// A command that runs in the workspace's folder.
pub(crate) fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    // Nobody sits here to answer, even where somebody started this at a terminal.
    command.stdin(Stdio::null());
    // What cargo told this program about itself must not reach the builds that it starts.
    for name in [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
        "RUSTUP_TOOLCHAIN",
    ] {
        command.env_remove(name);
    }
    command
}

/// The cargo of the workspace's own toolchain.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    command("cargo", arguments)
}

/// Runs to the end, showing what is printed, and gives what went to standard output.
///
/// # Errors
/// When the program cannot be started or ends with a failure.
pub(crate) fn shown(mut command: Command) -> Result<String, String> {
    let words = told(&command);
    println!("$ {words}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| format!("{words}: {error}"))?;
    let mut text = String::new();
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines() {
            let line = line.unwrap_or_default();
            println!("{line}");
            text.push_str(&line);
            text.push('\n');
        }
    }
    let status = child.wait().map_err(|error| format!("{words}: {error}"))?;
    if status.success() { Ok(text) } else { Err(format!("{words}: ended with {status}")) }
}

/// Runs to the end quietly and gives what went to standard output.
///
/// # Errors
/// As [`shown`].
pub(crate) fn quiet(mut command: Command) -> Result<String, String> {
    let words = told(&command);
    let ended = command.output().map_err(|error| format!("{words}: {error}"))?;
    if ended.status.success() {
        Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
    } else {
        Err(format!(
            "{words}: ended with {}: {}",
            ended.status,
            String::from_utf8_lossy(&ended.stderr).trim()
        ))
    }
}

/// The folder of build results.
///
/// # Errors
/// When cargo does not say.
pub(crate) fn target() -> Result<PathBuf, String> {
    let text = quiet(cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let folder = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    folder.map(PathBuf::from).ok_or_else(|| "cargo metadata names no target_directory".to_owned())
}

/// A program that the workspace's build made.
///
/// # Errors
/// When it is not there.
pub(crate) fn built(name: &str) -> Result<PathBuf, String> {
    let path = target()?.join("debug").join(name);
    if path.is_file() { Ok(path) } else { Err(format!("{} is not built", path.display())) }
}

/// A program in the background; ended when this is dropped.
pub(crate) struct Background(pub(crate) Child);

impl Background {
    /// Starts it, its output going to a file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, String> {
        let words = told(&command);
        let trouble = |error: std::io::Error| format!("{words}: {error}");
        let file = std::fs::File::create(log).map_err(trouble)?;
        let other = file.try_clone().map_err(trouble)?;
        println!("$ {words} &");
        command.stdin(Stdio::null()).stdout(file).stderr(other).spawn().map(Self).map_err(trouble)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The numbers of a line such as `attacks: 951 passed, 0 failed`, or of every `test result:` line together.
pub(crate) fn counts(text: &str) -> Option<(u64, u64)> {
    let mut all = None;
    for line in text.lines().filter(|line| line.contains(" passed")) {
        let words: Vec<&str> = line.split([' ', ';', ',', '.']).filter(|word| !word.is_empty()).collect();
        let before = |name: &str| {
            let place = words.iter().position(|word| *word == name)?;
            words.get(place.checked_sub(1)?)?.parse::<u64>().ok()
        };
        if let (Some(passed), Some(failed)) = (before("passed"), before("failed")) {
            let (sum, bad) = all.unwrap_or((0, 0));
            all = Some((sum + passed, bad + failed));
        }
    }
    all
}

/// The passed ones, when none failed.
///
/// # Errors
/// When some failed, or nothing was counted.
pub(crate) fn passed(text: &str, what: &str) -> Result<u64, String> {
    match counts(text) {
        Some((passed, 0)) if passed > 0 => Ok(passed),
        Some((passed, failed)) => Err(format!("{what}: {passed} passed, {failed} failed")),
        None => Err(format!("{what}: no line told how many passed")),
    }
}

fn told(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_in_every_spelling() {
        assert_eq!(counts("attacks: 951 passed, 2 failed\n"), Some((951, 2)));
        let two =
            "test result: ok. 3 passed; 0 failed; 1 ignored\ntest result: ok. 4 passed; 1 failed; 0 ignored";
        assert_eq!(counts(two), Some((7, 1)));
        assert_eq!(counts("nothing was run"), None);
        assert!(
            passed("x: 0 passed, 0 failed", "x").is_err() && passed("x: 1 passed, 1 failed", "x").is_err()
        );
    }
}
