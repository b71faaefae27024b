//! The replay memory: what a claim costs in memory and on disk, and how much room a remembered use takes.
use crate::judging::NOW;
use crate::measure::{Table, count, median, now};
use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::once::Once;
use countersign_store::window::Window;
use countersign_store_sqlite::{ReplayStart, SqliteStore};
use std::hint::black_box;
use std::sync::Arc;

/// Uses remembered while measuring: what 40 seconds at 25,000 a second leave.
const LIVE: u64 = 1_000_000;
/// Callers at once for the durable memory.
const AT_ONCE: u64 = 256;
/// Claims of each of them.
const EACH: u64 = 200;

/// Measures all of it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let window = Window::new([7; 16], Time::MIN, 4_000_000);
    let mut blocks = Vec::new();
    let mut next = 0_u64;
    while next < LIVE {
        let claims: Vec<Claim> = (next..next + 10_000).map(claim).collect();
        next += 10_000;
        let from = now();
        for claim in &claims {
            match window.claim(claim, Time::from_seconds(NOW)) {
                Ok(Use::First) => {}
                other => return Err(format!("a first use was answered {other:?}")),
            }
        }
        blocks.push(now().duration_since(from).as_secs_f64() * 1e9 / count(claims.len()));
    }
    table.add("claim in memory", format!("{:.0} ns", median(blocks)), "at most 100 ns");
    let bytes = count(window.bytes()) / count(window.len());
    table.add(
        format!("room for a live use, {} live", window.len()),
        format!("{bytes:.1} bytes"),
        "at most 20 bytes",
    );
    durable(table)
}

fn durable(table: &mut Table) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let rate = runtime.block_on(async {
        let store = SqliteStore::open(folder.path()).await.map_err(|fault| fault.to_string())?;
        let start = ReplayStart {
            key: [7; 16],
            fresh: [9; 16],
            // Long before the proofs, so that the barrier of a fresh log has passed.
            now: Time::from_seconds(NOW - 600),
            horizon: Span::from_seconds(60),
            most: 4_000_000,
        };
        let (once, _) = store.replay_memory(start).await.map_err(|fault| fault.to_string())?;
        let once = Arc::new(once);
        let from = now();
        let tasks: Vec<_> = (0..AT_ONCE)
            .map(|task| {
                let once = Arc::clone(&once);
                tokio::spawn(async move {
                    for number in 0..EACH {
                        let answer = once.claim(claim(task * EACH + number), Time::from_seconds(NOW)).await;
                        if !matches!(answer, Ok(Use::First)) {
                            return Err(format!("a first use was answered {answer:?}"));
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await.map_err(|error| error.to_string())??;
        }
        let took = now().duration_since(from).as_secs_f64();
        Ok::<_, String>(black_box(f64::from(u32::try_from(AT_ONCE * EACH).unwrap_or(u32::MAX)) / took))
    })?;
    table.add(format!("durable claims, {AT_ONCE} callers at once"), format!("{rate:.0} a second"), "");
    Ok(())
}

fn claim(number: u64) -> Claim {
    let mark = countersign_keys::sha256(&[&number.to_be_bytes()]);
    // Proofs are dated all over the window.
    let dated = Time::from_seconds(NOW - 20 + i64::try_from(number % 40).unwrap_or(0));
    Claim { mark, dated, until: dated + Span::from_seconds(20) }
}
