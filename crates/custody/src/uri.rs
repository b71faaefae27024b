//! The URI of a key in a PKCS#11 token (RFC 7512): which token, which object, and where the PIN is.
use crate::NoKey;
use std::path::PathBuf;

/// What a `pkcs11:` URI says. What it leaves out fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uri {
    /// The token's label.
    pub token: Option<String>,
    /// The token's serial number.
    pub serial: Option<String>,
    /// The token's maker.
    pub manufacturer: Option<String>,
    /// The token's model.
    pub model: Option<String>,
    /// The number of the slot that the token is in.
    pub slot: Option<u64>,
    /// The key's label.
    pub object: Option<String>,
    /// The key's id.
    pub id: Option<Vec<u8>>,
    /// The library that speaks to the token.
    pub module: Option<PathBuf>,
    /// The file with the PIN.
    pub pin_file: Option<PathBuf>,
}

impl Uri {
    /// Reads a URI. A PIN in it is refused: every user of the machine sees the arguments of a program.
    ///
    /// # Errors
    /// [`NoKey::Unclear`], which names the part that cannot be read.
    pub fn read(text: &str) -> Result<Self, NoKey> {
        let wrong = |what: &str| {
            NoKey::Unclear(format!(
                "wanted a key such as pkcs11:token=NAME;object=LABEL (RFC 7512), found {what:?}"
            ))
        };
        let rest = text.strip_prefix("pkcs11:").ok_or_else(|| wrong(text))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        // As many parts as an argument of a program can have; each is looked at once.
        for (part, is_query) in
            path.split(';').map(|part| (part, false)).chain(query.split('&').map(|part| (part, true)))
        {
            if part.is_empty() {
                continue;
            }
            let (name, value) = part.split_once('=').ok_or_else(|| wrong(part))?;
            let lower = name.to_ascii_lowercase();
            if lower == "pin-value" {
                return Err(NoKey::Pin(
                    "a PIN in an argument is seen by every user of the machine; put it into a file and say pin-source=file:PATH"
                        .to_owned(),
                ));
            }
            // Whatever a PIN was mistyped as, it is not repeated.
            let shown = if lower.starts_with("pin") { name } else { part };
            let bytes = decoded(value).ok_or_else(|| wrong(shown))?;
            let text = String::from_utf8(bytes.clone()).ok();
            let text = || text.clone().ok_or_else(|| wrong(part));
            let twice = match (name, is_query) {
                ("token", false) => uri.token.replace(text()?).is_some(),
                ("serial", false) => uri.serial.replace(text()?).is_some(),
                ("manufacturer", false) => uri.manufacturer.replace(text()?).is_some(),
                ("model", false) => uri.model.replace(text()?).is_some(),
                ("slot-id", false) => uri.slot.replace(text()?.parse().map_err(|_| wrong(part))?).is_some(),
                ("object", false) => uri.object.replace(text()?).is_some(),
                ("id", false) => uri.id.replace(bytes).is_some(),
                ("type", false) if text()? == "private" => false,
                ("module-path", true) => uri.module.replace(PathBuf::from(text()?)).is_some(),
                ("pin-source", true) => {
                    let source = text()?;
                    let file = source.strip_prefix("file:").unwrap_or(&source);
                    let file = file.strip_prefix("//").unwrap_or(file);
                    uri.pin_file.replace(PathBuf::from(file)).is_some()
                }
                _ => return Err(wrong(name)),
            };
            if twice {
                return Err(wrong(&format!("{name} twice")));
            }
        }
        Ok(uri)
    }
}

/// Takes the percent signs away.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit =
            |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        out.push(digit(bytes.next())? * 16 + digit(bytes.next())?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_uri_says_is_read() {
        let uri = Uri::read("pkcs11:token=My%20token;object=api;id=%01%fF;slot-id=7;type=private?module-path=/lib/x.so&pin-source=file:/run/pin").unwrap();
        assert_eq!(uri.token.as_deref(), Some("My token"));
        assert_eq!(
            (uri.object.as_deref(), uri.id.as_deref(), uri.slot),
            (Some("api"), Some(&[1, 255][..]), Some(7))
        );
        assert_eq!((uri.module, uri.pin_file), (Some("/lib/x.so".into()), Some("/run/pin".into())));
        assert_eq!(Uri::read("pkcs11:").unwrap(), Uri::default());
        assert_eq!(
            Uri::read("pkcs11:?pin-source=file:///run/pin").unwrap().pin_file,
            Some("/run/pin".into())
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_and_a_pin_is_refused() {
        for (text, words) in [
            ("ssh:", "ssh:"),
            ("pkcs11:tokn=x", "tokn"),
            ("pkcs11:token", "token"),
            ("pkcs11:token=%4", "%4"),
            ("pkcs11:token=%zz", "%zz"),
            ("pkcs11:token=%ff", "%ff"),
            ("pkcs11:slot-id=x", "slot-id"),
            ("pkcs11:type=cert", "type"),
            ("pkcs11:token=a;token=b", "token twice"),
            ("pkcs11:module-path=/x", "module-path"),
            ("pkcs11:token=a?pin-value=1234", "pin-source"),
            ("pkcs11:token=a?pin-value=1234%4", "pin-source"),
            ("pkcs11:token=a;pin-value=1234%zz", "pin-source"),
            ("pkcs11:token=a;pin-value=1234", "pin-source"),
            ("pkcs11:token=a?PIN-VALUE=1234%", "pin-source"),
            ("pkcs11:token=a?pin=1234%", "\"pin\""),
        ] {
            let told = Uri::read(text).unwrap_err().to_string();
            assert!(told.contains(words) && !told.contains("1234"), "{text}: {told}");
        }
    }
}
