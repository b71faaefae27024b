//! The Node package: packed as npm packs it, installed beside real frameworks, and tried with them (tests/node).
use crate::run::{built, command, passed, shown, target};
use crate::tools;

/// Packs, installs and runs.
///
/// # Errors
/// When a test failed, or something could not be built or installed.
pub(crate) fn run() -> Result<u64, String> {
    let packages = tools::node()?;
    let target = target()?;
    let addon = built("libcountersign_node.so")?;
    let mut script = command("node", &["tests/node/run.js", "--countersign"]);
    script.arg(built("countersign")?).arg("--echo").arg(built("countersign-echo")?);
    script.arg("--addon").arg(addon).arg("--packages").arg(packages).arg("--work").arg(target.join("node"));
    passed(&shown(script)?, "node")
}
