//! What is remembered is exactly what held, for exactly what it held; whatever is changed is checked anew.
use super::*;
use crate::{Algorithm, KeyKind, PrivateKey};
use std::sync::Arc;
use std::task::{Wake, Waker};

const UNTIL: i64 = 2_000;
const NOW: i64 = 1_000;

fn made() -> (PrivateKey, Vec<u8>) {
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let signature = key.sign(Algorithm::Ed25519, b"token").unwrap();
    (key, signature)
}

fn job<'a>(key: &'a PrivateKey, message: &'a [u8], signature: &'a [u8]) -> Job<'a> {
    Job::new(key.public_key(), Algorithm::Ed25519, message, signature)
}

fn is_held(memory: &Remembered, job: &Job<'_>) -> bool {
    matches!(memory.recall(job), Recalled::Held(outcome) if outcome.accepted(job.signature).is_ok())
}

/// Checks as a guard does; nothing else is under way.
fn check(memory: &Remembered, job: &Job<'_>) -> bool {
    let outcome = match memory.recall(job) {
        Recalled::Held(outcome) => outcome,
        Recalled::Ours(turn) => turn.check(job, UNTIL, NOW),
        Recalled::Theirs(_) => panic!("nobody else checks here"),
    };
    outcome.accepted(job.signature).is_ok()
}

#[test]
fn the_second_check_is_remembered_and_the_third_spared() {
    let memory = Remembered::new([1; 32], 100);
    let (key, signature) = made();
    let job = job(&key, b"token", &signature);
    assert!(check(&memory, &job) && !is_held(&memory, &job), "once is not worth a place");
    assert!(check(&memory, &job) && is_held(&memory, &job));
    assert_eq!(memory.count(), 1);
}

#[test]
fn nothing_that_did_not_hold_is_remembered_and_nothing_changed_is_held() {
    let memory = Remembered::new([1; 32], 100);
    let (key, signature) = made();
    let other = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let good = job(&key, b"token", &signature);
    for _ in 0..3 {
        assert!(check(&memory, &good));
    }
    assert!(is_held(&memory, &good));
    // Each bit of the signature; the first eight bytes choose the place, the others do not.
    for bit in 0..signature.len() * 8 {
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        for _ in 0..3 {
            assert!(!check(&memory, &job(&key, b"token", &changed)), "bit {bit}");
        }
    }
    let longer = [signature.as_slice(), &[0]].concat();
    let wrong = [
        job(&key, b"tokem", &signature),
        job(&key, b"token ", &signature),
        job(&key, b"", &signature),
        job(&other, b"token", &signature),
        job(&key, b"token", signature.get(..63).unwrap()),
        job(&key, b"token", &longer),
        job(&key, b"token", &signature).with_encoding(Encoding::Der),
        Job { algorithm: Algorithm::EcdsaP256Sha256, ..job(&key, b"token", &signature) },
        Job { message: Message::AnyOf(&[]), ..job(&key, b"token", &signature) },
    ];
    for wrong in &wrong {
        assert!(!is_held(&memory, wrong), "{wrong:?}");
    }
    assert!(is_held(&memory, &good), "what is asked drives nothing out");
    assert_eq!(memory.count(), 1);
}

#[test]
fn an_outcome_that_is_remembered_fits_no_other_signature() {
    let memory = Remembered::new([1; 32], 100);
    let (key, signature) = made();
    let job = job(&key, b"token", &signature);
    for _ in 0..2 {
        assert!(check(&memory, &job));
    }
    let Recalled::Held(outcome) = memory.recall(&job) else { panic!("it is remembered") };
    let copy = signature.clone();
    assert!(outcome.accepted(&signature).is_ok() && outcome.accepted(&copy).is_err());
}

#[test]
fn memory_has_an_end_and_what_ended_makes_room_first() {
    let memory = Remembered::new([1; 32], 4);
    let made: Vec<_> = (0..12).map(|_| made()).collect();
    for (key, signature) in &made {
        for _ in 0..2 {
            assert!(check(&memory, &job(key, b"token", signature)));
        }
        assert!(is_held(&memory, &job(key, b"token", signature)), "the newest has a place");
    }
    assert_eq!(memory.count(), 4);
    // One in use, and three that ended: the next comes in place of one of those.
    let memory = Remembered::new([1; 32], 4);
    for (at, (key, signature)) in made.iter().take(5).enumerate() {
        let job = job(key, b"token", signature);
        let (until, now) = if at == 0 { (5_000, 1_000) } else { (2_000, 1_000) };
        let now = if at == 4 { 3_000 } else { now };
        for _ in 0..2 {
            let Recalled::Ours(turn) = memory.recall(&job) else { panic!("not yet") };
            assert!(turn.check(&job, until, now).accepted(signature).is_ok());
        }
    }
    let (key, signature) = &made[0];
    assert!(is_held(&memory, &job(key, b"token", signature)), "it was used least recently, but lives");
}

#[derive(Default)]
struct Count(std::sync::atomic::AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

fn poll(wait: &mut Wait<'_>, waker: &Waker) -> bool {
    Pin::new(wait).poll(&mut Context::from_waker(waker)).is_ready()
}

#[test]
fn copies_wait_for_one_check_and_all_go_on_when_it_ends() {
    let memory = Remembered::new([1; 32], 100);
    let (key, signature) = made();
    let job = job(&key, b"token", &signature);
    let Recalled::Ours(turn) = memory.recall(&job) else { panic!("nobody is at it") };
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let other = Waker::from(Arc::new(Count::default()));
    let mut waits: Vec<Wait<'_>> = (0..3)
        .map(|_| match memory.recall(&job) {
            Recalled::Theirs(wait) => wait,
            found => panic!("it is under way, found {found:?}"),
        })
        .collect();
    assert!(!poll(&mut waits[0], &waker) && !poll(&mut waits[0], &waker) && !poll(&mut waits[1], &other));
    assert!(turn.check(&job, UNTIL, NOW).accepted(&signature).is_ok());
    assert_eq!(
        count.0.load(std::sync::atomic::Ordering::SeqCst),
        1,
        "woken once, however often it was asked"
    );
    assert!(waits.iter_mut().all(|wait| poll(wait, &waker)));
    assert!(is_held(&memory, &job), "others waited, so the first time was worth a place");
}

#[test]
fn a_check_that_is_given_up_or_fails_holds_nobody_up() {
    let memory = Remembered::new([1; 32], 100);
    let (key, mut signature) = made();
    signature[40] ^= 1;
    let job = job(&key, b"token", &signature);
    for give_up in [true, false] {
        let Recalled::Ours(turn) = memory.recall(&job) else { panic!("nobody is at it") };
        let Recalled::Theirs(mut wait) = memory.recall(&job) else { panic!("it is under way") };
        assert!(!poll(&mut wait, Waker::noop()));
        if give_up {
            drop(turn);
        } else {
            assert!(turn.check(&job, UNTIL, NOW).accepted(&signature).is_err());
        }
        assert!(poll(&mut wait, Waker::noop()));
        assert_eq!(memory.count(), 0);
    }
}

#[test]
fn what_one_place_takes_is_what_the_documents_say() {
    assert_eq!(Remembered::BYTES_EACH, 52);
}
