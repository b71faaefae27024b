//! The service behind the gateway: writes down every request head it gets, and answers all of them.
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What came: heads and trailers, in lower case, since header names have no case.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    /// Everything since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, bytes: &[u8]) {
        let text: String = bytes.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

/// Starts it on a free port.
pub(crate) async fn start() -> io::Result<(SocketAddr, Seen)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let seen = Seen::default();
    let noted = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = noted.clone();
            tokio::spawn(async move {
                let _ = answer(stream, &seen).await;
            });
        }
    });
    Ok((address, seen))
}

/// One request a connection; whatever follows it is noted as well.
async fn answer(mut stream: TcpStream, seen: &Seen) -> io::Result<()> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let (text, _) = bytes.split_at_checked(head).unwrap_or((&bytes, &[]));
    seen.note(text);
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    let field =
        |name: &str| text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()));
    let mut body = bytes.split_off(head);
    if field("transfer-encoding").is_some() {
        while find(&body, b"0\r\n").is_none() || !body.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut body).await? == 0 {
                break;
            }
        }
        // The last chunk and the trailers behind it.
        if let Some(last) =
            find(&body, b"\r\n0\r\n").map(|at| at + 2).or_else(|| body.starts_with(b"0\r\n").then_some(0))
        {
            seen.note(body.get(last..).unwrap_or_default());
        }
    } else {
        let length: usize = field("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        while body.len() < length {
            if stream.read_buf(&mut body).await? == 0 {
                break;
            }
        }
        if let Some(more) = body.get(length..).filter(|more| !more.is_empty()) {
            seen.note(more);
        }
    }
    let name = field("x-countersign-identifier").unwrap_or_default();
    let name = name.replace(['"', '\\'], "");
    let body = format!("{{\"identity\":\"{name}\"}}");
    let is_head = text.starts_with("head ");
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    if !is_head {
        stream.write_all(body.as_bytes()).await?;
    }
    let mut more = Vec::new();
    while stream.read_buf(&mut more).await? > 0 {}
    if !more.is_empty() {
        seen.note(&more);
    }
    Ok(())
}

pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
