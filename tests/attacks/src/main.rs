//! Drives every recorded attack: in process through the guard, and over TCP against a real server.
#![expect(clippy::indexing_slicing, reason = "a test program may stop at once")]
mod installation;
mod judge;
mod number;
mod pins;
mod record;
mod register;
mod tally;

use record::{Record, Surface};
use std::path::Path;
use std::process::ExitCode;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match run().await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("attacks: {why}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<usize, String> {
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
