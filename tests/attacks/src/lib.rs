//! Recorded attacks and what drives them: in process through the guard, and over TCP against a real server.
#![expect(clippy::indexing_slicing, reason = "a test program may stop at once")]
pub mod installation;
mod judge;
mod number;
mod pins;
pub mod record;
mod register;
mod tally;

use record::{Record, Surface};
use std::path::Path;

/// Drives everything, prints the table, and gives how many failed.
///
/// # Errors
/// What kept it from running at all.
pub async fn run() -> Result<usize, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| {
        let path = here.join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let records = Record::read_all(&read("data/corpus.jsonl")?)?;
    let pins = pins::Pins::read(&read("pins.toml")?)?;
    let principals = read("data/principals.json")?;
    let mut tally = tally::Tally::default();
    let mut inside = judge::Inside::new(&principals)?;
    for record in records.iter().filter(|record| record.surface == Surface::Verify) {
        let outcome = inside.drive(record, &pins).await;
        tally.note("in process", &record.class, &record.id, outcome);
    }
    register::run(&mut tally)?;
    print!("{}", tally.report());
    Ok(tally.failed())
}
