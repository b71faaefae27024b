//! A client that sends bytes as they are, and reads answers without forgiving anything.
use crate::upstream::find;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::timeout;

/// A server that has not answered after this hangs: its own limits are a few seconds here.
pub(crate) const HANGS: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Its status.
    pub(crate) status: u16,
    /// Header lines, as they came.
    pub(crate) head: String,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Sends bytes and reads every answer that comes before the server closes, or before it is quiet for `quiet` after an answer.
///
/// # Errors
/// When it hangs: neither answers nor closes.
pub(crate) async fn send(to: SocketAddr, bytes: &[u8], quiet: Duration) -> Result<Vec<Reply>, String> {
    trickled_from([127, 0, 0, 1], to, bytes, quiet, Duration::ZERO).await
}

/// The same from another address of this machine, in small pieces when there is a pause between them.
///
/// # Errors
/// As [`send`].
pub(crate) async fn trickled_from(
    from: [u8; 4],
    to: SocketAddr,
    bytes: &[u8],
    quiet: Duration,
    pause: Duration,
) -> Result<Vec<Reply>, String> {
    let connect = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        socket.connect(to).await
    };
    let mut stream = connect.await.map_err(|error| format!("cannot connect from {from:?}: {error}"))?;
    let (mut read, mut write) = stream.split();
    let is_head = bytes.starts_with(b"HEAD ");
    let reading = async {
        let (mut got, mut replies) = (Vec::new(), Vec::new());
        loop {
            while let Some((reply, used)) = parse(&got, is_head, false) {
                got.drain(..used);
                if reply.status >= 200 {
                    replies.push(reply);
                }
            }
            let patience = if replies.is_empty() { HANGS } else { quiet };
            match timeout(patience, read.read_buf(&mut got)).await {
                Ok(Ok(0) | Err(_)) => {
                    if let Some((reply, _)) = parse(&got, is_head, true) {
                        replies.push(reply);
                    }
                    return Ok(replies);
                }
                Ok(Ok(_)) => {}
                Err(_) if replies.is_empty() => return Err("it hangs: no answer and not closed".to_owned()),
                Err(_) => return Ok(replies),
            }
        }
    };
    // A server may answer and close before it has read everything; that is its right.
    let writing = async {
        // Sixteen pieces, so that none of them is a head by itself and a server's patience is enough for all.
        let size = if pause.is_zero() { bytes.len() } else { bytes.len().div_ceil(16) };
        for piece in bytes.chunks(size.max(1)) {
            if write.write_all(piece).await.is_err() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! { replies = reading => replies, () = writing => Ok(Vec::new()) }
}

/// One answer at the beginning of the bytes, and how many it took.
fn parse(bytes: &[u8], is_head: bool, closed: bool) -> Option<(Reply, usize)> {
    let end = find(bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
    let status = head.split(' ').nth(1)?.get(..3)?.parse().ok()?;
    let mut reply = Reply { status, head, body: Vec::new() };
    let start = end + 4;
    let rest = bytes.get(start..)?;
    if is_head || status < 200 || status == 204 || status == 304 {
        return Some((reply, start));
    }
    if reply.header("transfer-encoding").is_some() {
        let (body, used) = chunks(rest)?;
        reply.body = body;
        return Some((reply, start + used));
    }
    match reply.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => {
            reply.body = rest.get(..length)?.to_vec();
            Some((reply, start + length))
        }
        None if closed => {
            reply.body = rest.to_vec();
            Some((reply, bytes.len()))
        }
        None => None,
    }
}

fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = find(bytes.get(at..)?, b"\r\n")?;
        let size = std::str::from_utf8(bytes.get(at..at + line)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?, 16).ok()?;
        at += line + 2;
        if size == 0 {
            return Some((body, at + find(bytes.get(at..)?, b"\r\n")? + 2));
        }
        body.extend_from_slice(bytes.get(at..at + size)?);
        at += size + 2;
    }
}
