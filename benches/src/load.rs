//! The load: many connections kept busy from one thread, each asking again as soon as it is answered.
use crate::measure::now;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Connections at once.
const CONNECTIONS: usize = 32;
/// The core that the load comes from.
const LOAD_CORE: &str = "0";
/// Largest answer that is read: nothing measured here comes near.
const LONGEST_ANSWER: usize = 65_536;

/// Sends `times` requests from a process of its own, pinned to another core than the server's; gives the seconds it
/// took. The requests stand in a file, with a NUL between two; each goes out once before any goes out again.
///
/// # Errors
/// When an answer has another status than `status`, or nothing answers.
pub(crate) fn send(address: SocketAddr, requests: &Path, status: u16, times: usize) -> Result<f64, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE]).arg(own).arg("load").arg(address.to_string()).arg(requests);
    let ended = command.args([status.to_string(), times.to_string()]).output();
    let ended = ended.map_err(|error| format!("the load cannot be started: {error}"))?;
    let text = String::from_utf8_lossy(&ended.stdout);
    match text.trim().parse::<f64>() {
        Ok(seconds) if ended.status.success() => Ok(seconds),
        _ => Err(format!("the load on {address} failed: {}", String::from_utf8_lossy(&ended.stderr).trim())),
    }
}

/// The process that [`send`] starts: `load ADDRESS FILE STATUS TIMES`; prints the seconds it took.
///
/// # Errors
/// As for [`send`].
pub(crate) fn run(words: &[String]) -> Result<(), String> {
    let [address, file, status, times] = words else {
        return Err(format!("load: wanted ADDRESS FILE STATUS TIMES, found {words:?}"));
    };
    let address: SocketAddr = address.parse().map_err(|error| format!("{address}: {error}"))?;
    let times: usize = times.parse().map_err(|error| format!("{times}: {error}"))?;
    let text = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let requests: Rc<Vec<Vec<u8>>> = Rc::new(text.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect());
    let wanted: Rc<str> = format!("HTTP/1.1 {status}").into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let took = LocalSet::new().block_on(&runtime, async move {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(address).await?);
        }
        let from = now();
        let tasks: Vec<_> = (0..)
            .zip(connections)
            .map(|(number, mut connection)| {
                let (requests, wanted) = (Rc::clone(&requests), Rc::clone(&wanted));
                tokio::task::spawn_local(async move {
                    // Dealt like cards, so that no request goes out on two connections before all went out.
                    let mine = requests.iter().cycle().take(times).skip(number).step_by(CONNECTIONS);
                    for request in mine {
                        connection.ask(request, &wanted).await?;
                    }
                    Ok::<_, String>(())
                })
            })
            .collect();
        for task in tasks {
            task.await.map_err(|error| error.to_string())??;
        }
        Ok::<_, String>(now().duration_since(from).as_secs_f64())
    })?;
    println!("{took}");
    Ok(())
}

/// A keep-alive connection, one request at a time.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads its answer whole.
    async fn ask(&mut self, request: &[u8], wanted: &str) -> Result<(), String> {
        self.stream.write_all(request).await.map_err(|error| error.to_string())?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.map_err(|error| error.to_string())?;
            if read == 0 || self.buffer.len() > LONGEST_ANSWER {
                return Err("the server closed the connection or answers without end".to_owned());
            }
            if let Some(whole) = length(&self.buffer)
                && self.buffer.len() >= whole
            {
                if self.buffer.starts_with(wanted.as_bytes()) {
                    return Ok(());
                }
                let found = String::from_utf8_lossy(&self.buffer);
                return Err(format!("wanted {wanted}, found {found}"));
            }
        }
    }
}

/// The length of the answer, once its head is there.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(bytes.get(..head)?).ok()?;
    let body = text.lines().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + 4 + body.unwrap_or(0))
}
