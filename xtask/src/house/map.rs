//! The map of the house, docs/ARCHITECTURE.md, names every crate that there is and none that there is not.
use super::crates::Workspace;
use crate::run::root;
use std::collections::BTreeSet;

/// Compares the map with what cargo knows.
///
/// # Errors
/// When there are more crates than numbers.
pub(crate) fn run(workspace: &Workspace, faults: &mut Vec<String>) -> Result<u64, String> {
    let path = root().join("docs/ARCHITECTURE.md");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        faults.push(format!("docs/ARCHITECTURE.md: {error}"));
        String::new()
    });
    let named: BTreeSet<&str> = crates_named(&text);
    let there: BTreeSet<&str> =
        workspace.floors().filter_map(|package| package.folder.file_name()?.to_str()).collect();
    for name in there.difference(&named) {
        faults.push(format!("docs/ARCHITECTURE.md does not name crates/{name}"));
    }
    for name in named.difference(&there) {
        faults.push(format!("docs/ARCHITECTURE.md names crates/{name}, which is not there"));
    }
    u64::try_from(there.len()).map_err(|error| error.to_string())
}

/// What stands behind every `crates/`.
fn crates_named(text: &str) -> BTreeSet<&str> {
    let after = text.match_indices("crates/").filter_map(|(place, word)| text.get(place + word.len()..));
    let names = after.filter_map(|rest| rest.split(|c: char| !(c.is_ascii_lowercase() || c == '-')).next());
    names.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        let text = "`crates/keys` and crates/store-sqlite/src, see crates/";
        assert_eq!(crates_named(text).into_iter().collect::<Vec<_>>(), ["keys", "store-sqlite"]);
    }
}
