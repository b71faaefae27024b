//! `cargo xtask bench`: the benchmarks, built as shipped, as ratios within one run.
use crate::run::{cargo, shown};

/// Builds and runs them; what follows goes to the benchmark program.
///
/// # Errors
/// When they cannot be built or run.
pub(crate) fn run(rest: &[&str]) -> Result<(), String> {
    let words = ["run", "--release", "--quiet", "--package", "countersign-benches", "--"];
    shown(cargo(&[&words[..], rest].concat())).map(|_| ())
}
