//! Writes structured field values in the one spelling of RFC 9651 section 4.1.
use super::value::{Bare, InnerList, Item, Member, Parameters};
use std::io::Write;

impl Bare<'_> {
    /// Adds the value's canonical spelling.
    pub fn write(&self, out: &mut Vec<u8>) {
        // Writing into a vector never fails.
        let _ = match self {
            Self::Integer(value) => write!(out, "{value}"),
            Self::Decimal(value) => {
                let (whole, rest) = (value.unsigned_abs() / 1000, value.unsigned_abs() % 1000);
                let rest = format!("{rest:03}");
                let kept = rest.trim_end_matches('0');
                let sign = if *value < 0 { "-" } else { "" };
                write!(out, "{sign}{whole}.{}", if kept.is_empty() { "0" } else { kept })
            }
            Self::String(text) => {
                write_string(text, out);
                Ok(())
            }
            Self::Token(text) => out.write_all(text.as_bytes()),
            Self::Bytes(text) => write!(out, ":{text}:"),
            Self::Boolean(value) => write!(out, "?{}", u8::from(*value)),
            Self::Date(value) => write!(out, "@{value}"),
            Self::Display(text) => {
                out.extend_from_slice(b"%\"");
                for byte in text.bytes() {
                    if matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'%' {
                        out.push(byte);
                    } else {
                        let _ = write!(out, "%{byte:02x}");
                    }
                }
                out.push(b'"');
                Ok(())
            }
        };
    }
}

/// Adds a text of printable ASCII in quotes, with quotes and backslashes escaped.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if text.bytes().any(|byte| matches!(byte, b'"' | b'\\')) {
        for byte in text.bytes() {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

impl Parameters<'_> {
    /// Adds the parameters, each behind a semicolon.
    pub fn write(&self, out: &mut Vec<u8>) {
        for parameter in &self.0 {
            out.push(b';');
            out.extend_from_slice(parameter.key.as_bytes());
            if parameter.value != Bare::Boolean(true) {
                out.push(b'=');
                parameter.value.write(out);
            }
        }
    }
}

impl Item<'_> {
    /// Adds the item's canonical spelling.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.value.write(out);
        self.parameters.write(out);
    }
}

impl InnerList<'_> {
    /// Adds the list's canonical spelling.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'(');
        for (at, item) in self.items.iter().enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            item.write(out);
        }
        out.push(b')');
        self.parameters.write(out);
    }
}

impl Member<'_> {
    /// Adds the member's canonical spelling, as it stands in a list.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Item(item) => item.write(out),
            Self::Inner(list) => list.write(out),
        }
    }
}

/// Adds a whole dictionary.
pub(crate) fn write_dictionary(members: &[(&str, Member<'_>)], out: &mut Vec<u8>) {
    for (at, (key, member)) in members.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(key.as_bytes());
        match member {
            Member::Item(Item { value: Bare::Boolean(true), parameters }) => parameters.write(out),
            member => {
                out.push(b'=');
                member.write(out);
            }
        }
    }
}

/// Adds a whole list.
pub(crate) fn write_list(members: &[Member<'_>], out: &mut Vec<u8>) {
    for (at, member) in members.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        member.write(out);
    }
}
