//! `cargo xtask bench`: the benchmarks, built as shipped, as ratios within one run.
use crate::run::{cargo, root, shown, target};
use crate::tools;

/// Builds and runs them; what follows goes to the benchmark program: names of parts, or `--write` for the book's page.
///
/// # Errors
/// When something is missing and cannot be installed, or they cannot be built or run.
pub(crate) fn run(rest: &[&str]) -> Result<(), String> {
    tools::database()?;
    shown(cargo(&[
        "build",
        "--release",
        "--package",
        "countersign-cli",
        "--package",
        "countersign-benches",
    ]))?;
    // The bare servers are a workspace of their own, with versions of their own.
    let target = target()?;
    let mut bare = cargo(&["build", "--release", "--locked", "--manifest-path"]);
    bare.arg(root().join("benches/floor/Cargo.toml")).arg("--target-dir").arg(target.join("floor"));
    shown(bare)?;
    let mut benches = crate::run::command(target.join("release/countersign-benches"), rest);
    benches.env("COUNTERSIGN_BENCH_PROGRAM", target.join("release/countersign"));
    benches.env("COUNTERSIGN_BENCH_BARE", target.join("floor/release/hyper-srv"));
    shown(benches).map(|_| ())
}
