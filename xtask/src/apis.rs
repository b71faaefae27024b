//! The OpenAPI documents that the program prints, held against what the OpenAPI initiative publishes.
use crate::run::{built, command, passed, shown, target};

/// Runs tests/apis, which installs its validator beside the build results.
///
/// # Errors
/// When a document is wrong, or the validator could not be installed.
pub(crate) fn run() -> Result<u64, String> {
    let work = target()?.join("apis");
    let mut script = command("python3", &["tests/apis/check.py", "--countersign"]);
    script.arg(built("countersign")?).arg("--work").arg(&work);
    passed(&shown(script)?, "apis")
}
