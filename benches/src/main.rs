//! The benchmarks: each case beside its floor in one run, turn by turn, and the medians as ratios.
mod chart;
mod durable;
mod flood;
mod judging;
mod lanes;
mod load;
mod lookup;
mod measure;
mod messages;
mod page;
mod peers;
mod postgres;
mod process;
mod registry;
mod remembering;
mod replay;
mod serving;
mod signing;
mod strangers;
mod token;

use measure::Table;

/// A part, and what measures it.
type Part = (&'static str, fn(&mut Table) -> Result<(), String>);

const PARTS: &[Part] = &[
    ("judging", judging::run),
    ("messages", messages::run),
    ("remembering", remembering::run),
    ("signing", signing::run),
    ("replay", replay::run),
    ("durable", durable::run),
    ("lanes", lanes::run),
    ("lookup", lookup::run),
    ("registry", registry::run),
    ("start", registry::start),
    ("serving", serving::run),
    ("strangers", strangers::run),
    ("flood", flood::run),
];

fn main() -> Result<(), String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        // Processes that measurements start.
        Some((word, rest)) if word == "load" => return load::run(rest),
        Some((word, rest)) if word == "flood-from" => return flood::send(rest),
        Some((word, rest)) if word == "hold" => return registry::hold(rest),
        // A part of its own, since it wants many programs of other people.
        Some((word, rest)) if word == "peers" => return peers::run(rest),
        _ => {}
    }
    let (options, wanted): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| word.starts_with("--"));
    let known = |word: &&&String| PARTS.iter().any(|(name, _)| name == *word);
    if let Some(other) = options.iter().find(|word| **word != "--write") {
        return Err(format!("wanted --write or nothing, found {other}"));
    }
    if let Some(other) = wanted.iter().find(|word| !known(word)) {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        return Err(format!("wanted some of {}; found {other}", names.join(", ")));
    }
    if !options.is_empty() && !wanted.is_empty() {
        return Err("--write keeps the figures of all parts together: leave the names out".to_owned());
    }
    let mut table = Table::default();
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            part(&mut table)?;
        }
    }
    print!("{table}");
    if options.is_empty() { Ok(()) } else { page::write(&table) }
}
