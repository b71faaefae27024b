//! Listeners: which surface answers where, TLS, HTTP/2, starting with a configuration that cannot work.
use crate::fixture::{HOST, ROUTES, World, send};
use countersign_guard::clock::{FrozenClock, SeededEntropy};
use countersign_server::config::listener::Surface;
use countersign_server::config::{Config, Sources};
use countersign_server::server::StartError;
use countersign_server::{Parts, Server};
use countersign_store::memory::MemoryStore;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::sync::Arc;

#[tokio::test]
async fn surfaces_answer_where_they_are_listed_and_nowhere_else() {
    let world = World::new().await;
    let ask = async |address, path: &str| {
        send(address, format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await
    };
    let public = world.address;
    let own = world.running.address(Surface::Metrics).unwrap();
    assert_ne!(public, own);
    assert_eq!(ask(public, "/healthz").await.body, "ok\n");
    assert_eq!(ask(public, "/readyz").await.body, "ready\n");
    assert_eq!(ask(public, "/healthz/").await.status, 401);
    assert_eq!(ask(public, "/metrics").await.status, 401);
    assert_eq!(ask(own, "/other").await.status, 404);
    let keys = ask(public, "/.well-known/jwks.json").await;
    assert!(keys.body.contains("\"ES256\"") && !keys.body.contains("\"d\""), "{}", keys.body);
    let metrics = ask(own, "/metrics").await.body;
    for line in [
        "countersign_judgements_total{surface=\"gateway\",dialect=\"none\",verdict=\"absent\",reason=\"missing-credentials\"} 2",
        "countersign_keys 6",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let post = send(public, format!("POST /healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await;
    assert_eq!(post.status, 405);
}

#[tokio::test]
async fn nothing_configured_answers_404() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    let sources = Sources {
        flags: vec![],
        file: Some((
            "f".to_owned(),
            "[[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"gateway\"]\n[server]\ndrain = \"0s\""
                .to_owned(),
        )),
        ..Sources::default()
    };
    let running = Server::start(Config::load(&sources).unwrap(), parts(&store)).await.unwrap();
    let answer = send(running.addresses()[0].address, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("not-found"));
    running.shutdown().await;
}

fn parts(store: &Arc<MemoryStore>) -> Parts {
    Parts {
        clock: Arc::new(FrozenClock::at(countersign::time::Time::from_seconds(crate::fixture::NOW))),
        entropy: Arc::new(SeededEntropy::new(1)),
        registry: store.clone(),
        once: store.clone(),
        challenges: store.clone(),
        sessions: store.clone(),
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_told_before_anything_starts() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    let text = "[[listener]]\naddress = \"0.0.0.0:0\"\nsurfaces = [\"gateway\"]\n[[route]]\nname = \"a\"\ndialects = [\"skykti\"]\n\
                [[route]]\nname = \"b\"\npath = \"/b\"\ndialects = [\"skykit\", \"own-session\"]\n\
                [[route]]\nname = \"c\"\npath = \"/c\"\ndialects = [\"spacetime\"]\n";
    let sources = Sources { file: Some(("f".to_owned(), text.to_owned())), ..Sources::default() };
    let Err(StartError::Config(findings)) =
        Server::start(Config::load(&sources).unwrap(), parts(&store)).await
    else {
        panic!("it started");
    };
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let told = told.join("\n");
    for wanted in [
        "file, line 2",
        "speaks no TLS",
        "did you mean \"skykit\"?",
        "nothing tells them apart",
        "take \"own-session\"",
    ] {
        assert!(told.contains(wanted), "{wanted}\n{told}");
    }
}

#[tokio::test]
async fn http_2_without_tls_is_spoken_by_those_who_know_it() {
    let world = World::new().await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Empty<bytes::Bytes>>();
    let proof = world.proof("skykit", "GET", "/two", b"");
    let (name, value) = proof.trim_end().split_once(": ").unwrap();
    let uri = format!("http://{}/two?x=y", world.address);
    let request = http::Request::get(&uri).header(name, value).header("x-countersign-account", "admin");
    let answer = client.request(request.body(Empty::new()).unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let seen: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(seen["target"], "/two?x=y");
    assert!(!String::from_utf8_lossy(&body).contains("admin"));
    let elsewhere = http::Request::get(&uri).header(name, value).header("host", "evil.test");
    let answer = client.request(elsewhere.body(Empty::new()).unwrap()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
    let mut many = http::Request::get(&uri).header(name, value);
    for number in 0..120 {
        many = many.header(format!("x-{number}"), "1");
    }
    let answer = client.request(many.body(Empty::new()).unwrap()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 431);
}

#[tokio::test]
async fn tls_is_spoken_where_a_certificate_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = format!("\ntls = {{ certificate = {chain:?}, key = {key:?} }}\n");
    let own = "surfaces = [\"metrics\", \"health\"]";
    let world = World::with(&ROUTES.replace(own, &format!("{own}{tls}"))).await;
    let secure = world.running.address(Surface::Metrics).unwrap();
    assert!(world.running.addresses()[1].tls);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_http1()
        .enable_http2()
        .build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<bytes::Bytes>>(connector);
    let answer =
        client.get(format!("https://localhost:{}/healthz", secure.port()).parse().unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    let plain = send(secure, b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(plain.status, 0);
}
