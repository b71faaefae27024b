//! A management API in memory, with three operators and a caller, driven in process by signed requests.
use super::breakable::Breakable;
use crate::app::App;
use crate::config::{Config, Sources};
use crate::dialects::dialects;
use crate::shared::Parts;
use crate::surface::manage::router;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use countersign::dialect::Dialect;
use countersign::incoming::{Body as Seen, Incoming, Target};
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign::write::Signer;
use countersign_guard::clock::{FrozenClock, SeededEntropy};
use countersign_keys::{KeyKind, PrivateKey};
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Account, AuditDraft, Identifier, KeyRecord, Record, Role, Write};
use countersign_store::registry::Registry;
use countersign_testkit::described::Described;
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tower::ServiceExt;

/// Where the calls go.
pub(crate) const HOST: &str = "127.0.0.1:8701";
/// The clock's reading at the start.
pub(crate) const START: i64 = 1_800_000_000;

/// A management API with its clock and its operators.
pub(crate) struct Bench {
    pub(crate) router: Router,
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<FrozenClock>,
    /// Takes the registry's disk away.
    pub(crate) broken: Arc<AtomicBool>,
    pub(crate) dialect: Arc<Dialect>,
    pub(crate) owner: PrivateKey,
    pub(crate) manager: PrivateKey,
    pub(crate) auditor: PrivateKey,
    /// A caller with a key for `operator`, but without a role.
    pub(crate) stranger: PrivateKey,
    /// What every answer is held against.
    document: Described,
    nonces: AtomicU64,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The status and the code of a problem.
    pub(crate) fn problem(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    /// The body of a success.
    pub(crate) fn good(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self.json()
    }
}

impl Bench {
    /// A fresh one.
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// A fresh one under a configuration.
    pub(crate) async fn with(text: &str) -> Self {
        let now = Time::from_seconds(START);
        let keys: Vec<PrivateKey> =
            (0..4).map(|_| PrivateKey::generate(KeyKind::Ed25519, 256).unwrap()).collect();
        let rows = [
            ("acc_auditor", Some(Role::Auditor)),
            ("acc_manager", Some(Role::Manager)),
            ("acc_owner", Some(Role::Owner)),
            ("acc_stranger", None),
        ];
        let writes: Vec<Write> = rows
            .iter()
            .zip(&keys)
            .flat_map(|((id, role), key)| {
                [Write::Put(account(id, *role, now)), Write::Put(key_of(id, key, now))]
            })
            .collect();
        let note = AuditDraft {
            at: now,
            actor: "local".into(),
            action: "init".into(),
            subject: "installation".into(),
            detail: String::new(),
        };
        let memory = Arc::new(MemoryStore::default());
        let broken = Arc::new(AtomicBool::new(false));
        memory.commit(0, &writes, &[note]).await.unwrap();
        let clock = Arc::new(FrozenClock::at(now));
        let file = Some(("test.toml".to_owned(), text.to_owned()));
        let config = Config::load(&Sources { file, ..Sources::default() }).unwrap();
        let dialects = dialects(&config).unwrap();
        let dialect = dialects["operator"].clone();
        let parts = Parts {
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            registry: Arc::new(Breakable { inner: memory.clone(), broken: broken.clone() }),
            once: memory.clone(),
            challenges: memory.clone(),
            sessions: memory,
        };
        let app = Arc::new(App::build(config, dialects, parts).await.unwrap());
        let router = router(&app).unwrap();
        let [auditor, manager, owner, stranger] = <[PrivateKey; 4]>::try_from(keys).ok().unwrap();
        let nonces = AtomicU64::new(0);
        let document = Described::new(serde_json::to_value(super::super::openapi()).unwrap());
        Self { router, app, clock, broken, dialect, owner, manager, auditor, stranger, document, nonces }
    }

    /// A signed call by the owner.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(&self.owner, method, path, body).await
    }

    /// A signed call.
    pub(crate) async fn call_as(
        &self,
        key: &PrivateKey,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let text = body.map(|body| body.to_string()).unwrap_or_default();
        self.send(self.signed(key, method, path, &text)).await
    }

    /// A signed request, to be sent as it is or tampered with.
    pub(crate) fn signed(&self, key: &PrivateKey, method: &str, path: &str, body: &str) -> Request<Body> {
        self.signed_for(HOST, key, method, path, body)
    }

    /// A request signed for a host.
    pub(crate) fn signed_for(
        &self,
        host: &str,
        key: &PrivateKey,
        method: &str,
        path: &str,
        body: &str,
    ) -> Request<Body> {
        use countersign_guard::clock::Clock;
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if !body.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let incoming = Incoming {
            method,
            target: Target::new("http", host, path),
            headers: &headers,
            body: if body.is_empty() { Seen::Empty } else { Seen::Seen(body.as_bytes()) },
            client: None,
            challenge: None,
        };
        let mut random = [0_u8; 16];
        let count = self.nonces.fetch_add(1, Ordering::Relaxed);
        random[..8].copy_from_slice(&count.to_be_bytes());
        let signer = Signer {
            key,
            identifier: "",
            acting_as: None,
            companion: None,
            algorithm: None,
            challenge: None,
        };
        let made = self.dialect.write(&incoming, &signer, self.clock.now(), random).unwrap();
        headers.extend(made.headers);
        let mut request =
            Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
        *request.headers_mut() = headers;
        request
    }

    /// Sends a request as it is, and holds the answer against the document.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let media = parts.headers.get(header::CONTENT_TYPE).map(|media| media.to_str().unwrap());
        let held = self.document.answers((&method, &path), parts.status.as_u16(), media, &text);
        held.unwrap_or_else(|wrong| panic!("{wrong}"));
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// An account made by the owner; gives its id.
    pub(crate) async fn account(&self, name: &str) -> String {
        let made =
            self.call("POST", "/api/v1/accounts", Some(serde_json::json!({ "name": name }))).await.good();
        made["id"].as_str().unwrap().to_owned()
    }

    /// A fresh Ed25519 key registered for a dialect; gives the answer.
    pub(crate) async fn key(&self, account: &str, dialect: &str) -> Value {
        let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
        let body = serde_json::json!({
            "public": key.public_key().to_pem(), "label": "main", "dialects": [dialect],
        });
        self.call("POST", &format!("/api/v1/accounts/{account}/keys"), Some(body)).await.good()
    }
}

fn account(id: &str, role: Option<Role>, now: Time) -> Record {
    Record::Account(Account {
        id: id.to_owned(),
        name: id.trim_start_matches("acc_").to_owned(),
        organisation: None,
        enabled: true,
        identifiers: vec![Identifier { namespace: "operator".into(), value: id.to_owned() }],
        acts_as: vec![],
        paths: vec![],
        jwks_url: None,
        role,
        created: now,
    })
}

fn key_of(account: &str, key: &PrivateKey, now: Time) -> Record {
    Record::Key(KeyRecord {
        id: account.replace("acc_", "key_"),
        account: account.to_owned(),
        label: "main".into(),
        spki: key.public_key().spki_der().to_vec(),
        life: KeyLife::ACTIVE,
        dialects: vec!["operator".into()],
        algorithms: vec![],
        methods: vec![],
        paths: vec![],
        networks: vec![],
        created: now,
        last_used: None,
        last_address: None,
    })
}
