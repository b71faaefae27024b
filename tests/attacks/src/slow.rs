//! Clients that take their time: the server must end them, and serve others meanwhile.
use crate::installation::HOST;
use crate::wire::{HANGS, send};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Between two bytes of a slow client; the server gives a head and a body two seconds here.
const PAUSE: Duration = Duration::from_millis(300);
/// Connections that say nothing.
const IDLE: usize = 500;

/// Drives one kind of slow client.
///
/// # Errors
/// When it is let be, or others wait for it.
pub(crate) async fn drive(mode: &str, to: SocketAddr) -> Result<(), String> {
    match mode {
        "headers" => drip(to, "", "GET /v1/widgets HTTP/1.1").await,
        "body" => {
            let head = format!("POST /v1/widgets HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n\r\n");
            drip(to, &head, "a body that never comes to its end").await
        }
        "idle" => {
            let mut open = Vec::new();
            for _ in 0..IDLE {
                open.push(
                    TcpStream::connect(to)
                        .await
                        .map_err(|error| format!("connection {}: {error}", open.len()))?,
                );
            }
            others_are_served(to).await
        }
        other => Err(format!("no slow client {other:?}")),
    }
}

/// Sends the start at once and the rest byte by byte, round and round, until the server has had enough.
async fn drip(to: SocketAddr, start: &str, rest: &str) -> Result<(), String> {
    let mut stream = TcpStream::connect(to).await.map_err(|error| error.to_string())?;
    stream.write_all(start.as_bytes()).await.map_err(|error| error.to_string())?;
    let (mut read, mut write) = stream.split();
    let dripping = async {
        for byte in rest.bytes().cycle() {
            if write.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(PAUSE).await;
        }
    };
    let ended = async {
        let mut answer = Vec::new();
        let _ = read.read_to_end(&mut answer).await;
        answer
    };
    let ended = async {
        tokio::select! { () = dripping => Vec::new(), answer = ended => answer }
    };
    let (answer, served) = tokio::join!(timeout(HANGS, ended), others_are_served(to));
    served?;
    match answer {
        Err(_) => Err("the slow client was let be".to_owned()),
        Ok(answer) if answer.starts_with(b"HTTP/1.1 2") || answer.starts_with(b"HTTP/1.1 5") => {
            Err(format!("answered {}", String::from_utf8_lossy(&answer)))
        }
        Ok(_) => Ok(()),
    }
}

async fn others_are_served(to: SocketAddr) -> Result<(), String> {
    let request = format!("GET /v1/widgets HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let replies = send(to, request.as_bytes(), Duration::ZERO).await?;
    match replies.first() {
        Some(reply) if reply.status == 401 => Ok(()),
        other => Err(format!("another caller got {other:?} instead of a 401")),
    }
}
