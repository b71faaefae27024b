//! Fills in what a record leaves to run time: captured variables, signatures over them, and broken ones.
use crate::dpop;
use base64ct::{Base64, Encoding};
use countersign_keys::{Algorithm, PrivateKey};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// Variables by name, and the keys that sign.
pub(crate) struct Fill {
    pub(crate) keys: BTreeMap<String, PrivateKey>,
    /// What earlier answers said.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Fill {
    /// Reads the test keys of a folder.
    pub(crate) fn new(folder: &Path) -> Result<Self, String> {
        let trouble = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
        let mut keys = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(|error| trouble(&error))?.flatten() {
            let path = entry.path();
            let text = std::fs::read(&path).map_err(|error| trouble(&error))?;
            let key = PrivateKey::read(&text, None).map_err(|error| trouble(&error))?;
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            keys.insert(name, key);
        }
        Ok(Self { keys, variables: BTreeMap::new() })
    }

    /// A value with everything filled in.
    pub(crate) fn value(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::Array(items) => {
                items.iter().map(|item| self.value(item)).collect::<Result<_, _>>().map(Value::Array)
            }
            Value::Object(members) => match members.iter().next() {
                Some((name, inner)) if name.starts_with('$') && members.len() == 1 => self.made(name, inner),
                _ => {
                    let filled = members.iter().map(|(name, inner)| Ok((name.clone(), self.value(inner)?)));
                    filled.collect::<Result<Map<_, _>, String>>().map(Value::Object)
                }
            },
            plain => Ok(plain.clone()),
        }
    }

    fn made(&self, name: &str, inner: &Value) -> Result<Value, String> {
        Ok(match name {
            "$var" => Value::String(self.variable(inner)?.to_owned()),
            "$null" => Value::Null,
            "$obj" => inner.clone(),
            "$fmt" => Value::String(self.formatted(inner.as_str().unwrap_or_default())),
            "$sign" => Value::String(self.signed(inner)?),
            "$badsig" => Value::String(self.broken(inner)?),
            "$dpop" => Value::String(dpop::proof(
                &self.keys,
                self.variables.get("at").map_or("", String::as_str),
                inner,
            )?),
            other => return Err(format!("nothing here fills in {other}")),
        })
    }

    fn variable(&self, name: &Value) -> Result<&str, String> {
        let name = name.as_str().unwrap_or_default();
        let found = self.variables.get(name).map(String::as_str);
        found.ok_or_else(|| format!("no answer gave the variable {name}"))
    }

    fn formatted(&self, text: &str) -> String {
        self.variables
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    fn signature(&self, how: &Value, message: &[u8]) -> Result<Vec<u8>, String> {
        let name = how.get("key").and_then(Value::as_str).unwrap_or_default();
        let key = self.keys.get(name).ok_or_else(|| format!("no test key {name}"))?;
        key.sign(Algorithm::Ed25519, message).map_err(|error| error.to_string())
    }

    fn signed(&self, how: &Value) -> Result<String, String> {
        let text = |name: &str| how.get(name).and_then(Value::as_str).unwrap_or_default();
        let code = || self.variable(how.get("var").unwrap_or(&Value::Null));
        let message = match text("pre") {
            "$unhex" => unhex(code()?),
            literal if literal.starts_with("$lit:") => {
                literal.get(5..).unwrap_or_default().as_bytes().to_vec()
            }
            before => format!("{before}{}", code()?).into_bytes(),
        };
        let signature = self.signature(how, &message)?;
        let encoded = if text("enc") == "b64" { Base64::encode_string(&signature) } else { hex(&signature) };
        Ok(format!("{}{encoded}", text("prefix")))
    }

    fn broken(&self, how: &Value) -> Result<String, String> {
        let code = self.variable(how.get("var").unwrap_or(&Value::Null))?;
        let mut signature = self.signature(how, code.as_bytes())?;
        match how.get("form").and_then(Value::as_str).unwrap_or_default() {
            "trunc63" => signature.truncate(63),
            "s-zero" => signature.iter_mut().skip(32).for_each(|byte| *byte = 0),
            "high-bit-s" => signature.iter_mut().skip(63).for_each(|byte| *byte |= 0xe0),
            "bitflip" => signature.iter_mut().take(1).for_each(|byte| *byte ^= 1),
            other => return Err(format!("no broken signature of the form {other}")),
        }
        Ok(hex(&signature))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}
