//! What the real clients sent, kept byte for byte: every broken request starts from one of these.
use crate::dialect::Dialect;
use crate::sent::{Headers, Sent};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Members of an object or fields of a text, in order.
pub type Pairs = Vec<(String, String)>;

/// A request as a client library sent it, kept by `tests/clients/recordings.py`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Which libraries, in which versions.
    pub client: String,
    /// The method.
    pub method: String,
    /// The address, as the server has it.
    pub url: String,
    /// Its headers in order.
    pub headers: Headers,
    /// Its body.
    pub body: String,
}

impl Recorded {
    /// What the dialect's client sent.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(dialect: Dialect) -> Result<Self, String> {
        let text = match dialect {
            Dialect::Skykit => include_str!("../recorded/skykit.json"),
            Dialect::Jwt => include_str!("../recorded/asymmetric-jwt.json"),
            Dialect::JwtEd => include_str!("../recorded/asymmetric-jwt-ed25519.json"),
            Dialect::Partner => include_str!("../recorded/partner-key.json"),
            Dialect::Skillhive => include_str!("../recorded/skillhive.json"),
            Dialect::Spacetime => include_str!("../recorded/spacetime.json"),
            Dialect::Operator => include_str!("../recorded/operator.json"),
            Dialect::Message => include_str!("../recorded/http-signature.json"),
        };
        let mut read: Self =
            serde_json::from_str(text).map_err(|error| format!("{}: {error}", dialect.label()))?;
        // Those two the server's own HTTP has used up: the address has the one, the body the other.
        let used =
            |name: &str| ["host", "content-length"].iter().any(|known| name.eq_ignore_ascii_case(known));
        read.headers.retain(|(name, _)| !used(name));
        Ok(read)
    }

    /// A header's value.
    ///
    /// # Errors
    /// When the client sent none of that name.
    pub fn header(&self, name: &str) -> Result<&str, String> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| format!("{}: wanted a header {name}, found none", self.client))
    }

    /// A text member of the body.
    ///
    /// # Errors
    /// When the client sent none of that name.
    pub fn member(&self, name: &str) -> Result<String, String> {
        let body: Value = serde_json::from_str(&self.body).map_err(|error| error.to_string())?;
        let found = body.get(name).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| format!("{}: wanted a member {name} in the body, found none", self.client))
    }

    /// The request with other values in these headers.
    #[must_use]
    pub fn with(&self, changed: &[(&str, String)]) -> Sent {
        let mut sent = Sent {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: self.body.clone().into_bytes(),
            signed: Vec::new(),
        };
        for (name, value) in changed {
            sent.change(name, |_| value.clone());
        }
        sent
    }
}

/// The members of an object in order, each value as JSON.
///
/// # Errors
/// When it is no object.
pub fn members(json: &[u8]) -> Result<Pairs, String> {
    struct Members(Pairs);
    struct InOrder;
    impl<'de> Visitor<'de> for InOrder {
        type Value = Pairs;
        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
            let mut found = Pairs::new();
            while let Some((name, value)) = map.next_entry::<String, Value>()? {
                found.push((name, value.to_string()));
            }
            Ok(found)
        }
    }
    impl<'de> Deserialize<'de> for Members {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_map(InOrder).map(Self)
        }
    }
    serde_json::from_slice(json).map(|Members(found)| found).map_err(|error| error.to_string())
}
