//! Tests of the scanner: good streams pass whole in any pieces, bad ones stop before a byte of the bad message passes.
use super::*;
use proptest::prelude::*;

const BOUNDS: Bounds = Bounds { head: 4096, fields: 10, field: 1024, line: 512 };

fn feed(bytes: &[u8], piece: usize) -> Result<usize, Broken> {
    let mut scanner = Scanner::new(BOUNDS);
    let mut passed = 0;
    let mut end = 0;
    while end < bytes.len() {
        end = (end + piece).min(bytes.len());
        loop {
            let (count, broken) = scanner.scan(&bytes[passed..end]);
            passed += count;
            if let Some(broken) = broken {
                return Err(broken);
            }
            if count == 0 {
                break;
            }
        }
    }
    Ok(passed)
}

#[test]
fn whole_messages_pass_in_any_pieces() {
    let stream = b"GET /a?b=%20 HTTP/1.1\r\nHost: h:80\r\nX: \xff\r\n\r\n\
        POST http://h:80/ HTTP/1.1\r\nhost:h:80 \r\nContent-Length: 5\r\n\r\nhello\
        POST / HTTP/1.1\r\nHost: [::1]:8\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nA: b\r\n\r\n\
        OPTIONS * HTTP/1.0\r\nHost: h\r\n\r\n";
    for piece in 1..stream.len() {
        assert_eq!(feed(stream, piece), Ok(stream.len()), "{piece}");
    }
}

#[test]
fn an_unfinished_head_does_not_pass() {
    assert_eq!(feed(b"GET / HTTP/1.1\r\nHost: h\r\n", 5), Ok(0));
    assert_eq!(feed(b"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HT", 7), Ok(27));
}

#[test]
fn bad_heads_never_pass() {
    let host = "Host: h\r\n";
    for head in [
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("\r\nGET / HTTP/1.1\r\n{host}\r\n"),
        "GET / HTTP/1.1\nHost: h\n\n".to_owned(),
        format!("GET  / HTTP/1.1\r\n{host}\r\n"),
        format!("GET\t/\tHTTP/1.1\r\n{host}\r\n"),
        format!("GET / /b HTTP/1.1\r\n{host}\r\n"),
        format!("GET / HTTP/1.1x\r\n{host}\r\n"),
        format!("GET / HTTP/2.0\r\n{host}\r\n"),
        "GET /admin\r\n\r\n".to_owned(),
        format!("GET /a#b HTTP/1.1\r\n{host}\r\n"),
        format!("GET a HTTP/1.1\r\n{host}\r\n"),
        format!("G(T / HTTP/1.1\r\n{host}\r\n"),
        format!("GET http://other/ HTTP/1.1\r\n{host}\r\n"),
        format!("GET http://h@h/ HTTP/1.1\r\n{host}\r\n"),
        format!("GET / HTTP/1.1\r\n{host}{host}\r\n"),
        format!("GET / HTTP/1.1\r\n{host}Host_: x\r\nContent_Length: 5\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost:\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: h:x\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\n{host}X: a\r\n b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X : a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}: a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X: a\0\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X: a\rY: b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X: a\nY: b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}\tX: a\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: 5, 5\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: +5\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: 5.0\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length:\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: 99999999999999999999\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked, chunked\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: identity\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: xchunked\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Transfer_Encoding: chunked\r\n\r\n"),
        format!("POST / HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}{}\r\n", "X: y\r\n".repeat(10)),
        format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "y".repeat(1024)),
        format!("GET /{} HTTP/1.1\r\n{host}\r\n", "y".repeat(512)),
        format!("GET / HTTP/1.1\r\n{host}{}", "Xxxxxxxx: y\r\n".repeat(1000)),
        "\u{16}\u{3}\u{1}".to_owned(),
        "GET /admin\r\n".to_owned(),
        "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n".to_owned(),
        "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
    ] {
        for piece in [1, 7, head.len()] {
            assert!(feed(head.as_bytes(), piece).is_err(), "{head:?}");
        }
    }
}

#[test]
fn bad_chunks_never_pass() {
    let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in [
        "-5\r\nhello\r\n0\r\n\r\n",
        "5g\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5;a\0\r\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\nnonsense\r\n\r\n",
        "0\r\nX: y\n\r\n",
    ] {
        for piece in [1, 3, 4096] {
            assert!(feed(format!("{head}{body}").as_bytes(), piece).is_err(), "{body:?}");
        }
    }
    assert!(feed(format!("{head}5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(300)).as_bytes(), 64).is_err());
    assert!(feed(format!("{head}0\r\n{}\r\n", "A: b\r\n".repeat(2000)).as_bytes(), 64).is_err());
}

#[test]
fn what_came_before_a_fault_still_passes() {
    let good = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut stream = good.to_vec();
    stream.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
    let mut scanner = Scanner::new(BOUNDS);
    assert_eq!(scanner.scan(&stream), (good.len(), None));
    let (passed, broken) = scanner.scan(&stream[good.len()..]);
    assert_eq!(passed, 0);
    assert!(broken.is_some());
}

/// What a head is without looking at eight bytes at once or going on where the last piece ended: lines that end in CR LF, no other
/// control characters but the tab, and an empty line at the end and nowhere else.
fn naive(bytes: &[u8]) -> bool {
    let at = |place: usize| bytes.get(place).copied();
    let ends = |(place, byte): (usize, &u8)| match byte {
        b'\r' => at(place + 1) == Some(b'\n'),
        b'\n' => place.checked_sub(1).and_then(at) == Some(b'\r'),
        b'\t' => true,
        byte => *byte >= 32 && *byte != 127,
    };
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|place| place + 4);
    bytes.iter().enumerate().all(ends) && end == Some(bytes.len()) && check_head(bytes, &BOUNDS).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn a_spoilt_head_passes_in_no_pieces_that_a_plain_look_refuses(
        value in prop::collection::vec(prop_oneof![4 => 32..127_u8, 1 => any::<u8>()], 0..40),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(b'\r'), Just(b'\n'), Just(0), Just(127), Just(b'\t'), any::<u8>()], any::<bool>()), 0..3),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut head = [b"GET /a HTTP/1.1\r\nHost: h\r\nX: ", &value[..], b"\r\nYy: z\r\n\r\n"].concat();
        for (place, byte, over) in edits {
            let place = place.index(head.len());
            if over { head[place] = byte } else { head.insert(place, byte) }
        }
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(head.len())).collect();
        ends.sort_unstable();
        ends.push(head.len());
        let (mut scanner, mut passed, mut broken) = (Scanner::new(BOUNDS), 0, false);
        for end in ends {
            let (count, why) = scanner.scan(&head[passed..end.max(passed)]);
            passed += count;
            broken |= why.is_some();
            if broken {
                break;
            }
        }
        // An empty line further in front ends one head and begins another.
        let whole = head.windows(4).position(|four| four == b"\r\n\r\n").map_or(head.len(), |place| place + 4);
        prop_assert_eq!(passed >= whole && whole > 4, naive(&head[..whole]), "{:?}", head.escape_ascii().to_string());
    }
}
