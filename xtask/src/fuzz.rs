//! Fuzzing: with coverage where a nightly compiler is, and always with the runner that needs none.
use crate::run::{cargo, command, counts, passed, root, shown, target};
use crate::tools::works;
use std::path::PathBuf;

const TARGETS: &[&str] = &[
    "base64",
    "json",
    "jws",
    "text_form",
    "structured",
    "message",
    "answer",
    "dialect_file",
    "key_intake",
    "trace_context",
    "form",
    "dpop",
    "judge",
    "ext_authz",
    "lanes",
];

/// Every target for so many seconds, with the stable runner: two at a time, one for each core of a small machine.
///
/// # Errors
/// When a target panicked; the input is kept.
pub(crate) fn smoke(seconds: u64) -> Result<u64, String> {
    let time = seconds.to_string();
    let runner = crate::run::built("countersign-fuzzing")?;
    let names: Vec<&str> = TARGETS.iter().copied().chain(["config"]).collect();
    let (one, other) = names.split_at(names.len() / 2);
    let half = |names: &[&str]| {
        let arguments = [&[time.as_str()], names].concat();
        shown(command(&runner, &arguments))
    };
    let (one, other) = std::thread::scope(|scope| {
        let first = scope.spawn(|| half(one));
        let second = half(other);
        (first.join().unwrap_or_else(|_| Err("the first half panicked".to_owned())), second)
    });
    let counted = |text: Result<String, String>| -> Result<u64, String> { passed(&text?, "fuzz") };
    Ok(counted(one)? + counted(other)?)
}

/// Every target for its share of so many minutes, guided by coverage when that can be had.
///
/// # Errors
/// When a target panicked, or nothing could be run.
pub(crate) fn run(minutes: u64) -> Result<u64, String> {
    let seconds = (minutes * 60 / u64::try_from(TARGETS.len()).unwrap_or(1)).max(1);
    if !works("cargo", &["+nightly", "--version"]) {
        println!("no nightly compiler here: the same targets run with the stable runner, without coverage");
        shown(cargo(&["build", "--package", "countersign-fuzzing", "--features", "config"]))?;
        return smoke(seconds);
    }
    let tool = cargo_fuzz()?;
    let runner = [
        "run",
        "--quiet",
        "--package",
        "countersign-fuzzing",
        "--features",
        "config",
        "--bin",
        "countersign-fuzzing",
        "--",
    ];
    let seeds = root().join("fuzz/corpus");
    shown(cargo(&[&runner[..], &["seeds", &seeds.display().to_string()]].concat()))?;
    for name in TARGETS {
        let folder = seeds.join(name).display().to_string();
        std::fs::create_dir_all(&folder).map_err(|error| format!("{folder}: {error}"))?;
        let limit = format!("-max_total_time={seconds}");
        let committed = root().join("fuzz/seeds").join(name).display().to_string();
        let mut fuzz = command(&tool, &["fuzz", "run", "--fuzz-dir", "fuzz", name, &folder]);
        if std::path::Path::new(&committed).is_dir() {
            fuzz.arg(&committed);
        }
        fuzz.args(["--", &limit, "-max_len=8192", "-timeout=20"]).env("RUSTUP_TOOLCHAIN", "nightly");
        shown(fuzz)?;
    }
    let text = shown(cargo(&[&runner[..], &[&seconds.to_string(), "config"]].concat()))?;
    let more = counts(&text).map_or(0, |(passed, _)| passed);
    Ok(u64::try_from(TARGETS.len()).unwrap_or(0) + more)
}

/// cargo-fuzz, installed beside the build results when it is not there.
fn cargo_fuzz() -> Result<PathBuf, String> {
    if works("cargo-fuzz", &["--version"]) {
        return Ok(PathBuf::from("cargo-fuzz"));
    }
    let tools = target()?.join("tools");
    let program = tools.join("bin/cargo-fuzz");
    if !program.is_file() {
        shown(cargo(&["install", "--locked", "cargo-fuzz", "--root", &tools.display().to_string()]))?;
    }
    Ok(program)
}
