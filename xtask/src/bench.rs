//! `cargo xtask bench`: the benchmarks, with the program as it is shipped, as ratios within one run.
use crate::run::{cargo, root, shown, target};
use crate::tools;
use std::path::PathBuf;

/// Builds and runs them; what follows goes to the benchmark program: names of parts, `--write` for
/// the book's page, or `peers` for the comparison with other servers.
///
/// # Errors
/// When something is missing and cannot be installed, or they cannot be built or run.
pub(crate) fn run(rest: &[&str]) -> Result<(), String> {
    let compared = rest.first() == Some(&"peers");
    let folder = if compared { tools::peers()? } else { PathBuf::new() };
    if !compared {
        tools::database()?;
    }
    shown(cargo(&["build", "--release", "--package", "countersign-benches"]))?;
    // Servers are compared as they are shipped; the other programs are, too.
    shown(cargo(&["build", "--profile", "dist", "--package", "countersign-cli"]))?;
    // The bare servers are a workspace of their own, with versions of their own.
    let target = target()?;
    let mut bare = cargo(&["build", "--release", "--locked", "--manifest-path"]);
    bare.arg(root().join("benches/floor/Cargo.toml")).arg("--target-dir").arg(target.join("floor"));
    shown(bare)?;
    let mut benches = crate::run::command(target.join("release/countersign-benches"), rest);
    benches.env("COUNTERSIGN_BENCH_PROGRAM", target.join("dist/countersign"));
    benches.env("COUNTERSIGN_BENCH_BARE", target.join("floor/release/hyper-srv"));
    benches.env("COUNTERSIGN_BENCH_TOOLS", folder);
    shown(benches).map(|_| ())
}
