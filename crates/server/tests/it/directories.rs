//! An account that is known by its directory of keys (Web Bot Auth): registered, fetched behind the request's back, never because a request names one.
use crate::fixture::{HOST, NOW, World};
use countersign::answer::DIRECTORY;
use countersign::answer::make::{Signing, sign_directory};
use countersign::dialect::Dialect;
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::{Span, Time};
use countersign::write::Signer;
use countersign_keys::{KeyKind, PrivateKey};
use countersign_store::draft::NewAccount;
use countersign_store::memory::MemoryStore;
use countersign_store::model::Identifier;
use countersign_store::registrar::Registrar;
use countersign_store::stamp::Stamp;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const CONFIG: &str = r#"
[[listener]]
address = "127.0.0.1:0"
surfaces = ["gateway"]

[jwks]
allow_private = true
allow_http = true
dialects = ["web-bot-auth"]

[dialect.web-bot-auth]
found_by = "@agent"
namespace = "agent"

[[route]]
name = "bots"
dialects = ["web-bot-auth"]
upstream = "UPSTREAM"
"#;

/// Serves a directory with one key, signed by it; gives the address and how often it was asked.
async fn served(key: Arc<PrivateKey>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (counted, own) = (Arc::new(AtomicUsize::new(0)), host.clone());
    let counter = Arc::clone(&counted);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await;
            let jwk = serde_json::to_value(key.public_key().to_jwk()).unwrap();
            let (body, nothing) = (serde_json::json!({ "keys": [jwk] }).to_string(), HeaderMap::new());
            let question = incoming("GET", Target::new("http", &own, DIRECTORY), &nothing);
            let mut headers = HeaderMap::new();
            let signing =
                Signing { key: &*key, algorithm: key.kind().usual_algorithm(), now: Time::from_seconds(NOW) };
            sign_directory(&question, &mut headers, body.as_bytes(), Span::from_seconds(60), &signing)
                .unwrap();
            let lines: String = headers
                .iter()
                .map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()))
                .collect();
            let length = body.len();
            let text = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\n{lines}content-length: {length}\r\n\r\n{body}"
            );
            let _ = socket.write_all(text.as_bytes()).await;
        }
    });
    (host, counted)
}

fn incoming<'r>(method: &'r str, target: Target<'r>, headers: &'r HeaderMap) -> Incoming<'r> {
    Incoming { method, target, headers, body: Body::Empty, client: None, challenge: None }
}

/// The lines of a request that names this agent, signed by this key.
fn signed(key: &PrivateKey, agent: &str) -> String {
    let dialect: Dialect = countersign_dialects::load("web-bot-auth", &Default::default()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("signature-agent", HeaderValue::try_from(format!("sig1=\"{agent}\"")).unwrap());
    let asked = incoming("GET", Target::new("http", HOST, "/a"), &headers);
    let signer =
        Signer { key, identifier: "", acting_as: None, companion: None, algorithm: None, challenge: None };
    let made = dialect.write(&asked, &signer, Time::from_seconds(NOW), [7; 16]).unwrap();
    for (name, value) in made.headers {
        headers.insert(name, value);
    }
    let list = headers["signature-input"].to_str().unwrap();
    assert!(list.starts_with("sig1=(\"@authority\" \"signature-agent\";key=\"sig1\");"), "{list}");
    headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect()
}

#[tokio::test]
async fn a_bot_is_known_by_the_directory_that_was_registered_for_it() {
    let key = Arc::new(PrivateKey::generate(KeyKind::Ed25519, 0).unwrap());
    let stranger = Arc::new(PrivateKey::generate(KeyKind::Ed25519, 0).unwrap());
    let (host, fetched) = served(Arc::clone(&key)).await;
    let (trap, caught) = served(Arc::clone(&stranger)).await;
    let store = Arc::new(MemoryStore::new([7; 16]));
    crate::fixture::register_for_tests(&store).await;
    let registrar = Registrar::open(store.clone(), store.clone()).await.unwrap();
    let stamp = Stamp { now: Time::from_seconds(NOW), actor: "local".to_owned(), random: [99; 16] };
    let agent = format!("http://{host}");
    let new = NewAccount {
        name: "bot".to_owned(),
        enabled: true,
        identifiers: vec![Identifier { namespace: "agent".to_owned(), value: agent.clone() }],
        jwks_url: Some(format!("{agent}{DIRECTORY}")),
        ..NewAccount::default()
    };
    registrar.add_account(&stamp, &new).await.unwrap();
    let world = World::over(CONFIG, store.clone(), store).await;
    let ask = async |lines: &str| {
        world.send(format!("GET /a HTTP/1.1\r\nHost: {HOST}\r\n{lines}Connection: close\r\n\r\n")).await
    };
    let answer = ask(&signed(&key, &agent)).await;
    assert_eq!(answer.seen_header("x-countersign-account"), ["bot"]);
    assert_eq!(answer.seen_header("x-countersign-identifier"), [agent.as_str()]);
    let again = ask(&signed(&key, &agent)).await;
    assert_eq!((again.status, fetched.load(Ordering::SeqCst)), (200, 1), "it is kept");
    // Another key under this name; this key under another name; a name that nobody registered, where somebody waits to be asked.
    let elsewhere = format!("http://{trap}");
    let mut told = Vec::new();
    for lines in [signed(&stranger, &agent), signed(&key, &elsewhere), signed(&stranger, &elsewhere)] {
        let answer = ask(&lines).await;
        assert!(answer.status == 401 && answer.body.contains("refused"), "{answer:?}");
        told.push(answer.body);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(caught.load(Ordering::SeqCst), 0, "nothing is fetched because a request names it");
}
