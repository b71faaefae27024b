//! Which pieces of an answer go out as one, and what of the requests that were sent together passes at once.
use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

fn connection() -> (Strict<DuplexStream>, DuplexStream, Arc<Conduct>) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let bounds = Bounds { head: 4096, fields: 10, field: 1024, line: 512 };
    let long = Duration::from_secs(60);
    let patience = Patience { head: long, idle: long, write: long };
    let conduct = Arc::new(Conduct::new());
    (Strict::new(near, bounds, patience, Activity::new(), Arc::clone(&conduct)), far, conduct)
}

#[tokio::test(start_paused = true)]
async fn of_requests_that_were_sent_together_one_is_heard_at_a_time() {
    let (mut strict, mut far, conduct) = connection();
    let get = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".as_slice();
    let post = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello".as_slice();
    let chunks =
        b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".as_slice();
    far.write_all(&[get, post, chunks, get, &get[..9]].concat()).await.unwrap();
    assert_eq!(strict.version().await, Some(Version::One));
    for message in [get, post, chunks, get] {
        let mut piece = [0; 4096];
        let count = strict.read(&mut piece).await.unwrap();
        assert_eq!(piece[..count].escape_ascii().to_string(), message.escape_ascii().to_string());
        // Whoever was refused for this one waits with the next.
        conduct.pause();
        let from = Instant::now();
        assert!(tokio::time::timeout(Duration::from_millis(900), strict.read(&mut piece)).await.is_err());
        sleep_until(from + Duration::from_secs(1)).await;
    }
    far.write_all(&get[9..]).await.unwrap();
    let mut piece = [0; 4096];
    assert_eq!(strict.read(&mut piece).await.unwrap(), get.len());
}

#[test]
fn small_pieces_become_one_and_large_ones_stay() {
    let (head, body) = ([b'h'; 24], [b'b'; TOGETHER - 24]);
    let mut room = [0; TOGETHER];
    let whole = together(&[io::IoSlice::new(&head), io::IoSlice::new(&body)], &mut room).map(<[u8]>::to_vec);
    assert_eq!(whole, Some([&head[..], &body].concat()));
    let more = [io::IoSlice::new(&head), io::IoSlice::new(&body), io::IoSlice::new(b"x")];
    assert_eq!(together(&more, &mut room), None);
    assert_eq!(together(&[], &mut room), Some(&[][..]));
}
