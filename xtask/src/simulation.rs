//! The simulation of several nodes: so many seeds, each the same run whenever it is run.
use crate::run::{cargo, passed, shown};

/// Simulates so many seeds, from a first one where it is given; one that fails is printed with the command that runs it again.
///
/// # Errors
/// When something happened that must not, or it could not be run.
pub(crate) fn run(words: &[&str]) -> Result<u64, String> {
    let run = ["run", "--quiet", "--package", "countersign-simulation", "--"];
    passed(&shown(cargo(&[&run[..], words].concat()))?, "simulation")
}
