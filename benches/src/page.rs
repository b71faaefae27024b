//! The page of figures in the book: the table of one run with its day, machine and versions.
use crate::measure::Table;
use std::path::Path;
use std::process::Command;

/// Writes the page.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(table: &Table) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/book/src/figures.md");
    let text = format!(
        "# Figures\n\n\
         Made by `cargo xtask bench --write`; never by hand. Each figure is a median of interleaved turns in one run, and\n\
         ratios compare within that run. On another machine the times differ; the ratios should stand.\n\n\
         - Day: {}\n- Machine: {}, {} cores, Linux {}\n- countersign {}, {}\n\n{}",
        said("date", &["-u", "+%Y-%m-%d"]),
        processor(),
        std::thread::available_parallelism().map_or(0, usize::from),
        said("uname", &["-r"]),
        env!("CARGO_PKG_VERSION"),
        said("rustc", &["--version"]),
        table.markdown()
    );
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("bench: wrote {}", path.display());
    Ok(())
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    line.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let ended = Command::new(program).args(arguments).output();
    ended.map(|ended| String::from_utf8_lossy(&ended.stdout).trim().to_owned()).unwrap_or_default()
}
