//! A caller's connection that is kept, and what an answer on it means.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Whoever has not answered after this hangs.
const HANGS: Duration = Duration::from_secs(40);

/// A connection to one node, made anew when it broke.
pub(crate) struct Line {
    to: SocketAddr,
    stream: Option<TcpStream>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// 0: none came, since the connection broke or could not be made.
    pub(crate) status: u16,
    /// The head in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) took: Duration,
}

/// What an answer says to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// 2xx.
    Accepted,
    /// 401, since it was used before.
    Replayed,
    /// 401, since the memory cannot vouch for it: a fresh one is taken.
    Barred,
    /// 401 or 403 for another reason.
    Refused,
    /// 503 with `Retry-After`.
    Unavailable,
    /// No answer: the process is gone, or the way to it.
    Silent,
    /// Something that must not be.
    Wrong(String),
}

impl Line {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self { to: address, stream: None }
    }

    /// Asks for a path with an `Authorization`.
    pub(crate) fn ask(&mut self, path: &str, authorization: &str) -> Answer {
        let from = Instant::now();
        let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: {authorization}\r\n\r\n");
        let got = self.exchange(head.as_bytes());
        let took = from.elapsed();
        let (status, head, body) = got.unwrap_or_else(|why| {
            self.stream = None;
            (0, why, String::new())
        });
        if head.contains("connection: close") {
            self.stream = None;
        }
        Answer { status, head, body, took }
    }

    fn exchange(&mut self, request: &[u8]) -> Result<(u16, String, String), String> {
        let told = |error: std::io::Error| error.to_string();
        if self.stream.is_none() {
            let stream = TcpStream::connect_timeout(&self.to, Duration::from_secs(5)).map_err(told)?;
            stream.set_read_timeout(Some(HANGS)).map_err(told)?;
            stream.set_nodelay(true).map_err(told)?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut().ok_or("no connection")?;
        stream.write_all(request).map_err(told)?;
        let mut bytes = Vec::new();
        let mut piece = [0; 8192];
        loop {
            let count = stream.read(&mut piece).map_err(told)?;
            if count == 0 {
                return Err("closed before an answer".to_owned());
            }
            bytes.extend_from_slice(&piece[..count]);
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
                return Ok((status, head, String::from_utf8_lossy(&bytes[end + 4..]).into_owned()));
            }
        }
    }
}

impl Answer {
    pub(crate) fn word(&self) -> Word {
        let code = |name: &str| self.body.contains(&format!("\"code\":\"{name}\""));
        match self.status {
            200..300 => Word::Accepted,
            401 if code("replayed") => Word::Replayed,
            401 if code("try-again") => Word::Barred,
            401 | 403 => Word::Refused,
            503 if self.head.contains("retry-after:") => Word::Unavailable,
            0 if self.took >= HANGS => Word::Wrong(format!("no answer within {} s", HANGS.as_secs())),
            0 => Word::Silent,
            _ => Word::Wrong(format!("{} {}", self.head.replace("\r\n", " | "), self.body)),
        }
    }
}

/// Asks once on a connection of its own.
pub(crate) fn ask(to: SocketAddr, path: &str, authorization: &str) -> Answer {
    Line::to(to).ask(path, authorization)
}
