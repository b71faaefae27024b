//! Callers that trickle: heads, bodies, answers and handshakes that come a byte at a time cost their own connection only.
use crate::fixture::{HOST, ROUTES, World, read, send};
use crate::upstreams::{listed, pool, scripted};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const SHORT: &str = "header_time = \"500ms\"\nbody_time = \"500ms\"\nidle_time = \"500ms\"";

async fn world(text: &str) -> World {
    World::with(&format!("{text}\n[limits]\n{SHORT}\n")).await
}

/// Writes a byte at a time until the other end has enough of it; how many went out.
async fn trickle(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    for (count, byte) in bytes.iter().enumerate() {
        if stream.write_all(&[*byte]).await.is_err() {
            return count;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bytes.len()
}

#[tokio::test]
async fn a_head_that_trickles_is_not_waited_for() {
    let world = world(ROUTES).await;
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-A: {}\r\n\r\n", "a".repeat(400));
    for before in ["", "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        if !before.is_empty() {
            // The second head of a connection has no more time than the first.
            stream.write_all(before.as_bytes()).await.unwrap();
            assert_eq!(read(&mut stream).await.status, 200);
        }
        assert!(trickle(&mut stream, head.as_bytes()).await < head.len());
    }
    assert_eq!(world.get("/", "").await.status, 200);
}

#[tokio::test]
async fn bodies_that_trickle_are_the_callers_fault_everywhere() {
    let text = format!("{ROUTES}\n[forward_auth]\nbodies = true\n");
    let world = world(&text).await;
    let auth = world.proof("skykit", "POST", "/", b"");
    let hive = world.proof("skillhive", "POST", "/hive/a", &[b'x'; 200]);
    let original = format!(
        "X-Forwarded-Method: POST\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: {HOST}\r\nX-Forwarded-Uri: /hive/a\r\n"
    );
    for (target, lines) in [
        // Passed on as it comes, read whole since it is signed, and sent along by a proxy.
        ("/", auth.clone()),
        ("/hive/a", hive.clone()),
        ("/verify", format!("{original}{hive}")),
        ("/explain", String::new()),
    ] {
        for framing in ["Content-Length: 200\r\n", "Transfer-Encoding: chunked\r\n"] {
            let mut stream = TcpStream::connect(world.address).await.unwrap();
            let head = format!("POST {target} HTTP/1.1\r\nHost: {HOST}\r\n{lines}{framing}\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let piece = if framing.starts_with("Content") { b"x".as_slice() } else { b"1\r\nx\r\n" };
            let (mut reading, mut writing) = stream.into_split();
            let trickling = tokio::spawn(async move {
                // 200 bytes would take 20 seconds.
                for _ in 0..200 {
                    if writing.write_all(piece).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
            let mut answer = Vec::new();
            let mut bytes = [0; 1024];
            while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
                match tokio::time::timeout(Duration::from_secs(15), reading.read(&mut bytes)).await.unwrap() {
                    Ok(0) | Err(_) => break,
                    Ok(count) => answer.extend_from_slice(&bytes[..count]),
                }
            }
            trickling.abort();
            let text = String::from_utf8_lossy(&answer);
            assert!(text.starts_with("HTTP/1.1 408"), "{target} {framing} {text:?}");
        }
    }
    assert_eq!(world.get("/", "").await.status, 200);
}

#[tokio::test]
async fn an_answer_that_is_taken_in_sips_is_given_up_and_its_upstream_let_go() {
    let (written, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, over) = (Arc::clone(&written), Arc::clone(&ended));
    let (endless, _) = scripted(async move |mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await.unwrap();
        let piece = vec![b'x'; 64 * 1024];
        while stream.write_all(&piece).await.is_ok() {
            count.fetch_add(piece.len(), Ordering::SeqCst);
        }
        over.fetch_add(1, Ordering::SeqCst);
    })
    .await;
    let world = world(&pool(&listed(&[endless]), "")).await;
    // A small window, so that the server is waited for often: each sip makes it write a little.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(world.address).await.unwrap();
    let proof = world.proof("skykit", "GET", "/", b"");
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n").as_bytes()).await.unwrap();
    let mut sip = [0; 16];
    for _ in 0..300 {
        if ended.load(Ordering::SeqCst) == 1 {
            break;
        }
        let _ = stream.read(&mut sip).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ended.load(Ordering::SeqCst), 1, "{} bytes", written.load(Ordering::SeqCst));
    // Who takes it at a usual pace gets all he wants.
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let proof = world.proof("skykit", "GET", "/", b"");
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n").as_bytes()).await.unwrap();
    let mut bytes = vec![0; 64 * 1024];
    for _ in 0..30 {
        stream.read_exact(&mut bytes).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A world whose second listener speaks TLS.
async fn secure(limits: &str) -> (World, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("a.pem"), folder.path().join("a.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let own = "surfaces = [\"metrics\", \"health\"]";
    let text =
        ROUTES.replace(own, &format!("{own}\ntls = {{ certificate = {certificate:?}, key = {key:?} }}\n"));
    let world = World::with(&format!("{text}\n[limits]\n{limits}\n")).await;
    let address = world.running.addresses()[1].address;
    (world, address)
}

async fn from(source: &str, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(format!("{source}:0").parse().unwrap())?;
    socket.connect(address).await
}

/// Whether a handshake from there is answered at all.
async fn is_greeted(source: &str, address: SocketAddr) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from("a.test").unwrap();
    // A server that turns the connection away may reset it before the connecting end has looked.
    let Ok(stream) = from(source, address).await else { return false };
    let connecting = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream);
    // It is answered with a certificate that nobody vouches for.
    let ended = tokio::time::timeout(Duration::from_secs(20), connecting).await.unwrap();
    ended.unwrap_err().to_string().contains("certificate")
}

#[tokio::test]
async fn handshakes_that_are_left_half_open_take_the_places_of_one_address_only() {
    let (world, address) = secure("connections = 40\nconnections_per_address = 10").await;
    let mut open = Vec::new();
    for _ in 0..60 {
        let Ok(mut stream) = from("127.0.0.2", address).await else { continue };
        // The beginning of a ClientHello.
        let _ = stream.write_all(b"\x16\x03\x01\x02\x00\x01").await;
        open.push(stream);
    }
    assert!(is_greeted("127.0.0.3", address).await);
    assert!(!is_greeted("127.0.0.2", address).await);
    assert_eq!(send(world.address, b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn an_address_whose_handshakes_come_to_nothing_connects_seldom() {
    let (_world, address) = secure("failures_per_address = 1\nfailures_burst = 20").await;
    let mut greeted = 0;
    for _ in 0..400 {
        let Ok(mut stream) = from("127.0.0.2", address).await else { continue };
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: no-handshake\r\n\r\n").await;
        let mut bytes = Vec::new();
        // An alert, or a reset.
        let read =
            tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await.unwrap();
        greeted += usize::from(read.is_ok() && !bytes.is_empty());
    }
    assert!((20..350).contains(&greeted), "{greeted}");
    assert!(is_greeted("127.0.0.3", address).await);
}
