//! The processor time of a token that is used again: forward-auth beside a bare hyper answer, each on a thread of its own.
use crate::measure::{Table, count, median};
use crate::serving::{bare, good_token, ours};
use countersign_attacks::installation::HOST;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;

/// Connections that each have one request under way, so that waking up is shared as it is under load.
const CONNECTIONS: usize = 32;
/// Rounds over all connections, a block.
const ROUNDS: usize = 50;
/// Blocks, in turns.
const BLOCKS: usize = 40;

/// A server on a thread of its own.
struct Served {
    address: SocketAddr,
    /// Where the system tells the thread's time.
    times: String,
}

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let floor = serve(|| async { bare().await.map_err(|error| error.to_string()) })?;
    let ours = serve(ours)?;
    let good = good_token()?;
    let forwarded = |credential: &str| {
        format!(
            "GET /verify/api HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\n\
             X-Forwarded-Host: {HOST}\r\nX-Forwarded-Uri: /v1/widgets\r\n{credential}\r\n"
        )
    };
    let plain = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned();
    let cases = [
        ("bare hyper answer", &floor, plain, " 200", ""),
        ("token used again", &ours, forwarded(&format!("Authorization: {good}\r\n")), " 200", "at most 1.35"),
        ("no credential", &ours, forwarded(""), " 401", "at most 1.5"),
        ("malformed credential", &ours, forwarded("Authorization: Bearer a.b.c\r\n"), " 401", "at most 1.5"),
    ];
    let mut connections = Vec::new();
    for (name, served, request, wanted, _) in &cases {
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(served.address).map_err(|error| error.to_string())?;
            stream.set_nodelay(true).map_err(|error| error.to_string())?;
            streams.push(stream);
        }
        let head = round(&mut streams, request.as_bytes())?;
        if !head.lines().next().is_some_and(|line| line.contains(wanted)) {
            return Err(format!("{name}: wanted{wanted}, found {head}"));
        }
        connections.push(streams);
    }
    let mut times = vec![Vec::new(); cases.len()];
    for block in 0..BLOCKS + 2 {
        for (((_, served, request, ..), streams), times) in cases.iter().zip(&mut connections).zip(&mut times)
        {
            let from = served.spent()?;
            for _ in 0..ROUNDS {
                round(streams, request.as_bytes())?;
            }
            // The first blocks warm up.
            if block >= 2 {
                times.push((served.spent()? - from) / 1000.0 / count(ROUNDS * CONNECTIONS));
            }
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    let floor = medians.first().copied().unwrap_or(f64::NAN);
    for ((name, .., bound), time) in cases.iter().zip(&medians) {
        let figure = format!("{time:.2} us, {:.2} x bare", time / floor);
        table.add(format!("processor time of the server: {name}"), figure, *bound);
    }
    Ok(())
}

/// Sends a request over every connection, then reads every answer; gives the last one's text.
fn round(streams: &mut [TcpStream], request: &[u8]) -> Result<String, String> {
    for stream in &mut *streams {
        stream.write_all(request).map_err(|error| error.to_string())?;
    }
    let mut buffer = [0; 4096];
    let mut text = String::new();
    for stream in streams {
        // Answers are far smaller than the buffer and come in one piece over loopback.
        let read = stream.read(&mut buffer).map_err(|error| error.to_string())?;
        if read == 0 {
            return Err("the server closed the connection".to_owned());
        }
        text = String::from_utf8_lossy(buffer.get(..read).unwrap_or_default()).into_owned();
    }
    Ok(text)
}

/// Runs a server on a thread of its own, for as long as the process lives.
fn serve<F>(start: impl FnOnce() -> F + Send + 'static) -> Result<Served, String>
where
    F: Future<Output = Result<SocketAddr, String>>,
{
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let thread = std::fs::read_link("/proc/thread-self").map_err(|error| error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string());
        match (thread, runtime) {
            (Ok(thread), Ok(runtime)) => runtime.block_on(async {
                let started = start().await;
                let _ = tell.send(started.map(|address| Served {
                    address,
                    times: format!("/proc/{}/schedstat", thread.display()),
                }));
                std::future::pending::<()>().await;
            }),
            (Err(error), _) | (_, Err(error)) => {
                let _ = tell.send(Err(error));
            }
        }
    });
    told.recv().map_err(|error| error.to_string())?
}

impl Served {
    /// Nanoseconds that the thread has spent on a processor.
    fn spent(&self) -> Result<f64, String> {
        let text =
            std::fs::read_to_string(&self.times).map_err(|error| format!("{}: {error}", self.times))?;
        let spent = text.split(' ').next().and_then(|number| number.parse().ok());
        spent.ok_or_else(|| format!("wanted a time first in {}, found {text}", self.times))
    }
}
