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
const CROWDS: [usize; 2] = [64, 256];
/// Turns of each; the median counts.
const TURNS: usize = 5;
/// How long a turn takes.
const TURN: Duration = Duration::from_secs(2);
/// Flushes timed, to tell the disk's speed.
const FLUSHES: usize = 200;

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    // Not /tmp, which may lie in memory: both keep their files on the disk of /var/tmp.
    let scratch = tempfile::Builder::new().prefix("countersign-bench-").tempdir_in("/var/tmp");
    let scratch = scratch.map_err(|error| error.to_string())?;
    let flush = flush(scratch.path()).map_err(|error| error.to_string())?;
    let postgres = Postgres::start(scratch.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let rates = runtime.map_err(|error| error.to_string())?.block_on(measured(&postgres, scratch.path()))?;
    table.add("the disk: fdatasync after 4 KiB", format!("{:.2} ms", flush * 1e3), "");
    for (callers, ours, theirs) in rates {
        let figure =
            format!("{:.2} x {} ({ours:.0} beside {theirs:.0} a second)", ours / theirs, postgres.version());
        table.add(format!("durable claims, {callers} callers at once"), figure, "at least 2 x");
    }
    Ok(())
}

async fn measured(postgres: &Postgres, folder: &Path) -> Result<Vec<(usize, f64, f64)>, String> {
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
    let mut rates = Vec::new();
    for callers in CROWDS {
        let mut clients = Vec::new();
        for _ in 0..callers {
            clients.push(Arc::new(postgres.client().await?));
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let callers = (0..callers).map(|_| {
                let (once, numbers) = (Arc::clone(&once), Arc::clone(&numbers));
                move || claimed(Arc::clone(&once), numbers.fetch_add(1, Ordering::Relaxed))
            });
            ours.push(rate(callers.collect()).await?);
            let callers = clients.iter().map(|client| {
                let (client, numbers) = (Arc::clone(client), Arc::clone(&numbers));
                move || {
                    let (client, number) = (Arc::clone(&client), numbers.fetch_add(1, Ordering::Relaxed));
                    async move { client.claim(&mark(number)).await }
                }
            });
            theirs.push(rate(callers.collect()).await?);
        }
        rates.push((callers, median(ours), median(theirs)));
    }
    Ok(rates)
}

/// How many a second, when each caller asks again as soon as it is answered.
async fn rate<F>(callers: Vec<impl Fn() -> F + Send + 'static>) -> Result<f64, String>
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
                let mut answers = 0_usize;
                while !stop.load(Ordering::Relaxed) {
                    caller().await?;
                    answers += 1;
                }
                Ok::<_, String>(answers)
            })
        })
        .collect();
    tokio::time::sleep(TURN).await;
    stop.store(true, Ordering::Relaxed);
    let mut answers = 0;
    for task in tasks {
        answers += task.await.map_err(|error| error.to_string())??;
    }
    Ok(count(answers) / now().duration_since(from).as_secs_f64())
}

async fn claimed(once: Arc<DurableOnce>, number: u64) -> Result<(), String> {
    let dated = Time::from_seconds(NOW);
    let claim = Claim { mark: mark(number), dated, until: dated + Span::from_seconds(20) };
    match once.claim(claim, dated).await {
        Ok(Use::First) => Ok(()),
        other => Err(format!("a first use was answered {other:?}")),
    }
}

fn mark(number: u64) -> [u8; 32] {
    countersign_keys::sha256(&[&number.to_be_bytes()])
}

/// Seconds that the disk needs to make a small write certain.
fn flush(folder: &Path) -> std::io::Result<f64> {
    let mut file = std::fs::File::create(folder.join("flush"))?;
    let mut times = Vec::new();
    for _ in 0..FLUSHES {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[7; 4096])?;
        let from = now();
        file.sync_data()?;
        times.push(now().duration_since(from).as_secs_f64());
    }
    Ok(median(times))
}
