//! The Python package: its wheel is built, installed beside real frameworks, and tried with them (tests/python).
use crate::run::{built, command, passed, shown, target};

/// Builds, installs and runs.
///
/// # Errors
/// When a test failed, or something could not be built or installed.
pub(crate) fn run() -> Result<u64, String> {
    let target = target()?;
    let mut script = command("python3", &["tests/python/run.py", "--countersign"]);
    script.arg(built("countersign")?).arg("--echo").arg(built("countersign-echo")?);
    script.arg("--target").arg(&target).arg("--work").arg(target.join("python"));
    passed(&shown(script)?, "python")
}
