//! Takes real installations apart (disks, clocks, networks, databases, processes) while callers run, and counts what came of it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test program may stop at once, and measures how long answers take"
)]
mod caller;
mod disk;
mod installation;
mod load;
mod network;
mod node;
mod proofs;
mod road;
mod shell;
mod tally;
mod trials;
mod upstream;
mod wire;

use crate::tally::Tally;
use std::process::ExitCode;
use std::time::Instant;

/// Runs every trial, or those whose names begin with an argument; `--soak` takes each as far as it goes.
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let soak = words.iter().any(|word| word == "--soak");
    let only: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    // What stops a trial is told with it.
    std::panic::set_hook(Box::new(|_| ()));
    let mut tally = Tally::default();
    for trial in trials::ALL {
        if !only.is_empty() && !only.iter().any(|name| trial.name.starts_with(name.as_str())) {
            continue;
        }
        if let Some(missing) = trial.missing() {
            tally.skip(trial.name, &missing);
            continue;
        }
        println!("--- {}: {}", trial.name, trial.what);
        let from = Instant::now();
        let outcome = std::panic::catch_unwind(|| (trial.run)(soak));
        tally.note(trial.name, outcome, from.elapsed());
    }
    tally.report()
}
