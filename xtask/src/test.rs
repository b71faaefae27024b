//! `cargo xtask test`: every check in order, a stop at the first that fails, and a table of what was done.
use crate::run::{built, cargo, command, passed, root, shown};
use crate::{
    apis, book, clients, console, docs, doors, envoy, faults, fuzz, house, installed, node, python,
    simulation, tools, tour, traces,
};
use std::time::{Duration, Instant};

/// One way of building serves every step, so that nothing is built twice.
const EVERYTHING: &[&str] = &["--workspace", "--all-targets", "--features", FEATURES];
/// What nothing in the workspace asks for by itself.
const FEATURES: &str = "countersign-fuzzing/config,countersign-client/middleware";
/// How long each fuzz target runs here.
const FUZZ_SECONDS: u64 = 60;
/// How many seeds are simulated here: about half a minute on two cores.
const SEEDS: &str = "100";

type Step = (&'static str, fn() -> Result<u64, String>);

const STEPS: &[Step] = &[
    ("tools", || tools::clients().map(|()| 1)),
    ("format", || shown(cargo(&["fmt", "--all", "--", "--check"])).map(|_| 1)),
    ("lints", || shown(cargo(&[&["clippy"], EVERYTHING, &["--", "-D", "warnings"]].concat())).map(|_| 1)),
    ("house", house::run),
    ("build", || shown(cargo(&[&["build"], EVERYTHING].concat())).map(|_| 1)),
    ("tests", tests),
    ("doc tests", || {
        let text = shown(cargo(&["test", "--workspace", "--doc", "--features", FEATURES]))?;
        // A workspace without an example in its documents has nothing to count here.
        Ok(crate::run::counts(&text).map_or(0, |(passed, _)| passed))
    }),
    ("documents", || {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--features", FEATURES]);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        shown(doc)?;
        docs::run(true)
    }),
    ("apis", apis::run),
    ("book", book::run),
    ("vectors", vectors),
    ("attacks", attacks),
    ("explain", crate::explain::run),
    ("simulation", || simulation::run(&[SEEDS])),
    ("faults", faults::run),
    ("demo", || shown(command(built("countersign")?, &["demo", "--once"])).map(|_| 1)),
    ("real clients", clients::run),
    ("vendors", vendors),
    ("python", python::run),
    ("node", node::run),
    ("console", console::run),
    ("doors", doors::run),
    ("envoy", envoy::run),
    ("traces", traces::run),
    ("packages", || tools::packages().and_then(|()| installed::run())),
    ("tour", tour::run),
    ("fuzz", || fuzz::smoke(FUZZ_SECONDS)),
];

/// Runs all steps.
///
/// # Errors
/// The first step that failed.
pub(crate) fn run() -> Result<(), String> {
    let started = now();
    let mut done = Vec::new();
    for (name, step) in STEPS {
        println!("\n=== {name} ===");
        let from = now();
        let outcome = step();
        let took = now().duration_since(from);
        let stop = outcome.is_err();
        done.push((*name, outcome, took));
        if stop {
            break;
        }
    }
    report(&done, now().duration_since(started))
}

fn report(done: &[(&str, Result<u64, String>, Duration)], took: Duration) -> Result<(), String> {
    println!("\n{:<14} {:>8} {:>8}  outcome", "step", "passed", "seconds");
    let mut sum = 0;
    for (name, outcome, took) in done {
        let count = outcome.as_ref().copied().unwrap_or(0);
        sum += count;
        let told = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("{name:<14} {count:>8} {:>8}  {told}", took.as_secs());
    }
    for (name, ..) in STEPS.iter().skip(done.len()) {
        println!("{name:<14} {:>8} {:>8}  not run", "", "");
    }
    println!("{:<14} {sum:>8} {:>8}", "all", took.as_secs());
    let failed = done.iter().find_map(|(name, outcome, _)| Some((*name, outcome.as_ref().err()?)));
    match failed {
        None => {
            println!("xtask: {sum} passed, 0 failed");
            Ok(())
        }
        Some((name, why)) => {
            println!("xtask: {sum} passed, 1 failed");
            Err(format!("{name}: {why}"))
        }
    }
}

fn tests() -> Result<u64, String> {
    let text = shown(cargo(&[&["test", "--no-fail-fast"], EVERYTHING].concat()))?;
    passed(&text, "tests")
}

fn vectors() -> Result<u64, String> {
    let mut files = Vec::new();
    let folder = root().join("crates/dialects");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for dialect in entries.flatten() {
        let vectors = std::fs::read_dir(dialect.path().join("vectors")).into_iter().flatten().flatten();
        files.extend(
            vectors.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "json")),
        );
    }
    files.sort();
    if files.is_empty() {
        return Err("no vector file below crates/dialects".to_owned());
    }
    let mut test = command(built("countersign")?, &["dialect", "test"]);
    passed(
        &shown({
            test.args(files);
            test
        })?,
        "vectors",
    )
}

/// Vendors' own packages sign, and are shown what countersign signs.
fn vendors() -> Result<u64, String> {
    let countersign = built("countersign")?;
    let mut script = command("python3", &["tests/vendors/run.py", "--countersign"]);
    script.arg(countersign).arg("--work").arg(crate::run::target()?.join("vendors"));
    passed(&shown(script)?, "vendors")
}

/// Every recorded attack.
///
/// # Errors
/// When one failed.
pub(crate) fn attacks() -> Result<u64, String> {
    let text = shown(cargo(&[
        "run",
        "--quiet",
        "--package",
        "countersign-attacks",
        "--bin",
        "countersign-attacks",
    ]))?;
    passed(&text, "attacks")
}

#[expect(clippy::disallowed_methods, reason = "steps are timed for the table")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
