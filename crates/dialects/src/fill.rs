//! Puts values into the places of a program, each spelled as its language spells a text.
use crate::language::{Language, json};
use countersign::dialect::settings::Settings;
use std::fmt::{self, Write as _};

/// What a snippet is filled with.
#[derive(Clone, Copy, Debug)]
pub struct Filling<'v> {
    /// The absolute address to ask.
    pub url: &'v str,
    /// The account's name for itself in the dialect.
    pub identifier: &'v str,
    /// The user it acts for, where the dialect names one.
    pub acting_as: Option<&'v str>,
    /// The file that the private key lies in.
    pub key_file: &'v str,
    /// The public key, 32 bytes of Ed25519 in standard base64; only spacetime sends it.
    pub key_base64: Option<&'v str>,
    /// The file that the companion key lies in.
    pub companion_file: &'v str,
    /// The session API: its server, such as `https://api.example.com`, and the prefix of its paths.
    pub session: (&'v str, &'v str),
    /// The dialect's settings in force, the shipped ones among them.
    pub settings: &'v Settings,
}

/// A place in a snippet that nothing fills.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfilled {
    /// What stands in the place.
    pub place: String,
}

/// Fills every place `{{name}}`; `{{name.json}}` is the value as a JSON text, spelled as the language spells a text.
pub(crate) fn fill(
    text: &str,
    dialect: &str,
    language: Language,
    values: &Filling<'_>,
) -> Result<String, Unfilled> {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    // Bounded by the length of a file of ours; every round takes a place.
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((place, after)) = after.split_once("}}") else { break };
        out.push_str(before);
        if place == "settings" {
            out.push_str(&changed(dialect, language, values));
        } else {
            let (name, as_json) = place.strip_suffix(".json").map_or((place, false), |name| (name, true));
            let value = values.named(name).ok_or_else(|| Unfilled { place: name.to_owned() })?;
            let value = if as_json { json(&value) } else { value };
            out.push_str(&language.spelled(&value));
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

impl Filling<'_> {
    fn named(&self, name: &str) -> Option<String> {
        let (server, prefix) = self.session;
        Some(match name {
            "url" => self.url.to_owned(),
            "identifier" => self.identifier.to_owned(),
            "acting_as" => self.acting_as?.to_owned(),
            "key_file" => self.key_file.to_owned(),
            "key_base64" => self.key_base64?.to_owned(),
            "companion_file" => self.companion_file.to_owned(),
            "session" => format!("{server}{prefix}"),
            "session.server" => server.to_owned(),
            "session.prefix" => prefix.to_owned(),
            other => {
                let setting = self.settings.get(other.strip_prefix("setting.")?)?;
                setting.replace("{identifier}", self.identifier)
            }
        })
    }
}

/// The settings that are not the shipped ones, as the command line and the Rust library are told them.
fn changed(dialect: &str, language: Language, values: &Filling<'_>) -> String {
    let shipped = crate::load(dialect, &Settings::new());
    let shipped = shipped.as_ref().map(|dialect| dialect.settings());
    let own = values.settings.iter();
    let own: Vec<_> =
        own.filter(|(name, value)| shipped.is_ok_and(|known| known.get(*name) != Some(value))).collect();
    let mut out = String::new();
    if language != Language::Rust {
        for (name, value) in own {
            let _ = write!(out, " --set {}", language.spelled(&format!("{name}={value}")));
        }
    } else if own.is_empty() {
        out.push_str("Default::default()");
    } else {
        let pairs: Vec<_> =
            own.iter().map(|(name, value)| format!("({name:?}.to_owned(), {value:?}.to_owned())")).collect();
        let _ = write!(out, "[{}].into()", pairs.join(", "));
    }
    out
}

impl fmt::Display for Unfilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the snippet wants {}, and there is none", self.place)
    }
}

impl std::error::Error for Unfilled {}
