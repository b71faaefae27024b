//! Traces of a real server, with OpenTelemetry's own SDK before and behind it and a collector that may behave badly.
use crate::run::{built, command, passed, shown, target};

/// Runs tests/traces, which starts everything itself and installs the SDK beside the build results.
///
/// # Errors
/// When a case failed, or something could not be started.
pub(crate) fn run() -> Result<u64, String> {
    let work = target()?.join("traces");
    let mut script = command("python3", &["tests/traces/check.py", "--countersign"]);
    script.arg(built("countersign")?).arg("--work").arg(&work);
    let text = shown(script).inspect_err(|_| println!("the log is in {}", work.display()))?;
    passed(&text, "traces")
}
