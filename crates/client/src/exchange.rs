//! An access token kept fresh: fetched from a token endpoint by an assertion of the caller's key, and bound to a key where wanted.
//!
//! Opens no connection itself: it says what to send, and is told what came back.
use crate::signer::{NotSigned, RequestSigner};
use countersign::dpop::make::{About, CannotProve, proof};
use countersign::percent;
use countersign::time::{Span, Time};
use countersign_keys::PrivateKey;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How long before its end a token is replaced: long enough for a request that takes its time on the way.
const EARLY_SECONDS: i64 = 30;
/// A token whose answer does not say how long it counts is used for so long.
const UNTOLD_SECONDS: i64 = 60;
const DPOP: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Fetches and uses the access tokens of one caller.
pub struct Exchange {
    signer: RequestSigner,
    endpoint: String,
    scope: Option<String>,
    resource: Option<String>,
    key: Option<Arc<PrivateKey>>,
    token: Option<Token>,
    /// What the token endpoint and the resource want in the next proof.
    nonces: [Option<String>; 2],
}

struct Token {
    text: Zeroizing<String>,
    until: Time,
}

/// What to send to the token endpoint.
pub struct Ask {
    /// The address; the method is POST, the body a form.
    pub url: String,
    /// The form.
    pub body: Zeroizing<String>,
    /// The header `DPoP`, where the token is to be bound.
    pub dpop: Option<HeaderValue>,
}

/// Why there is no token.
#[derive(Debug)]
pub enum NoToken {
    /// The assertion cannot be made.
    NotSigned(NotSigned),
    /// The proof of possession cannot be made.
    NoProof(CannotProve),
    /// The token endpoint said no.
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its error, such as `invalid_client`, and what it said about it.
        said: String,
    },
    /// It answered something that is no token, or one of another kind than was asked for.
    Strange(&'static str),
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Exchange {
    /// Tokens from this endpoint; `signer` is one of the dialect `client-assertion` with the issuer as its audience.
    #[must_use]
    pub fn new(signer: RequestSigner, endpoint: &str) -> Self {
        let endpoint = endpoint.to_owned();
        Self { signer, endpoint, scope: None, resource: None, key: None, token: None, nonces: [None, None] }
    }

    /// Asks for these scopes, with spaces between them.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        Self { scope: Some(scope.to_owned()), ..self }
    }

    /// Asks for a token for this resource.
    #[must_use]
    pub fn resource(self, resource: &str) -> Self {
        Self { resource: Some(resource.to_owned()), ..self }
    }

    /// Has the tokens bound to this key, and proves it with each request (DPoP).
    #[must_use]
    pub fn bound(self, key: Arc<PrivateKey>) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Whether there is a token that counts at `now` (by the server's clock).
    #[must_use]
    pub fn is_ready(&self, now: Time) -> bool {
        self.token.as_ref().is_some_and(|token| now + Span::from_seconds(EARLY_SECONDS) < token.until)
    }

    /// What to send for a new token; `random` are two draws of chance, for the assertion and for the proof.
    ///
    /// # Errors
    /// [`NoToken`] when something cannot be signed.
    pub fn ask(&self, now: Time, random: [[u8; 16]; 2]) -> Result<Ask, NoToken> {
        let [first, second] = random;
        let made = self.signer.make("POST", &self.endpoint, &HeaderMap::new(), b"", now, first);
        let assertion = made.map_err(NoToken::NotSigned)?.token;
        let assertion = assertion.ok_or(NoToken::Strange("the dialect makes no assertions"))?;
        let mut body = Zeroizing::new(String::from("grant_type=client_credentials"));
        let more = [
            ("client_assertion_type", Some(ASSERTION_TYPE)),
            ("client_assertion", Some(assertion.as_str())),
            ("scope", self.scope.as_deref()),
            ("resource", self.resource.as_deref()),
        ];
        for (name, value) in more {
            if let Some(value) = value {
                body.push('&');
                body.push_str(name);
                body.push('=');
                percent::add(&mut body, value.as_bytes(), b"-._");
            }
        }
        let about = About {
            method: "POST",
            url: &self.endpoint,
            token: None,
            nonce: self.nonces.first().and_then(Option::as_deref),
        };
        Ok(Ask { url: self.endpoint.clone(), body, dpop: self.possession(&about, now, second)? })
    }

    /// Takes the endpoint's answer. `true`: it wants the same once more, with the nonce that it gave.
    ///
    /// # Errors
    /// [`NoToken`].
    pub fn answered(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: Time,
    ) -> Result<bool, NoToken> {
        let [at_endpoint, _] = &mut self.nonces;
        let fresh = nonce(headers);
        let is_new = fresh.is_some() && fresh != *at_endpoint;
        if fresh.is_some() {
            *at_endpoint = fresh;
        }
        if !status.is_success() {
            let said: Option<Refused> = serde_json::from_slice(body).ok();
            if is_new
                && self.key.is_some()
                && said.as_ref().is_some_and(|said| said.error == "use_dpop_nonce")
            {
                return Ok(true);
            }
            let said = said.map(|said| format!("{}: {}", said.error, said.error_description));
            let plain = |text: String| text.chars().filter(|letter| !letter.is_control()).take(200).collect();
            return Err(NoToken::Refused { status, said: plain(said.unwrap_or_default()) });
        }
        let granted: Granted = serde_json::from_slice(body)
            .map_err(|_| NoToken::Strange("the answer has no access token; is this a token endpoint?"))?;
        let wanted = if self.key.is_some() { "DPoP" } else { "Bearer" };
        // A bearer where a bound token was asked for would be worth something to a thief.
        if !granted.token_type.eq_ignore_ascii_case(wanted) {
            return Err(NoToken::Strange("the token is of another kind than was asked for"));
        }
        if !granted.access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NoToken::Strange("the access token has characters that no header carries"));
        }
        let until = now + Span::from_seconds(granted.expires_in.unwrap_or(UNTOLD_SECONDS));
        self.token = Some(Token { text: Zeroizing::new(granted.access_token), until });
        Ok(false)
    }

    /// Adds token and proof to the headers of a request to this address.
    ///
    /// # Errors
    /// [`NoToken`] when there is no token yet, or the proof cannot be made.
    pub fn sign(
        &self,
        headers: &mut HeaderMap,
        method: &str,
        url: &str,
        now: Time,
        random: [u8; 16],
    ) -> Result<(), NoToken> {
        let token = self.token.as_ref().ok_or(NoToken::Strange("no token was fetched yet"))?;
        let about = About {
            method,
            url,
            token: Some(&token.text),
            nonce: self.nonces.get(1).and_then(Option::as_deref),
        };
        let possession = self.possession(&about, now, random)?;
        let scheme = if possession.is_some() { "DPoP" } else { "Bearer" };
        let value = Zeroizing::new(format!("{scheme} {}", &*token.text));
        let mut value = HeaderValue::try_from(&*value)
            .map_err(|_| NoToken::Strange("the access token has characters that no header carries"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        if let Some(possession) = possession {
            headers.insert(DPOP, possession);
        }
        Ok(())
    }

    /// Learns from the resource's refusal. `true`: send the request once more, with another nonce or another token.
    pub fn refused(&mut self, headers: &HeaderMap) -> bool {
        let [_, at_resource] = &mut self.nonces;
        let fresh = nonce(headers);
        if fresh.is_some() && fresh != *at_resource {
            *at_resource = fresh;
            return true;
        }
        // It may have ended at the server.
        self.token.take().is_some()
    }

    fn possession(
        &self,
        about: &About<'_>,
        now: Time,
        random: [u8; 16],
    ) -> Result<Option<HeaderValue>, NoToken> {
        let Some(key) = &self.key else { return Ok(None) };
        let text = proof(key, about, now, random).map_err(NoToken::NoProof)?;
        // Base64url and dots.
        HeaderValue::try_from(text).map(Some).map_err(|_| NoToken::Strange("a proof that no header carries"))
    }
}

fn nonce(headers: &HeaderMap) -> Option<String> {
    headers.get(NONCE)?.to_str().ok().map(str::to_owned)
}

/// Adds a value of a form.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSigned(error) => error.fmt(f),
            Self::NoProof(error) => error.fmt(f),
            Self::Refused { status, said } => {
                write!(f, "the token endpoint refused with {status}: {said}")?;
                if said.starts_with("invalid_client") {
                    f.write_str("; check that this key is registered for this client and the dialect client-assertion, and that the audience is the issuer")?;
                }
                Ok(())
            }
            Self::Strange(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for NoToken {}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_keys::KeyKind;

    const ENDPOINT: &str = "https://auth.example/oauth2/token";

    fn exchange(bound: bool) -> Exchange {
        let settings = [("audience".to_owned(), "https://auth.example".to_owned())].into();
        let dialect = Arc::new(countersign_dialects::load("client-assertion", &settings).unwrap());
        let key = |kind| Arc::new(PrivateKey::generate(kind, 256).unwrap());
        let exchange = Exchange::new(RequestSigner::new(dialect, key(KeyKind::Ed25519), "me"), ENDPOINT);
        if bound { exchange.bound(key(KeyKind::P256)) } else { exchange }
    }

    fn at(seconds: i64) -> Time {
        Time::from_seconds(seconds)
    }

    fn with_nonce(nonce: &str) -> HeaderMap {
        [(NONCE, HeaderValue::try_from(nonce).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_token_is_asked_for_used_and_replaced_before_its_end() {
        let mut exchange = exchange(false).scope("a b").resource("https://api.example/?x=1");
        assert!(!exchange.is_ready(at(0)));
        let ask = exchange.ask(at(0), [[1; 16], [2; 16]]).unwrap();
        assert_eq!((ask.url.as_str(), &ask.dpop), (ENDPOINT, &None));
        assert!(ask.body.starts_with("grant_type=client_credentials&client_assertion_type=urn%3Aietf"));
        assert!(ask.body.ends_with("&scope=a%20b&resource=https%3A%2F%2Fapi.example%2F%3Fx%3D1"));
        let granted = br#"{"access_token":"t.o.k","token_type":"bearer","expires_in":100}"#;
        assert!(!exchange.answered(StatusCode::OK, &HeaderMap::new(), granted, at(0)).unwrap());
        assert!(exchange.is_ready(at(69)) && !exchange.is_ready(at(70)));
        let mut headers = HeaderMap::new();
        exchange.sign(&mut headers, "GET", "https://api.example/", at(1), [3; 16]).unwrap();
        assert_eq!(
            (&headers[header::AUTHORIZATION], headers.len()),
            (&HeaderValue::from_static("Bearer t.o.k"), 1)
        );
        assert!(exchange.refused(&HeaderMap::new()), "a new token is worth a try");
        assert!(!exchange.is_ready(at(1)) && !exchange.refused(&HeaderMap::new()));
    }

    #[test]
    fn nonces_are_followed_once_at_each_server() {
        let mut exchange = exchange(true);
        assert!(exchange.ask(at(0), [[1; 16], [2; 16]]).unwrap().dpop.is_some());
        let wants = br#"{"error":"use_dpop_nonce"}"#;
        let mut answer = |nonce| exchange.answered(StatusCode::BAD_REQUEST, &with_nonce(nonce), wants, at(0));
        assert!(answer("one").unwrap());
        assert!(matches!(answer("one"), Err(NoToken::Refused { .. })), "the same nonce again leads nowhere");
        let granted = br#"{"access_token":"t","token_type":"DPoP","expires_in":100}"#;
        assert!(!exchange.answered(StatusCode::OK, &with_nonce("two"), granted, at(0)).unwrap());
        let mut headers = HeaderMap::new();
        exchange.sign(&mut headers, "GET", "https://api.example/", at(1), [3; 16]).unwrap();
        assert_eq!(headers[header::AUTHORIZATION], "DPoP t");
        assert!(headers.contains_key(DPOP));
        assert!(exchange.refused(&with_nonce("three")) && exchange.is_ready(at(1)), "the token stays");
        assert!(
            exchange.refused(&with_nonce("three")) && !exchange.is_ready(at(1)),
            "now it is the token's turn"
        );
    }

    #[test]
    fn what_was_not_asked_for_is_not_used() {
        let bearer = br#"{"access_token":"t","token_type":"Bearer","expires_in":100}"#;
        let told = exchange(true).answered(StatusCode::OK, &HeaderMap::new(), bearer, at(0));
        assert!(matches!(told, Err(NoToken::Strange(what)) if what.contains("another kind")));
        let odd = br#"{"access_token":"t\r\nx","token_type":"Bearer"}"#;
        assert!(exchange(false).answered(StatusCode::OK, &HeaderMap::new(), odd, at(0)).is_err());
        let no = exchange(false).answered(
            StatusCode::BAD_REQUEST,
            &HeaderMap::new(),
            br#"{"error":"invalid_client"}"#,
            at(0),
        );
        assert!(no.unwrap_err().to_string().contains("check that this key is registered"));
        assert!(exchange(false).answered(StatusCode::OK, &HeaderMap::new(), b"<html>", at(0)).is_err());
    }
}
