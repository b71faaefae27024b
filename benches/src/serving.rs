//! The running server beside a bare hyper server, over the same loopback with the same client.
use crate::judging::NOW;
use crate::measure::{Table, count, median, now};
use countersign::time::Time;
use countersign_attacks::installation::{HOST, rows};
use countersign_attacks::record::{Expect, Record};
use countersign_guard::clock::{FrozenClock, SystemEntropy};
use countersign_server::config::{Config, Sources};
use countersign_server::{Parts, Server};
use countersign_store::memory::MemoryStore;
use countersign_store::model::Write;
use countersign_store::registry::Registry;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CORPUS: &str = include_str!("../../tests/attacks/data/corpus.jsonl");
const PRINCIPALS: &str = include_str!("../../tests/attacks/data/principals.json");
/// Requests a block, over one connection.
const REQUESTS: usize = 100;
/// Blocks a case.
const BLOCKS: usize = 60;

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(measured(table))
}

async fn measured(table: &mut Table) -> Result<(), String> {
    let bare = bare().await.map_err(|error| error.to_string())?;
    let ours = ours().await?;
    let good = good_token()?;
    let forwarded = |credential: &str| {
        format!(
            "GET /verify/api HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\n\
             X-Forwarded-Host: {HOST}\r\nX-Forwarded-Uri: /v1/widgets\r\n{credential}\r\n"
        )
    };
    let cases = [
        ("bare hyper answer", bare, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), "", ""),
        (
            "forward-auth, good RS256 token",
            ours,
            forwarded(&format!("Authorization: {good}\r\n")),
            " 200",
            "",
        ),
        ("forward-auth, no credential", ours, forwarded(""), " 401", "at most 1.5"),
        (
            "forward-auth, malformed credential",
            ours,
            forwarded("Authorization: Bearer a.b.c\r\n"),
            " 401",
            "at most 1.5",
        ),
    ];
    let mut connections = Vec::new();
    for (name, address, request, wanted, _) in &cases {
        let mut connection = Connection::open(*address).await?;
        let head = connection.ask(request).await?;
        if !head.contains(wanted) {
            return Err(format!("{name}: wanted{wanted}, found {head}"));
        }
        connections.push(connection);
    }
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..BLOCKS {
        for (((_, _, request, ..), connection), times) in cases.iter().zip(&mut connections).zip(&mut times) {
            let from = now();
            for _ in 0..REQUESTS {
                connection.ask(request).await?;
            }
            times.push(now().duration_since(from).as_secs_f64() * 1e6 / count(REQUESTS));
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    let floor = medians.first().copied().unwrap_or(f64::NAN);
    for ((name, .., bound), time) in cases.iter().zip(&medians) {
        table.add(
            format!("over loopback: {name}"),
            format!("{time:.1} us, {:.2} x bare", time / floor),
            *bound,
        );
    }
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
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a request and reads its answer; gives the first line.
    async fn ask(&mut self, request: &str) -> Result<String, String> {
        self.stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.map_err(|error| error.to_string())?;
            if read == 0 {
                return Err("the server closed the connection".to_owned());
            }
            let text = String::from_utf8_lossy(&self.buffer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(head.lines().next().unwrap_or_default().to_owned());
            }
        }
    }
}

/// A server that does nothing but answer.
async fn bare() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let answer = service_fn(|_| async {
                    Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from_static(b"ok"))))
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    });
    Ok(address)
}

/// Our server with the callers of the attack corpus.
async fn ours() -> Result<SocketAddr, String> {
    let text = format!(
        "version = 1\n[server]\npublic_url = \"https://{HOST}\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
         [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"forward-auth\"]\n\
         [[route]]\nname = \"api\"\npath = \"/\"\ndialects = [\"skykit\"]\nupstream = \"http://127.0.0.1:9\"\n"
    );
    let sources = Sources { file: Some(("bench.toml".to_owned(), text)), ..Sources::default() };
    let config = Config::load(&sources).map_err(|errors| errors.to_string())?;
    let store = Arc::new(MemoryStore::new([7; 16]));
    let writes: Vec<Write> = rows(PRINCIPALS)?.into_iter().map(Write::Put).collect();
    store.commit(0, &writes, &[]).await.map_err(|not| format!("{not:?}"))?;
    let parts = Parts {
        clock: Arc::new(FrozenClock::at(Time::from_seconds(NOW))),
        entropy: Arc::new(SystemEntropy),
        registry: store.clone(),
        once: store.clone(),
        challenges: store.clone(),
        sessions: store,
    };
    let running = Server::start(config, parts).await.map_err(|error| error.to_string())?;
    let address =
        running.addresses().first().map(|bound| bound.address).ok_or("the server listens nowhere")?;
    // It serves until the process ends.
    std::mem::forget(running);
    Ok(address)
}

fn good_token() -> Result<String, String> {
    let records = Record::read_all(CORPUS)?;
    let good = records.iter().find(|record| record.dialect == "skykit" && record.expect == Expect::Accept);
    let headers = good.and_then(|record| record.steps.first()).map(|step| &step.headers);
    let value = headers.and_then(|headers| headers.first()?.1.as_str());
    value.map(str::to_owned).ok_or_else(|| "the corpus has no good skykit request".to_owned())
}
