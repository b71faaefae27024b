//! Simulates so many seeds, or one: `countersign-simulation SEEDS [FIRST]`; ends with 1 when something happened that must not.
use countersign_simulation::flaw::Flaw;
use countersign_simulation::run::simulate;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

fn main() -> ExitCode {
    let numbers: Option<Vec<u64>> = std::env::args().skip(1).map(|word| word.parse().ok()).collect();
    let (seeds, first) = match numbers.as_deref() {
        Some([seeds]) => (*seeds, 1),
        Some([seeds, first]) => (*seeds, *first),
        _ => {
            eprintln!("usage: countersign-simulation SEEDS [FIRST]");
            return ExitCode::from(2);
        }
    };
    let (next, events, passed, failed) =
        (AtomicU64::new(first), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first.saturating_add(seeds) {
                        return;
                    }
                    match simulate(seed, Flaw::Nothing) {
                        Ok(report) => {
                            events.fetch_add(report.events, Ordering::Relaxed);
                            passed.fetch_add(report.passed, Ordering::Relaxed);
                            if let Some(what) = report.violations.first() {
                                failed.fetch_add(1, Ordering::Relaxed);
                                println!("seed {seed}: {what} ({} in all)", report.violations.len());
                                println!("  again: cargo xtask simulate 1 {seed}");
                            }
                        }
                        Err(why) => {
                            failed.fetch_add(1, Ordering::Relaxed);
                            println!("seed {seed}: could not be set up: {why}");
                        }
                    }
                }
            });
        }
    });
    let [events, let_in, failed] = [&events, &passed, &failed].map(|count| count.load(Ordering::Relaxed));
    println!("simulation: {seeds} seeds, {events} events, {let_in} let in, {failed} violations");
    println!("simulation: {} passed, {failed} failed", seeds - failed.min(seeds));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
