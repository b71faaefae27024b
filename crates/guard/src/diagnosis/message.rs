//! An HTTP message signature read with goodwill: its label, its parameters, and its bytes as they are written.
use super::scene::Scene;
use countersign::dialect::Dialect;
use countersign::dialect::demand::Place;
use countersign::structured::{Bare, Member, dictionary};
use http::HeaderName;
use serde_json::{Map, Value};

/// Signatures of one request that are looked at.
const MOST: usize = 8;
/// Longest field that is read here.
const LONGEST: usize = 16 * 1024;

/// A signature that is there. Nothing in it is believed.
#[derive(Debug)]
pub(super) struct Message {
    /// Its label.
    pub(super) label: String,
    /// Its parameters.
    pub(super) parameters: Map<String, Value>,
    /// Its bytes as they are written, what should stand around them left out.
    pub(super) signature: Option<String>,
    /// Whether the bytes are written as a field has them.
    pub(super) is_written_well: bool,
}

impl Message {
    /// The first signature of a request, where the dialect is of message signatures.
    pub(super) fn of(scene: &Scene<'_>, dialect: &Dialect) -> Option<Self> {
        let Place::Headers([input, signature]) = dialect.place() else { return None };
        if input.as_str() != "signature-input" {
            return None;
        }
        let input = field(scene, input)?;
        let mut inputs = Vec::new();
        dictionary(input.as_bytes(), MOST, &mut inputs).ok()?;
        let (label, inner) = inputs.iter().find_map(|(label, member)| match member {
            Member::Inner(inner) => Some((*label, inner)),
            Member::Item(_) => None,
        })?;
        let value = |value: &Bare<'_>, text: &str| match value {
            Bare::String(text) => Value::from(text.as_ref()),
            Bare::Integer(number) => Value::from(*number),
            Bare::Boolean(value) => Value::from(*value),
            _ => Value::from(text),
        };
        let parameters = inner.parameters.0.iter();
        let parameters =
            parameters.map(|found| (found.key.to_owned(), value(&found.value, found.text))).collect();
        let field = field(scene, signature);
        let rest = field.as_deref().and_then(|field| field.split_once(&format!("{label}=")));
        // No encoding of bytes has a comma in it.
        let written = rest.map(|(_, rest)| rest.split(',').next().unwrap_or(rest).trim());
        let mut fields = Vec::new();
        let is_read =
            field.as_deref().is_some_and(|field| dictionary(field.as_bytes(), MOST, &mut fields).is_ok());
        Some(Self {
            label: label.to_owned(),
            parameters,
            signature: written.map(|text| text.trim_matches([':', '"']).to_owned()),
            is_written_well: is_read && written.is_none_or(|text| text.starts_with(':')),
        })
    }

    /// A parameter of the wrong type (RFC 9421 section 2.3).
    pub(super) fn odd_parameter(&self) -> Option<(&str, &Value)> {
        let odd = |(name, value): &(&String, &Value)| match name.as_str() {
            "created" | "expires" => !value.is_number(),
            "nonce" | "alg" | "keyid" | "tag" => !value.is_string(),
            _ => false,
        };
        self.parameters.iter().find(odd).map(|(name, value)| (name.as_str(), value))
    }
}

/// The first line of a field, as text.
fn field(scene: &Scene<'_>, name: &HeaderName) -> Option<String> {
    let value = scene.incoming.headers.get(name).filter(|value| value.len() <= LONGEST)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}
