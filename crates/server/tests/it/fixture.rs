//! A running server with an echo behind it, callers with keys, and a client that sends bytes as they are.
use countersign::incoming::{Body, Incoming, Target};
use countersign::life::key::KeyState;
use countersign::time::Time;
use countersign::write::Signer;
use countersign_guard::clock::{FrozenClock, SeededEntropy};
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use countersign_server::Parts;
use countersign_server::config::{Config, Sources};
use countersign_server::echo::{self, Echo};
use countersign_server::server::{Running, Server};
use countersign_store::draft::NewAccount;
use countersign_store::draft::{Narrowing, NewKey};
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Identifier, Role};
use countersign_store::registrar::Registrar;
use countersign_store::registry::Registry;
use countersign_store::stamp::Stamp;
use http::HeaderMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: i64 = 1_767_225_600;
pub(crate) const HOST: &str = "api.example.test";

pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) echo: Echo,
    pub(crate) clock: Arc<FrozenClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) address: SocketAddr,
    next: AtomicU8,
}

/// Keys take a while to make; all tests share these.
pub(crate) fn rsa() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate(KeyKind::Rsa, 2048).unwrap())
}

pub(crate) fn ed25519() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate(KeyKind::Ed25519, 0).unwrap())
}

pub(crate) fn p256() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate(KeyKind::P256, 0).unwrap())
}

/// Alice's alone, since whoever is found by a key must be one account.
pub(crate) fn p384() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate(KeyKind::P384, 0).unwrap())
}

pub(crate) const ROUTES: &str = r#"
[server]
drain = "300ms"
trusted_proxies = ["127.0.0.1"]

[[listener]]
address = "127.0.0.1:0"
surfaces = ["gateway", "forward-auth", "explain", "jwks", "health"]

[[listener]]
address = "127.0.0.1:0"
surfaces = ["metrics", "health"]

[identity]
strip = ["X-Tenant"]

[[route]]
name = "bearer"
dialects = ["skykit"]
upstream = "UPSTREAM"

[[route]]
name = "once"
path = "/once"
dialects = ["asymmetric-jwt"]
upstream = "UPSTREAM"

[[route]]
name = "signed-body"
path = "/hive"
dialects = ["skillhive"]
upstream = "UPSTREAM"
body_limit = 1000

[[route]]
name = "raw"
path = "/raw"
dialects = ["skykit"]
upstream = "UPSTREAM"
raw_paths = true

[[route]]
name = "nowhere"
path = "/nowhere"
dialects = ["skykit"]
upstream = "http://127.0.0.1:1"

"#;

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(ROUTES).await
    }

    pub(crate) async fn with(text: &str) -> Self {
        let store = Arc::new(MemoryStore::new([7; 16]));
        Self::over(text, store.clone(), store).await
    }

    /// `registry` may be a faulty one over the store.
    pub(crate) async fn over(text: &str, registry: Arc<dyn Registry>, store: Arc<MemoryStore>) -> Self {
        let echo = echo::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let text = text.replace("UPSTREAM", &format!("http://{}", echo.address()));
        let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
        register_for_tests(&store).await;
        let running = start(&text, registry, &store, &clock).await;
        let address = running.addresses()[0].address;
        Self { running, echo, clock, store, address, next: AtomicU8::new(0) }
    }

    /// The headers that prove a request of alice's, as lines.
    pub(crate) fn proof(&self, dialect: &str, method: &str, path: &str, body: &[u8]) -> String {
        self.proof_of("alice", dialect, method, path, body)
    }

    pub(crate) fn proof_of(&self, who: &str, dialect: &str, method: &str, path: &str, body: &[u8]) -> String {
        let random = [self.next.fetch_add(1, Ordering::Relaxed); 16];
        proof(&self.running, who, dialect, method, path, body, random)
    }

    pub(crate) async fn send(&self, bytes: impl AsRef<[u8]>) -> Answer {
        send(self.address, bytes.as_ref()).await
    }

    /// A request of alice's in the bearer dialect, with further header lines.
    pub(crate) async fn get(&self, path: &str, more: &str) -> Answer {
        let proof = self.proof("skykit", "GET", path, b"");
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}{more}Connection: close\r\n\r\n"))
            .await
    }
}

pub(crate) async fn start(
    text: &str,
    registry: Arc<dyn Registry>,
    store: &Arc<MemoryStore>,
    clock: &Arc<FrozenClock>,
) -> Running {
    let sources = Sources { file: Some(("test.toml".to_owned(), text.to_owned())), ..Sources::default() };
    let config = Config::load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    let parts = Parts {
        clock: clock.clone(),
        entropy: Arc::new(SeededEntropy::new(1)),
        registry,
        once: store.clone(),
        challenges: store.clone(),
        sessions: store.clone(),
    };
    Server::start(config, parts).await.unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn proof(
    running: &Running,
    who: &str,
    dialect: &str,
    method: &str,
    path: &str,
    body: &[u8],
    random: [u8; 16],
) -> String {
    let app = running.app();
    let dialect = &app.dialects[dialect];
    let key = match &**dialect.name() {
        "asymmetric-jwt" => ed25519(),
        "operator" => p256(),
        "http-signature" => p384(),
        _ => rsa(),
    };
    let namespace = dialect.namespace().unwrap_or_default();
    let identifier = format!("{who}@{namespace}");
    let headers = HeaderMap::new();
    let incoming = Incoming {
        method,
        target: Target::new("http", HOST, path),
        headers: &headers,
        body: if body.is_empty() { Body::Empty } else { Body::Seen(body) },
        client: None,
        challenge: None,
    };
    let acting_as = dialect.acts_for_users().then_some("user-1");
    let algorithm = (&**dialect.name() == "skillhive").then_some(Algorithm::RsaSha256);
    let signer =
        Signer { key, identifier: &identifier, acting_as, companion: None, algorithm, challenge: None };
    let made = dialect.write(&incoming, &signer, Time::from_seconds(NOW), random).unwrap();
    made.headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect()
}

/// Alice may go everywhere, bob under /public/ only, and olga is an operator.
pub(crate) async fn register_for_tests(store: &Arc<MemoryStore>) {
    let registrar = Registrar::open(store.clone(), store.clone()).await.unwrap();
    if registrar.directory().account_by_name("alice").is_some() {
        return;
    }
    let mut count = 0;
    let mut stamp = || {
        count += 1;
        Stamp { now: Time::from_seconds(NOW), actor: "local".to_owned(), random: [count; 16] }
    };
    registrar.add_user(&stamp(), "user-1", true).await.unwrap();
    for (name, paths, role) in [
        ("alice", vec![], None),
        ("bob", vec!["/public/".to_owned()], None),
        ("olga", vec![], Some(Role::Owner)),
    ] {
        let identifiers = ["email", "connection", "user"];
        let new = NewAccount {
            name: name.to_owned(),
            organisation: None,
            enabled: true,
            identifiers: identifiers
                .iter()
                .map(|namespace| Identifier {
                    namespace: (*namespace).to_owned(),
                    value: format!("{name}@{namespace}"),
                })
                .collect(),
            acts_as: vec!["user-1".to_owned()],
            paths,
            jwks_url: None,
            role,
        };
        let account = registrar.add_account(&stamp(), &new).await.unwrap();
        let mut keys = match role {
            None => vec![(rsa(), vec!["skykit", "skillhive"]), (ed25519(), vec!["asymmetric-jwt"])],
            Some(_) => vec![(p256(), vec!["operator"])],
        };
        if name == "alice" {
            keys.push((p384(), vec!["http-signature"]));
        }
        for (key, dialects) in keys {
            let new = NewKey {
                account: account.id.clone(),
                label: String::new(),
                spki: key.public_key().spki_der().to_vec(),
                dialects: dialects.iter().map(|name| (*name).to_owned()).collect(),
                narrowing: Narrowing::default(),
                state: KeyState::Active,
                not_before: None,
                expires: None,
                shared: true,
            };
            registrar.add_key(&stamp(), &new).await.unwrap();
        }
    }
}

/// One answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// What the echo saw.
    pub(crate) fn seen(&self) -> serde_json::Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The values of a header as the echo saw it.
    pub(crate) fn seen_header(&self, name: &str) -> Vec<String> {
        let seen = self.seen();
        let headers = seen["headers"].as_array().unwrap();
        let ours = headers.iter().filter(|pair| pair[0] == name);
        ours.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
    }
}

/// Sends bytes as they are and reads one answer; status 0 when the connection closed without.
pub(crate) async fn send(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses early may close while we still write.
    let _ = stream.write_all(bytes).await;
    read(&mut stream).await
}

pub(crate) async fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let reading = async {
        let mut piece = [0; 4096];
        loop {
            if let Some(answer) = parse(&bytes) {
                return answer;
            }
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => return Answer { status: 0, head: String::new(), body: String::new() },
                Ok(count) => bytes.extend_from_slice(&piece[..count]),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .unwrap_or_else(|_| panic!("no answer in 20 seconds"))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer { status, head: head.to_owned(), body: rest.to_owned() };
    if status == 100 {
        return parse(rest.as_bytes());
    }
    let length: usize = answer.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
    if answer.header("transfer-encoding").is_some() {
        panic!("the tests' client reads no chunks: {head}");
    }
    if rest.len() < length {
        return None;
    }
    answer.body.truncate(length);
    Some(answer)
}
