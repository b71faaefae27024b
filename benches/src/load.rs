//! The load: many connections kept busy from one thread, each asking again as soon as it is answered.
use crate::measure::{count, now};
use crate::process::LOAD_CORE;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;

/// Connections at once.
const CONNECTIONS: usize = 32;
/// Largest answer that is read: nothing measured here comes near.
const LONGEST_ANSWER: usize = 65_536;

/// A load on one server, from a process of its own that is pinned to another core than the server's.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// Connections at once.
    pub(crate) connections: usize,
    /// Requests a second; without one, each connection asks again as soon as it is answered.
    pub(crate) rate: Option<u32>,
    /// The address that the connections come from.
    pub(crate) source: Ipv4Addr,
}

/// What came of it.
#[derive(Clone, Copy)]
pub(crate) struct Sent {
    /// Seconds from the first request to the last answer.
    pub(crate) seconds: f64,
    /// The 99th percentile of the time from when a request was due to its answer, in microseconds.
    pub(crate) late: f64,
}

/// Sends `times` requests over [`CONNECTIONS`] connections; gives the seconds it took.
///
/// # Errors
/// As [`Load::send`].
pub(crate) fn send(address: SocketAddr, requests: &Path, status: u16, times: usize) -> Result<f64, String> {
    let load = Load { address, connections: CONNECTIONS, rate: None, source: Ipv4Addr::LOCALHOST };
    load.send(requests, &[status], times).map(|sent| sent.seconds)
}

impl Load {
    /// Sends `times` requests. They stand in a file, with a NUL between two; each goes out once before any goes out again.
    ///
    /// # Errors
    /// When an answer has none of the statuses, or nothing answers.
    pub(crate) fn send(&self, requests: &Path, statuses: &[u16], times: usize) -> Result<Sent, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new("taskset");
        command.args(["-c", LOAD_CORE]).arg(own).arg("load").arg(self.address.to_string()).arg(requests);
        let statuses = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let rate = self.rate.unwrap_or(0);
        command.args([statuses, times.to_string(), self.connections.to_string(), rate.to_string()]);
        command.arg(self.source.to_string());
        let ended = command.output().map_err(|error| format!("the load cannot be started: {error}"))?;
        let text = String::from_utf8_lossy(&ended.stdout);
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers.as_slice() {
            [seconds, late] if ended.status.success() => Ok(Sent { seconds: *seconds, late: *late }),
            _ => {
                let why = String::from_utf8_lossy(&ended.stderr);
                Err(format!("the load on {} failed: {}", self.address, why.trim()))
            }
        }
    }
}

/// The process that [`Load::send`] starts: `load ADDRESS FILE STATUSES TIMES CONNECTIONS RATE SOURCE`; prints seconds and delay.
///
/// # Errors
/// As for [`Load::send`].
pub(crate) fn run(words: &[String]) -> Result<(), String> {
    let [address, file, statuses, times, connections, rate, source] = words else {
        return Err(format!(
            "load: wanted ADDRESS FILE STATUSES TIMES CONNECTIONS RATE SOURCE, found {words:?}"
        ));
    };
    let address: SocketAddr = address.parse().map_err(|error| format!("{address}: {error}"))?;
    let source: Ipv4Addr = source.parse().map_err(|error| format!("{source}: {error}"))?;
    let number = |text: &str| text.parse::<usize>().map_err(|error| format!("{text}: {error}"));
    let (times, connections, rate) = (number(times)?, number(connections)?, number(rate)?);
    let text = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let requests: Rc<Vec<Vec<u8>>> = Rc::new(text.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect());
    let wanted: Rc<[String]> = statuses.split(',').map(|status| format!("HTTP/1.1 {status}")).collect();
    // The network is looked at often: what is paced does not sleep, since a timer of a millisecond is longer than an answer.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(8).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (took, mut delays) = LocalSet::new().block_on(&runtime, async move {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(address, source).await?);
        }
        let from = now();
        let due = move |place: usize| {
            (rate > 0).then(|| from + Duration::from_secs_f64(count(place) / count(rate)))
        };
        let tasks: Vec<_> = (0..)
            .zip(open)
            .map(|(number, mut connection)| {
                let (requests, wanted) = (Rc::clone(&requests), Rc::clone(&wanted));
                tokio::task::spawn_local(async move {
                    let mut delays = Vec::new();
                    // Dealt like cards, so that no request goes out on two connections before all went out.
                    let mine =
                        requests.iter().cycle().take(times).enumerate().skip(number).step_by(connections);
                    for (place, request) in mine {
                        let since = match due(place) {
                            None => now(),
                            Some(due) => {
                                while now() < due {
                                    tokio::task::yield_now().await;
                                }
                                due
                            }
                        };
                        connection.ask(request, &wanted).await?;
                        delays.push(now().duration_since(since).as_secs_f64());
                    }
                    Ok::<_, String>(delays)
                })
            })
            .collect();
        let mut delays = Vec::new();
        for task in tasks {
            delays.extend(task.await.map_err(|error| error.to_string())??);
        }
        Ok::<_, String>((now().duration_since(from).as_secs_f64(), delays))
    })?;
    delays.sort_by(f64::total_cmp);
    let late = delays.get(delays.len() * 99 / 100).copied().unwrap_or(f64::NAN);
    println!("{took} {}", late * 1e6);
    Ok(())
}

/// Connects from an address of this machine's.
///
/// # Errors
/// When nothing listens there, or the address is not this machine's.
pub(crate) async fn connect(address: SocketAddr, source: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if source != Ipv4Addr::LOCALHOST {
        socket.bind(SocketAddr::from((source, 0)))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A keep-alive connection, one request at a time.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr, source: Ipv4Addr) -> Result<Self, String> {
        let stream = connect(address, source).await.map_err(|error| error.to_string())?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads its answer whole.
    async fn ask(&mut self, request: &[u8], wanted: &[String]) -> Result<(), String> {
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
                if wanted.iter().any(|wanted| self.buffer.starts_with(wanted.as_bytes())) {
                    return Ok(());
                }
                let found = String::from_utf8_lossy(&self.buffer);
                return Err(format!("wanted {}, found {found}", wanted.join(" or ")));
            }
        }
    }
}

/// The length of the answer, once it is known.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(bytes.get(..head)?).ok()?;
    let named = |wanted: &str| {
        text.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    if named("transfer-encoding") == Some("chunked") {
        // One request is under way at a time, so nothing follows the last chunk.
        return bytes.ends_with(b"\r\n0\r\n\r\n").then_some(bytes.len());
    }
    let body = named("content-length").and_then(|value| value.parse::<usize>().ok());
    Some(head + 4 + body.unwrap_or(0))
}
