//! A request as it arrives, and what becomes of it on the way.
use crate::dialect::Dialect;

/// Headers in order.
pub type Headers = Vec<(String, String)>;

/// A request as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The address, as the server has it.
    pub url: String,
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub body: Vec<u8>,
    /// The bytes that were signed.
    pub signed: Vec<u8>,
}

impl Sent {
    /// Changes a header's value.
    pub fn change(&mut self, name: &str, change: impl Fn(&str) -> String) {
        for (known, value) in &mut self.headers {
            if known.eq_ignore_ascii_case(name) {
                *value = change(value);
            }
        }
    }

    /// Changes the credential: the token, the header of the signature, or the member of the body.
    pub fn credential(&mut self, dialect: Dialect, change: impl Fn(&str) -> String) {
        let name = match dialect {
            Dialect::Skillhive => "Api-Signature",
            Dialect::Operator => "Countersign-Signature",
            Dialect::Spacetime => {
                self.member("signature", |value| change(value));
                return;
            }
            Dialect::Message => {
                self.change("Signature", |value| match value.split_once("=:") {
                    Some((label, bytes)) => format!("{label}=:{}:", change(bytes.trim_end_matches(':'))),
                    None => change(value),
                });
                return;
            }
            _ => "Authorization",
        };
        self.change(name, change);
    }

    /// Changes the signature alone: the last part of a token.
    pub fn signature(&mut self, dialect: Dialect, change: impl Fn(&str) -> String) {
        self.credential(dialect, |value| match value.rsplit_once('.') {
            Some((before, signature)) => format!("{before}.{}", change(signature)),
            None => change(value),
        });
    }

    /// Changes a text member of a JSON body.
    pub fn member(&mut self, name: &str, change: impl Fn(&str) -> String) {
        if let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&self.body)
            && let Some(value) = body.get_mut(name)
        {
            *value = change(value.as_str().unwrap_or_default()).into();
            self.body = body.to_string().into_bytes();
        }
    }

    /// Takes a header away.
    pub fn drop_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }
}
