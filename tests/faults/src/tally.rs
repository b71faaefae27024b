//! Counts what was tried and what went wrong, trial by trial.
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

/// What a trial gives: how many things were tried, and each that went wrong in words.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) tried: u64,
    pub(crate) wrong: Vec<String>,
}

/// Every trial so far.
#[derive(Default)]
pub(crate) struct Tally {
    table: String,
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// So many wrong things of one trial are told; the others are alike.
const MOST_TOLD: usize = 20;

impl Found {
    /// Counts one thing that holds or does not.
    pub(crate) fn check(&mut self, holds: bool, wanted: &str) {
        self.tried += 1;
        if !holds {
            self.wrong.push(format!("wanted {wanted}"));
        }
    }

    /// Adds what another part found.
    pub(crate) fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.wrong.extend(other.wrong);
    }
}

impl Tally {
    /// Notes how a trial ended; one that stopped at once has failed.
    pub(crate) fn note(&mut self, name: &str, outcome: std::thread::Result<Found>, took: Duration) {
        let found = outcome.unwrap_or_else(|why| {
            let text = why.downcast_ref::<String>().cloned();
            let text = text.or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Found { tried: 1, wrong: vec![text.unwrap_or_else(|| "it stopped".to_owned())] }
        });
        for wrong in found.wrong.iter().take(MOST_TOLD) {
            println!("WRONG {name}: {wrong}");
        }
        let wrong = u64::try_from(found.wrong.len()).unwrap_or(u64::MAX);
        println!("{name}: {} tried, {wrong} wrong", found.tried);
        self.passed += found.tried.saturating_sub(wrong);
        self.failed += wrong;
        let _ = writeln!(self.table, "  {name:<16} {:>9} {wrong:>6} {:>8}", found.tried, took.as_secs());
    }

    /// Says aloud what cannot be done here, and why.
    pub(crate) fn skip(&mut self, name: &str, missing: &str) {
        println!("SKIPPED {name}: {missing}");
        self.skipped += 1;
        let _ = writeln!(self.table, "  {name:<16} {:>9} {:>6} {:>8}  {missing}", "skipped", "", "");
    }

    /// Prints the table.
    pub(crate) fn report(self) -> ExitCode {
        let Self { table, passed, failed, skipped } = self;
        print!("\n  {:<16} {:>9} {:>6} {:>8}\n{table}", "trial", "tried", "wrong", "seconds");
        if skipped > 0 {
            println!("{skipped} trials were SKIPPED: they need what is not here");
        }
        println!("faults: {passed} passed, {failed} failed");
        if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
