//! `cargo xtask explain-score`: how often explain names the right cause first, the percentage last.
use crate::run::{cargo, shown};

/// Scores the corpus.
///
/// # Errors
/// When the right cause came first in under 95 of 100 requests, something leaked, or the score cannot be read.
pub(crate) fn run() -> Result<u64, String> {
    let text = shown(cargo(&[
        "run",
        "--quiet",
        "--package",
        "countersign-explain-corpus",
        "--bin",
        "countersign-explain-score",
    ]))?;
    right(&text)
        .ok_or_else(|| "explain-score: wanted a line with the number of right cases, found none".to_owned())
}

/// The number before "with the right cause first".
fn right(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_suffix(" with the right cause first"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::right;

    #[test]
    fn the_number_is_found() {
        let text = "x\n227 faults, 670 cases, 662 with the right cause first\n98.8 %\n";
        assert_eq!(right(text), Some(662));
        assert_eq!(right("98.8 %"), None);
    }
}
