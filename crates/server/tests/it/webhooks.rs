//! Webhooks: what happens to keys arrives at a real receiver, signed, in order and once over two nodes, whatever the receiver does meanwhile.
use crate::fixture::{HOST, NOW, ROUTES, proof, register_for_tests, send};
use countersign::base64::{Alphabet, decode};
use countersign::life::key::KeyState;
use countersign::time::{Span, Time};
use countersign_guard::clock::{FrozenClock, SeededEntropy};
use countersign_keys::{KeyKind, PrivateKey};
use countersign_server::Parts;
use countersign_server::config::{Config, Sources};
use countersign_server::server::{Running, Server};
use countersign_store::draft::{Draft, Narrowing, NewKey, Vouch};
use countersign_store::memory::MemoryStore;
use countersign_store::registrar::Registrar;
use countersign_store::registry::Registry;
use countersign_store::stamp::Stamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa};
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the receiver does with a push.
#[derive(Clone, Copy, Debug)]
enum Does {
    Take,
    Fail,
    /// With a redirect to itself, so that whoever follows it delivers there.
    Redirect,
    Refuse,
    /// Answers nothing as long as the sender waits.
    Hang,
    /// Answers with a head that has no end.
    Flood,
}

/// A receiver that does one thing after another, and takes everything in the end.
#[derive(Clone, Default)]
struct Receiver {
    does: Arc<Mutex<Vec<Does>>>,
    asked: Arc<Mutex<Vec<String>>>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    fn doing(does: &[Does]) -> Self {
        let receiver = Self::default();
        receiver.does.lock().unwrap().extend(does.iter().rev());
        receiver
    }

    async fn listen(&self, address: SocketAddr) -> SocketAddr {
        self.listen_over(address, None).await
    }

    /// The same over TLS, where there is a certificate.
    async fn listen_over(&self, address: SocketAddr, tls: Option<TlsAcceptor>) -> SocketAddr {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (receiver, tls) = (receiver.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => receiver.answer(stream, address).await,
                        // Whoever does not believe the certificate goes away here.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                receiver.answer(stream, address).await;
                            }
                        }
                    }
                });
            }
        });
        address
    }

    async fn answer(self, mut stream: impl AsyncRead + AsyncWrite + Unpin, address: SocketAddr) {
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        let (head, body) = loop {
            let Ok(count @ 1..) = stream.read(&mut piece).await else { return };
            seen.extend_from_slice(&piece[..count]);
            let text = String::from_utf8(seen.clone()).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break (head.to_owned(), body.to_owned());
            }
        };
        self.asked.lock().unwrap().push(head);
        let does = self.does.lock().unwrap().pop().unwrap_or(Does::Take);
        let answer = match does {
            Does::Take => {
                self.taken.lock().unwrap().push(body);
                "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned()
            }
            Does::Fail => "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n".to_owned(),
            Does::Redirect => format!(
                "HTTP/1.1 307 There\r\nlocation: http://{address}/elsewhere\r\ncontent-length: 0\r\n\r\n"
            ),
            Does::Refuse => {
                let body = r#"{"err":"invalid_key\n","description":"x"}"#;
                format!("HTTP/1.1 400 No\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            }
            Does::Hang => {
                let _ = stream.read(&mut piece).await;
                return;
            }
            Does::Flood => {
                // Ends when the sender has had enough.
                let _ = stream.write_all(b"HTTP/1.1 202 Accepted\r\nx: ").await;
                while stream.write_all(&[b'y'; 65_536]).await.is_ok() {}
                return;
            }
        };
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.flush().await;
    }

    fn events(&self) -> Vec<Value> {
        let claims = |token: &String| {
            let payload = token.split('.').nth(1).unwrap();
            let mut claims = Vec::new();
            decode(Alphabet::Url, payload.as_bytes(), &mut claims).unwrap();
            serde_json::from_slice(&claims).unwrap()
        };
        self.taken.lock().unwrap().iter().map(claims).collect()
    }

    /// The names of what was taken, with the keys, once there are so many.
    async fn names(&self, wanted: usize) -> Vec<(String, String)> {
        for _ in 0..600 {
            if self.taken.lock().unwrap().len() >= wanted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // What comes twice comes soon.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let named = |event: &Value| {
            let (name, about) = event["events"].as_object().unwrap().iter().next().unwrap();
            (
                name.strip_prefix("urn:countersign:event:").unwrap().to_owned(),
                about["key"].as_str().unwrap().to_owned(),
            )
        };
        self.events().iter().map(named).collect()
    }
}

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn settings(receiver: SocketAddr) -> String {
    format!(
        "{}\n[webhooks]\nurl = \"http://{receiver}/hook?secret=1\"\nallow_http = true\n\
         allow_private_networks = true\ntimeout = \"500ms\"\n",
        ROUTES.replace("UPSTREAM", "http://127.0.0.1:1").replace("300ms", "0s")
    )
}

fn loaded(text: &str) -> Config {
    let sources = Sources { file: Some(("test.toml".to_owned(), text.to_owned())), ..Sources::default() };
    Config::load(&sources).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A node over a store; each has its own chance, as nodes have.
async fn node(text: &str, store: &Arc<MemoryStore>, seed: u64) -> Running {
    let config = loaded(text);
    let parts = Parts {
        clock: Arc::new(FrozenClock::at(Time::from_seconds(NOW))),
        entropy: Arc::new(SeededEntropy::new(seed)),
        registry: store.clone(),
        once: store.clone(),
        challenges: store.clone(),
        sessions: store.clone(),
    };
    Server::start(config, parts).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Waits until what is written from now on is told.
async fn begun(store: &Arc<MemoryStore>) {
    for _ in 0..300 {
        if store.mark("webhooks").await.unwrap().is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("wanted the mark of the webhooks, found none");
}

struct Writer {
    registrar: Registrar,
    count: u8,
}

impl Writer {
    async fn new(store: &Arc<MemoryStore>) -> Self {
        Self { registrar: Registrar::open(store.clone(), store.clone()).await.unwrap(), count: 100 }
    }

    fn stamp(&mut self) -> Stamp {
        self.count += 1;
        Stamp { now: Time::from_seconds(NOW), actor: "local".to_owned(), random: [self.count; 16] }
    }

    fn new_key(&self, expires: Option<i64>) -> NewKey {
        let account = self.registrar.directory().account_by_name("alice").unwrap().id.clone();
        let key = PrivateKey::generate(KeyKind::P256, 0).unwrap();
        NewKey {
            account,
            label: String::new(),
            spki: key.public_key().spki_der().to_vec(),
            dialects: vec!["skykit".to_owned()],
            narrowing: Narrowing::default(),
            state: KeyState::Active,
            not_before: None,
            expires: expires.map(Time::from_seconds),
            shared: false,
        }
    }

    async fn add(&mut self, expires: Option<i64>) -> String {
        let new = self.new_key(expires);
        let stamp = self.stamp();
        self.registrar.add_key(&stamp, &new).await.unwrap().id
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_tell_each_event_once_and_in_order() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    let receiver = Receiver::default();
    let text = settings(receiver.listen(anywhere()).await);
    let nodes = [node(&text, &store, 1).await, node(&text, &store, 2).await];
    begun(&store).await;
    let mut writer = Writer::new(&store).await;
    let mut wanted = Vec::new();
    for _ in 0..8 {
        wanted.push(("key.registered".to_owned(), writer.add(None).await));
    }
    let key = wanted[0].1.clone();
    let stamp = writer.stamp();
    writer.registrar.change(&stamp, |draft| draft.disable_key(&key)).await.unwrap();
    wanted.push(("key.disabled".to_owned(), key.clone()));
    let stamp = writer.stamp();
    writer.registrar.change(&stamp, |draft| draft.revoke_key(&key)).await.unwrap();
    wanted.push(("key.revoked".to_owned(), key));
    let (old, next, stamp) = (wanted[1].1.clone(), writer.new_key(None), writer.stamp());
    let overlap = Span::from_seconds(3600);
    let rotate = |draft: &mut Draft<'_>| draft.rotate_key(&old, &next, overlap, Vouch::Operator);
    let next = writer.registrar.change(&stamp, rotate).await.unwrap().1.id;
    wanted.push(("key.registered".to_owned(), next.clone()));
    wanted.push(("key.rotated".to_owned(), old));
    assert_eq!(receiver.names(wanted.len()).await, wanted);
    let events = receiver.events();
    let rotated = &events.last().unwrap()["events"]["urn:countersign:event:key.rotated"];
    assert_eq!(rotated["next_key"], next.as_str());
    assert_eq!((&rotated["account_name"], &rotated["state"]), (&"alice".into(), &"retiring".into()));
    assert_eq!(rotated["sha256"].as_str().unwrap().len(), 64);
    for event in &events {
        assert!(event.get("exp").is_none() && !event.to_string().contains("secret"), "{event}");
        assert!(event["aud"].as_str().unwrap().ends_with("/hook"), "{event}");
    }
    for head in &*receiver.asked.lock().unwrap() {
        assert!(head.contains("content-type: application/secevent+jwt"), "{head}");
        assert!(!head.to_ascii_lowercase().contains("authorization"), "{head}");
    }
    // It lets nobody in, whatever it is shown as.
    let token = receiver.taken.lock().unwrap().last().unwrap().clone();
    for scheme in ["Bearer", "JWT"] {
        for path in ["/", "/once"] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {scheme} {token}\r\nConnection: close\r\n\r\n"
            );
            assert_eq!(send(nodes[0].addresses()[0].address, request.as_bytes()).await.status, 401);
        }
    }
}

/// Waits for words in the metrics of a node.
async fn shows(running: &Running, words: &str) {
    let ask = b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    for _ in 0..300 {
        if send(running.addresses()[1].address, ask).await.body.contains(words) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("wanted {words} in the metrics");
}

/// Callers are answered meanwhile.
async fn answers(running: &Running) {
    for number in 0..20 {
        let proof = proof(running, "alice", "skykit", "GET", "/nowhere", b"", [number; 16]);
        let ask = format!("GET /nowhere HTTP/1.1\r\nHost: {HOST}\r\n{proof}Connection: close\r\n\r\n");
        assert_eq!(send(running.addresses()[0].address, ask.as_bytes()).await.status, 502);
    }
}

async fn three(writer: &mut Writer) -> Vec<(String, String)> {
    let mut wanted = Vec::new();
    for _ in 0..3 {
        wanted.push(("key.registered".to_owned(), writer.add(None).await));
    }
    wanted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_the_receiver_is_down_and_then_hangs() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    // An address where nobody listens yet.
    let held = TcpListener::bind(anywhere()).await.unwrap();
    let address = held.local_addr().unwrap();
    drop(held);
    let running = node(&settings(address), &store, 1).await;
    begun(&store).await;
    let wanted = three(&mut Writer::new(&store).await).await;
    shows(&running, "countersign_webhook_deliveries_total{outcome=\"failed\"}").await;
    shows(&running, "countersign_webhook_behind 3").await;
    let receiver = Receiver::doing(&[Does::Hang]);
    receiver.listen(address).await;
    answers(&running).await;
    assert_eq!(receiver.names(wanted.len()).await, wanted);
    assert_eq!(receiver.asked.lock().unwrap().len(), wanted.len() + 1);
    shows(&running, "countersign_webhook_behind 0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_lies_leads_nowhere_and_gets_everything_in_the_end() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    let lies = [Does::Redirect, Does::Flood, Does::Refuse, Does::Fail];
    let receiver = Receiver::doing(&lies);
    let running = node(&settings(receiver.listen(anywhere()).await), &store, 1).await;
    begun(&store).await;
    let wanted = three(&mut Writer::new(&store).await).await;
    answers(&running).await;
    assert_eq!(receiver.names(wanted.len()).await, wanted);
    let asked = receiver.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), wanted.len() + lies.len());
    assert!(asked.iter().all(|head| head.starts_with("POST /hook?secret=1 ")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_end_soon_are_told_of_once_by_all_nodes() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    let mut writer = Writer::new(&store).await;
    let day = 86_400;
    let soon = writer.add(Some(NOW + 20 * day)).await;
    writer.add(Some(NOW + 60 * day)).await;
    let receiver = Receiver::default();
    let text = settings(receiver.listen(anywhere()).await);
    let nodes = [node(&text, &store, 1).await, node(&text, &store, 2).await];
    assert_eq!(receiver.names(1).await, [("key.ending".to_owned(), soon.clone())]);
    let about = receiver.events()[0]["events"]["urn:countersign:event:key.ending"].clone();
    assert_eq!((&about["within_days"], &about["ends"]), (&30.into(), &(NOW + 20 * day).into()));
    let entries = store.audit(0, 1000).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.entry.action == "key.ending").count(), 1);
    // Nor again by one that starts later.
    drop(nodes);
    let _later = node(&text, &store, 3).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(receiver.events().len(), 1);
}

#[tokio::test]
async fn nothing_is_sent_into_a_private_network_and_nothing_is_kept_while_off() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    let receiver = Receiver::default();
    let address = receiver.listen(anywhere()).await;
    let off = node(&ROUTES.replace("UPSTREAM", "http://127.0.0.1:1"), &store, 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(store.mark("webhooks").await.unwrap(), None);
    drop(off);
    let text = settings(address).replace("allow_private_networks = true\n", "");
    let _running = node(&text, &store, 2).await;
    begun(&store).await;
    Writer::new(&store).await.add(None).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(receiver.asked.lock().unwrap().is_empty());
    let mark = store.mark("webhooks").await.unwrap().unwrap();
    assert!(!mark.contains(" - "), "the event waits: {mark}");
}

type Authority = CertifiedIssuer<'static, rcgen::KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
}

/// What a receiver at 127.0.0.1 shows, whose certificate this authority gave.
fn certified(by: &Authority) -> TlsAcceptor {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, by).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_one_authority_is_believed_and_a_reload_moves_what_is_held() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    let (ours, others) = (authority(), authority());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, others.pem()).unwrap();
    let first = Receiver::default();
    let address = first.listen_over(anywhere(), Some(certified(&ours))).await;
    let text = |address: SocketAddr| {
        settings(address)
            .replace(&format!("http://{address}"), &format!("https://{address}"))
            .replace("allow_http = true", &format!("ca_file = {file:?}"))
            .replace("500ms", "3s")
    };
    let running = node(&text(address), &store, 1).await;
    begun(&store).await;
    let mut writer = Writer::new(&store).await;
    let wanted = three(&mut writer).await;
    shows(&running, "countersign_webhook_deliveries_total{outcome=\"failed\"}").await;
    shows(&running, "countersign_webhook_behind 3").await;
    assert!(first.asked.lock().unwrap().is_empty(), "nothing is told to whom another authority certified");
    // The right authority comes into the same file while the first of them is held; nothing else changes.
    std::fs::write(&file, ours.pem()).unwrap();
    running.reload(loaded(&text(address))).await.unwrap();
    assert_eq!(first.names(wanted.len()).await, wanted);
    // The receiver takes nothing any more, and another address comes into the configuration while an event is held.
    let asked = first.asked.lock().unwrap().len();
    first.does.lock().unwrap().extend([Does::Fail; 100]);
    let more = three(&mut writer).await;
    for _ in 0..300 {
        if first.asked.lock().unwrap().len() > asked {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(first.asked.lock().unwrap().len() > asked, "one is held");
    let second = Receiver::default();
    let there = second.listen_over(anywhere(), Some(certified(&ours))).await;
    running.reload(loaded(&text(there))).await.unwrap();
    assert_eq!(second.names(more.len()).await, more);
    assert_eq!(first.events().len(), wanted.len(), "each once");
    let audience = format!("https://{there}/hook");
    assert!(second.events().iter().all(|event| event["aud"] == audience.as_str()), "{:?}", second.events());
    shows(&running, "countersign_webhook_behind 0").await;
}
