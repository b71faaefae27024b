//! Timing: cases take turns in small blocks, so that a noisy machine disturbs all of them alike; medians are compared.
use rustix::time::{ClockId, clock_gettime};
use std::fmt;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Blocks per case; the median of so many stands firm against a few disturbed ones.
const BLOCKS: usize = 301;
/// Blocks before those, which warm up caches and branch predictors.
const WARM: usize = 10;
/// Blocks in all.
pub(crate) const CALLS: u64 = 311;

/// Nanoseconds of CPU time a call, the median over the blocks, for each case.
pub(crate) fn turns(calls: usize, cases: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(BLOCKS); cases.len()];
    for block in 0..BLOCKS + WARM {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            let from = cpu();
            for _ in 0..calls {
                case();
            }
            let took = cpu() - from;
            if block >= WARM {
                times.push(took * 1e9 / count(calls));
            }
        }
    }
    times.into_iter().map(median).collect()
}

/// The median.
pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A count as a number to divide by.
pub(crate) fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

/// Seconds of CPU time that this thread has used: what other programs use meanwhile is not counted.
pub(crate) fn cpu() -> f64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = i32::try_from(used.tv_sec).map_or(f64::NAN, f64::from);
    seconds + i32::try_from(used.tv_nsec).map_or(f64::NAN, f64::from) / 1e9
}

/// Now, for measuring.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Now as Unix seconds, for proofs that a running server judges by its own clock.
#[expect(clippy::disallowed_methods, reason = "a running server reads the real clock, so its proofs need it")]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The results.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

struct Row {
    what: String,
    figure: String,
    bound: String,
}

impl Table {
    /// Adds a line: what was measured, the figure, and the bound it is held against (`at most 1.10`, `at least 2`, or
    /// nothing). The first number of the figure is what the first number of the bound is compared with.
    pub(crate) fn add(
        &mut self,
        what: impl Into<String>,
        figure: impl Into<String>,
        bound: impl Into<String>,
    ) {
        let row = Row { what: what.into(), figure: figure.into(), bound: bound.into() };
        println!("bench: {}: {}", row.what, row.figure);
        self.0.push(row);
    }

    /// The same as a table in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = "| measured | figure | bound | met |\n|---|---|---|---|\n".to_owned();
        for row in &self.0 {
            text.push_str(&format!("| {} | {} | {} | {} |\n", row.what, row.figure, row.bound, row.met()));
        }
        text
    }
}

impl Row {
    /// `yes`, `no`, or nothing where there is no bound.
    fn met(&self) -> &'static str {
        let (Some(figure), Some(bound)) = (first_number(&self.figure), first_number(&self.bound)) else {
            return "";
        };
        let met = if self.bound.starts_with("at least") { figure >= bound } else { figure <= bound };
        if met { "yes" } else { "no" }
    }
}

/// The first decimal number in a text.
fn first_number(text: &str) -> Option<f64> {
    let from = text.find(|letter: char| letter.is_ascii_digit())?;
    let rest = text.get(from..)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
    rest.get(..end)?.trim_end_matches('.').parse().ok()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            |text: fn(&Row) -> &str| self.0.iter().map(|row| text(row).chars().count()).max().unwrap_or(0);
        let (what, figure, bound) =
            (width(|row| &row.what), width(|row| &row.figure), width(|row| &row.bound));
        writeln!(f, "\n{:<what$}  {:<figure$}  {:<bound$}  met", "measured", "figure", "bound")?;
        self.0.iter().try_for_each(|row| {
            writeln!(f, "{:<what$}  {:<figure$}  {:<bound$}  {}", row.what, row.figure, row.bound, row.met())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_held_against_the_first_number() {
        let met = |figure: &str, bound: &str| {
            Row { what: String::new(), figure: figure.to_owned(), bound: bound.to_owned() }.met()
        };
        assert_eq!(met("1.10 x raw (20 ns)", "at most 1.10"), "yes");
        assert_eq!(met("raw + 2.51 us (1.1 x)", "at most raw + 2.5 us"), "no");
        assert_eq!(met("1.99 x", "at least 2"), "no");
        assert_eq!(met("2.00 x", "at least 2 x"), "yes");
        assert_eq!(met("12 us", ""), "");
    }
}
