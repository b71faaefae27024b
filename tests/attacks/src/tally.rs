//! Counts by class what was tried and what passed, and keeps what did not.
use std::collections::BTreeMap;
use std::fmt::Write;

/// The outcome of a run.
#[derive(Default)]
pub(crate) struct Tally {
    classes: BTreeMap<(&'static str, String), (usize, usize)>,
    failures: Vec<String>,
}

impl Tally {
    /// Notes one record.
    pub(crate) fn note(&mut self, place: &'static str, class: &str, id: &str, outcome: Result<(), String>) {
        let (tried, passed) = self.classes.entry((place, class.to_owned())).or_default();
        *tried += 1;
        match outcome {
            Ok(()) => *passed += 1,
            Err(why) => self.failures.push(format!("{place} {class} {id}: {why}")),
        }
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> usize {
        self.failures.len()
    }

    /// The table, the failures, and the one line that a machine reads.
    pub(crate) fn report(&self) -> String {
        let mut out = String::new();
        let (mut tried_all, mut passed_all, mut before) = (0, 0, "");
        for ((place, class), (tried, passed)) in &self.classes {
            if *place != before {
                let _ = writeln!(out, "{place}\n  {:<28} {:>6} {:>7}", "class", "tried", "passed");
                before = place;
            }
            let mark = if tried == passed { "" } else { "  <--" };
            let _ = writeln!(out, "  {class:<28} {tried:>6} {passed:>7}{mark}");
            tried_all += tried;
            passed_all += passed;
        }
        for failure in &self.failures {
            let _ = writeln!(out, "FAILED {failure}");
        }
        let _ = writeln!(out, "attacks: {passed_all} passed, {} failed", tried_all - passed_all);
        out
    }
}
