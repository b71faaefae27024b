//! The structure as drawn: which crate may use which, closed lists, no circle inside a crate, rules for every file, links and tests that the
//! docs name.
mod book;
mod crates;
mod cycles;
mod files;
mod map;
mod standards;

/// Runs every check and gives how many were made.
///
/// # Errors
/// Everything that is out of place.
pub(crate) fn run() -> Result<u64, String> {
    let workspace = crates::Workspace::read()?;
    let mut faults = Vec::new();
    let mut made = 0;
    made += crates::edges(&workspace, &mut faults);
    made += crates::closed_lists(&workspace, &mut faults)?;
    made += crates::manifests(&workspace, &mut faults)?;
    made += cycles::run(&workspace, &mut faults)?;
    made += files::run(&workspace, &mut faults)?;
    made += map::run(&workspace, &mut faults)?;
    made += standards::run(&workspace, &mut faults)?;
    made += book::run(&mut faults)?;
    for fault in &faults {
        println!("house: {fault}");
    }
    println!(
        "house: {} passed, {} failed",
        made - u64::try_from(faults.len()).unwrap_or(made).min(made),
        faults.len()
    );
    if faults.is_empty() { Ok(made) } else { Err(format!("{} things out of place", faults.len())) }
}
