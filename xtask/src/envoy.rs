//! The real Envoy with the example's configuration before a real server: what passes, and what a hostile caller gets.
use crate::run::{built, command, passed, shown, target};

/// Runs tests/envoy, which starts everything itself and installs Envoy beside the build results.
///
/// # Errors
/// When a case failed, or something could not be started.
pub(crate) fn run() -> Result<u64, String> {
    let work = target()?.join("envoy");
    let mut script = command("python3", &["tests/envoy/check.py", "--countersign"]);
    script.arg(built("countersign")?).arg("--echo").arg(built("countersign-echo")?);
    script.arg("--work").arg(&work);
    let text = shown(script).inspect_err(|_| println!("the logs are in {}", work.display()))?;
    passed(&text, "envoy")
}
