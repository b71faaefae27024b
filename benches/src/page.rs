//! The pages of figures in the book: the tables of one run with its day, machine and versions.
use crate::measure::Table;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes the page of our own figures.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(table: &Table) -> Result<(), String> {
    let told = "Each figure is a median of interleaved turns in one run, and ratios compare within that run. On another machine the\n\
                times differ; the ratios should stand. No server under measurement writes a line for each request.";
    keep("figures.md", &page("Figures", "cargo xtask bench --write", told, "", &table.markdown()))?;
    list("Figures", "figures.md")
}

/// Writes the page that compares us with others, and its charts.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_peers(
    table: &Table,
    charts: &[(&str, String)],
    versions: &[String],
) -> Result<(), String> {
    let told = "Every server is started afresh in each round, pinned to one core, with the load on the other; it must take good tokens\n\
                and refuse a changed one and none before it is measured. The median round counts. The bare hyper servers are the floor:\n\
                they do nothing else, and one of them checks a token with one fixed key. CPU a request is the figure that stands on a\n\
                busy machine; requests a second vary more. No server writes a line for each request.";
    let versions = versions.iter().map(|version| format!("- {version}\n")).collect::<String>();
    let mut figures = String::new();
    for (name, svg) in charts {
        keep(name, svg)?;
        figures.push_str(&format!("![{}]({name})\n\n", name.trim_end_matches(".svg").replace('-', " ")));
    }
    figures.push_str(&table.markdown());
    keep(
        "peers.md",
        &page("Beside other servers", "cargo xtask bench peers --write", told, &versions, &figures),
    )?;
    list("Beside other servers", "peers.md")
}

fn page(title: &str, command: &str, told: &str, versions: &str, figures: &str) -> String {
    format!(
        "# {title}\n\nMade by `{command}`; never by hand. {told}\n\n\
         - Day: {}\n- Machine: {}, {} cores, Linux {}\n- countersign {}, {}\n{versions}\n{figures}",
        said("date", &["-u", "+%Y-%m-%d"]),
        processor(),
        std::thread::available_parallelism().map_or(0, usize::from),
        said("uname", &["-r"]),
        env!("CARGO_PKG_VERSION"),
        said("rustc", &["--version"]),
    )
}

fn keep(name: &str, text: &str) -> Result<(), String> {
    let path = book(name);
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("bench: wrote {}", path.display());
    Ok(())
}

/// Puts a page into the book's table of contents, once.
fn list(title: &str, name: &str) -> Result<(), String> {
    let path = book("SUMMARY.md");
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(&path).map_err(told)?;
    if text.contains(&format!("({name})")) {
        return Ok(());
    }
    std::fs::write(&path, format!("{}\n- [{title}]({name})\n", text.trim_end())).map_err(told)
}

fn book(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/book/src").join(name)
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    line.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}

/// What a program prints, on either stream; empty when it cannot be started.
pub(crate) fn said(program: &str, arguments: &[&str]) -> String {
    let ended = Command::new(program).args(arguments).output();
    let text = ended.map(|ended| [ended.stdout, ended.stderr].concat()).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}
