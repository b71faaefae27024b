//! Every test that the page on standards names as its evidence is a test of this workspace.
use super::crates::Workspace;
use super::files::sources;
use crate::run::root;
use std::collections::BTreeSet;

/// The page whose tables end each row with the tests that show it.
const PAGE: &str = "docs/book/src/standards.md";

/// Looks for each named test among all tests.
///
/// # Errors
/// When the page or a source file cannot be read.
pub(crate) fn run(workspace: &Workspace, faults: &mut Vec<String>) -> Result<u64, String> {
    let page = std::fs::read_to_string(root().join(PAGE)).map_err(|error| format!("{PAGE}: {error}"))?;
    let mut there = BTreeSet::new();
    for path in workspace.packages.iter().flat_map(|package| sources(&package.folder)) {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        there.extend(tests(&text).into_iter().map(str::to_owned));
    }
    let mut made = 0;
    for (line, row) in page.lines().enumerate().filter(|(_, line)| is_row(line)) {
        let named = named(row);
        made += 1;
        if named.is_empty() {
            faults.push(format!("{PAGE}:{}: a row names no test in its last column", line + 1));
        }
        for name in named.into_iter().filter(|name| !there.contains(*name)) {
            made += 1;
            faults.push(format!("{PAGE}:{}: there is no test {name}", line + 1));
        }
    }
    if made == 0 {
        faults.push(format!("{PAGE}: has no tables, so it shows nothing"));
    }
    Ok(made)
}

/// A row of a table below its head: the head's own cells and the rule under it have no test to name.
fn is_row(line: &str) -> bool {
    line.starts_with("| ") && !line.ends_with("| shown by |") && !line.starts_with("| ---")
}

/// What stands in backquotes in the last cell.
fn named(row: &str) -> Vec<&str> {
    let cells = row.trim_end_matches('|').rsplit_once('|');
    cells.map_or_else(Vec::new, |(_, last)| last.split('`').skip(1).step_by(2).collect())
}

/// The names of the functions that stand behind a `#[test]` of whatever runtime.
fn tests(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut marked = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let (true, Some((before, rest))) = (marked, line.split_once("fn ")) {
            // Attributes may stand between the mark and the function.
            if before.is_empty() || before == "async " {
                found.extend(rest.split('(').next());
                marked = false;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_what_names_them_are_found() {
        let text = "#[test]\nfn one() {}\nfn helper() {}\n    #[tokio::test(flavor = \"x\")]\n    #[expect(y)]\n    async fn two() {}\n";
        assert_eq!(tests(text), ["one", "two"]);
        assert_eq!(named("| 3.1 `x` | done | `one`, `two` |"), ["one", "two"]);
        assert!(named("| 3.1 | done | nothing |").is_empty());
        assert!(is_row("| 3.1 | done | `one` |"));
        assert!(
            !is_row("| point | what we do | shown by |") && !is_row("| --- | --- | --- |") && !is_row("text")
        );
    }
}
