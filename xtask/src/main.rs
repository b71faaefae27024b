//! Tasks of this workspace: `cargo xtask test`, `bench`, `fuzz`, `docs`, `house`, `clients`, `console`, `doors`, `attacks`, `explain-score`, `faults`, `soak`,
//! `package`, `tour`, `book`, `simulate`, `mutants`.
mod apis;
mod bench;
mod book;
mod clients;
mod console;
mod docs;
mod doors;
mod envoy;
mod explain;
mod faults;
mod fuzz;
mod house;
mod installed;
mod mutants;
mod node;
mod package;
mod python;
mod run;
mod simulation;
mod test;
mod tools;
mod tour;
mod traces;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask TASK
  test            installs what is missing and runs every check and test, the real clients included
  house           the structure: crate edges, closed lists, import cycles, file rules
  attacks         every recorded attack, in process, over TCP and over three nodes of the real program
  explain-score   requests broken as callers break them: how often explain names the right cause first
  faults          disks, clocks, networks, databases and processes taken apart under load (some need root)
  soak [TRIAL…]   the same at full length: a million raced duplicates, a hundred kills
  clients         the real client libraries against a running server
  python          the Python package's wheel, built and tried with the real frameworks
  node            the Node package, packed, installed and tried with the real frameworks
  console         the web console in a real browser, before a running server; `console --write` takes the book's
                  pictures anew
  doors           every front door of examples/ before a running server
  traces          traces of a real server, with OpenTelemetry's own SDK before and behind it
  envoy           the real Envoy with the configuration of examples/envoy before a real server
  fuzz MINUTES    coverage-guided fuzzing of every target (nightly; without one, a runner for stable)
  simulate SEEDS [FIRST]
                  several nodes over a faulty network and clocks, in simulated time
  mutants [FILE…] changes the core a line at a time and tells which changes no test notices
  bench [PART…]   the benchmarks, as ratios; `bench --write` keeps the day's figures in the book
  docs            writes the documents that are made from tables; `docs --check` only compares
  package         builds the Debian package; `package --check` tries one of the debug build in an empty root
  tour            runs the tours of the README and of the book as they stand
  book            builds the book with mdBook, and looks whether every page came out";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => test::run(),
        ["house"] => house::run().map(print_counted),
        ["attacks"] => test::attacks().map(print_counted),
        ["explain-score"] => explain::run().map(|_| ()),
        ["faults"] => tools::clients().and_then(|()| faults::run()).map(print_counted),
        ["soak", rest @ ..] => tools::clients().and_then(|()| faults::soak(rest)).map(print_counted),
        ["apis"] => tools::clients().and_then(|()| apis::run()).map(print_counted),
        ["traces"] => tools::clients().and_then(|()| traces::run()).map(print_counted),
        ["envoy"] => tools::clients().and_then(|()| envoy::run()).map(print_counted),
        ["clients"] => tools::clients().and_then(|()| clients::run()).map(print_counted),
        ["console"] => console::run().map(print_counted),
        ["console", "--write"] => console::write().map(print_counted),
        ["doors"] => tools::clients().and_then(|()| doors::run()).map(print_counted),
        ["fuzz", minutes] => match minutes.parse() {
            Ok(minutes) => fuzz::run(minutes).map(print_counted),
            Err(_) => Err(format!("fuzz: wanted a number of minutes, found {minutes}")),
        },
        ["simulate", rest @ ..] => simulation::run(rest).map(print_counted),
        ["mutants", rest @ ..] => mutants::run(rest),
        ["bench", rest @ ..] => bench::run(rest),
        ["docs"] => docs::run(false).map(print_counted),
        ["docs", "--check"] => docs::run(true).map(print_counted),
        ["package"] => package::run(),
        ["package", "--check"] => tools::packages().and_then(|()| installed::run()).map(print_counted),
        ["tour"] => tour::run().map(print_counted),
        ["node"] => tools::clients().and_then(|()| node::run()).map(print_counted),
        ["python"] => python::run().map(print_counted),
        ["book"] => book::run().map(print_counted),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

fn print_counted(passed: u64) {
    println!("xtask: {passed} passed, 0 failed");
}
