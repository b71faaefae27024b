//! Envoy's question, asked as Envoy asks it and as nobody should.
use crate::faults::Broken;
use crate::fixture::{HOST, NOW, World, proof, read, register_for_tests};
use countersign::ask::{Claim, Use};
use countersign::time::Time;
use countersign_envoy::wire::{
    Address, Attributes, CheckRequest, CheckResponse, Entry, Header, HeaderList, Http, Peer, SocketAddress,
};
use countersign_guard::clock::{FrozenClock, SeededEntropy};
use countersign_server::config::{Config, Sources};
use countersign_server::{Parts, Server};
use countersign_store::fault::Fault;
use countersign_store::memory::MemoryStore;
use countersign_store::once::Once;
use countersign_store::registry;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const TRUSTED: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
const REST: &str = r#"
[[listener]]
address = "127.0.0.1:0"
surfaces = ["ext-authz"]

[[listener]]
address = "127.0.0.1:0"
surfaces = ["gateway", "metrics"]

[limits]
body_bytes = 2000
body_time = "2s"

[[route]]
name = "bearer"
dialects = ["skykit"]
upstream = "UPSTREAM"

[[route]]
name = "once"
path = "/once"
dialects = ["asymmetric-jwt"]

[[route]]
name = "signed-body"
path = "/hive"
dialects = ["skillhive"]
body_limit = 1000
"#;

async fn world() -> World {
    World::with(&format!("{TRUSTED}{REST}")).await
}

/// What came of a question.
#[derive(Debug)]
struct Told {
    grpc: Option<String>,
    answer: CheckResponse,
}

impl Told {
    fn passed(&self) -> bool {
        self.grpc.as_deref() == Some("0")
            && self.answer.status.as_ref().is_some_and(|status| status.code == 0)
            && self.answer.denied_response.is_none()
    }

    /// The status that the caller gets.
    fn status(&self) -> i32 {
        match &self.answer.denied_response {
            Some(denied) => {
                assert_ne!(self.answer.status.as_ref().unwrap().code, 0);
                denied.status.as_ref().unwrap().code
            }
            None if self.passed() => 200,
            None => 0,
        }
    }

    fn set(&self, name: &str) -> Option<String> {
        let ok = self.answer.ok_response.as_ref();
        let denied = self.answer.denied_response.as_ref();
        let changes = ok.map(|ok| &ok.headers).or(denied.map(|denied| &denied.headers))?;
        let mut values =
            changes.iter().filter_map(|change| change.header.as_ref()).filter(|header| header.key == name);
        values.next().map(|header| String::from_utf8(header.value.to_vec()).unwrap())
    }

    fn removed(&self) -> &[String] {
        &self.answer.ok_response.as_ref().unwrap().headers_to_remove
    }
}

async fn call(address: SocketAddr, message: &[u8], promise: bool) -> Told {
    let stream = TcpStream::connect(address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend_from_slice(message);
    let mut request = Request::post(format!("http://{address}/envoy.service.auth.v3.Authorization/Check"))
        .header("content-type", "application/grpc");
    if promise {
        request = request.header("countersign-body", "whole");
    }
    let response = sender.send_request(request.body(Full::new(bytes::Bytes::from(framed))).unwrap()).await;
    let response = response.unwrap();
    let in_head = response.headers().get("grpc-status").cloned();
    let body = response.into_body().collect().await.unwrap();
    let grpc = in_head.or_else(|| body.trailers()?.get("grpc-status").cloned());
    let bytes = body.to_bytes();
    let answer = CheckResponse::decode(bytes.get(5..).unwrap_or_default()).unwrap();
    connection.abort();
    Told { grpc: grpc.map(|status| status.to_str().unwrap().to_owned()), answer }
}

fn lines(text: &str) -> Vec<Header> {
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    let header = |(name, value): (&str, &str)| Header {
        key: name.to_ascii_lowercase().into(),
        raw_value: value.to_owned().into(),
        value: bytes::Bytes::new(),
    };
    pairs.map(header).collect()
}

fn http(method: &str, path: &str, headers: &str) -> Http {
    Http {
        method: method.to_owned().into(),
        path: path.to_owned().into(),
        host: HOST.into(),
        scheme: "http".into(),
        protocol: "HTTP/1.1".into(),
        header_map: Some(HeaderList { headers: lines(headers) }),
        ..Http::default()
    }
}

fn check(http: Http) -> CheckRequest {
    let socket = SocketAddress { address: "192.0.2.9".into(), port_value: 4 };
    CheckRequest {
        attributes: Some(Attributes {
            source: Some(Peer { address: Some(Address { socket_address: Some(socket) }) }),
            request: Some(countersign_envoy::wire::Request { http: Some(http) }),
            context_extensions: Vec::new(),
        }),
    }
}

async fn ask(world: &World, http: Http) -> Told {
    call(world.address, &check(http).encode_to_vec(), true).await
}

#[tokio::test]
async fn a_good_request_passes_with_its_identity_and_without_anybody_elses() {
    let world = world().await;
    let proof = world.proof("skykit", "GET", "/a", b"");
    let spoofed = "x-countersign-account: evil\nx_countersign_account: evil\nX-Countersign-New: evil\n\
                   x.countersign.key: evil\nremote_user: evil\nx-forwarded-user: evil\nauthorization_: evil\n\
                   x-forwarded-for: 192.0.2.9\nx-forwarded-proto: http\naccept: */*\n";
    let told = ask(&world, http("GET", "/a?b=c", &format!("{proof}{spoofed}"))).await;
    assert!(told.passed(), "{told:?}");
    assert_eq!(told.set("x-countersign-account").as_deref(), Some("alice"));
    let changes = &told.answer.ok_response.as_ref().unwrap().headers;
    assert!(changes.iter().all(|change| change.append_action == 2), "{changes:?}");
    let removed = told.removed();
    for name in ["x_countersign_account", "x-countersign-new", "x.countersign.key", "remote_user"] {
        assert!(removed.iter().any(|removed| removed == name), "{name}: {removed:?}");
    }
    // Ours that this answer does not set go as well, shown or not.
    for name in ["x-countersign-acting-as", "x_countersign_acting_as", "x-forwarded-user"] {
        assert!(removed.iter().any(|removed| removed == name), "{name}: {removed:?}");
    }
    for name in ["x-countersign-account", "x-forwarded-for", "x-forwarded-proto", "accept", "authorization"] {
        assert!(!removed.iter().any(|removed| removed == name), "{name}: {removed:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_the_gateways_byte_for_byte() {
    let world = world().await;
    let gateway = world.running.addresses()[1].address;
    let cases =
        ["", "authorization: Bearer abc\r\n", "authorization: Bearer a\r\nauthorization: Bearer b\r\n"];
    for headers in cases {
        let told = ask(&world, http("GET", "/a", headers)).await;
        let request = format!("GET /a HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n");
        let answer = crate::fixture::send(gateway, request.as_bytes()).await;
        let denied = told.answer.denied_response.as_ref().unwrap();
        assert_eq!((told.status(), &denied.body[..]), (i32::from(answer.status), answer.body.as_bytes()));
        for name in ["content-type", "cache-control", "www-authenticate", "countersign-time"] {
            assert_eq!(told.set(name).as_deref(), answer.header(name), "{name}");
        }
        assert!(told.set("countersign-reject").is_some_and(|id| id.starts_with("rej_")));
    }
}

#[tokio::test]
async fn a_signed_body_is_judged_when_it_is_whole_and_refused_when_not() {
    let world = world().await;
    let proof = world.proof("skillhive", "POST", "/hive/a", b"hello");
    let whole = format!("{proof}content-length: 5\nx-envoy-auth-partial-body: false\n");
    let with = |headers: &str, body: &str| Http {
        raw_body: body.to_owned().into(),
        ..http("POST", "/hive/a", headers)
    };
    assert_eq!(ask(&world, with(&whole, "hello")).await.status(), 200);
    for (headers, body) in [
        (whole.clone(), "hallo"),
        (whole.clone(), "hell"),
        (whole.replace("false", "true"), "hello"),
        (format!("{proof}content-length: 5\n"), ""),
        (proof.clone(), ""),
        (proof.clone(), "hello"),
    ] {
        let told = ask(&world, with(&headers, body)).await;
        assert_eq!(told.status(), 403, "{headers} {body} {told:?}");
    }
    let long = format!("{proof}x-envoy-auth-partial-body: false\n");
    assert_eq!(ask(&world, with(&long, &"x".repeat(1001))).await.status(), 403);
    // Beyond what is read at all; the answer is still a denial, never an error that Envoy might let pass.
    let told = ask(&world, with(&long, &"x".repeat(200_000))).await;
    assert_eq!(told.status(), 413, "{told:?}");
    // Nothing was promised: a request without a body looks like one whose body was held back.
    let proof = world.proof("skillhive", "GET", "/hive/a", b"");
    let message = check(http("GET", "/hive/a", &proof)).encode_to_vec();
    assert_eq!(call(world.address, &message, true).await.status(), 200);
    assert_eq!(call(world.address, &message, false).await.status(), 403);
}

#[tokio::test]
async fn replays_and_other_peoples_paths_are_refused() {
    let world = world().await;
    let proof = world.proof("asymmetric-jwt", "GET", "/once", b"");
    assert_eq!(ask(&world, http("GET", "/once", &proof)).await.status(), 200);
    assert_eq!(ask(&world, http("GET", "/once", &proof)).await.status(), 401);
    let bob = |path: &str| http("GET", path, &world.proof_of("bob", "skykit", "GET", path, b""));
    assert_eq!(ask(&world, bob("/public/a")).await.status(), 200);
    assert_eq!(ask(&world, bob("/private")).await.status(), 403);
    for path in ["/public/../private", "/public/%2e%2e/private", "/public//x", "/public/a%2fb", "//x"] {
        assert_eq!(ask(&world, bob(path)).await.status(), 400, "{path}");
    }
    for (path, host, scheme) in [("*", HOST, "http"), ("/a#b", HOST, "http"), ("/a", "a,b", "http")] {
        let proof = world.proof("skykit", "GET", "/a", b"");
        let changed = Http { host: host.into(), scheme: scheme.into(), ..http("GET", path, &proof) };
        assert_eq!(ask(&world, changed).await.status(), 400, "{path} {host}");
    }
    let proof = world.proof("skykit", "GET", "/a", b"");
    let drops = format!("{proof}connection: close, X-Countersign-Account\n");
    assert_eq!(ask(&world, http("GET", "/a", &drops)).await.status(), 400);
    let mut hidden = http("GET", "/a", &proof);
    hidden.header_map.as_mut().unwrap().headers.push(Header {
        key: "connection".into(),
        raw_value: bytes::Bytes::from_static(b"\xff, x-countersign-account"),
        value: bytes::Bytes::new(),
    });
    assert_eq!(ask(&world, hidden).await.status(), 400);
    assert_eq!(ask(&world, http("GET", "/a", &proof.repeat(2))).await.status(), 401);
    let many = format!("{proof}{}", "x: 1\n".repeat(101));
    assert_eq!(ask(&world, http("GET", "/a", &many)).await.status(), 431);
}

#[tokio::test]
async fn joined_credentials_are_doubled_ones() {
    let world = world().await;
    let proof = world.proof("skykit", "GET", "/a", b"");
    let (_, token) = proof.trim().split_once(": ").unwrap();
    let joined = |value: String| {
        let entry = Entry { key: "authorization".into(), value: value.into() };
        Http { headers: vec![entry], header_map: None, ..http("GET", "/a", "") }
    };
    assert_eq!(ask(&world, joined(token.to_owned())).await.status(), 200);
    assert_eq!(ask(&world, joined(format!("{token},{token}"))).await.status(), 401);
    assert_eq!(ask(&world, joined(format!("{token},"))).await.status(), 401);
}

#[tokio::test]
async fn what_envoy_never_sends_is_a_grpc_error() {
    let world = world().await;
    for message in [&b""[..], b"\xff", b"\x0a\x00", b"\x0a\x02\x22\x00"] {
        let told = call(world.address, message, true).await;
        assert_eq!((told.grpc.as_deref(), told.status()), (Some("3"), 0), "{message:?}");
    }
    let twice = Http {
        headers: vec![Entry { key: "x".into(), value: "1".into() }],
        ..http("GET", "/a", "authorization: Bearer a\n")
    };
    assert_eq!(ask(&world, twice).await.grpc.as_deref(), Some("3"));
}

#[tokio::test]
async fn strangers_are_not_told_who_anybody_is() {
    let world = World::with(REST).await;
    let proof = world.proof("skykit", "GET", "/a", b"");
    let told = ask(&world, http("GET", "/a", &proof)).await;
    assert_eq!(told.status(), 403);
    assert_eq!(told.set("x-countersign-account"), None);
    let plain = format!("GET /ext-authz/whole/a HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n");
    assert_eq!(world.send(plain).await.status, 403);
}

/// A replay memory that never answers.
struct Silent;

impl Once for Silent {
    fn claim(&self, _: Claim, _: Time) -> registry::Answer<'_, Result<Use, Fault>> {
        Box::pin(std::future::pending())
    }

    fn peek(&self, _: Claim, _: Time) -> registry::Answer<'_, Result<Use, Fault>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_fault_of_ours_denies_and_says_when_to_try_again() {
    let faults: [Arc<dyn Once>; 2] = [Arc::new(Broken), Arc::new(Silent)];
    for once in faults {
        faulty(once).await;
    }
}

async fn faulty(once: Arc<dyn Once>) {
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    let sources = Sources {
        file: Some(("t".to_owned(), format!("{TRUSTED}{REST}").replace("UPSTREAM", "http://127.0.0.1:1"))),
        ..Sources::default()
    };
    let parts = Parts {
        clock: Arc::new(FrozenClock::at(Time::from_seconds(NOW))),
        entropy: Arc::new(SeededEntropy::new(1)),
        registry: store.clone(),
        once,
        challenges: store.clone(),
        sessions: store.clone(),
    };
    let running = Server::start(Config::load(&sources).unwrap(), parts).await.unwrap();
    let address = running.addresses()[0].address;
    let signed = proof(&running, "alice", "asymmetric-jwt", "GET", "/once", b"", [1; 16]);
    let told = call(address, &check(http("GET", "/once", &signed)).encode_to_vec(), true).await;
    assert_eq!((told.grpc.as_deref(), told.status()), (Some("0"), 503), "{told:?}");
    assert_eq!(told.set("retry-after").as_deref(), Some("1"));
    let body = told.answer.denied_response.unwrap().body;
    assert!(!String::from_utf8_lossy(&body).contains("disk"));
}

#[tokio::test]
async fn the_log_and_the_metrics_tell_the_request_and_not_the_question() {
    let world = world().await;
    let proof = world.proof("skykit", "GET", "/a", b"");
    assert_eq!(ask(&world, http("GET", "/a", &proof)).await.status(), 200);
    assert_eq!(ask(&world, http("GET", "/a", "")).await.status(), 401);
    let metrics = world.running.addresses()[1].address;
    let text = crate::fixture::send(metrics, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.body;
    for line in [
        "countersign_responses_total{surface=\"ext-authz\",status=\"2xx\"} 1",
        "countersign_responses_total{surface=\"ext-authz\",status=\"4xx\"} 1",
        "countersign_judgements_total{surface=\"ext-authz\",dialect=\"skykit\",verdict=\"verified\",reason=\"none\"} 1",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn over_http_the_same_rules_hold() {
    let world = world().await;
    let send = async |method: &str, path: &str, lines: &str, body: &str| {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: http\r\n");
        let length = format!("Content-Length: {}\r\n\r\n", body.len());
        world.send(format!("{head}{lines}{length}{body}")).await
    };
    let bearer = world.proof("skykit", "GET", "/a", b"");
    let answer =
        send("GET", "/ext-authz/headers/a?x", &format!("{bearer}X_Countersign_Key: evil\r\n"), "").await;
    assert_eq!((answer.status, answer.header("x-countersign-account")), (200, Some("alice")), "{answer:?}");
    let removed: Vec<&str> = answer.header("x-envoy-auth-headers-to-remove").unwrap().split(',').collect();
    assert!(
        removed.contains(&"x_countersign_key") && removed.contains(&"x-countersign-session"),
        "{removed:?}"
    );
    assert!(!removed.contains(&"x-countersign-account"), "{removed:?}");
    let hive = world.proof("skillhive", "POST", "/hive/a", b"hello");
    let whole = format!("{hive}X-Envoy-Auth-Partial-Body: false\r\n");
    for (path, lines, body, status) in [
        ("/ext-authz/whole/hive/a", &whole, "hello", 200),
        ("/ext-authz/headers/hive/a", &whole, "hello", 200),
        ("/ext-authz/whole/hive/a", &whole, "hallo", 403),
        ("/ext-authz/whole/hive/b", &whole, "hello", 403),
        ("/ext-authz/whole/hive/a", &hive, "hello", 403),
        ("/ext-authz/headers/hive/a", &hive, "", 403),
        ("/ext-authz/whole/hive/../a", &bearer, "", 400),
        ("/ext-authz/whole/a", &bearer.repeat(2), "", 401),
        ("/ext-authz/whole/a", &bearer.replace("\r\n", ",x\r\n"), "", 401),
        ("/ext-authz/whole", &bearer, "", 400),
        ("/ext-authz/wholesale/a", &bearer, "", 404),
        ("/ext-authz/a", &bearer, "", 404),
        ("/a", &bearer, "", 404),
    ] {
        let answer =
            send(if body.is_empty() && status != 403 { "GET" } else { "POST" }, path, lines, body).await;
        assert_eq!(answer.status, status, "{path} {lines} {body} {answer:?}");
    }
    // A caller's X-Forwarded-Host passes Envoy as it is; it must not choose the host that is judged.
    let other = format!("{hive}X-Envoy-Auth-Partial-Body: false\r\nX-Forwarded-Host: {HOST}\r\n");
    let request = format!(
        "POST /ext-authz/whole/hive/a HTTP/1.1\r\nHost: other\r\nX-Forwarded-Proto: http\r\n{other}Content-Length: 5\r\n\r\nhello"
    );
    assert_eq!(world.send(request).await.status, 403);
    let no_scheme = format!("GET /ext-authz/whole/a HTTP/1.1\r\nHost: {HOST}\r\n{bearer}\r\n");
    assert_eq!(world.send(no_scheme).await.status, 400);
}

#[tokio::test]
async fn what_does_not_hold_passes_as_nobodys_where_the_route_does_not_enforce() {
    let lenient = format!("{TRUSTED}{REST}").replacen(
        "dialects = [\"skykit\"]",
        "dialects = [\"skykit\"]\nmode = \"warn\"\nmodes = { bob = \"shadow\" }",
        1,
    );
    let world = World::with(&lenient).await;
    let warning = Some("missing-credentials; such requests will be refused");
    let told = ask(&world, http("GET", "/a", "x-countersign-account: evil\n")).await;
    assert!(told.passed(), "{told:?}");
    let ok = told.answer.ok_response.as_ref().unwrap();
    let names = |changes: &[countersign_envoy::wire::HeaderChange]| {
        let keys = changes.iter().filter_map(|change| change.header.as_ref());
        let mut names: Vec<_> = keys.map(|header| String::from_utf8(header.key.to_vec()).unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&ok.headers), ["x-countersign-mode", "x-countersign-request-id"]);
    assert_eq!(
        names(&ok.response_headers_to_add),
        ["countersign-reject", "countersign-time", "countersign-warning"]
    );
    for name in ["x-countersign-account", "x-countersign-key", "x-countersign-assertion"] {
        assert!(told.removed().iter().any(|removed| removed == name), "{name}: {told:?}");
    }
    let asked = format!("GET /ext-authz/whole/a HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: http\r\n\r\n");
    let answer = world.send(asked).await;
    assert_eq!((answer.status, answer.header("x-countersign-mode")), (200, Some("warn")), "{answer:?}");
    assert_eq!(
        (answer.header("countersign-warning"), answer.header("x-countersign-account")),
        (warning, None)
    );
    let proof = world.proof_of("bob", "skykit", "GET", "/a", b"");
    let forged = format!("{}AA\r\n", &proof[..proof.trim_end().len() - 2]);
    let told = ask(&world, http("GET", "/a", &forged)).await;
    assert_eq!(told.set("x-countersign-mode").as_deref(), Some("shadow"));
    assert!(told.answer.ok_response.unwrap().response_headers_to_add.is_empty());
    let report = world.running.app().readiness.report();
    // Two networks: Envoy tells the address over gRPC alone here.
    assert_eq!(report.rows.len(), 3, "{report:?}");
}

#[tokio::test]
async fn grpc_is_spoken_over_http_2_only() {
    let world = world().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let head = "POST /envoy.service.auth.v3.Authorization/Check HTTP/1.1\r\nHost: x\r\n\
                Content-Type: application/grpc\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await.status, 415);
    let made = proof(&world.running, "alice", "skykit", "GET", "/a", b"", [9; 16]);
    assert!(made.starts_with("authorization"));
}
