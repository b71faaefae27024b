//! The end of a server drops no request, twenty times over, under load.
use crate::fixture::{HOST, ROUTES, World, proof, start};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_dropped_over_twenty_restarts_under_load() {
    let world = World::new().await;
    let text = ROUTES.replace("UPSTREAM", &format!("http://{}", world.echo.address()));
    let header = proof(&world.running, "alice", "skykit", "GET", "/", b"", [0; 16]);
    let answered = Arc::new(AtomicU64::new(0));
    for _ in 0..20 {
        let running = start(&text, world.store.clone(), &world.store, &world.clock).await;
        let address = running.addresses()[0].address;
        let mut callers = JoinSet::new();
        for number in 0..8 {
            callers.spawn(call(
                address,
                header.clone(),
                Duration::from_millis(number * 3),
                Arc::clone(&answered),
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        running.shutdown().await;
        while let Some(ended) = callers.join_next().await {
            ended.unwrap().unwrap();
        }
    }
    // Each caller of each round was answered at least once.
    assert!(answered.load(Ordering::SeqCst) >= 160, "{answered:?}");
}

/// Calls as a load balancer does: on kept connections, until the server says that it is not ready. Every request that is sent
/// gets its answer.
async fn call(
    address: SocketAddr,
    header: String,
    pause: Duration,
    answered: Arc<AtomicU64>,
) -> Result<(), String> {
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build_http::<Empty<bytes::Bytes>>();
    let (name, value) = header.trim_end().split_once(": ").unwrap();
    loop {
        let get = |path: &str| {
            http::Request::get(format!("http://{address}{path}"))
                .header(name, value)
                .body(Empty::new())
                .unwrap()
        };
        let answer = client.request(get("/")).await.map_err(|error| format!("{error:?}"))?;
        if answer.status() != 200 {
            return Err(format!("status {}", answer.status()));
        }
        let leaving = answer.headers().get("connection").is_some_and(|value| value == "close");
        answer.into_body().collect().await.map_err(|error| format!("cut short: {error}"))?;
        answered.fetch_add(1, Ordering::SeqCst);
        if leaving {
            let ready = client.request(get("/readyz")).await.map_err(|error| format!("{error:?}"))?;
            return if ready.status() == 503 {
                Ok(())
            } else {
                Err("told to leave a server that is ready".to_owned())
            };
        }
        tokio::time::sleep(pause).await;
    }
}

#[tokio::test]
async fn a_request_in_flight_is_finished_and_readiness_goes_first() {
    let world = World::new().await;
    let header = proof(&world.running, "alice", "skykit", "POST", "/", b"", [0; 16]);
    let mut slow = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{header}Content-Length: 5\r\n\r\nhe");
    tokio::io::AsyncWriteExt::write_all(&mut slow, head.as_bytes()).await.unwrap();
    let address = world.address;
    let ending = tokio::spawn(world.running.shutdown());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ready =
        crate::fixture::send(address, format!("GET /readyz HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes())
            .await;
    assert_eq!((ready.status, ready.header("connection")), (503, Some("close")), "{ready:?}");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "still listening");
    tokio::io::AsyncWriteExt::write_all(&mut slow, b"llo").await.unwrap();
    assert_eq!(crate::fixture::read(&mut slow).await.seen()["body_b64"], "aGVsbG8=");
    ending.await.unwrap();
}
