//! HTTP/2 as attackers write it, frame by frame: what the protocol forbids ends its own connection, and others are served.
use crate::fixture::{HOST, World};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
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
