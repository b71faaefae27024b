//! One run over the whole corpus, in process, over TCP and over three nodes, and over the keys that must not be registered.
use crate::judge::Inside;
use crate::nodes;
use crate::outside::Outside;
use crate::pins::Pins;
use crate::record::{Record, Surface};
use crate::register;
use crate::tally::Tally;
use countersign_testkit::postgres::Postgres;
use std::path::Path;
use std::sync::Arc;

/// Drives everything, or the records whose names begin with `only`; prints the table, and gives how many failed.
///
/// # Errors
/// What kept it from running at all.
pub async fn run(only: &str) -> Result<usize, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| {
        let path = here.join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let mut records = Record::read_all(&read("data/corpus.jsonl")?)?;
    records.retain(|record| record.id.starts_with(only));
    let pins = Pins::read(&read("pins.toml")?)?;
    let principals = read("data/principals.json")?;
    let mut tally = Tally::default();
    let mut inside = Inside::new(&principals)?;
    for record in records.iter().filter(|record| record.surface == Surface::Verify) {
        let outcome = inside.drive(record, &pins).await;
        tally.note("in process", &record.class, &record.id, outcome);
    }
    let mut places = vec![("over TCP", None)];
    match nodes::missing() {
        // What is missing can be installed there, so that a skipped part is a failure.
        Some(missing) if std::env::var_os("CI").is_some() => {
            return Err(format!("the corpus over three nodes needs {missing}"));
        }
        Some(missing) => println!("SKIPPED: the corpus over three nodes needs {missing}"),
        None => places.push(("over three nodes", Some(Arc::new(Postgres::start(&[]))))),
    }
    for (place, database) in places {
        let mut outside = Outside::new(&principals, here, database).await;
        for record in &records {
            let outcome = outside.drive(record, &pins).await;
            tally.note(place, &record.class, &record.id, outcome);
        }
        outside.stop().await;
    }
    if only.is_empty() {
        register::run(&mut tally)?;
    }
    print!("{}", tally.report());
    Ok(tally.failed())
}
