//! The console in a real browser: Debian's Chromium on the pages of a real server, driven by the journeys of tests/console.
use crate::run::{built, command, passed, root, shown, target};
use crate::tools;
use std::path::PathBuf;
use std::process::Command;

/// Installs what is missing, and runs every journey.
///
/// # Errors
/// When a case failed, or something could not be started.
pub(crate) fn run() -> Result<u64, String> {
    let (script, work) = journeys("console")?;
    let text = shown(script).inspect_err(|_| println!("logs and screenshots are in {}", work.display()))?;
    passed(&text, "console")
}

/// Takes the pictures of the book anew, over an installation that has an hour behind it.
///
/// # Errors
/// The same.
pub(crate) fn write() -> Result<u64, String> {
    let clock = tools::pictures()?;
    let (mut script, work) = journeys("console-book")?;
    script.arg("--book").arg(root().join("docs/book/src/console")).arg("--faketime").arg(clock);
    let text = shown(script).inspect_err(|_| println!("logs are in {}", work.display()))?;
    passed(&text, "console")
}

fn journeys(work: &str) -> Result<(Command, PathBuf), String> {
    let packages = tools::browser()?;
    let work = target()?.join(work);
    let mut script = command("node", &["tests/console/run.js", "--countersign"]);
    script.arg(built("countersign")?).arg("--echo").arg(built("countersign-echo")?);
    script.arg("--work").arg(&work).arg("--packages").arg(packages);
    Ok((script, work))
}
