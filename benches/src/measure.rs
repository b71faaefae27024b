//! Timing: cases take turns in small blocks, so that a noisy machine disturbs all of them alike; medians are compared.
use std::fmt;
use std::time::Instant;

/// Blocks per case; the median of so many stands firm against a few disturbed ones.
const BLOCKS: usize = 301;

/// Nanoseconds a call, the median over the blocks, for each case.
pub(crate) fn turns(calls: usize, cases: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(BLOCKS); cases.len()];
    for block in 0..BLOCKS + 10 {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            let from = now();
            for _ in 0..calls {
                case();
            }
            let took = now().duration_since(from).as_secs_f64();
            // The first blocks warm up caches and branch predictors.
            if block >= 10 {
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

/// Now, for measuring.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The results.
#[derive(Default)]
pub(crate) struct Table(Vec<(String, String, String)>);

impl Table {
    /// Adds a line: what was measured, the figure, and the bound it is held against.
    pub(crate) fn add(
        &mut self,
        what: impl Into<String>,
        figure: impl Into<String>,
        bound: impl Into<String>,
    ) {
        let (what, figure, bound) = (what.into(), figure.into(), bound.into());
        println!("bench: {what}: {figure}");
        self.0.push((what, figure, bound));
    }

    /// Whether nothing was measured.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<58} {:<42} bound", "measured", "figure")?;
        self.0.iter().try_for_each(|(what, figure, bound)| writeln!(f, "{what:<58} {figure:<42} {bound}"))
    }
}
