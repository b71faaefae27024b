//! What every replay memory does: one first use, known until its end, however many ask at once.
use crate::conformance::must;
use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::once::Once;
use std::sync::{Arc, Barrier};

/// Threads that claim the same use at the same time.
const THREADS: usize = 64;

/// Runs the suite over an empty memory, with `rounds` races. Claims are dated around Unix second `start`, which the
/// memory must not bar; the clock given goes forward only. Needs a runtime with several threads.
pub async fn once(store: Arc<dyn Once>, start: i64, rounds: u32) {
    let now = Time::from_seconds(start);
    first_then_again(&*store, now).await;
    peek_remembers_nothing(&*store, now).await;
    marks_are_told_apart_by_every_bit(&*store, now).await;
    another_end_is_the_same_use(&*store, now).await;
    of_many_threads_one_is_first(&store, now, rounds).await;
    kept_until_the_end_inclusive(&*store, now).await;
}

/// The `number`th mark of a test.
fn mark(test: u8, number: u32) -> [u8; 32] {
    let mut mark = [test; 32];
    for (to, from) in mark.iter_mut().skip(8).zip(number.to_be_bytes()) {
        *to = from;
    }
    mark
}

fn claim(test: u8, number: u32, now: Time, life: i64) -> Claim {
    Claim { mark: mark(test, number), since: now, until: now + Span::from_seconds(life) }
}

async fn claimed(store: &dyn Once, claim: Claim, now: Time) -> Use {
    must(store.claim(claim, now).await)
}

async fn first_then_again(store: &dyn Once, now: Time) {
    let one = claim(1, 0, now, 20);
    assert_eq!(claimed(store, one, now).await, Use::First);
    for _ in 0..3 {
        assert_eq!(claimed(store, one, now).await, Use::Again);
    }
}

async fn peek_remembers_nothing(store: &dyn Once, now: Time) {
    let one = claim(2, 0, now, 20);
    for _ in 0..3 {
        assert_eq!(must(store.peek(one, now).await), Use::First);
    }
    assert_eq!(claimed(store, one, now).await, Use::First);
    assert_eq!(must(store.peek(one, now).await), Use::Again);
}

async fn marks_are_told_apart_by_every_bit(store: &dyn Once, now: Time) {
    let one = claim(3, 0, now, 20);
    assert_eq!(claimed(store, one, now).await, Use::First);
    for bit in 0..256_usize {
        let mut other = one;
        if let Some(byte) = other.mark.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        assert_eq!(claimed(store, other, now).await, Use::First, "bit {bit}");
    }
}

async fn another_end_is_the_same_use(store: &dyn Once, now: Time) {
    let one = claim(4, 0, now, 20);
    assert_eq!(claimed(store, one, now).await, Use::First);
    assert_eq!(claimed(store, claim(4, 0, now, 21), now).await, Use::Again);
    assert_eq!(claimed(store, claim(4, 0, now, 5), now).await, Use::Again);
}

async fn of_many_threads_one_is_first(store: &Arc<dyn Once>, now: Time, rounds: u32) {
    let runtime = tokio::runtime::Handle::current();
    let gate = Arc::new(Barrier::new(THREADS));
    let mut threads = Vec::new();
    for _ in 0..THREADS {
        let (store, gate, runtime) = (store.clone(), gate.clone(), runtime.clone());
        threads.push(std::thread::spawn(move || {
            let mut firsts = Vec::new();
            for round in 0..rounds {
                let one = claim(5, round, now, 20);
                gate.wait();
                match must(runtime.block_on(store.claim(one, now))) {
                    Use::First => firsts.push(round),
                    Use::Again => {}
                    Use::Barred => panic!("wanted nothing barred while the clock stands"),
                }
            }
            firsts
        }));
    }
    let joined = tokio::task::spawn_blocking(move || {
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    let mut firsts: Vec<u32> = must(joined.await).into_iter().flatten().collect();
    firsts.sort_unstable();
    assert_eq!(firsts, (0..rounds).collect::<Vec<_>>(), "each round has exactly one first");
}

async fn kept_until_the_end_inclusive(store: &dyn Once, now: Time) {
    let one = claim(6, 0, now, 20);
    let nearly = Claim { until: now + Span::from_millis(20_500), ..claim(6, 1, now, 0) };
    for one in [one, nearly] {
        assert_eq!(claimed(store, one, now).await, Use::First);
    }
    // Others keep the memory busy while time goes by, so that it forgets what it may.
    for second in 1..=20 {
        let now = now + Span::from_seconds(second);
        for number in 0..50 {
            let busy = claim(7, u32::try_from(second * 50 + number).unwrap_or(0), now, 2);
            assert_eq!(claimed(store, busy, now).await, Use::First);
        }
        for one in [one, nearly] {
            assert_eq!(claimed(store, one, now).await, Use::Again, "{second} s later");
            assert_eq!(must(store.peek(one, now).await), Use::Again);
        }
    }
    // After its end a use is over; what must not happen is that it counts again.
    let late = now + Span::from_seconds(600);
    assert_eq!(claimed(store, claim(8, 0, late, 20), late).await, Use::First);
    for one in [one, nearly] {
        assert!(
            claimed(store, one, late).await != Use::First,
            "a use whose time is over is not taken as new"
        );
    }
}
