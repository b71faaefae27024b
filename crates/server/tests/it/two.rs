//! HTTP/2 callers that idle, stall, flood or give up: each costs its own connection, and nobody else anything.
use crate::fixture::{HOST, ROUTES, World, proof};
use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest, handshake};
use h2::{Reason, SendStream};
use http::Request;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

type Ended = JoinHandle<Result<(), h2::Error>>;

/// The fixture with other limits.
async fn world(limits: &str) -> World {
    World::with(&format!("{ROUTES}\n[limits]\n{limits}\n")).await
}

async fn connect(address: SocketAddr) -> (SendRequest<Bytes>, Ended) {
    let (sender, connection) = handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
    (sender.ready().await.unwrap(), tokio::spawn(connection))
}

/// A request of alice's.
fn request(world: &World, method: &str) -> Request<()> {
    let header = proof(&world.running, "alice", "skykit", method, "/", b"", [0; 16]);
    let (name, value) = header.trim_end().split_once(": ").unwrap();
    let uri = format!("http://{HOST}/");
    Request::builder().method(method).uri(uri).header(name, value).body(()).unwrap()
}

async fn send(
    sender: &mut SendRequest<Bytes>,
    request: &Request<()>,
    ends: bool,
) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
    let ready = sender.clone().ready().await?;
    *sender = ready;
    let mut copy = Request::builder().method(request.method()).uri(request.uri()).body(()).unwrap();
    copy.headers_mut().clone_from(request.headers());
    sender.send_request(copy, ends)
}

async fn answered(answer: ResponseFuture) -> u16 {
    let answer = answer.await.unwrap();
    let status = answer.status().as_u16();
    let mut body = answer.into_body();
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
    }
    status
}

/// Waits for the end of a connection; never asserts how long it took.
async fn over(ended: Ended) -> Result<(), h2::Error> {
    tokio::time::timeout(Duration::from_secs(30), ended)
        .await
        .unwrap_or_else(|_| panic!("still open"))
        .unwrap()
}

/// Memory of this process, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go_and_a_busy_one_is_not() {
    let world = world("idle_time = \"300ms\"").await;
    let get = request(&world, "GET");
    let (mut sender, ended) = connect(world.address).await;
    assert_eq!(answered(send(&mut sender, &get, true).await.unwrap().0).await, 200);
    over(ended).await.unwrap();
    assert!(send(&mut sender, &get, true).await.is_err());
    // Nothing was ever asked; pings do not count.
    let (_sender, mut connection) =
        handshake(TcpStream::connect(world.address).await.unwrap()).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let ended: Ended = tokio::spawn(connection);
    let pinging = tokio::spawn(async move { while pings.ping(h2::Ping::opaque()).await.is_ok() {} });
    over(ended).await.unwrap();
    pinging.await.unwrap();
    // A request that is being answered keeps its connection, for as long as it sends.
    let post = request(&world, "POST");
    let (mut sender, _ended) = connect(world.address).await;
    let (answer, mut body) = send(&mut sender, &post, false).await.unwrap();
    for _ in 0..10 {
        body.send_data(Bytes::from_static(b"x"), false).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    body.send_data(Bytes::new(), true).unwrap();
    assert_eq!(answered(answer).await, 200);
}

#[tokio::test]
async fn a_caller_that_takes_no_answer_is_let_go() {
    let world = world("body_time = \"300ms\"").await;
    let stream = TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) =
        Builder::new().initial_window_size(0).handshake::<_, Bytes>(stream).await.unwrap();
    let ended: Ended = tokio::spawn(connection);
    let get = request(&world, "GET");
    let (answer, _) = send(&mut sender, &get, true).await.unwrap();
    let kept = answer.await.unwrap();
    assert_eq!(kept.status(), 200);
    let _ = over(ended).await;
    drop(kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_resets_end_their_connection_and_starve_nobody() {
    let world = World::new().await;
    let get = request(&world, "GET");
    let (mut other, _ended) = connect(world.address).await;
    assert_eq!(answered(send(&mut other, &get, true).await.unwrap().0).await, 200);
    let before = resident();
    for _ in 0..20 {
        let (mut sender, ended) = connect(world.address).await;
        let mut sent = 0;
        // 10,000 would be no attack on memory or time if all were accepted; they must not be.
        while sent < 10_000 {
            let Ok((_, mut stream)) = send(&mut sender, &get, true).await else { break };
            stream.send_reset(Reason::CANCEL);
            sent += 1;
            if sent % 100 == 0 {
                // Its own connection gets a turn to notice the end.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        drop(sender);
        let error = over(ended).await;
        assert!(sent < 10_000, "every reset was taken: {error:?}");
        assert_eq!(answered(send(&mut other, &get, true).await.unwrap().0).await, 200);
    }
    assert!(resident() < before + 64 * 1024 * 1024, "{before} {}", resident());
}

#[tokio::test]
async fn a_caller_that_only_gives_up_is_let_go() {
    let world = World::new().await;
    let post = request(&world, "POST");
    let (mut sender, ended) = connect(world.address).await;
    let mut given_up = 0;
    while given_up < 2000 && !ended.is_finished() {
        let Ok((_answer, mut stream)) = send(&mut sender, &post, false).await else { break };
        // It waits for the body that never comes.
        tokio::time::sleep(Duration::from_millis(1)).await;
        stream.send_reset(Reason::CANCEL);
        given_up += 1;
    }
    let _ = over(ended).await;
    assert!((20..2000).contains(&given_up), "{given_up}");
}

#[tokio::test]
async fn floods_of_continuations_and_of_empty_data_end_their_connection() {
    let world = World::new().await;
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend_from_slice(&[kind, flags]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    };
    // :method POST, :scheme http, :path /, :authority a, and nothing that ends the body.
    let head = [0x83, 0x86, 0x84, 0x41, 0x01, b'a'];
    let opening = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, b"")].concat();
    let continuations = (frame(1, 0, 1, &head), frame(9, 0, 1, b""));
    let headers = (frame(1, 0, 1, &head), frame(9, 0, 1, &[0x00, 0x01, b'a', 0x7f, 0x81, 0x01, b'b']));
    let data = (frame(1, 4, 1, &head), frame(0, 0, 1, b""));
    for (begin, flood) in [continuations, headers, data] {
        let before = resident();
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&[opening.as_slice(), &begin].concat()).await.unwrap();
        let piece = flood.repeat(1000);
        let flooding = async {
            // At most 10 million frames; a server that reads them all fails this test.
            for _ in 0..10_000 {
                if stream.write_all(&piece).await.is_err() {
                    return true;
                }
            }
            false
        };
        let ended = tokio::time::timeout(Duration::from_secs(60), flooding).await;
        assert!(ended.unwrap_or(false), "the server goes on reading");
        assert!(resident() < before + 32 * 1024 * 1024);
    }
    assert_eq!(world.get("/", "").await.status, 200);
}

#[tokio::test]
async fn streams_are_as_many_as_the_configuration_says_and_the_end_drops_none() {
    let world = world("streams = 7").await;
    let get = request(&world, "GET");
    let (mut sender, ended) = connect(world.address).await;
    assert_eq!(answered(send(&mut sender, &get, true).await.unwrap().0).await, 200);
    assert_eq!(sender.current_max_send_streams(), 7);
    let post = request(&world, "POST");
    let (answer, mut body) = send(&mut sender, &post, false).await.unwrap();
    body.send_data(Bytes::from_static(b"he"), false).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ending = tokio::spawn(world.running.shutdown());
    // Told to go elsewhere, it begins nothing new; what it began is finished.
    while send(&mut sender, &get, true).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    body.send_data(Bytes::from_static(b"llo"), true).unwrap();
    assert_eq!(answered(answer).await, 200);
    over(ended).await.unwrap();
    ending.await.unwrap();
}

#[tokio::test]
async fn half_a_head_keeps_no_connection_open() {
    let world = world("idle_time = \"300ms\"\nbody_time = \"300ms\"").await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\0\0\0\0\x01\x83")
        .await
        .unwrap();
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await;
    assert!(ended.is_ok(), "still open");
}
