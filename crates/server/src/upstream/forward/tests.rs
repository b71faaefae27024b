//! A kept connection that the upstream closed while nobody here looked.
use super::*;
use crate::config::upstream::Upstream;
use crate::upstream::pool::Pool;
use http_body_util::BodyExt;
use std::io::{Read, Write};
use std::sync::mpsc;

async fn post(pool: &Pool) -> Result<String, Failure> {
    let target = PathAndQuery::from_static("/");
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("h"));
    let second = Duration::from_secs(20);
    let forward = Forward {
        method: Method::POST,
        target: &target,
        headers,
        timeout: second,
        body_time: second,
        upgrade: false,
        trip: Arc::default(),
    };
    match pool.send(forward, Inflow::Stream(Body::from("hello"))).await? {
        Came::Answer(answer) => {
            Ok(String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
        }
        Came::Switched(..) => Ok("switched".to_owned()),
    }
}

#[tokio::test]
async fn a_post_whose_kept_connection_closed_unseen_goes_out_whole_on_another() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address: Uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (close, closes) = mpsc::channel::<()>();
    let (closed, is_closed) = mpsc::channel();
    std::thread::spawn(move || {
        // One request a connection; each is closed when the test says so.
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"hello") {
                let mut piece = [0; 1024];
                let count = stream.read(&mut piece).unwrap();
                assert!(count > 0, "half a request came");
                seen.extend_from_slice(&piece[..count]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
            let told = closes.recv();
            drop(stream);
            if told.is_err() || closed.send(()).is_err() {
                return;
            }
        }
    });
    let pool = Pool::start(&Upstream::single(&address)).unwrap();
    for _ in 0..5 {
        assert_eq!(post(&pool).await.unwrap(), "ok");
        // The runtime stands still meanwhile: it cannot have heard of the end.
        close.send(()).unwrap();
        is_closed.recv().unwrap();
    }
}
