//! A public key as a JSON Web Key (RFC 7517), and its RFC 7638 thumbprint text.

use crate::numbers::Numbers;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

/// The public members of a JSON Web Key.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Jwk {
    /// Key type: `RSA`, `EC` or `OKP`.
    pub kty: String,
    /// Curve, for `EC` and `OKP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// First coordinate, or the whole Ed25519 key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Second coordinate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// RSA modulus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA public exponent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Key id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The one algorithm that the key is meant for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// What the key is for: `sig` here.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
}

impl Jwk {
    /// The text whose SHA-256 is the RFC 7638 thumbprint: the required members only, in order of name.
    #[must_use]
    pub fn thumbprint_text(&self) -> String {
        let text = |member: &Option<String>| member.clone().unwrap_or_default();
        // Every value is base64url or a fixed name, so nothing needs escaping.
        match self.kty.as_str() {
            "RSA" => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(&self.e), text(&self.n)),
            "EC" => format!(
                r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                text(&self.crv),
                text(&self.x),
                text(&self.y)
            ),
            _ => format!(r#"{{"crv":"{}","kty":"{}","x":"{}"}}"#, text(&self.crv), self.kty, text(&self.x)),
        }
    }

    pub(crate) fn from_numbers(numbers: &Numbers) -> Self {
        let text = |bytes: &[u8]| Some(Base64UrlUnpadded::encode_string(bytes));
        let crv = numbers.kind().curve().map(str::to_owned);
        match numbers {
            Numbers::Rsa { n, e } => Self { kty: "RSA".into(), n: text(n), e: text(e), ..Self::default() },
            Numbers::Ed25519(raw) => Self { kty: "OKP".into(), crv, x: text(raw), ..Self::default() },
            Numbers::Ec { x, y, .. } => {
                Self { kty: "EC".into(), crv, x: text(x), y: text(y), ..Self::default() }
            }
        }
    }
}
