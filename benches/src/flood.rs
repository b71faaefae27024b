//! What good callers keep while one address floods the server with forged signatures at ten times its capacity.
use crate::load::{Load, connect};
use crate::measure::{Table, count, median, now, unix_seconds};
use crate::process::{LOAD_CORE, Running, built, free_address};
use crate::serving::{HOST, mail, prepare};
use crate::token::{all_cores, token};
use countersign_keys::{Algorithm, PrivateKey};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Rounds; each with and without the flood, and the median of the ratios counts.
const ROUNDS: usize = 5;
/// Fresh tokens of the good callers, each sent once: a second or two.
const GOOD: usize = 16_000;
/// Forgeries that differ; none of them is ever remembered.
const FORGED: usize = 2_000;
/// The flooder's connections: fewer than an address may have, so that none is turned away for their number.
const CONNECTIONS: usize = 400;
/// How often each of them sends what is due.
const TURN: Duration = Duration::from_millis(50);
const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const CALLERS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// What is sent.
struct Requests {
    good: PathBuf,
    forged: PathBuf,
}

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let (program, bare) = (built("COUNTERSIGN_BENCH_PROGRAM")?, built("COUNTERSIGN_BENCH_BARE")?);
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = scratch.path();
    let now = unix_seconds();
    let key = prepare(folder, now)?;
    let upstream = free_address()?;
    let mut behind = Running::start_beside(&bare, &["ok", &upstream.to_string()], folder)?;
    behind.accepts(upstream)?;
    let requests = requests(folder, &key, now)?;
    let closed = |address, source| Load { address, connections: 32, rate: None, source };
    // What the server can check when nothing is limited.
    let (limited, unlimited) = ("", "failures_per_address = 0\nconnections_per_address = 0\n");
    let server = start(&program, upstream, unlimited, folder)?;
    let sent = closed(server.1, FLOODER).send(&requests.forged, &[401], GOOD)?;
    let capacity = count(GOOD) / sent.seconds;
    drop(server);
    table.add("gateway, forged RS256 signatures, nothing limited", format!("{capacity:.0} a second"), "");
    for (name, limits, bound, rounds, times) in [
        (
            "good callers during a flood at 10 x that from one address, as shipped",
            limited,
            "at least 0.9 x",
            ROUNDS,
            GOOD,
        ),
        ("the same, nothing limited", unlimited, "", 1, GOOD / 8),
    ] {
        let (mut kept, mut late, mut told) = (Vec::new(), Vec::new(), String::new());
        for _ in 0..rounds {
            // Started afresh, so that no token is remembered and no address is known.
            let server = start(&program, upstream, limits, folder)?;
            let alone = closed(server.1, CALLERS).send(&requests.good, &[200], times)?;
            drop(server);
            let server = start(&program, upstream, limits, folder)?;
            let flood = Flood::start(server.1, &requests.forged, capacity * 10.0)?;
            std::thread::sleep(Duration::from_millis(500));
            let flooded = closed(server.1, CALLERS).send(&requests.good, &[200], times)?;
            told = flood.end()?;
            kept.push(alone.seconds / flooded.seconds);
            late.push(flooded.late / 1000.0);
        }
        let (kept, late) = (median(kept), median(late));
        table.add(
            name,
            format!("{kept:.2} x the requests a second (99th percentile {late:.1} ms; {told})"),
            bound,
        );
    }
    Ok(())
}

/// A gateway that takes the bearer dialect.
fn start(
    program: &Path,
    upstream: SocketAddr,
    limits: &str,
    folder: &Path,
) -> Result<(Running, SocketAddr), String> {
    let address = free_address()?;
    let config = folder.join("flood.toml");
    let described = format!(
        "version = 1\n[server]\nlog = \"warn\"\npublic_url = \"https://{HOST}\"\n[limits]\n{limits}\
         [[listener]]\naddress = \"{address}\"\nsurfaces = [\"gateway\"]\n\
         [[route]]\nname = \"api\"\npath = \"/\"\ndialects = [\"skykit\"]\nupstream = \"http://{upstream}\"\n"
    );
    std::fs::write(&config, described).map_err(|error| error.to_string())?;
    let path = |path: &Path| path.display().to_string();
    let (config, data) = (path(&config), path(&folder.join("data")));
    let mut running = Running::start(program, &["serve", "--config", &config, "--data", &data], folder)?;
    running.accepts(address)?;
    Ok((running, address))
}

/// Fresh tokens, and as many forgeries.
fn requests(folder: &Path, key: &PrivateKey, now: u64) -> Result<Requests, String> {
    let made = |number: usize| {
        let claims =
            format!(r#"{{"iss":"{}","iat":{now},"exp":{},"jti":"{number:032x}"}}"#, mail(0), now + 3000);
        token("RS256", Algorithm::RsaSha256, key, &claims)
    };
    let written = |name: &str, tokens: &[String]| {
        let path = folder.join(name);
        let request = |token: &String| {
            format!("GET /v1/widgets HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\r\n")
        };
        let all: Vec<String> = tokens.iter().map(request).collect();
        std::fs::write(&path, all.join("\0")).map(|()| path).map_err(|error| error.to_string())
    };
    let good = all_cores(0..GOOD, made)?;
    let mut forged: Vec<String> = good.iter().take(FORGED).cloned().collect();
    for token in &mut forged {
        let place = token.len() - 100;
        let other = if token.get(place..=place) == Some("A") { "B" } else { "A" };
        token.replace_range(place..=place, other);
    }
    Ok(Requests { good: written("good", &good)?, forged: written("forged", &forged)? })
}

/// The flood, from a process of its own that gives way to the good callers on their core: what is measured is the server.
struct Flood(Child);

impl Flood {
    fn start(address: SocketAddr, forged: &Path, rate: f64) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new("nice");
        command.args(["-n", "19", "taskset", "-c", LOAD_CORE]).arg(own).arg("flood-from");
        command.arg(address.to_string()).arg(forged).arg(format!("{rate:.0}"));
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        spawned.map(Self).map_err(|error| format!("the flood cannot be started: {error}"))
    }

    /// What it says it did.
    fn end(mut self) -> Result<String, String> {
        // It goes on until nobody can tell it anything more.
        drop(self.0.stdin.take());
        let ended = self.0.wait_with_output().map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
    }
}

/// What came of the flood.
#[derive(Default)]
struct Counts {
    due: Cell<usize>,
    sent: Cell<usize>,
    connected: Cell<usize>,
    checked: Cell<usize>,
    limited: Cell<usize>,
}

/// The process that floods: `flood-from ADDRESS FILE RATE`, until its input ends; prints what it did.
///
/// # Errors
/// When the words are others, or the file cannot be read.
pub(crate) fn send(words: &[String]) -> Result<(), String> {
    let [address, file, rate] = words else {
        return Err(format!("flood-from: wanted ADDRESS FILE RATE, found {words:?}"));
    };
    let address: SocketAddr = address.parse().map_err(|error| format!("{address}: {error}"))?;
    let rate: f64 = rate.parse().map_err(|error| format!("{rate}: {error}"))?;
    let text = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let requests: Rc<Vec<Vec<u8>>> = Rc::new(text.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect());
    let counts = Rc::new(Counts::default());
    let each = rate * TURN.as_secs_f64() / count(CONNECTIONS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = Rc::clone(&counts);
    let took = LocalSet::new().block_on(&runtime.map_err(|error| error.to_string())?, async move {
        let from = now();
        for number in 0..CONNECTIONS {
            let (requests, counts) = (Rc::clone(&requests), Rc::clone(&counts));
            tokio::task::spawn_local(async move { stream(address, number, &requests, each, &counts).await });
        }
        // The one who started it holds the other end.
        let ended =
            tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        let _ = ended.await;
        now().duration_since(from).as_secs_f64()
    });
    let [due, sent, connected, checked, limited] =
        [&told.due, &told.sent, &told.connected, &told.checked, &told.limited].map(Cell::get);
    println!(
        "{:.0} a second offered, {:.0} a second taken by the kernel on {:.0} connections a second; {checked} checked, {limited} answered 429",
        count(due) / took,
        count(sent) / took,
        count(connected) / took
    );
    Ok(())
}

/// One connection after another: sends what is due without waiting for answers, drops what the other end does not take, reads what comes.
async fn stream(address: SocketAddr, number: usize, requests: &[Vec<u8>], each: f64, counts: &Counts) {
    let add = |count: &Cell<usize>, more: usize| count.set(count.get() + more);
    let mut place = number;
    let mut owed = 0.0;
    let mut turns = tokio::time::interval(TURN);
    loop {
        add(&counts.connected, 1);
        let Ok(stream) = connect(address, FLOODER).await else {
            turns.tick().await;
            continue;
        };
        // Of a request that went out in part, the rest.
        let mut rest: Vec<u8> = Vec::new();
        let mut open = true;
        while open {
            turns.tick().await;
            owed += each;
            open = receive(&stream, counts);
            while owed >= 1.0 && open {
                owed -= 1.0;
                add(&counts.due, 1);
                if rest.is_empty() {
                    rest = requests.get(place % requests.len().max(1)).cloned().unwrap_or_default();
                    place += 1;
                }
                match stream.try_write(&rest) {
                    Ok(written) => {
                        rest.drain(..written);
                        add(&counts.sent, usize::from(rest.is_empty()));
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => open = false,
                }
            }
        }
    }
}

/// Reads what there is; whether the connection is open still.
fn receive(stream: &TcpStream, counts: &Counts) -> bool {
    let mut piece = [0; 16 * 1024];
    loop {
        match stream.try_read(&mut piece) {
            Ok(0) => return false,
            Ok(read) => {
                let text = String::from_utf8_lossy(piece.get(..read).unwrap_or_default());
                counts.checked.set(counts.checked.get() + text.matches("HTTP/1.1 401").count());
                counts.limited.set(counts.limited.get() + text.matches("HTTP/1.1 429").count());
            }
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}
