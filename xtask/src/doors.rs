//! The front doors of examples/, each the real program on the example's own files: started, asked and ended by tests/doors.
use crate::run::{built, command, passed, shown, target};

/// Runs every door.
///
/// # Errors
/// When a case failed, or something could not be started.
pub(crate) fn run() -> Result<u64, String> {
    let mut script = command("python3", &["tests/doors/run.py", "--countersign"]);
    script.arg(built("countersign")?).arg("--work").arg(target()?.join("doors"));
    passed(&shown(script)?, "doors")
}
