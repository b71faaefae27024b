//! Signs one request in any dialect that a file describes.
use bytes::Bytes;
use countersign::dialect::Dialect;
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::Time;
use countersign::write::{CannotSign, Made, Signer};
use countersign_keys::{Algorithm, KeyPair};
use http::{HeaderMap, HeaderValue, Request, header};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A caller that can sign: a dialect, a key pair, and the name it is registered under.
#[derive(Clone)]
pub struct RequestSigner {
    dialect: Arc<Dialect>,
    key: Arc<dyn KeyPair>,
    identifier: String,
    acting_as: Option<String>,
    companion: Option<Zeroizing<String>>,
    algorithm: Option<Algorithm>,
}

/// Why a request cannot be signed.
#[derive(Debug)]
pub enum NotSigned {
    /// The address is not an absolute `http` or `https` one, or its path is not the request's.
    Address(String),
    /// The dialect, key or request does not fit.
    Cannot(CannotSign),
    /// The dialect answers challenges: it opens a session and signs no requests.
    NeedsSession,
}

impl RequestSigner {
    /// A signer; `identifier` is the name as registered (an e-mail, a user, a connection id, a site's number).
    #[must_use]
    pub fn new(dialect: Arc<Dialect>, key: Arc<dyn KeyPair>, identifier: &str) -> Self {
        Self {
            dialect,
            key,
            identifier: identifier.to_owned(),
            acting_as: None,
            companion: None,
            algorithm: None,
        }
    }

    /// Names the user to act for.
    #[must_use]
    pub fn acting_as(self, user: &str) -> Self {
        Self { acting_as: Some(user.to_owned()), ..self }
    }

    /// Adds the API key that some dialects want beside the proof.
    #[must_use]
    pub fn companion(self, secret: Zeroizing<String>) -> Self {
        Self { companion: Some(secret), ..self }
    }

    /// Signs with this algorithm, not with the dialect's first that fits the key and is not weak.
    #[must_use]
    pub fn algorithm(self, algorithm: Algorithm) -> Self {
        Self { algorithm: Some(algorithm), ..self }
    }

    /// The dialect.
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Arc<dyn KeyPair> {
        &self.key
    }

    /// The name as registered.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Adds the proof to a request that is ready to be sent: signed is what it is now, so change nothing afterwards. A proof that is
    /// a form becomes the body.
    ///
    /// `url` is the absolute address as the server knows itself; behind a proxy that renames, the public one.
    ///
    /// # Errors
    /// [`NotSigned`].
    pub fn sign(
        &self,
        request: &mut Request<Bytes>,
        url: &str,
        now: Time,
        random: [u8; 16],
    ) -> Result<(), NotSigned> {
        let made =
            self.make(request.method().as_str(), url, request.headers(), request.body(), now, random)?;
        if let Some(query) = &made.query {
            let wrong = || NotSigned::Address(url.to_owned());
            let mut parts = request.uri().clone().into_parts();
            let whole = format!("{}?{query}", request.uri().path());
            parts.path_and_query = Some(whole.parse().map_err(|_| wrong())?);
            *request.uri_mut() = http::Uri::from_parts(parts).map_err(|_| wrong())?;
        }
        for (name, value) in made.headers {
            request.headers_mut().insert(name, value);
        }
        // An assertion in a form is the body itself.
        if let Some(body) = made.body {
            *request.body_mut() = Bytes::from(body);
        }
        Ok(())
    }

    /// Makes the proof for a request in parts, without touching it.
    ///
    /// # Errors
    /// [`NotSigned`].
    pub fn make(
        &self,
        method: &str,
        url: &str,
        headers: &HeaderMap,
        body: &[u8],
        now: Time,
        random: [u8; 16],
    ) -> Result<Made, NotSigned> {
        let target = target(url)?;
        let body = if body.is_empty() { Body::Empty } else { Body::Seen(body) };
        let incoming = Incoming { method, target, headers, body, client: None, challenge: None };
        let made =
            self.dialect.write(&incoming, &self.signer(None), now, random).map_err(|error| match error {
                CannotSign::Missing("the challenge to answer") => NotSigned::NeedsSession,
                other => NotSigned::Cannot(other),
            })?;
        Ok(marked(made))
    }

    /// Answers a challenge: the body to send. Refuses what is no short hexadecimal text, since it could be something else.
    ///
    /// # Errors
    /// [`NotSigned`].
    pub fn answer(&self, challenge: &str, now: Time) -> Result<String, NotSigned> {
        let headers = HeaderMap::new();
        let target = Target { scheme: "https", authority: "unused", path: "/", query: None };
        let incoming = Incoming {
            method: "POST",
            target,
            headers: &headers,
            body: Body::Empty,
            client: None,
            challenge: None,
        };
        let made = self
            .dialect
            .write(&incoming, &self.signer(Some(challenge)), now, [0; 16])
            .map_err(NotSigned::Cannot)?;
        made.body.ok_or(NotSigned::Cannot(CannotSign::NoMake))
    }

    fn signer<'a>(&'a self, challenge: Option<&'a str>) -> Signer<'a> {
        Signer {
            key: &*self.key,
            identifier: &self.identifier,
            acting_as: self.acting_as.as_deref(),
            companion: self.companion.as_ref().map(|secret| secret.as_str()),
            algorithm: self.algorithm,
            challenge,
        }
    }
}

/// Splits an absolute address; a fragment never reaches a server, so it is not signed either.
fn target(url: &str) -> Result<Target<'_>, NotSigned> {
    let url = url.split_once('#').map_or(url, |(before, _)| before);
    Target::from_url(url).ok_or_else(|| NotSigned::Address(url.to_owned()))
}

/// Keeps credentials out of other people's debug output and header compression tables.
fn marked(mut made: Made) -> Made {
    for (name, value) in &mut made.headers {
        let secret = *name == header::AUTHORIZATION || name.as_str().contains("key");
        HeaderValue::set_sensitive(value, secret);
    }
    made
}

impl fmt::Debug for RequestSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSigner")
            .field("dialect", self.dialect.name())
            .field("identifier", &self.identifier)
            .field("acting_as", &self.acting_as)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for NotSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(found) => {
                write!(f, "wanted an absolute address such as https://api.example/v1/things, found {found:?}")
            }
            Self::Cannot(error) => error.fmt(f),
            Self::NeedsSession => f.write_str(
                "this dialect answers challenges and signs no requests; open a session first (`countersign login`, \
                 or `keeper::Keeper`) and send its access token",
            ),
        }
    }
}

impl std::error::Error for NotSigned {}

impl From<CannotSign> for NotSigned {
    fn from(error: CannotSign) -> Self {
        Self::Cannot(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_keys::{KeyError, KeyKind, PrivateKey};

    const NOW: Time = Time::MIN;

    fn signer(dialect: &str, kind: KeyKind, bits: u32) -> RequestSigner {
        let key = PrivateKey::generate(kind, bits).unwrap();
        RequestSigner::new(
            Arc::new(countersign_dialects::load(dialect, &Default::default()).unwrap()),
            Arc::new(key),
            "me",
        )
    }

    #[test]
    fn what_is_missing_is_named() {
        let hive = signer("skillhive", KeyKind::Rsa, 2048);
        let error =
            hive.make("GET", "https://h/x", &HeaderMap::new(), b"", NOW, [0; 16]).unwrap_err().to_string();
        assert!(error.contains("the user to act for"), "{error}");
        let partner = signer("partner-key", KeyKind::Rsa, 2048);
        let error =
            partner.make("GET", "https://h/x", &HeaderMap::new(), b"", NOW, [0; 16]).unwrap_err().to_string();
        assert!(error.contains("the companion API key"), "{error}");
    }

    #[test]
    fn a_key_of_another_kind_and_a_relative_address_are_refused() {
        let sky = signer("skykit", KeyKind::Ed25519, 256);
        let headers = HeaderMap::new();
        let error = sky.make("GET", "https://h/x", &headers, b"", NOW, [0; 16]).unwrap_err().to_string();
        assert!(error.contains("RS256") && error.contains("Ed25519"), "{error}");
        assert!(matches!(sky.make("GET", "/x", &headers, b"", NOW, [0; 16]), Err(NotSigned::Address(_))));
    }

    #[test]
    fn challenges_that_could_be_something_else_are_not_signed() {
        let space = signer("spacetime", KeyKind::Ed25519, 256);
        assert!(space.answer("0123456789abcdef", NOW).unwrap().contains("\"authCode\":\"0123456789abcdef\""));
        for strange in ["eyJhbGciOiJFZERTQSJ9.e30", "", "abc", "0123 4567", "\"@method\": GET\n"] {
            assert!(matches!(space.answer(strange, NOW), Err(NotSigned::Cannot(_))), "{strange}");
        }
        let headers = HeaderMap::new();
        let request = space.make("GET", "https://h/x", &headers, b"", NOW, [0; 16]);
        assert!(matches!(request, Err(NotSigned::NeedsSession)));
    }

    #[test]
    fn secrets_are_not_printed() {
        let partner =
            signer("partner-key", KeyKind::Rsa, 2048).companion(Zeroizing::new("api-secret".into()));
        assert!(!format!("{partner:?}").contains("api-secret"));
        let made = partner
            .make("GET", "https://h/x", &HeaderMap::new(), b"", Time::from_seconds(0), [0; 16])
            .unwrap();
        assert!(made.headers.iter().all(|(_, value)| value.is_sensitive()));
    }

    #[cfg(not(feature = "sha1-sign"))]
    #[test]
    fn sha1_is_signed_only_where_it_was_built_in() {
        let hive = signer("skillhive", KeyKind::Rsa, 2048).acting_as("u@h").algorithm(Algorithm::RsaSha1);
        let refused = hive.make("GET", "https://h/x", &HeaderMap::new(), b"", NOW, [0; 16]).unwrap_err();
        assert!(matches!(refused, NotSigned::Cannot(CannotSign::Key(KeyError::Sha1Signing))));
    }

    #[cfg(feature = "sha1-sign")]
    #[test]
    fn sha1_is_signed_where_it_was_built_in_and_asked_for() {
        let hive = signer("skillhive", KeyKind::Rsa, 2048).acting_as("u@h").algorithm(Algorithm::RsaSha1);
        let made = hive.make("GET", "https://h/x", &HeaderMap::new(), b"", NOW, [0; 16]);
        assert!(made.is_ok_and(|made| made.headers.len() == 3), "{:?}", KeyError::Sha1Signing);
    }
}
