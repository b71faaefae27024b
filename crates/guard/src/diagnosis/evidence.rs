//! What a request shows when it is read with goodwill: parts of a token, members of JSON, headers with nearly the right names.
use super::encoding::loose;
use super::message::Message;
use super::scene::Scene;
use countersign::dialect::demand::Place;
use countersign::incoming::Body;
use serde_json::Value;

/// Longest credential or body that is read here: beyond it only its length is of interest.
const LONGEST: usize = 64 * 1024;

/// A request read with goodwill. Nothing in it is believed.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// What stands in the dialect's place, the scheme word cut off.
    pub(super) credential: Option<String>,
    /// The whole value of that header.
    pub(super) value: Option<String>,
    /// The parts of a token.
    pub(super) parts: Vec<String>,
    /// The token's header.
    pub(super) head: Option<Value>,
    /// The token's payload, or the JSON body.
    pub(super) claims: Option<Value>,
    /// The text of the payload or the body.
    pub(super) text: Option<Vec<u8>>,
    /// The signature as it is written.
    pub(super) signature: Option<String>,
    /// An HTTP message signature.
    pub(super) message: Option<Message>,
}

impl Evidence {
    /// Reads what is there.
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let Some(dialect) = scene.dialect.or_else(|| scene.dialects.first().map(|dialect| &**dialect)) else {
            return Self::default();
        };
        let mut evidence = Self::default();
        match dialect.place() {
            Place::Header { name, words, .. } => {
                let value = header(scene, name.as_str());
                let Some(value) = value.filter(|value| value.len() <= LONGEST) else { return evidence };
                let mut rest = value.trim();
                for word in words {
                    let Some((first, tail)) = rest.split_at_checked(word.len()) else { continue };
                    if first.eq_ignore_ascii_case(word) && (tail.is_empty() || tail.starts_with(' ')) {
                        rest = tail.trim_start();
                        break;
                    }
                }
                evidence.credential = Some(rest.to_owned());
                evidence.token(rest);
                evidence.value = Some(value);
            }
            Place::Headers(_) | Place::Form(_) => {}
            Place::Body => {
                if let Body::Seen(body) = scene.incoming.body
                    && body.len() <= LONGEST
                {
                    evidence.claims = serde_json::from_slice(body).ok();
                    evidence.text = Some(body.to_vec());
                }
            }
        }
        let text = dialect.signed_text(scene.incoming, &|member| evidence.member(member));
        if let Some(text) = text {
            evidence.signature = evidence.text_at(scene, &text.signature);
        }
        if let Some(message) = Message::of(scene, dialect) {
            evidence.signature.clone_from(&message.signature);
            evidence.claims = Some(Value::Object(message.parameters.clone()));
            evidence.message = Some(message);
        }
        evidence
    }

    fn token(&mut self, token: &str) {
        // A token has three parts; what has more is none, and how many more does not matter.
        self.parts = token.splitn(7, '.').map(str::to_owned).collect();
        let json = |part: Option<&String>| {
            let bytes = loose(part?)?;
            Some((serde_json::from_slice::<Value>(&bytes).ok(), bytes))
        };
        self.head = json(self.parts.first()).and_then(|(value, _)| value);
        if let Some((value, bytes)) = json(self.parts.get(1)) {
            self.claims = value;
            self.text = Some(bytes);
        }
        if self.parts.len() == 3 {
            self.signature = self.parts.last().cloned();
        }
    }

    /// A text member of the payload or the body.
    pub(super) fn member(&self, name: &str) -> Option<String> {
        self.claims.as_ref()?.get(name)?.as_str().map(str::to_owned)
    }

    /// What stands at a place of a dialect file: `claim.iss`, `header.api-id`, `head.kid`, `signature.nonce`.
    pub(super) fn at(&self, scene: &Scene<'_>, place: &str) -> Option<Value> {
        let place = place.split_once(" as ").map_or(place, |(place, _)| place);
        let (kind, name) = place.split_once('.')?;
        match kind {
            "auth" | "param" => {
                let dialect = scene.dialect.or_else(|| scene.dialects.first().map(|dialect| &**dialect))?;
                dialect.told(scene.incoming, place).map(Value::from)
            }
            "claim" | "signature" => self.claims.as_ref()?.get(name).cloned(),
            "head" => self.head.as_ref()?.get(name).cloned(),
            "header" => header(scene, name).map(Value::from),
            _ => None,
        }
    }

    /// The same as text.
    pub(super) fn text_at(&self, scene: &Scene<'_>, place: &str) -> Option<String> {
        self.at(scene, place)?.as_str().map(str::to_owned)
    }

    /// The name of a claim that is nearly another's.
    pub(super) fn nearly(&self, place: &str) -> Option<String> {
        let (kind, name) = place.split_once('.')?;
        let is_member = matches!(kind, "claim" | "signature");
        let members = if is_member { self.claims.as_ref()?.as_object()? } else { return None };
        // The strict reader takes at most 256 members of an object.
        members.keys().take(256).find(|known| is_near(known, name)).cloned()
    }
}

/// The one value of a header, as text.
pub(super) fn header(scene: &Scene<'_>, name: &str) -> Option<String> {
    let value = scene.incoming.headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Whether somebody who wrote the one may have meant the other.
fn is_near(written: &str, meant: &str) -> bool {
    let bare = |name: &str| {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_lowercase()).take(64).collect::<String>()
    };
    let (written, meant) = (bare(written), bare(meant));
    if written.len() < 3 || meant.len() < 3 {
        return written == meant;
    }
    written.starts_with(&meant)
        || meant.starts_with(&written)
        || (meant.len() > 3 && is_a_slip(&written, &meant))
}

/// Whether two names differ by one letter too many, too few or wrong.
fn is_a_slip(one: &str, other: &str) -> bool {
    let same = one.bytes().zip(other.bytes()).take_while(|(left, right)| left == right).count();
    let tail = |text: &str, from: usize| text.get(from..).unwrap_or("").to_owned();
    tail(one, same + 1) == tail(other, same)
        || tail(one, same) == tail(other, same + 1)
        || tail(one, same + 1) == tail(other, same + 1)
}
