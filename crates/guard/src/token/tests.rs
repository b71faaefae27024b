//! The token endpoint driven whole, in process, over the store in memory: what it gives out is judged by a guard as on any route.
use super::settings::{ClientSettings, TokenSettings};
use super::{TokenApi, TokenParts};
use crate::clock::{FrozenClock, SeededEntropy};
use crate::guard::{Guard, Verdict};
use crate::jwks::Jwks;
use crate::nonces::Nonces;
use crate::policy::Policy;
use crate::signing::{SigningKey, SigningKeys};
use bytes::Bytes;
use countersign::base64::{Alphabet, decode, encode};
use countersign::dialect::settings::Settings;
use countersign::dpop::make::{About, proof};
use countersign::incoming::{Body, Incoming, Limits, Target};
use countersign::reason::Reason;
use countersign::time::{Span, Time};
use countersign_keys::{Algorithm, KeyKind, MacKey, PrivateKey};
use countersign_store::draft::{Narrowing, NewAccount, NewKey};
use countersign_store::memory::MemoryStore;
use countersign_store::model::Identifier;
use countersign_store::registrar::Registrar;
use countersign_store::stamp::Stamp;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

mod bound;
mod clients;
mod published;
mod refreshing;

const START: i64 = 1_700_000_000;
const ISSUER: &str = "https://auth.example.test";
const TOKEN: &str = "https://auth.example.test/oauth2/token";
const API: &str = "https://api.example.test";
const CLIENT_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An installation with whatever clients a test adds.
struct Bench {
    api: TokenApi,
    guard: Arc<Guard>,
    registrar: Registrar,
    clock: Arc<FrozenClock>,
    route: Policy,
    stamps: AtomicU8,
    jtis: AtomicU64,
}

fn settings() -> TokenSettings {
    TokenSettings {
        resources: vec![API.to_owned(), "https://other.example.test".to_owned()],
        scopes: vec!["read".to_owned(), "write".to_owned()],
        refresh_tokens: true,
        clients: [
            ("legacy".to_owned(), ClientSettings { legacy_audience: true, ..ClientSettings::default() }),
            (
                "reader".to_owned(),
                ClientSettings {
                    scopes: Some(vec!["read".to_owned()]),
                    resources: Some(vec![API.to_owned()]),
                    ..ClientSettings::default()
                },
            ),
            (
                "server".to_owned(),
                ClientSettings {
                    introspects: true,
                    resources: Some(vec![API.to_owned()]),
                    ..ClientSettings::default()
                },
            ),
        ]
        .into(),
        ..TokenSettings::of(ISSUER)
    }
}

fn dialect(name: &str, pairs: &[(&str, &str)]) -> Arc<countersign::dialect::Dialect> {
    let settings: Settings =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Arc::new(countersign_dialects::load(name, &settings).unwrap())
}

impl Bench {
    async fn new() -> Self {
        Self::with(settings(), None).await
    }

    async fn with(settings: TokenSettings, nonces: Option<Nonces>) -> Self {
        Self::over(settings, nonces, None).await
    }

    async fn over(settings: TokenSettings, nonces: Option<Nonces>, jwks: Option<Arc<Jwks>>) -> Self {
        let store = Arc::new(MemoryStore::default());
        let registrar = Registrar::open(store.clone(), store.clone()).await.unwrap();
        let clock = Arc::new(FrozenClock::at(Time::from_seconds(START)));
        let signer = PrivateKey::generate(KeyKind::P256, 256).unwrap();
        let signing = SigningKey { kid: "our-key".to_owned(), key: Arc::new(signer), retired: None };
        let signing = Arc::new(SigningKeys::new(vec![signing]).unwrap());
        let mut guard = Guard::new(registrar.directory().clone(), store.clone(), store, clock.clone())
            .with_remembered(Arc::new(countersign_keys::Remembered::new([9; 32], 64)))
            .with_signing(signing.clone());
        if let Some(jwks) = jwks {
            guard = guard.with_jwks(jwks);
        }
        if let Some(nonces) = nonces {
            guard = guard.with_nonces(Arc::new(nonces));
        }
        let guard = Arc::new(guard);
        let parts = TokenParts {
            guard: guard.clone(),
            signing,
            entropy: Arc::new(SeededEntropy::new(7)),
            refresh: MacKey::new(&[3; 32]),
            assertion: dialect("client-assertion", &[("audience", ISSUER)]),
            legacy: dialect("client-assertion", &[("audience", TOKEN)]),
            limits: Limits::default(),
        };
        let api = TokenApi::new(parts, settings).unwrap();
        let tokens = dialect("access-token", &[("issuer", ISSUER), ("audience", API)]);
        // Beside another dialect of bearers, so that they must be told apart.
        let route = Policy::of(vec![tokens, dialect("own-session", &[])]);
        let (stamps, jtis) = (AtomicU8::new(0), AtomicU64::new(0));
        Self { api, guard, registrar, clock, route, stamps, jtis }
    }

    fn stamp(&self) -> Stamp {
        let count = self.stamps.fetch_add(1, Ordering::Relaxed);
        Stamp { now: Time::from_seconds(START), actor: "local".to_owned(), random: [count; 16] }
    }

    /// A client with one key; gives the ids of account and key.
    async fn client(&self, name: &str, key: &PrivateKey) -> (String, String) {
        self.client_narrowed(name, key, Narrowing::default()).await
    }

    async fn client_narrowed(&self, name: &str, key: &PrivateKey, narrowing: Narrowing) -> (String, String) {
        let stamp = self.stamp();
        let made = self.registrar.change(&stamp, |draft| {
            let identifier = Identifier { namespace: "client".to_owned(), value: format!("id-{name}") };
            let new = NewAccount {
                name: name.to_owned(),
                enabled: true,
                identifiers: vec![identifier],
                ..NewAccount::default()
            };
            let account = draft.add_account(&new)?.id;
            let new = NewKey {
                narrowing: narrowing.clone(),
                ..NewKey::new(&account, "", key.public_key().spki_der(), "client-assertion")
            };
            let key = draft.add_key(&new)?;
            Ok((account, key.id))
        });
        made.await.unwrap()
    }

    fn jti(&self) -> String {
        format!("jti-{}", self.jtis.fetch_add(1, Ordering::Relaxed))
    }

    /// A good assertion of a client.
    fn assertion(&self, name: &str, key: &PrivateKey) -> String {
        self.assertion_with(name, key, json!({}))
    }

    /// One with other claims; null takes a claim away.
    fn assertion_with(&self, name: &str, key: &PrivateKey, more: Value) -> String {
        let now = self.now();
        let mut claims = json!({
            "iss": format!("id-{name}"), "sub": format!("id-{name}"), "aud": ISSUER,
            "iat": now, "exp": now + 60, "jti": self.jti(),
        });
        for (member, value) in more.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(member);
            } else {
                claims[member] = value.clone();
            }
        }
        jws(key, &json!({ "typ": "client-authentication+jwt" }), &claims)
    }

    fn now(&self) -> i64 {
        use crate::clock::Clock;
        self.clock.now().seconds()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Response<Bytes> {
        let body = form
            .iter()
            .map(|(name, value)| {
                format!("{name}={}", value.replace('%', "%25").replace('+', "%2B").replace('&', "%26"))
            })
            .collect::<Vec<_>>()
            .join("&");
        self.send("POST", path, body, headers).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: String,
        headers: &[(&str, &str)],
    ) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.api.call(&request.body(Bytes::from(body)).unwrap(), None).await.unwrap()
    }

    /// Asks for a token with a client's own grant.
    async fn credentials(
        &self,
        assertion: &str,
        more: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Response<Bytes> {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_assertion_type", CLIENT_TYPE),
            ("client_assertion", assertion),
        ];
        form.extend(more);
        self.post("/oauth2/token", &form, headers).await
    }

    /// A DPoP proof for the token endpoint.
    fn possession(&self, key: &PrivateKey, nonce: Option<&str>) -> String {
        let about = About { method: "POST", url: TOKEN, token: None, nonce };
        proof(key, &about, Time::from_seconds(self.now()), self.random()).unwrap()
    }

    fn random(&self) -> [u8; 16] {
        u128::from(self.jtis.fetch_add(1, Ordering::Relaxed)).to_be_bytes()
    }

    /// A DPoP proof for a request to the resource.
    fn beside(&self, key: &PrivateKey, token: &str) -> String {
        let about =
            About { method: "GET", url: "https://api.example.test/things", token: Some(token), nonce: None };
        proof(key, &about, Time::from_seconds(self.now()), self.random()).unwrap()
    }

    /// Judges a request with these headers on the route.
    async fn judge(&self, headers: &[(&str, &str)]) -> Verdict {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        let incoming = Incoming {
            method: "GET",
            target: Target::new("https", "api.example.test", "/things?page=2"),
            headers: &map,
            body: Body::Empty,
            client: None,
            challenge: None,
        };
        let explained = self.guard.explain(&self.route, &incoming).await.unwrap();
        let verdict = self.guard.judge(&self.route, &incoming).await.unwrap();
        // Explain tells the same story as the judgement.
        let told = match &verdict {
            Verdict::Verified(_) => "verified",
            Verdict::Refused(_) => "refused",
            Verdict::Absent(_) => "absent",
        };
        assert_eq!(explained.verdict, told, "{explained:?}");
        verdict
    }

    async fn bearer(&self, token: &str) -> Result<String, Reason> {
        told(self.judge(&[("authorization", &format!("Bearer {token}"))]).await)
    }

    async fn with_proof(&self, token: &str, beside: &str) -> Result<String, Reason> {
        told(self.judge(&[("authorization", &format!("DPoP {token}")), ("dpop", beside)]).await)
    }
}

/// Who was recognised, or why nobody was.
fn told(verdict: Verdict) -> Result<String, Reason> {
    match verdict {
        Verdict::Verified(verified) => Ok(verified.identifier().to_owned()),
        Verdict::Refused(denial) => Err(denial.refusal.reason),
        Verdict::Absent(_) => Err(Reason::MissingCredentials),
    }
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, 256).unwrap()
}

fn curve() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256, 256).unwrap()
}

/// A token over a head and claims of one's own.
fn jws(key: &PrivateKey, head: &Value, claims: &Value) -> String {
    let mut head = head.clone();
    let algorithm = if key.public_key().allows(Algorithm::Ed25519) {
        Algorithm::Ed25519
    } else {
        Algorithm::EcdsaP256Sha256
    };
    head["alg"] = json!(algorithm.jose_names()[0]);
    let input = format!(
        "{}.{}",
        encode(Alphabet::Url, head.to_string().as_bytes()),
        encode(Alphabet::Url, claims.to_string().as_bytes())
    );
    let signature = key.sign(algorithm, input.as_bytes()).unwrap();
    format!("{input}.{}", encode(Alphabet::Url, &signature))
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or(Value::Null)
}

fn text(response: &Response<Bytes>, member: &str) -> String {
    let body = body(response);
    body[member].as_str().unwrap_or_else(|| panic!("no {member}: {body}")).to_owned()
}

/// Status and error of a refusal.
fn error(response: &Response<Bytes>) -> (u16, String) {
    (response.status().as_u16(), text(response, "error"))
}

/// A part of a token.
fn part(token: &str, number: usize) -> Value {
    let mut bytes = Vec::new();
    decode(Alphabet::Url, token.split('.').nth(number).unwrap().as_bytes(), &mut bytes).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
