//! An HTTP message signature read with goodwill: its label, its parameters, and its bytes as they are written.
use super::scene::Scene;
use countersign::dialect::Dialect;
use countersign::dialect::demand::Place;
use countersign::structured::{Bare, InnerList, Member, dictionary};
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
    /// The signature of a request that the dialect means, else the first, where the dialect is of message signatures.
    pub(super) fn of(scene: &Scene<'_>, dialect: &Dialect) -> Option<Self> {
        let Place::Headers([input, signature]) = dialect.place() else { return None };
        if input.as_str() != "signature-input" {
            return None;
        }
        let input = field(scene, input)?;
        let mut inputs = Vec::new();
        dictionary(input.as_bytes(), MOST, &mut inputs).ok()?;
        let lists = || {
            inputs.iter().filter_map(|(label, member)| match member {
                Member::Inner(inner) => Some((*label, inner)),
                Member::Item(_) => None,
            })
        };
        let tag = |inner: &InnerList<'_>| match inner.parameters.get("tag").map(|found| &found.value) {
            Some(Bare::String(tag)) => Some(tag.to_string()),
            _ => None,
        };
        let meant = lists().find(|(label, inner)| dialect.means(label, tag(inner).as_deref()));
        let (label, inner) = meant.or_else(|| lists().next())?;
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
        // No encoding of bytes has a comma in it.
        let parts = field.as_deref().unwrap_or_default().split(',').take(MOST);
        let written = parts.filter_map(|part| part.trim().split_once('=')).find(|(own, _)| *own == label);
        let written = written.map(|(_, written)| written.trim());
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

/// The lines of a field in one, as text.
fn field(scene: &Scene<'_>, name: &HeaderName) -> Option<String> {
    let lines = || scene.incoming.headers.get_all(name).iter().map(|line| line.as_bytes());
    if lines().next().is_none() || lines().map(<[u8]>::len).sum::<usize>() > LONGEST {
        return None;
    }
    let lines: Vec<_> = lines().take(MOST).map(String::from_utf8_lossy).collect();
    Some(lines.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::incoming::{Body, Incoming, Limits, Target};
    use countersign::reason::Reason;
    use countersign::time::Time;
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn of_several_signatures_the_one_that_is_meant_is_explained() {
        let dialect = countersign_dialects::load("http-signature", &[].into()).unwrap();
        let mut headers = HeaderMap::new();
        for (name, line) in [
            ("signature-input", "proxy=(\"@method\");keyid=\"p\";tag=\"t\""),
            ("signature-input", "sig1=(\"@path\");keyid=\"k\""),
            ("signature", "proxy=:cHJveHk=:"),
            ("signature", "xsig1=:AAAA:, sig1=:b3du:"),
        ] {
            headers.append(name, HeaderValue::from_static(line));
        }
        let target = Target::new("https", "h", "/");
        let incoming = Incoming {
            method: "GET",
            target,
            headers: &headers,
            body: Body::Empty,
            client: None,
            challenge: None,
        };
        let scene = Scene {
            dialects: &[],
            dialect: Some(&dialect),
            incoming: &incoming,
            limits: Limits::default(),
            reason: Reason::BadSignature,
            demand: None,
            account: None,
            keys: &[],
            similar: None,
            now: Time::from_seconds(0),
            signed: None,
        };
        let message = Message::of(&scene, &dialect).unwrap();
        assert_eq!((message.label.as_str(), message.parameters["keyid"].as_str()), ("sig1", Some("k")));
        assert_eq!((message.signature.as_deref(), message.is_written_well), (Some("b3du"), true));
    }
}
