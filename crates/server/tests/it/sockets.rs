//! WebSocket through the gateway, against a real WebSocket server: judged first, then bytes both ways, and no way around.
use crate::fixture::{HOST, World};
use crate::upstreams::{head, listed, pool, scripted};
use countersign::base64::encode_hex;
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::Time;
use countersign::write::Signer;
use countersign_keys::sha256;
use countersign_store::draft::{Narrowing, NewAccount, NewCompanion};
use countersign_store::model::Identifier;
use countersign_store::stamp::Stamp;
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

const OPEN: &str = "upgrade = [\"websocket\"]";
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A WebSocket server that says every message again, and first who it thinks the caller is.
async fn server() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let opened = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let opened = Arc::clone(&opened);
            tokio::spawn(async move {
                let mut who = String::new();
                #[expect(clippy::result_large_err, reason = "the library's callback")]
                let tell = |request: &Request, response: Response| {
                    let all = request.headers().get_all("x-countersign-account").iter();
                    who = all.map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join("+");
                    Ok(response)
                };
                let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, tell).await else { return };
                opened.fetch_add(1, Ordering::SeqCst);
                socket.send(Message::text(who)).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() || message.is_binary() {
                        socket.send(message).await.unwrap();
                    }
                }
            });
        }
    });
    (address, count)
}

fn handshake(proof: &str, more: &str) -> String {
    format!(
        "GET /chat HTTP/1.1\r\nHost: {HOST}\r\n{proof}Upgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

async fn world(upstream: &str, route: &str) -> World {
    World::with(&pool(upstream, route)).await
}

#[tokio::test]
async fn a_judged_handshake_opens_a_tunnel_with_our_identity() {
    let (address, opened) = server().await;
    let world = world(&listed(&[address]), OPEN).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let proof = world.proof("skykit", "GET", "/chat", b"");
    let more = "X-Countersign-Account: admin\r\nConnection: x-countersign-account\r\n";
    stream.write_all(handshake(&proof, more).as_bytes()).await.unwrap();
    let answer = head(&mut stream).await.to_ascii_lowercase();
    assert!(
        answer.starts_with("http/1.1 101") && answer.contains("s3pplmbitxaq9kygzzhzrbk+xoo="),
        "{answer}"
    );
    let mut socket = tokio_tungstenite::WebSocketStream::from_raw_socket(
        stream,
        tokio_tungstenite::tungstenite::protocol::Role::Client,
        None,
    )
    .await;
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("alice"));
    let large = Message::binary(vec![7_u8; 3_000_000]);
    for message in [Message::text("hello"), large, Message::text("grüße")] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    assert_eq!(opened.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_is_refused_never_reaches_the_socket_server() {
    let (address, opened) = server().await;
    let world = world(&listed(&[address]), OPEN).await;
    let stranger = world.proof_of("mallory", "skykit", "GET", "/chat", b"");
    for proof in ["", stranger.as_str()] {
        assert_eq!(world.send(handshake(proof, "")).await.status, 401);
    }
    let proof = world.proof("skykit", "GET", "/chat", b"");
    for (from, to) in [
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"),
        (KEY, "short"),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: h2c"),
        ("Connection: Upgrade", "Connection: keep-alive"),
        ("GET ", "POST "),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13\r\nContent-Length: 3"),
    ] {
        let asked = handshake(&proof, "").replacen(from, to, 1);
        let answer = world.send(format!("{asked}abc")).await;
        assert_eq!(answer.status, 400, "{to} {answer:?}");
    }
    assert_eq!(opened.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn other_routes_drop_the_upgrade() {
    let (plain, _) = scripted(async |mut stream| {
        stream.write_all(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let world = world(&listed(&[plain]), "").await;
    let proof = world.proof("skykit", "GET", "/chat", b"");
    assert_eq!(world.send(handshake(&proof, "")).await.status, 426);
}

#[tokio::test]
async fn bytes_before_the_answer_go_nowhere() {
    let (address, opened) = server().await;
    let world = world(&listed(&[address]), OPEN).await;
    let proof = world.proof("skykit", "GET", "/chat", b"");
    // A frame, and a request that somebody hopes is passed on unjudged.
    let smuggled = format!("GET /admin HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    for early in [&b"\x81\x85\x01\x02\x03\x04iggnn"[..], smuggled.as_bytes(), b"G"] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let mut bytes = handshake(&proof, "").into_bytes();
        bytes.extend_from_slice(early);
        stream.write_all(&bytes).await.unwrap();
        let mut rest = Vec::new();
        // Whatever it says, it ends, and nothing of the socket server's comes through.
        let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.unwrap();
        let text = String::from_utf8_lossy(&rest).into_owned();
        assert!(!text.contains("alice") && !text.contains("200 OK"), "{text}");
    }
    let _ = opened;
}

#[tokio::test]
async fn a_request_behind_a_handshake_that_the_upstream_refused_is_judged() {
    let (plain, _) = scripted(async |mut stream| {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(answer).await.unwrap();
        head(&mut stream).await;
        stream.write_all(answer).await.unwrap();
    })
    .await;
    let world = world(&listed(&[plain]), OPEN).await;
    let proof = world.proof("skykit", "GET", "/chat", b"");
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let second = format!("GET /admin HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("{}{second}", handshake(&proof, "")).as_bytes()).await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    let (first, second) = all.split_once("ok").unwrap();
    assert!(first.starts_with("HTTP/1.1 200") && second.starts_with("HTTP/1.1 401"), "{all}");
}

#[tokio::test]
async fn an_upstream_that_did_not_take_this_handshake_has_not_switched() {
    for lie in [
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    ] {
        let (liar, _) = scripted(async move |mut stream| {
            stream.write_all(lie.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(5)).await;
        })
        .await;
        let world = world(&listed(&[liar]), OPEN).await;
        let proof = world.proof("skykit", "GET", "/chat", b"");
        assert_eq!(world.send(handshake(&proof, "")).await.status, 502, "{lie}");
        // Nor when nobody asked.
        assert_eq!(world.get("/chat", "").await.status, 502, "{lie}");
    }
}

#[tokio::test]
async fn a_silent_tunnel_and_one_of_a_server_that_stops_are_closed() {
    let (address, _) = server().await;
    let settings = format!("{}idle_timeout = \"300ms\"", listed(&[address]));
    for silent in [true, false] {
        let text = if silent { settings.clone() } else { listed(&[address]) };
        let world = world(&text, OPEN).await;
        let proof = world.proof("skykit", "GET", "/chat", b"");
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(handshake(&proof, "").as_bytes()).await.unwrap();
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 101"));
        let ending = (!silent).then(|| tokio::spawn(world.running.shutdown()));
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await.unwrap().unwrap();
        assert!(rest.ends_with(b"alice"), "{rest:?}");
        if let Some(ending) = ending {
            ending.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_tunnel_ends_with_the_key_or_the_account_that_opened_it() {
    let (address, _) = server().await;
    for how in ["revoked", "retired", "disabled", "no change"] {
        let world = world(&listed(&[address]), OPEN).await;
        let proof = world.proof("skykit", "GET", "/chat", b"");
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(handshake(&proof, "").as_bytes()).await.unwrap();
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 101"), "{how}");
        let app = world.running.app();
        let alice = app.directory.account_by_name("alice").unwrap();
        let keys = app.directory.keys_of(&alice.id);
        let key = &keys.iter().find(|key| key.dialects.iter().any(|name| name == "skykit")).unwrap().id;
        let now = Time::from_seconds(crate::fixture::NOW);
        let soon = now + countersign::time::Span::from_seconds(60);
        let stamp = Stamp { now, actor: "local".to_owned(), random: [200; 16] };
        match how {
            "revoked" => drop(app.registrar.revoke_key(&stamp, key).await.unwrap()),
            "retired" => {
                app.registrar.retire_key(&stamp, key, soon).await.unwrap();
                // It counts until then, and so does the tunnel.
                still_open(&mut stream).await;
                world.clock.set(soon);
            }
            "disabled" => drop(app.registrar.set_account_enabled(&stamp, &alice.id, false).await.unwrap()),
            _ => {
                // A change that is none of its.
                app.registrar.add_user(&stamp, "user-2", true).await.unwrap();
                still_open(&mut stream).await;
                continue;
            }
        }
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{how}: the tunnel is open");
    }
}

#[tokio::test]
async fn a_tunnel_ends_when_its_request_would_not_pass_any_more() {
    let (address, _) = server().await;
    for how in
        ["delegation withdrawn", "user disabled", "paths narrowed", "methods narrowed", "dialects narrowed"]
    {
        let world =
            World::with(&pool(&listed(&[address]), OPEN).replace("\"skykit\"", "\"skillhive\"")).await;
        let proof = world.proof("skillhive", "GET", "/chat", b"");
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(handshake(&proof, "").as_bytes()).await.unwrap();
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 101"), "{how}");
        let app = world.running.app();
        let alice = app.directory.account_by_name("alice").unwrap();
        let keys = app.directory.keys_of(&alice.id);
        let key = keys.iter().find(|key| key.dialects.iter().any(|name| name == "skillhive")).unwrap();
        let now = Time::from_seconds(crate::fixture::NOW);
        let stamp = Stamp { now, actor: "local".to_owned(), random: [200; 16] };
        let methods = |method: &str| Narrowing { methods: vec![method.to_owned()], ..Narrowing::default() };
        // What leaves room for it ends nothing.
        app.registrar.set_paths(&stamp, &alice.id, &["/chat".to_owned()]).await.unwrap();
        app.registrar.set_key_limits(&stamp, &key.id, &methods("GET")).await.unwrap();
        still_open(&mut stream).await;
        match how {
            "delegation withdrawn" => drop(app.registrar.set_acts_as(&stamp, &alice.id, &[]).await.unwrap()),
            "user disabled" => drop(app.registrar.set_user_enabled(&stamp, "user-1", false).await.unwrap()),
            "paths narrowed" => {
                app.registrar.set_paths(&stamp, &alice.id, &["/ch".to_owned()]).await.unwrap();
            }
            "methods narrowed" => {
                app.registrar.set_key_limits(&stamp, &key.id, &methods("POST")).await.unwrap();
            }
            _ => {
                app.registrar.set_key_dialects(&stamp, &key.id, &["skykit".to_owned()]).await.unwrap();
            }
        }
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{how}: the tunnel is open");
    }
}

#[tokio::test]
async fn a_tunnel_ends_when_its_route_admits_its_caller_no_more_or_its_name_or_companion_key_is_gone() {
    let (address, _) = server().await;
    let now = Time::from_seconds(crate::fixture::NOW);
    for how in ["renamed", "left its organisation", "lost its identifier", "companion key disabled"] {
        let only = match how {
            "renamed" => "admit = [\"alice\"]",
            "left its organisation" => "organisations = [\"acme\"]",
            _ => "",
        };
        let dialect = if how.starts_with("companion") { "partner-key" } else { "skykit" };
        let text = pool(&listed(&[address]), &format!("{OPEN}\n{only}"));
        let world = World::with(&text.replacen("\"skykit\"", &format!("{dialect:?}"), 1)).await;
        let app = world.running.app();
        let alice = app.directory.account_by_name("alice").unwrap();
        let stamp = |random: u8| Stamp { now, actor: "local".to_owned(), random: [random; 16] };
        let acme = app.registrar.add_organisation(&stamp(201), "acme").await.unwrap();
        app.registrar.add_member(&stamp(202), &acme.id, &alice.id, "MEMBER").await.unwrap();
        let mut companion = None;
        let proof = if dialect == "partner-key" {
            let site = Identifier { namespace: "site".to_owned(), value: "54344".to_owned() };
            app.registrar.add_identifier(&stamp(203), &alice.id, &site).await.unwrap();
            let keys = app.directory.keys_of(&alice.id);
            let key = keys.iter().find(|key| key.dialects.iter().any(|name| name == "skykit")).unwrap();
            app.registrar.set_key_dialects(&stamp(204), &key.id, &[dialect.to_owned()]).await.unwrap();
            let new = NewCompanion {
                account: alice.id.clone(),
                dialect: dialect.to_owned(),
                label: "job".to_owned(),
                digest: encode_hex(&sha256(&[b"secret"])),
                bound: true,
                enabled: true,
            };
            companion = Some(app.registrar.add_companion(&stamp(205), &new).await.unwrap().id);
            partner(&world)
        } else {
            world.proof(dialect, "GET", "/chat", b"")
        };
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(handshake(&proof, "").as_bytes()).await.unwrap();
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 101"), "{how}");
        app.registrar.add_user(&stamp(206), "user-2", true).await.unwrap();
        still_open(&mut stream).await;
        match how {
            "renamed" => drop(app.registrar.rename_account(&stamp(207), &alice.id, "alicia").await.unwrap()),
            "left its organisation" => app.registrar.leave(&stamp(207), &alice.id).await.unwrap(),
            "lost its identifier" => {
                let email = Identifier { namespace: "email".to_owned(), value: "alice@email".to_owned() };
                app.registrar.remove_identifier(&stamp(207), &alice.id, &email).await.unwrap();
            }
            _ => {
                let id = companion.unwrap();
                app.registrar.set_companion_enabled(&stamp(207), &id, false).await.unwrap();
            }
        }
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{how}: the tunnel is open");
    }
}

/// A proof of site 54344's, with its companion key.
fn partner(world: &World) -> String {
    let dialect = &world.running.app().dialects["partner-key"];
    let headers = http::HeaderMap::new();
    let incoming = Incoming {
        method: "GET",
        target: Target::new("http", HOST, "/chat"),
        headers: &headers,
        body: Body::Empty,
        client: None,
        challenge: None,
    };
    let signer = Signer {
        key: crate::fixture::rsa(),
        identifier: "54344",
        acting_as: None,
        companion: Some("secret"),
        algorithm: None,
        challenge: None,
    };
    let made = dialect.write(&incoming, &signer, Time::from_seconds(crate::fixture::NOW), [9; 16]).unwrap();
    made.headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect()
}

#[tokio::test]
async fn a_tunnel_of_a_session_ends_with_what_opened_it_and_not_before() {
    let (address, _) = server().await;
    let tokens =
        "[[route]]\nname = \"tokens\"\npath = \"/chat\"\ndialects = [\"own-session\"]\nupstream = \"pool\"";
    let text = pool(&listed(&[address]), &format!("{tokens}\n{OPEN}"))
        .replace("\"gateway\",", "\"gateway\", \"session\",");
    let world = World::with(&text).await;
    let app = world.running.app();
    let now = Time::from_seconds(crate::fixture::NOW);
    let stamp = Stamp { now, actor: "local".to_owned(), random: [200; 16] };
    let new = NewAccount {
        name: "carla".to_owned(),
        organisation: None,
        enabled: true,
        identifiers: vec![Identifier { namespace: "user-id".to_owned(), value: "carla".to_owned() }],
        acts_as: Vec::new(),
        paths: Vec::new(),
        jwks_url: None,
        role: None,
    };
    let carla = app.registrar.add_account(&stamp, &new).await.unwrap();
    let new = NewCompanion {
        account: carla.id,
        dialect: "spacetime".to_owned(),
        label: "job".to_owned(),
        digest: encode_hex(&sha256(&[b"secret"])),
        bound: false,
        enabled: true,
    };
    let companion = app.registrar.add_companion(&stamp, &new).await.unwrap();
    let asked = format!(
        "POST /v1/auth/apikey HTTP/1.1\r\nHost: {HOST}\r\napikey: secret\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    );
    let answer = world.send(asked).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let proof = format!("Authorization: Bearer {}\r\n", body["accessToken"].as_str().unwrap());
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(handshake(&proof, "").as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 101"));
    still_open(&mut stream).await;
    app.registrar.set_companion_enabled(&stamp, &companion.id, false).await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the tunnel is open");
}

/// Longer than two looks of the server's.
async fn still_open(stream: &mut TcpStream) {
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(Duration::from_millis(2500), stream.read_to_end(&mut bytes)).await;
    assert!(ended.is_err(), "the tunnel has ended");
}

#[tokio::test]
async fn http_2_opens_no_tunnels() {
    let (address, opened) = server().await;
    let world = world(&listed(&[address]), OPEN).await;
    let stream = TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, http_body_util::Empty<bytes::Bytes>>(
            hyper_util::rt::TokioExecutor::new(),
            hyper_util::rt::TokioIo::new(stream),
        )
        .await
        .unwrap();
    tokio::spawn(connection);
    let proof = world.proof("skykit", "GET", "/chat", b"");
    let (name, value) = proof.trim_end().split_once(": ").unwrap();
    let mut request = http::Request::builder()
        .method("CONNECT")
        .uri(format!("http://{HOST}/chat"))
        .header(name, value)
        .header("sec-websocket-version", "13")
        .body(http_body_util::Empty::new())
        .unwrap();
    request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    // The server did not offer it, so the client's library or ours refuses.
    let answer = sender.send_request(request).await;
    assert!(answer.as_ref().is_err() || answer.as_ref().unwrap().status().is_client_error(), "{answer:?}");
    assert_eq!(opened.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_server_that_will_stop_still_opens_proper_tunnels() {
    let (address, _) = server().await;
    let text = pool(&listed(&[address]), OPEN).replace("100ms", "30s");
    let World { running, echo: _echo, address, .. } = World::with(&text).await;
    let proof = crate::fixture::proof(&running, "alice", "skykit", "GET", "/chat", b"", [0; 16]);
    let stopping = tokio::spawn(running.shutdown());
    loop {
        let asked = format!("GET /healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        let answer = crate::fixture::send(address, asked.as_bytes()).await;
        if answer.header("connection") == Some("close") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(handshake(&proof, "").as_bytes()).await.unwrap();
    let answer = head(&mut stream).await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101") && answer.contains("connection: upgrade"), "{answer}");
    stopping.abort();
}
