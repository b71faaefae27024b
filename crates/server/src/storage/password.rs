//! Reads the password of a store from its file.
use countersign_store::fault::Fault;
use std::path::Path;
use zeroize::Zeroizing;

/// The first line of a file that a setting names.
pub(super) fn password(file: &Path, setting: &str) -> Result<Zeroizing<String>, Fault> {
    let text = std::fs::read_to_string(file)
        .map(Zeroizing::new)
        .map_err(|error| Fault::caused(format!("{setting}: {} cannot be read", file.display()), error))?;
    match text.lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(Zeroizing::new(line.to_owned())),
        None => Err(Fault::new(format!(
            "{setting}: wanted the password in the first line of {}, found nothing",
            file.display()
        ))),
    }
}
