//! The memory from outside, on real servers: alone, with sentinels, in a cluster, and on bad days.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may stop at once")]
mod bus;
mod cluster;
mod conform;
mod faults;
mod losses;
mod secure;
mod sentinel;
mod terms;

use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::fault::Fault;
use countersign_store::memory::MemoryStore;
use countersign_store::once::Once;
use countersign_store::replay::{Recovery, ReplayStart, Scope, Term, Terms};
use countersign_store_redis::{RedisOnce, Settings};
use countersign_testkit::redis::Redis;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How far from the clock the proofs of these tests may be dated, seconds.
const WINDOW: i64 = 20;

/// Settings of a memory of its own at a server that others may use as well.
fn settings(url: &str) -> Settings {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let prefix = format!("t{}", NEXT.fetch_add(1, Ordering::SeqCst));
    Settings { prefix, ..Settings::new(url) }
}

fn words() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::default())
}

fn terms(text: &str) -> Terms {
    Terms::from([(
        "asymmetric-jwt".to_owned(),
        Term { text: text.into(), window: Span::from_seconds(WINDOW) },
    )])
}

async fn join(
    settings: &Settings,
    words: &Arc<MemoryStore>,
    now: i64,
    terms: Terms,
) -> Result<(Arc<RedisOnce>, Recovery), Fault> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = Time::from_seconds(now);
    let start = ReplayStart { now, horizon: Span::from_seconds(WINDOW), terms, floor: Time::MIN };
    let fresh = u128::from(NEXT.fetch_add(1, Ordering::SeqCst)).to_be_bytes();
    let (once, recovery) = RedisOnce::begin(settings, words.clone(), Scope::Proofs, start, fresh).await?;
    Ok((Arc::new(once), recovery))
}

/// A node, and a second after the barrier that it found.
async fn node(settings: &Settings, words: &Arc<MemoryStore>) -> (Arc<RedisOnce>, i64) {
    let (once, recovery) = join(settings, words, clock(), terms("a")).await.unwrap();
    (once, recovery.barrier.seconds() + 1)
}

/// The servers' clock, which is this machine's.
fn clock() -> i64 {
    let told = std::process::Command::new("date").arg("+%s").output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().parse().unwrap()
}

fn claim(number: u64, dated: i64) -> Claim {
    let mut mark = [0; 32];
    // Spread as digests are.
    mark[0] = number.to_le_bytes()[0];
    mark[8..16].copy_from_slice(&number.to_le_bytes());
    Claim { mark, since: Time::from_seconds(dated), until: Time::from_seconds(dated + WINDOW) }
}

async fn claimed(once: &RedisOnce, number: u64, dated: i64) -> Result<Use, Fault> {
    once.claim(claim(number, dated), Time::from_seconds(dated)).await
}

/// Claims until it is answered, as callers do who sign anew after a 503; gives the answer.
async fn answered(once: &RedisOnce, number: u64, dated: i64) -> Use {
    for attempt in 0..400 {
        if let Ok(found) = claimed(once, number + attempt, dated).await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("wanted an answer in the end, found faults alone");
}

/// How many of these are accepted again.
async fn replayed(once: &RedisOnce, used: &[(u64, i64)]) -> usize {
    let mut accepted = 0;
    for (number, dated) in used {
        for _ in 0..100 {
            match claimed(once, *number, *dated).await {
                Ok(Use::First) => accepted += 1,
                Ok(_) => {}
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            }
            break;
        }
    }
    accepted
}

fn alone() -> Redis {
    Redis::start(&[])
}
