//! Gathering: alone nothing waits, together the lanes run, and whoever leaves disturbs nobody.
use super::{Batcher, Waiting, lock};
use countersign_keys::{Algorithm, Job, KeyKind, Lanes, PrivateKey};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

/// A key that was used before: the first check of each is made alone, at once.
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| {
    let key = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
    if let Some(lanes) = Lanes::new(NonZeroU32::MIN, 1) {
        assert!(lanes.split(&Job::new(key.public_key(), Algorithm::RsaSha256, b"m", &[0; 256])).is_none());
    }
    key
});

fn batcher(threads: usize) -> Option<Arc<Batcher>> {
    let lanes = Lanes::new(NonZeroU32::new(1_000_000).unwrap(), 1);
    if lanes.is_none() {
        eprintln!("this CPU has no AVX-512 IFMA: gathering could not be looked at");
    }
    Some(Arc::new(Batcher::new(lanes?, NonZeroUsize::new(threads).unwrap())))
}

/// Whether a signature over `number`, good or changed, is accepted as it should be.
async fn one(batcher: &Batcher, number: usize) {
    let message = number.to_string();
    let mut signature = KEY.sign(Algorithm::RsaSha256, message.as_bytes()).unwrap();
    let good = !number.is_multiple_of(5);
    if !good {
        signature[number % 256] ^= 1;
    }
    let job = Job::new(KEY.public_key(), Algorithm::RsaSha256, message.as_bytes(), &signature);
    let outcome = batcher.verify(&job).await;
    assert_eq!(outcome.accepted(&signature).is_ok(), good, "{number}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[test]
fn what_is_ready_in_one_turn_runs_together() {
    let Some(batcher) = batcher(1) else { return };
    runtime().block_on(async {
        let tasks: Vec<_> = (0..20)
            .map(|number| {
                let batcher = Arc::clone(&batcher);
                tokio::spawn(async move { one(&batcher, number).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let counts = batcher.lanes().counts();
    assert_eq!((counts.turns, counts.in_lanes, counts.differences), (1, 20, 0), "{counts:?}");
}

#[test]
fn alone_a_check_waits_for_one_more_poll_and_no_timer() {
    let Some(batcher) = batcher(1) else { return };
    let signature = KEY.sign(Algorithm::RsaSha256, b"m").unwrap();
    let job = Job::new(KEY.public_key(), Algorithm::RsaSha256, b"m", &signature);
    let mut future = Box::pin(batcher.verify(&job));
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    match future.as_mut().poll(&mut context) {
        Poll::Ready(outcome) => assert!(outcome.accepted(&signature).is_ok()),
        Poll::Pending => panic!("still waiting, and for nobody"),
    }
    assert_eq!((batcher.lanes().counts().in_lanes, batcher.lanes().counts().turns), (1, 1));
}

#[test]
fn what_lanes_do_not_serve_is_checked_at_once() {
    let Some(batcher) = batcher(1) else { return };
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let signature = key.sign(Algorithm::Ed25519, b"m").unwrap();
    let job = Job::new(key.public_key(), Algorithm::Ed25519, b"m", &signature);
    let mut future = Box::pin(batcher.verify(&job));
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

#[test]
fn who_is_dropped_takes_its_ticket_along_and_the_others_get_their_answers() {
    let Some(batcher) = batcher(1) else { return };
    let signature = KEY.sign(Algorithm::RsaSha256, b"m").unwrap();
    let job = Job::new(KEY.public_key(), Algorithm::RsaSha256, b"m", &signature);
    let mut context = Context::from_waker(Waker::noop());
    let mut waiting: Vec<_> = (0..9).map(|_| Box::pin(batcher.verify(&job))).collect();
    for future in &mut waiting {
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    // The first, one between, and the last leave before anybody is polled again.
    for place in [8, 4, 0] {
        drop(waiting.remove(place));
    }
    assert_eq!(lock(&batcher.queues[0]).len(), 6);
    // One is polled, and leaves with its answer; the others find theirs without a wait.
    for future in &mut waiting {
        assert!(future.as_mut().poll(&mut context).is_ready());
    }
    assert_eq!(batcher.lanes().counts().in_lanes, 6);
    assert!(lock(&batcher.queues[0]).is_empty());
    // Dropped before it was polled at all, and after its answer was there: nothing stays behind.
    drop(batcher.verify(&job));
    let mut two: Vec<_> = (0..3).map(|_| Box::pin(batcher.verify(&job))).collect();
    for future in &mut two {
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    assert!(two[0].as_mut().poll(&mut context).is_ready());
    drop(two);
    assert!(lock(&batcher.queues[0]).is_empty());
}

#[test]
fn a_run_that_ends_early_leaves_the_check_to_the_scalar_library() {
    let Some(batcher) = batcher(1) else { return };
    let signature = KEY.sign(Algorithm::RsaSha256, b"m").unwrap();
    let job = Job::new(KEY.public_key(), Algorithm::RsaSha256, b"m", &signature);
    let (check, ticket) = batcher.lanes().split(&job).unwrap();
    let mut waiting =
        Box::pin(Waiting { batcher: &batcher, queue: &batcher.queues[0], ticket: Some(ticket), slot: None });
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    // What a panic in the middle of a run leaves: the batch is dropped with its tickets in it.
    drop(super::Batch(std::mem::take(&mut *lock(&batcher.queues[0]))));
    let Poll::Ready(found) = waiting.as_mut().poll(&mut context) else { panic!("no answer") };
    assert!(found.is_none());
    assert!(batcher.lanes().settle(&check, found).accepted(&signature).is_ok());
}

#[test]
fn many_threads_and_many_cancellations_lose_no_answer() {
    let Some(batcher) = batcher(2) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..400)
            .map(|number| {
                let batcher = Arc::clone(&batcher);
                tokio::spawn(async move {
                    if number % 7 == 0 {
                        // Given up after its ticket is in the queue, and before or while it is run.
                        tokio::select! {
                            biased;
                            () = one(&batcher, number) => {}
                            () = tokio::task::yield_now() => {}
                        }
                    }
                    one(&batcher, number).await;
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let counts = batcher.lanes().counts();
    assert!(counts.in_lanes + counts.scalar >= 400 && counts.differences == 0, "{counts:?}");
    assert!(batcher.queues.iter().all(|queue| lock(queue).is_empty()));
}
