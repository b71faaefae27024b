//! Bytes that are almost HTTP: refused, and nothing hidden in them reaches the upstream.
use crate::fixture::{HOST, World, read};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn smuggled_requests_are_refused() {
    let world = World::new().await;
    let host = format!("Host: {HOST}\r\n");
    let auth = world.proof("skykit", "POST", "/", b"");
    let hidden = format!("0\r\n\r\nGET /admin/smuggled HTTP/1.1\r\n{host}\r\n");
    let length = hidden.len();
    for framing in [
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
        format!("Transfer-Encoding:\tchunked\r\nContent-Length: {length}\r\n"),
        format!("Transfer-Encoding: xchunked\r\nContent-Length: {length}\r\n"),
        format!("Transfer-Encoding : chunked\r\nContent-Length: {length}\r\n"),
        format!("X: y\rTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
        format!("Foo\nTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
        format!("Transfer_Encoding: chunked\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n"),
        format!("Content-Length: 0, {length}\r\n"),
        "Content-Length:\r\n".to_owned(),
    ] {
        let answer = world.send(format!("POST / HTTP/1.1\r\n{host}{auth}{framing}\r\n{hidden}")).await;
        assert_eq!(answer.status, 400, "{framing:?} {answer:?}");
        assert!(answer.header("connection").is_some_and(|value| value == "close"), "{answer:?}");
    }
}

#[tokio::test]
async fn broken_chunks_are_the_callers_fault_not_the_upstreams() {
    let world = World::new().await;
    let auth = world.proof("skykit", "POST", "/", b"");
    for body in [
        "-5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "10000000000000005\r\nhello\r\n0\r\n\r\n".to_owned(),
        format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(70_000)),
        "5\r\nhelloX0\r\n\r\n".to_owned(),
        "5g\r\nhello\r\n0\r\n\r\n".to_owned(),
        "\r\nhello\r\n0\r\n\r\n".to_owned(),
        "5\r\nhello\r\n0\r\nX : y\r\n\r\n".to_owned(),
    ] {
        let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{auth}Transfer-Encoding: chunked\r\n\r\n");
        let answer = world.send(format!("{head}{body}")).await;
        assert!(answer.status == 400 || answer.status == 0, "{:?} {answer:?}", &body[..body.len().min(30)]);
    }
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let world = World::new().await;
    let auth = world.proof("skykit", "GET", "/", b"");
    let host = format!("Host: {HOST}\r\n");
    for (request, status) in [
        (format!("GET / HTTP/1.1\n{}{}\n", host.replace('\r', ""), auth.replace('\r', "")), 400),
        (format!("GET / HTTP/1.1\r\n{auth}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}{host}{auth}\r\n"), 400),
        (format!("GET http://evil.test/ HTTP/1.1\r\n{host}{auth}\r\n"), 400),
        (format!("GET http://{HOST}/ HTTP/1.1\r\n{host}{auth}\r\n"), 200),
        (format!("GET /a#b HTTP/1.1\r\n{host}{auth}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}Authorization: Bearer\r\n x\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}{auth}X: {}\r\n\r\n", "a".repeat(40_000)), 431),
        (format!("GET / HTTP/1.1\r\n{host}{auth}{}\r\n", "X: y\r\n".repeat(100)), 431),
        ("\u{16}\u{3}\u{1}\0\0\r\n\r\n".to_owned(), 400),
        ("GET /admin\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.0\r\n{host}{auth}\r\n"), 200),
        (
            format!(
                "GET / HTTP/1.1\r\n{host}{auth}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
            ),
            200,
        ),
    ] {
        let answer = world.send(&request).await;
        assert_eq!(answer.status, status, "{:?} {answer:?}", &request[..request.len().min(80)]);
    }
}

#[tokio::test]
async fn requests_one_after_another_on_one_connection_are_answered_in_order() {
    let world = World::new().await;
    let auth = world.proof("skykit", "GET", "/", b"");
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    for path in ["/a", "/b", "/c"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{auth}\r\n");
        for piece in request.as_bytes().chunks(17) {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(read(&mut stream).await.seen()["target"], path);
    }
}

#[tokio::test]
async fn slow_and_silent_callers_are_let_go_while_others_are_served() {
    let config = format!(
        "{}\n[limits]\nheader_time = \"300ms\"\nbody_time = \"300ms\"\nidle_time = \"300ms\"\n",
        crate::fixture::ROUTES
    );
    let world = World::with(&config).await;
    let auth = world.proof("skykit", "POST", "/", b"");
    let mut silent = TcpStream::connect(world.address).await.unwrap();
    let mut head = TcpStream::connect(world.address).await.unwrap();
    head.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
    let mut body = TcpStream::connect(world.address).await.unwrap();
    let sent = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{auth}Content-Length: 5\r\n\r\nhe");
    body.write_all(sent.as_bytes()).await.unwrap();
    let mut idle = TcpStream::connect(world.address).await.unwrap();
    let sent = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{auth}\r\n");
    idle.write_all(sent.as_bytes()).await.unwrap();
    assert_eq!(read(&mut idle).await.status, 200);
    assert_eq!(world.get("/", "").await.status, 200);
    assert_eq!(read(&mut silent).await.status, 0);
    assert_eq!(read(&mut head).await.status, 0);
    assert_eq!(read(&mut body).await.status, 408);
    assert_eq!(read(&mut idle).await.status, 0);
}

#[tokio::test]
async fn five_hundred_idle_connections_leave_room_for_one_more() {
    let world = World::new().await;
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(TcpStream::connect(world.address).await.unwrap());
    }
    let answer = tokio::time::timeout(Duration::from_secs(10), world.get("/", "")).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_caller_that_does_not_take_its_answer_is_let_go() {
    let config = format!("{}\n[limits]\nbody_time = \"300ms\"\n", crate::fixture::ROUTES);
    let world = World::with(&config).await;
    let auth = world.proof("skykit", "POST", "/", b"");
    let body = vec![b'x'; 12_000_000];
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{auth}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Sixteen megabytes do not fit into the sockets between us: what is left was not kept for this caller.
    assert_eq!(read(&mut stream).await.status, 0);
}
