//! Mutation testing: each line of the files is changed in turn, and a change that no test notices is told.
use crate::run::{cargo, shown};
use crate::tools::works;

/// The files whose every decision the crate's own tests are meant to notice.
const FILES: &[&str] = &["crates/countersign/src/life/*.rs"];

/// Changes these files, or those that are given; a change that no test of the core notices is a failure. Runs for long, beside the
/// working copy.
///
/// # Errors
/// When the tool is missing, or a change was not noticed.
pub(crate) fn run(files: &[&str]) -> Result<(), String> {
    if !works("cargo-mutants", &["mutants", "--version"]) {
        return Err(
            "mutants: wanted cargo-mutants, found none; cargo install --locked cargo-mutants".to_owned()
        );
    }
    let mut mutants = cargo(&["mutants", "--package", "countersign", "--test-package", "countersign"]);
    mutants.args(["--timeout", "60", "--cap-lints", "true", "--output", "target"]);
    for file in if files.is_empty() { FILES } else { files } {
        mutants.args(["--file", file]);
    }
    shown(mutants).map(|_| ())
}
