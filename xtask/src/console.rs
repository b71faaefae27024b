//! The console in a real browser: Debian's Chromium on the pages of a real server, driven by the journeys of tests/console.
use crate::run::{built, command, passed, shown, target};
use crate::tools;

/// Installs what is missing, and runs every journey.
///
/// # Errors
/// When a case failed, or something could not be started.
pub(crate) fn run() -> Result<u64, String> {
    let packages = tools::browser()?;
    let work = target()?.join("console");
    let mut script = command("node", &["tests/console/run.js", "--countersign"]);
    script.arg(built("countersign")?).arg("--echo").arg(built("countersign-echo")?);
    script.arg("--work").arg(&work).arg("--packages").arg(packages);
    let text = shown(script).inspect_err(|_| println!("logs and screenshots are in {}", work.display()))?;
    passed(&text, "console")
}
