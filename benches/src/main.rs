//! The benchmarks: each case beside its floor in one run, turn by turn, and the medians as ratios.
mod judging;
mod lookup;
mod measure;
mod remembering;
mod replay;
mod reuse;
mod serving;
mod signing;

use measure::Table;

fn main() -> Result<(), String> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let mut table = Table::default();
    if runs("judging") {
        judging::run(&mut table)?;
    }
    if runs("remembering") {
        remembering::run(&mut table)?;
    }
    if runs("signing") {
        signing::run(&mut table)?;
    }
    if runs("replay") {
        replay::run(&mut table)?;
    }
    if runs("lookup") {
        lookup::run(&mut table)?;
    }
    if runs("serving") {
        serving::run(&mut table)?;
    }
    if runs("reuse") {
        reuse::run(&mut table)?;
    }
    if table.is_empty() {
        return Err(format!(
            "wanted some of judging, remembering, signing, replay, lookup, serving, reuse; found {wanted:?}"
        ));
    }
    print!("{table}");
    Ok(())
}
