//! A description in a file: keys and secrets that it names by file, relative to its folder, are put in their places.
use crate::unusable::Unusable;
use countersign::base64::encode_hex;
use countersign_keys::sha256;
use std::path::Path;
use toml::{Table, Value};
use zeroize::Zeroizing;

/// Bytes of a file that a description names: a key set has 64 KiB at most, a secret far less.
const LONGEST: u64 = 64 * 1024;
/// Bytes of a description: a hundred thousand accounts with a key each.
const LONGEST_DESCRIPTION: u64 = 64 * 1024 * 1024;

/// Reads a file as `countersign apply` does, and gives a description that needs no other file.
///
/// # Errors
/// [`Unusable`] that names the file that cannot be read.
pub(crate) fn read(path: &Path) -> Result<String, Unusable> {
    let text = bytes(path, LONGEST_DESCRIPTION)?;
    let text = str::from_utf8(&text).map_err(|error| wrong(path, &error))?;
    if text.trim_start().starts_with('{') {
        return Ok(text.to_owned());
    }
    let mut table: Table = toml::from_str(text).map_err(|error| wrong(path, &error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for account in tables(&mut table, &["account", "accounts"]) {
        for keys in ["key", "keys"] {
            // A key that is switched off is as good as none here: nothing else is kept of it.
            if let Some(Value::Array(keys)) = account.get_mut(keys) {
                for key in keys.iter() {
                    known(path, key)?;
                }
                keys.retain(|key| key.get("enabled").and_then(Value::as_bool) != Some(false));
            }
        }
        for key in tables(account, &["key", "keys"]) {
            key.remove("enabled");
            if let Some(Value::String(file)) = key.remove("file") {
                let text = bytes(&folder.join(&file), LONGEST)?;
                let text = str::from_utf8(&text).map_err(|error| wrong(&folder.join(&file), &error))?;
                key.insert("public".to_owned(), Value::String(text.to_owned()));
            }
        }
        for companion in tables(account, &["companion", "companions"]) {
            if let Some(Value::String(file)) = companion.remove("secret_file") {
                let secret = bytes(&folder.join(&file), LONGEST)?;
                let digest = encode_hex(&sha256(&[secret.trim_ascii_end()]));
                companion.insert("digest".to_owned(), Value::String(digest));
            }
        }
    }
    toml::to_string(&table).map_err(|error| wrong(path, &error))
}

/// What is taken out of a key's entry here, and seen by no reader after: a switch that is none would leave the key switched on.
fn known(path: &Path, key: &Value) -> Result<(), Unusable> {
    if let Some(found) = key.get("enabled").filter(|enabled| !enabled.is_bool()) {
        return Err(wrong(path, &format!("enabled of a key: wanted true or false, found {found}")));
    }
    if let Some(found) = key.get("file").filter(|file| !file.is_str()) {
        return Err(wrong(path, &format!("file of a key: wanted the name of a file, found {found}")));
    }
    Ok(())
}

/// The tables of the lists by these names.
fn tables<'t>(table: &'t mut Table, names: &'t [&str]) -> impl Iterator<Item = &'t mut Table> {
    let lists = table.iter_mut().filter(|(name, _)| names.contains(&name.as_str()));
    lists.filter_map(|(_, list)| list.as_array_mut()).flatten().filter_map(Value::as_table_mut)
}

fn bytes(path: &Path, most: u64) -> Result<Zeroizing<Vec<u8>>, Unusable> {
    let size = std::fs::metadata(path).map_err(|error| wrong(path, &error))?.len();
    if size > most {
        return Err(wrong(path, &format!("wanted at most {most} bytes, found {size}")));
    }
    std::fs::read(path).map(Zeroizing::new).map_err(|error| wrong(path, &error))
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> Unusable {
    Unusable::new(format!("the accounts, {}: {error}", path.display()))
}
