//! The documents that are made from tables in the code: written, or compared with what is committed.
use crate::run::{cargo, quiet, root};
use std::collections::BTreeMap;

/// Writes them, or only compares.
///
/// # Errors
/// When one differs, or cannot be made or written.
pub(crate) fn run(check: bool) -> Result<u64, String> {
    let text = quiet(cargo(&["run", "--quiet", "--package", "countersign-tables"]))?;
    let documents: BTreeMap<String, String> =
        serde_json::from_str(&text).map_err(|error| format!("docs: {error}"))?;
    for (name, text) in &documents {
        let path = root().join("docs").join(name);
        if check {
            let committed =
                std::fs::read_to_string(&path).map_err(|error| format!("docs/{name}: {error}"))?;
            if committed != *text {
                return Err(format!(
                    "docs/{name} is not what the tables give; run `cargo xtask docs` and commit it"
                ));
            }
        } else {
            let written = path
                .parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::write(&path, text));
            written.map_err(|error| format!("docs/{name}: {error}"))?;
            println!("wrote docs/{name}");
        }
    }
    u64::try_from(documents.len()).map_err(|error| error.to_string())
}
