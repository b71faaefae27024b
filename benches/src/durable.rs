//! Durable claims: the replay log beside PostgreSQL on the same disk, at the same number of callers, turn by turn.
use crate::judging::NOW;
use crate::measure::{Table, count, median, now};
use crate::postgres::Postgres;
use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::once::Once;
use countersign_store_sqlite::{DurableOnce, ReplayStart, SqliteStore};
use std::future::Future;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Callers at once.
const CROWDS: [usize; 3] = [16, 64, 256];
/// Turns of each; the median counts.
const TURNS: usize = 5;
/// How long a turn takes.
const TURN: Duration = Duration::from_secs(2);
/// Flushes timed before each turn, to tell the disk's speed.
const FLUSHES: usize = 40;
/// What a claim may wait for beyond its flushes, in seconds.
const BEYOND: f64 = 0.001;

/// What was measured at one number of callers.
struct Crowd {
    callers: usize,
    /// Claims a second, the median turn of each.
    ours: f64,
    theirs: f64,
    /// Seconds that 99 of 100 claims of ours wait at most, and 99 of 100 flushes by themselves.
    wait: f64,
    flush: f64,
    /// Seconds of a flush in the middle.
    usual: f64,
}

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    // Not /tmp, which may lie in memory: both keep their files on the disk of /var/tmp.
    let scratch = tempfile::Builder::new().prefix("countersign-bench-").tempdir_in("/var/tmp");
    let scratch = scratch.map_err(|error| error.to_string())?;
    let postgres = Postgres::start(scratch.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let crowds = runtime.map_err(|error| error.to_string())?.block_on(measured(&postgres, scratch.path()))?;
    let flush = median(crowds.iter().map(|crowd| crowd.usual).collect());
    table.add("the disk: fdatasync after 4 KiB", format!("{:.2} ms", flush * 1e3), "");
    for crowd in crowds {
        let Crowd { callers, ours, theirs, wait, flush, .. } = crowd;
        let figure =
            format!("{:.2} x {} ({ours:.0} beside {theirs:.0} a second)", ours / theirs, postgres.version());
        table.add(format!("durable claims, {callers} callers at once"), figure, "at least 2 x");
        let flushes = ((wait - BEYOND) / flush).max(0.0);
        let figure =
            format!("{flushes:.2} flushes + 1 ms ({:.2} ms; a lone flush {:.2} ms)", wait * 1e3, flush * 1e3);
        let what = format!("wait of 99 in 100 durable claims, {callers} callers at once");
        table.add(what, figure, "at most 2 flushes + 1 ms");
    }
    Ok(())
}

async fn measured(postgres: &Postgres, folder: &Path) -> Result<Vec<Crowd>, String> {
    let store = SqliteStore::open(&folder.join("ours")).await.map_err(|fault| fault.to_string())?;
    let start = ReplayStart {
        key: [7; 16],
        fresh: [9; 16],
        // Long before the proofs, so that the barrier of a fresh log has passed.
        now: Time::from_seconds(NOW - 600),
        horizon: Span::from_seconds(60),
        most: 40_000_000,
    };
    let (once, _) = store.replay_memory(start).await.map_err(|fault| fault.to_string())?;
    let once = Arc::new(once);
    let numbers = Arc::new(AtomicU64::new(0));
    let mut crowds = Vec::new();
    for callers in CROWDS {
        let mut clients = Vec::new();
        for _ in 0..callers {
            clients.push(Arc::new(postgres.client().await?));
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let (mut waits, mut flushes) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            flushes.extend(flush(folder).map_err(|error| error.to_string())?);
            let callers = (0..callers).map(|_| {
                let (once, numbers) = (Arc::clone(&once), Arc::clone(&numbers));
                move || claimed(Arc::clone(&once), numbers.fetch_add(1, Ordering::Relaxed))
            });
            let taken = turn(callers.collect()).await?;
            ours.push(taken.rate());
            waits.extend(taken.waits);
            let callers = clients.iter().map(|client| {
                let (client, numbers) = (Arc::clone(client), Arc::clone(&numbers));
                move || {
                    let (client, number) = (Arc::clone(&client), numbers.fetch_add(1, Ordering::Relaxed));
                    async move { client.claim(&mark(number)).await }
                }
            });
            theirs.push(turn(callers.collect()).await?.rate());
        }
        crowds.push(Crowd {
            callers,
            ours: median(ours),
            theirs: median(theirs),
            wait: highest(waits),
            flush: highest(flushes.clone()),
            usual: median(flushes),
        });
    }
    Ok(crowds)
}

/// What 99 of 100 do not exceed.
fn highest(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() * 99 / 100).copied().unwrap_or(f64::NAN)
}

/// How long each call of a turn waited, and the turn itself, in seconds.
struct Turn {
    waits: Vec<f64>,
    took: f64,
}

impl Turn {
    fn rate(&self) -> f64 {
        count(self.waits.len()) / self.took
    }
}

/// A turn in which each caller asks again as soon as it is answered.
async fn turn<F>(callers: Vec<impl Fn() -> F + Send + 'static>) -> Result<Turn, String>
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let from = now();
    let tasks: Vec<_> = callers
        .into_iter()
        .map(|caller| {
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let from = now();
                    caller().await?;
                    waits.push(now().duration_since(from).as_secs_f64());
                }
                Ok::<_, String>(waits)
            })
        })
        .collect();
    tokio::time::sleep(TURN).await;
    stop.store(true, Ordering::Relaxed);
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.map_err(|error| error.to_string())??);
    }
    Ok(Turn { waits, took: now().duration_since(from).as_secs_f64() })
}

async fn claimed(once: Arc<DurableOnce>, number: u64) -> Result<(), String> {
    let dated = Time::from_seconds(NOW);
    let claim = Claim { mark: mark(number), since: dated, until: dated + Span::from_seconds(20) };
    match once.claim(claim, dated).await {
        Ok(Use::First) => Ok(()),
        other => Err(format!("a first use was answered {other:?}")),
    }
}

fn mark(number: u64) -> [u8; 32] {
    countersign_keys::sha256(&[&number.to_be_bytes()])
}

/// Seconds that the disk needs each time to make a small write certain.
fn flush(folder: &Path) -> std::io::Result<Vec<f64>> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(folder.join("flush"))?;
    let mut times = Vec::new();
    for _ in 0..FLUSHES {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[7; 4096])?;
        let from = now();
        file.sync_data()?;
        times.push(now().duration_since(from).as_secs_f64());
    }
    Ok(times)
}
