//! The tours, run as they stand: every block of the README and of the book's tours that is marked ```` ```sh tour ````.
use crate::run::{command, root, shown, target};
use std::path::{Path, PathBuf};

/// Runs each tour in a shell and a home of its own.
///
/// # Errors
/// When a page has no tour, or a command of it fails.
pub(crate) fn run() -> Result<u64, String> {
    let mut done = 0;
    for page in pages()? {
        let name = page.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        done += one(&page, &target()?.join("tour").join(name))?;
    }
    Ok(done)
}

/// The README, then the book's.
fn pages() -> Result<Vec<PathBuf>, String> {
    let book = root().join("docs/book/src");
    let entries = std::fs::read_dir(&book).map_err(|error| format!("{}: {error}", book.display()))?;
    let is_tour = |path: &PathBuf| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with("tour-") && name.ends_with(".md")
        })
    };
    let mut pages: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_tour).collect();
    pages.sort();
    pages.insert(0, root().join("README.md"));
    Ok(pages)
}

fn one(page: &Path, home: &Path) -> Result<u64, String> {
    let text = std::fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    let blocks = blocks(&text);
    if blocks.is_empty() {
        return Err(format!("{} has no block marked ```sh tour", page.display()));
    }
    if home.exists() {
        std::fs::remove_dir_all(home).map_err(|error| format!("{}: {error}", home.display()))?;
    }
    std::fs::create_dir_all(home).map_err(|error| format!("{}: {error}", home.display()))?;
    // The tour says `countersign`; that is the program of this build, and what it starts ends with the shell.
    let program = target()?.join("debug");
    let path =
        format!("{}:{}", program.display(), std::env::var_os("PATH").unwrap_or_default().to_string_lossy());
    let script = format!(
        "trap 'jobs -p | xargs -r kill 2>/dev/null; wait' EXIT\ncd {}\n{}\n",
        quoted(&root().display().to_string()),
        blocks.join("\n")
    );
    let mut shell = command("bash", &["-euo", "pipefail", "-c", &script]);
    shell
        .env("PATH", path)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CONFIG_HOME", home.join("config"));
    shell.env("COUNTERSIGN_DATA", home.join("data/countersign")).env("TOUR", home);
    shown(shell)?;
    u64::try_from(blocks.len()).map_err(|error| error.to_string())
}

fn blocks(readme: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for line in readme.lines() {
        match &mut open {
            Some(lines) if line.trim_end() == "```" => {
                blocks.push(lines.join("\n"));
                open = None;
            }
            Some(lines) => lines.push(line),
            None if line.trim_end() == "```sh tour" => open = Some(Vec::new()),
            None => {}
        }
    }
    blocks
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_blocks_are_the_tour() {
        let readme =
            "a\n```sh\nno\n```\n```sh tour\nyes\nagain\n```\n```toml\nx\n```\n```sh tour\nlast\n```\n";
        assert_eq!(blocks(readme), ["yes\nagain", "last"]);
        assert_eq!(quoted("a'b"), "'a'\\''b'");
    }
}
