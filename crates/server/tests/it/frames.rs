//! HTTP/2 as attackers write it, frame by frame: what is malformed reaches nobody, what the protocol forbids ends its own connection, and others are served.
use crate::fixture::{HOST, World};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A length as HPACK writes it, behind a prefix of seven bits.
fn number(mut value: usize) -> Vec<u8> {
    if value < 127 {
        return vec![u8::try_from(value).unwrap()];
    }
    let mut bytes = vec![127];
    value -= 127;
    while value >= 128 {
        bytes.push(u8::try_from(value % 128).unwrap() | 128);
        value /= 128;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// A field as a literal that nobody indexes.
fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0], number(name.len()).as_slice(), name, &number(value.len()), value].concat()
}

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// What a good request of alice's has.
fn good(world: &World, method: &str) -> Fields {
    let proof = world.proof("skykit", method, "/", b"");
    let (name, value) = proof.trim_end().split_once(": ").unwrap();
    [
        (":method", method),
        (":scheme", "http"),
        (":authority", HOST),
        (":path", "/"),
        (name.to_ascii_lowercase().as_str(), value),
    ]
    .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
    .to_vec()
}

fn block(fields: &Fields) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// How the other end answered the first stream.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// With a head; the status' HPACK index, or 0 where it is written otherwise.
    Answered(u16),
    Reset,
    Closed,
    /// Not at all.
    Waits,
}

/// Sends frames behind a preface, and reads until the first stream or the connection has ended.
async fn sent(world: &World, frames: &[u8]) -> Ended {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let _ = stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, b""), frames].concat()).await;
    let reading = async {
        let mut bytes = Vec::new();
        loop {
            while bytes.len() >= 9 {
                let length = usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]);
                if bytes.len() < 9 + length {
                    break;
                }
                let rest = bytes.split_off(9 + length);
                let whole = std::mem::replace(&mut bytes, rest);
                match whole[3] {
                    HEADERS => return Ended::Answered(status(&whole[9..])),
                    RST_STREAM => return Ended::Reset,
                    GOAWAY => return Ended::Closed,
                    _ => {}
                }
            }
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => return Ended::Closed,
                Ok(count) => bytes.extend_from_slice(&piece[..count]),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(3), reading).await.unwrap_or(Ended::Waits)
}

/// The status at the beginning of a block: from the static table, or a literal under its name, plain or in Huffman's code.
fn status(block: &[u8]) -> u16 {
    match block.first() {
        Some(index @ 0x88..=0x8e) => [200, 204, 206, 304, 400, 404, 500][usize::from(index - 0x88)],
        Some(_) => 0,
        None => 1,
    }
}

fn changed(fields: &Fields, name: &str, value: Option<&[u8]>) -> Fields {
    let mut changed = fields.clone();
    match value {
        None => changed.retain(|(found, _)| found != name.as_bytes()),
        Some(value) => {
            for pair in changed.iter_mut().filter(|(found, _)| found == name.as_bytes()) {
                pair.1 = value.to_vec();
            }
        }
    }
    changed
}

fn added(fields: &Fields, name: &[u8], value: &[u8]) -> Fields {
    let mut added = fields.clone();
    added.push((name.to_vec(), value.to_vec()));
    added
}

fn first(fields: &Fields, name: &[u8], value: &[u8]) -> Fields {
    let mut added = fields.clone();
    added.insert(0, (name.to_vec(), value.to_vec()));
    added
}

#[tokio::test]
async fn a_request_that_is_malformed_is_never_answered_200() {
    let world = World::new().await;
    let get = good(&world, "GET");
    let plain = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&get));
    assert_eq!(sent(&world, &plain).await, Ended::Answered(200), "the tests' own frames are good");
    let with_trailers = added(&get, b"te", b"trailers");
    let fine = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&with_trailers));
    assert_eq!(sent(&world, &fine).await, Ended::Answered(200), "te: trailers is allowed");
    let mut cases: Vec<(String, Fields)> = Vec::new();
    let mut case = |name: &str, fields: Fields| cases.push((name.to_owned(), fields));
    for name in [":method", ":scheme", ":path"] {
        case(&format!("no {name}"), changed(&get, name, None));
        case(&format!("empty {name}"), changed(&get, name, Some(b"")));
    }
    for (name, value) in
        [(":method", "GET"), (":scheme", "http"), (":authority", HOST), (":path", "/"), (":path", "/other")]
    {
        case(&format!("{name} twice"), first(&get, name.as_bytes(), value.as_bytes()));
        let late = added(&changed(&get, name, None), name.as_bytes(), value.as_bytes());
        case(&format!("{name} behind a field"), late);
    }
    case("an unknown pseudo header", first(&get, b":proto", b"x"));
    case("a pseudo header of answers", first(&get, b":status", b"200"));
    case("no host at all", changed(&get, ":authority", None));
    case("another host", added(&get, b"host", b"evil.example"));
    case("two hosts", added(&added(&get, b"host", HOST.as_bytes()), b"host", b"evil.example"));
    for (name, value) in [
        ("connection", "keep-alive"),
        ("connection", "x-countersign-account"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, deflate"),
    ] {
        case(&format!("{name}: {value}"), added(&get, name.as_bytes(), value.as_bytes()));
    }
    for name in ["X-Upper", "with space", "with:colon", "", "a\r\nb", "a\0b", "a\x7f"] {
        case(&format!("a name {name:?}"), added(&get, name.as_bytes(), b"x"));
    }
    for value in
        ["a\r\nx-countersign-account: admin", "a\nb", "a\rb", "a\0b", "\n", "a\r\n\r\nGET / HTTP/1.1"]
    {
        case(&format!("a value {value:?}"), added(&get, b"x-a", value.as_bytes()));
        let path = format!("/{value}");
        case(&format!("a path {path:?}"), changed(&get, ":path", Some(path.as_bytes())));
        case(&format!("an authority {value:?}"), changed(&get, ":authority", Some(value.as_bytes())));
        case(&format!("a method {value:?}"), changed(&get, ":method", Some(value.as_bytes())));
    }
    for path in ["other", "*", "/a b", "http://evil.example/", "//evil.example/", "/../x", "/%2e%2e/x"] {
        case(&format!("the path {path:?}"), changed(&get, ":path", Some(path.as_bytes())));
    }
    for authority in ["user@api.example.test", "a/b", "a,b"] {
        case(&format!("the authority {authority}"), changed(&get, ":authority", Some(authority.as_bytes())));
    }
    for method in ["CONNECT", "TRACE", "get", "G ET", "PRI"] {
        case(&format!("the method {method}"), changed(&get, ":method", Some(method.as_bytes())));
    }
    case(
        "an extended CONNECT",
        first(&changed(&get, ":method", Some(b"CONNECT")), b":protocol", b"websocket"),
    );
    for length in ["5", "-1", "+0", "0x0", "1, 1", "99999999999999999999"] {
        case(
            &format!("content-length: {length} and no body"),
            added(&get, b"content-length", length.as_bytes()),
        );
    }
    case("a hundred fields too many", {
        let more = |number: usize| (format!("x-{number}").into_bytes(), b"x".to_vec());
        get.iter().cloned().chain((0..200).map(more)).collect()
    });
    case("a value as large as no head may be", added(&get, b"x-a", &[b'a'; 12_000].repeat(5)));
    assert!(cases.len() >= 44, "{}", cases.len());
    for (name, fields) in cases {
        let block = block(&fields);
        // What does not fit into one frame goes on in others.
        let mut pieces = block.chunks(16_000).peekable();
        let mut frames = Vec::new();
        let mut kind = HEADERS;
        while let Some(piece) = pieces.next() {
            let mut flags = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            flags |= if kind == HEADERS { END_STREAM } else { 0 };
            frames.extend(frame(kind, flags, 1, piece));
            kind = CONTINUATION;
        }
        let ended = sent(&world, &frames).await;
        assert!(!matches!(ended, Ended::Answered(200) | Ended::Waits), "{name}: {ended:?}");
        assert_eq!(world.get("/", "").await.status, 200, "after {name}");
    }
}

#[tokio::test]
async fn bodies_that_are_longer_or_shorter_than_they_said_end_in_an_error() {
    let world = World::new().await;
    let post = good(&world, "POST");
    let head = |length: &str| block(&added(&post, b"content-length", length.as_bytes()));
    let data = |flags: u8, bytes: &[u8]| frame(DATA, flags, 1, bytes);
    let trailers = |fields: &[(&[u8], &[u8])]| {
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)
    };
    let open = |length: &str| frame(HEADERS, END_HEADERS, 1, &head(length));
    assert_eq!(
        sent(&world, &[open("5"), data(END_STREAM, b"hello")].concat()).await,
        Ended::Answered(200),
        "the tests' own frames are good"
    );
    for (name, frames) in [
        ("more than it said", [open("4"), data(END_STREAM, b"hello")].concat()),
        ("more in a second piece", [open("4"), data(0, b"hell"), data(END_STREAM, b"o")].concat()),
        ("less than it said", [open("6"), data(END_STREAM, b"hello")].concat()),
        ("nothing of it", [open("6"), data(END_STREAM, b"")].concat()),
        ("less, and trailers", [open("6"), data(0, b"hello"), trailers(&[(b"x", b"y")])].concat()),
        (
            "a hop's field in trailers",
            [open("5"), data(0, b"hello"), trailers(&[(b"connection", b"x")])].concat(),
        ),
        (
            "trailers that end nothing",
            [open("5"), data(0, b"hello"), frame(HEADERS, END_HEADERS, 1, &field(b"x", b"y"))].concat(),
        ),
        ("padding longer than its frame", [open("5"), frame(DATA, 8 | END_STREAM, 1, b"\xffhello")].concat()),
    ] {
        let ended = sent(&world, &frames).await;
        assert!(!matches!(ended, Ended::Answered(200) | Ended::Waits), "{name}: {ended:?}");
        assert_eq!(world.get("/", "").await.status, 200, "after {name}");
    }
}

#[tokio::test]
async fn frames_that_the_protocol_forbids_end_the_connection() {
    let world = World::new().await;
    let plain = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&good(&world, "GET")));
    assert_eq!(sent(&world, &plain).await, Ended::Answered(200), "the tests' own frames are good");
    let head = block(&good(&world, "POST"));
    let open = frame(HEADERS, END_HEADERS, 1, &head);
    for (name, frames) in [
        ("data on no stream", frame(DATA, 0, 0, b"x")),
        ("data on a stream nobody opened", frame(DATA, 0, 1, b"x")),
        ("headers on no stream", frame(HEADERS, END_STREAM | END_HEADERS, 0, &head)),
        ("a stream of the server's numbers", frame(HEADERS, END_STREAM | END_HEADERS, 2, &head)),
        (
            "a promise by a caller",
            frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2], head.as_slice()].concat()),
        ),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &head)),
        (
            "something between a head and its end",
            [frame(HEADERS, 0, 1, &head), frame(PING, 0, 0, &[0; 8])].concat(),
        ),
        (
            "a continuation of another stream",
            [frame(HEADERS, 0, 1, &head), frame(CONTINUATION, END_HEADERS, 3, b"")].concat(),
        ),
        ("a frame larger than any may be", frame(DATA, 0, 1, &[0; 20_000])),
        ("a ping of seven bytes", frame(PING, 0, 0, &[0; 7])),
        ("settings of five bytes", frame(SETTINGS, 0, 0, &[0; 5])),
        ("settings on a stream", frame(SETTINGS, 0, 1, b"")),
        ("an acknowledgement with content", frame(SETTINGS, 1, 0, &[0; 6])),
        ("a window beyond all bounds", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ("a window opened by nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("an initial window beyond all bounds", frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff])),
        ("frames larger than any may be asked for", frame(SETTINGS, 0, 0, &[0, 5, 0xff, 0xff, 0xff, 0xff])),
        ("a reset of a stream nobody opened", frame(RST_STREAM, 0, 1, &[0; 4])),
        (
            "an index beyond every table",
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff, 0xff, 0xff, 0x7f]),
        ),
        (
            "Huffman's code cut off",
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0x00, 0x81, 0xff, 0x81, 0xff]),
        ),
        (
            "a table larger than agreed",
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0x3f, 0xff, 0xff, 0x7f]),
        ),
        ("a stream that is opened twice", [open.clone(), open.clone()].concat()),
        (
            "a smaller stream after a larger",
            [frame(HEADERS, END_HEADERS, 5, &head), frame(HEADERS, END_HEADERS, 3, &head)].concat(),
        ),
        ("a preface of HTTP/1", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ] {
        let ended = sent(&world, &frames).await;
        assert!(matches!(ended, Ended::Closed | Ended::Reset), "{name}: {ended:?}");
        assert_eq!(world.get("/", "").await.status, 200, "after {name}");
    }
}

/// Memory of this process, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_each_flood_of_frames_others_are_served_and_its_memory_is_back() {
    let world = World::new().await;
    let head = block(&good(&world, "GET"));
    assert_eq!(world.get("/", "").await.status, 200);
    let before = resident();
    // One byte that stands for a value of 4 KB in the table, 4,000 times: 16 MB of fields in one small head.
    let stored = [&[0x40], field(b"x-a", &[b'a'; 3000]).get(1..).unwrap()].concat();
    let bomb = [head.as_slice(), &stored, &[0xbe; 4000]].concat();
    let opened = |number: u32| frame(HEADERS, END_HEADERS, number * 2 + 1, &head);
    let many = |what: &dyn Fn(u32) -> Vec<u8>| (0..1000).flat_map(what).collect::<Vec<u8>>();
    for (name, flood) in [
        ("settings", frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 1, 0]).repeat(1000)),
        ("pings", frame(PING, 0, 0, &[7; 8]).repeat(1000)),
        ("priorities", many(&|number| frame(PRIORITY, 0, number * 2 + 1, &[0, 0, 0, 0, 16]))),
        ("windows", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(1000)),
        ("unknown frames", frame(0xfa, 0, 0, &[0; 64]).repeat(1000)),
        ("streams", many(&opened)),
        (
            "resets",
            many(&|number| [opened(number), frame(RST_STREAM, 0, number * 2 + 1, &[0, 0, 0, 8])].concat()),
        ),
        (
            "malformed heads",
            many(&|number| frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &field(b"A", b"b"))),
        ),
        ("a bomb of one head", frame(HEADERS, END_STREAM | END_HEADERS, 1, &bomb)),
        (
            "heads without an end",
            [frame(HEADERS, 0, 1, &head), frame(CONTINUATION, 0, 1, &field(b"x", b"y")).repeat(1000)]
                .concat(),
        ),
    ] {
        for _ in 0..5 {
            let mut stream = TcpStream::connect(world.address).await.unwrap();
            let opening = [PREFACE, frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).as_slice()].concat();
            let _ = stream.write_all(&opening).await;
            // Nothing is read: answers pile up, if they can. A server that stops reading stops the flood.
            for _ in 0..20 {
                let writing =
                    tokio::time::timeout(Duration::from_millis(200), stream.write_all(&flood)).await;
                if !matches!(writing, Ok(Ok(()))) {
                    break;
                }
            }
            assert_eq!(world.get("/", "").await.status, 200, "during {name}");
        }
        let mut grown = usize::MAX;
        for _ in 0..50 {
            grown = resident().saturating_sub(before);
            if grown < 32 * 1024 * 1024 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(grown < 32 * 1024 * 1024, "{name}: {grown} bytes stay");
    }
}
