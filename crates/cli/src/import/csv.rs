//! Rows of a table, from CSV (RFC 4180) or from a JSON array of objects; names of columns in lower case.
use crate::exit::Failure;
use serde_json::Value;
use std::collections::BTreeMap;

/// A row by its columns.
pub(super) type Row = BTreeMap<String, String>;

/// Reads either.
pub(super) fn rows(bytes: &[u8]) -> Result<Vec<Row>, Failure> {
    let text =
        str::from_utf8(bytes).map_err(|_| Failure::usage("wanted text in UTF-8, found other bytes"))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with(['[', '{']) {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Failure::usage(format!("wanted JSON or CSV: {error}")))?;
        let mut rows = Vec::new();
        json(&value, &mut rows);
        return Ok(rows);
    }
    let mut records = records(text)?.into_iter();
    let head: Vec<String> =
        records.next().unwrap_or_default().iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    Ok(records.map(|record| head.iter().cloned().zip(record).collect()).collect())
}

/// Arrays in arrays are results one after another.
fn json(value: &Value, rows: &mut Vec<Row>) {
    match value {
        // Serde's own limit of depth holds here.
        Value::Array(all) => all.iter().for_each(|one| json(one, rows)),
        Value::Object(members) => rows.push(
            members
                .iter()
                .map(|(name, value)| {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    (name.to_ascii_lowercase(), if value.is_null() { String::new() } else { text })
                })
                .collect(),
        ),
        _ => {}
    }
}

fn records(text: &str) -> Result<Vec<Vec<String>>, Failure> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut letters) = (false, text.chars().peekable());
    while let Some(letter) = letters.next() {
        match (letter, quoted) {
            ('"', true) if letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => record.push(std::mem::take(&mut field)),
            ('\r', false) => {}
            ('\n', false) => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            (letter, _) => field.push(letter),
        }
    }
    if quoted {
        return Err(Failure::usage("wanted CSV, found a quotation mark that is not closed"));
    }
    record.push(field);
    records.push(record);
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_keep_commas_breaks_and_marks() {
        let found = rows(b"\xef\xbb\xbf\"A\",b\r\n\"x,\n\"\"y\"\"\",2\r\n3\n").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0]["a"].as_str(), found[0]["b"].as_str()), ("x,\n\"y\"", "2"));
        assert!(rows(b"a\n\"b").is_err());
        let found = rows(b"[{\"A\":1,\"b\":null},[{\"A\":\"x\"}]]").unwrap();
        assert_eq!((found[0]["a"].as_str(), found[0]["b"].as_str(), found[1]["a"].as_str()), ("1", "", "x"));
    }
}
