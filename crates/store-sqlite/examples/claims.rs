//! Measures durable claims per second at 1, 16, 128 and 1024 claimers at once; prints a JSON line for each.
//!
//! `cargo run --release -p countersign-store-sqlite --example claims -- [folder] [seconds per step]`
use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::once::Once;
use countersign_store_sqlite::{ReplayStart, SqliteStore};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(3);
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(measure(folder, seconds)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(folder: PathBuf, seconds: u64) -> Result<(), Failure> {
    let data = folder.join(format!("countersign-claims-{}", std::process::id()));
    let store = SqliteStore::open(&data).await?;
    let now = Time::from_seconds(1_700_000_000);
    let start =
        ReplayStart { key: [1; 16], fresh: [2; 16], now, horizon: Span::from_seconds(20), most: 50_000_000 };
    let once = Arc::new(store.replay_memory(start).await?.0);
    let numbers = Arc::new(AtomicU64::new(0));
    for claimers in [1_u32, 16, 128, 1024] {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..claimers)
            .map(|_| {
                let (once, numbers, stop) = (Arc::clone(&once), Arc::clone(&numbers), Arc::clone(&stop));
                tokio::spawn(async move {
                    let mut count = 0_u64;
                    while !stop.load(Ordering::Relaxed) {
                        let claim = fresh(numbers.fetch_add(1, Ordering::Relaxed), now);
                        if once.claim(claim, now).await? != Use::First {
                            return Err(Failure::from("a fresh claim was not the first"));
                        }
                        count += 1;
                    }
                    Ok(count)
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        stop.store(true, Ordering::Relaxed);
        let mut claims = 0;
        for task in tasks {
            claims += task.await??;
        }
        println!(
            r#"{{"what":"durable claims","claimers":{claimers},"seconds":{seconds},"claims":{claims},"per_second":{}}}"#,
            claims / seconds.max(1)
        );
    }
    drop(once);
    store.close().await;
    std::fs::remove_dir_all(&data)?;
    Ok(())
}

fn fresh(number: u64, now: Time) -> Claim {
    let mut mark = [0; 32];
    if let Some(head) = mark.first_chunk_mut::<8>() {
        *head = number.to_le_bytes();
    }
    Claim { mark, since: now, until: now + Span::from_seconds(20) }
}
