//! The benchmarks: each case beside its floor in one run, turn by turn, and the medians as ratios.
mod judging;
mod lanes;
mod lookup;
mod measure;
mod replay;
mod serving;

use measure::Table;

fn main() -> Result<(), String> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let mut table = Table::default();
    if runs("judging") {
        judging::run(&mut table)?;
    }
    if runs("replay") {
        replay::run(&mut table)?;
    }
    if runs("lookup") {
        lookup::run(&mut table)?;
    }
    if runs("lanes") {
        lanes::run(&mut table)?;
    }
    if runs("serving") {
        serving::run(&mut table)?;
    }
    if table.is_empty() {
        return Err(format!("wanted some of judging, replay, lookup, lanes, serving; found {wanted:?}"));
    }
    print!("{table}");
    Ok(())
}
