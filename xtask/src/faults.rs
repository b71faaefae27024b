//! Real installations taken apart while callers run: `tests/faults`, in short with every test and at length as `soak`.
use crate::run::{built, cargo, command, passed, shown, target};

/// Every trial, as far as a run of all tests has time for.
///
/// # Errors
/// When one failed.
pub(crate) fn run() -> Result<u64, String> {
    passed(&shown(command(built("countersign-faults")?, &[]))?, "faults")
}

/// The trials whose names begin with these words, or all, each as far as it goes, with optimised programs.
///
/// # Errors
/// As for [`run`].
pub(crate) fn soak(names: &[&str]) -> Result<u64, String> {
    let packages = ["--package", "countersign-cli", "--package", "countersign-faults"];
    shown(cargo(&[["build", "--release"].as_slice(), &packages].concat()))?;
    let program = target()?.join("release/countersign-faults");
    passed(&shown(command(program, &[&["--soak"], names].concat()))?, "soak")
}
