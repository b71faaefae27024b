//! Bodies on their way through the gateway: streamed, bounded by the slower side, cut visibly, and without strange trailers.
use crate::fixture::{HOST, World, read};
use crate::upstreams::{listed, pool, scripted};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn asked(world: &World, method: &str, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let proof = world.proof("skykit", method, "/", b"");
    let head = format!("{method} / HTTP/1.1\r\nHost: {HOST}\r\n{proof}{more}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn an_answer_that_is_cut_short_has_no_clean_end() {
    for begin in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        // Half an answer and an end; half an answer and silence.
        for silent in [false, true] {
            let (cut, _) = scripted(async move |mut stream| {
                stream.write_all(begin.as_bytes()).await.unwrap();
                if silent {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
            })
            .await;
            let world = World::with(&pool(&format!("{}idle_timeout = \"300ms\"", listed(&[cut])), "")).await;
            let text = rest(asked(&world, "GET", "").await).await;
            assert!(text.contains("half") && !text.ends_with("0\r\n\r\n"), "{text}");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_a_gateway_timeout() {
    let (mute, count) = scripted(async |_stream| tokio::time::sleep(Duration::from_secs(30)).await).await;
    let settings = format!("{}first_byte_timeout = \"200ms\"", listed(&[mute]));
    let world = World::with(&pool(&settings, "")).await;
    let answer = world.get("/", "").await;
    assert_eq!((answer.status, answer.header("retry-after")), (504, Some("1")));
    assert!(answer.body.contains("gateway-timeout"), "{}", answer.body);
    // It may have done what it was asked for: nobody asks again.
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let world = World::with(&pool(&listed(&[mute]), "timeout = \"200ms\"")).await;
    assert_eq!(world.get("/", "").await.status, 504);
}

#[tokio::test]
async fn a_long_upload_is_no_timeout_as_long_as_it_moves() {
    let (slow, _) = scripted(async |mut stream| {
        let mut body = [0; 40];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    let world = World::with(&pool(&format!("{}first_byte_timeout = \"300ms\"", listed(&[slow])), "")).await;
    let mut stream = asked(&world, "POST", "Content-Length: 40\r\n").await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all(b"four").await.unwrap();
    }
    assert_eq!(read(&mut stream).await.body, "ok");
}

#[tokio::test]
async fn a_caller_that_reads_slowly_holds_the_upstream_back_and_one_that_leaves_ends_it() {
    let written = Arc::new(AtomicUsize::new(0));
    let ended = Arc::new(AtomicUsize::new(0));
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
    let world = World::with(&pool(&listed(&[endless]), "")).await;
    let stream = asked(&world, "GET", "").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let before = written.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(500)).await;
    // The kernel's buffers and a few of ours, and then nothing more.
    assert_eq!(written.load(Ordering::SeqCst), before);
    assert!((1..100_000_000).contains(&before), "{before}");
    drop(stream);
    for _ in 0..200 {
        if ended.load(Ordering::SeqCst) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the upstream still sends to a caller that left");
}

#[tokio::test]
async fn answers_without_a_body_stay_without_one() {
    let (plain, _) = scripted(async |mut stream| {
        // Each on its own connection; the last word closes it.
        stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await.unwrap();
    })
    .await;
    let world = World::with(&pool(&listed(&[plain]), "")).await;
    let text = rest(asked(&world, "HEAD", "Connection: close\r\n").await).await;
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("content-length: 1234"), "{text}");
    assert!(text.ends_with("\r\n\r\n") && !text.contains("103"), "{text}");
    for status in ["204 No Content", "304 Not Modified"] {
        let (bare, _) = scripted(async move |mut stream| {
            stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.unwrap();
        })
        .await;
        let world = World::with(&pool(&listed(&[bare]), "")).await;
        let text = rest(asked(&world, "GET", "Connection: close\r\n").await).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")) && text.ends_with("\r\n\r\n"), "{text}");
    }
}

/// An HTTP/2 upstream that tells how the request's body ended, and ends its own with a trailer as gRPC does.
async fn grpc() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(async |request: Request<Incoming>| {
                let te =
                    request.headers().get("te").map_or("none", |value| value.to_str().unwrap()).to_owned();
                let collected = request.into_body().collect().await.unwrap();
                let seen = format!("{:?} te={te} ", collected.trailers());
                let body = [Bytes::from(seen), collected.to_bytes()]
                    .map(|data| Ok::<_, Infallible>(Frame::data(data)));
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", "0".parse().unwrap());
                trailers.insert("content-length", "7".parse().unwrap());
                let frames = body.into_iter().chain([Ok(Frame::trailers(trailers))]);
                Ok::<_, Infallible>(Response::new(StreamBody::new(futures_util::stream::iter(frames))))
            });
            tokio::spawn(
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    address
}

#[tokio::test]
async fn trailers_of_answers_go_through_and_those_of_requests_do_not() {
    let world = World::with(&pool(&format!("{}protocol = \"http2\"", listed(&[grpc().await])), "")).await;
    let stream = TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let proof = world.proof("skykit", "POST", "/", b"");
    let (name, value) = proof.trim_end().split_once(": ").unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-countersign-account", "admin".parse().unwrap());
    let body = Full::new(Bytes::from_static(b"hello")).with_trailers(std::future::ready(Some(Ok(trailers))));
    let request = Request::post(format!("http://{HOST}/"))
        .header(name, value)
        .header("te", "trailers")
        .body(body)
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let collected = answer.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap();
    assert_eq!(trailers.get("grpc-status").unwrap(), "0");
    assert_eq!(trailers.get("content-length"), None);
    assert_eq!(collected.to_bytes(), "None te=trailers hello");
}
