//! The replay memory under races, full memory, and clocks that go where they like.
use super::*;
use countersign::time::Span;
use proptest::prelude::*;

fn at(seconds: i64) -> Time {
    Time::from_seconds(seconds)
}

fn claim(mark: u8, dated: i64, until: i64) -> Claim {
    Claim { mark: [mark; 32], since: at(dated), until: at(until) }
}

fn window() -> Window {
    Window::new([9; 16], Time::MIN, 1 << 20)
}

#[test]
fn a_use_counts_once_until_its_end_and_never_again() {
    let window = window();
    let one = claim(1, 100, 120);
    assert_eq!(window.peek(&one).unwrap(), Use::First);
    assert_eq!(window.claim(&one, at(100)).unwrap(), Use::First);
    assert_eq!(window.peek(&one).unwrap(), Use::Again);
    for now in 100..=122 {
        assert_eq!(window.claim(&one, at(now)).unwrap(), Use::Again, "{now}");
    }
    assert_eq!(window.claim(&one, at(123)).unwrap(), Use::Barred);
    assert_eq!(window.claim(&claim(2, 100, 140), at(123)).unwrap(), Use::First);
}

#[test]
fn another_end_is_no_other_use() {
    let window = window();
    assert_eq!(window.claim(&claim(1, 100, 120), at(100)).unwrap(), Use::First);
    assert_eq!(window.claim(&claim(1, 100, 150), at(100)).unwrap(), Use::Again);
    // The later end holds from then on.
    assert_eq!(window.claim(&claim(1, 100, 150), at(140)).unwrap(), Use::Again);
}

#[test]
fn a_barrier_bars_what_is_dated_before_it() {
    let window = Window::new([0; 16], at(100), 10);
    assert_eq!(window.claim(&claim(1, 100, 130), at(101)).unwrap(), Use::Barred);
    let just_after = Claim { since: at(100) + Span::from_millis(1), ..claim(1, 100, 130) };
    assert_eq!(window.claim(&just_after, at(101)).unwrap(), Use::First);
    window.raise_barrier(at(50));
    assert_eq!(window.barrier(), at(100));
    window.raise_barrier(at(110));
    assert_eq!(window.claim(&claim(2, 110, 130), at(111)).unwrap(), Use::Barred);
}

#[test]
fn after_a_step_back_nothing_forgotten_is_accepted() {
    let window = window();
    let old = claim(1, 100, 120);
    assert_eq!(window.claim(&old, at(100)).unwrap(), Use::First);
    window.sweep(at(130));
    assert!(window.is_empty());
    assert_eq!(window.claim(&old, at(110)).unwrap(), Use::Barred);
    assert_eq!(window.steps_back(), 1);
    // A proof that ends after everything forgotten is new.
    assert_eq!(window.claim(&claim(2, 110, 130), at(110)).unwrap(), Use::First);
    assert_eq!(window.claim(&claim(2, 110, 130), at(110)).unwrap(), Use::Again);
}

#[test]
fn an_hour_ahead_for_a_moment_costs_seconds_only() {
    let window = window();
    let before = claim(1, 1000, 1020);
    assert_eq!(window.claim(&before, at(1000)).unwrap(), Use::First);
    // The clock jumps ahead, someone as wrong is let in, everything older is forgotten.
    let wrong = claim(2, 4600, 4620);
    assert_eq!(window.claim(&wrong, at(4600)).unwrap(), Use::First);
    window.sweep(at(4700));
    assert!(window.is_empty());
    // It is set right: what was used stays used, what is new passes.
    assert_eq!(window.claim(&before, at(1010)).unwrap(), Use::Barred);
    assert_eq!(window.claim(&claim(3, 1010, 1030), at(1010)).unwrap(), Use::First);
    // When the true time comes to the hour ahead, its uses are still barred.
    window.sweep(at(4610));
    assert_eq!(window.claim(&wrong, at(4610)).unwrap(), Use::Barred);
    assert_eq!(window.claim(&claim(4, 4700, 4720), at(4700)).unwrap(), Use::First);
}

#[test]
fn an_hour_ahead_again_and_again_costs_seconds_only() {
    let window = window();
    let mut mark = 0;
    let mut fresh = |now: i64| {
        mark += 1;
        let one = claim(mark, now + 1, now + 21);
        (window.claim(&one, at(now)).unwrap(), one)
    };
    let mut used = Vec::new();
    for leap in 0..4 {
        let now = 1000 + 100 * leap;
        used.push(fresh(now).1);
        // Those who are as wrong as we are get in, and what they used is dated an hour ahead from then on.
        used.push(fresh(now + 3600).1);
        window.sweep(at(now + 3610));
        let (found, one) = fresh(now + 10);
        assert_eq!(found, Use::First, "after leap {leap}");
        used.push(one);
    }
    for one in &used {
        assert_ne!(window.claim(one, at(1310)).unwrap(), Use::First, "{one:?}");
    }
    for one in &used {
        // Also when the true time comes to it.
        let now = at(4600).max(one.since);
        assert_ne!(window.claim(one, now).unwrap(), Use::First, "{one:?}");
    }
}

#[test]
fn what_is_carried_over_a_step_back_is_barred_when_it_was_forgotten_later() {
    let window = window();
    let ahead = claim(1, 4610, 4630);
    assert_eq!(window.claim(&ahead, at(4600)).unwrap(), Use::First);
    assert_eq!(window.claim(&claim(2, 1000, 1020), at(1000)).unwrap(), Use::First);
    // A long pause, and it is forgotten; the era before it had no date as late.
    window.sweep(at(4700));
    assert!(window.is_empty());
    assert_eq!(window.claim(&ahead, at(4605)).unwrap(), Use::Barred);
}

#[test]
fn a_resumed_memory_does_not_trust_a_clock_behind_its_log() {
    let before = window();
    let [short, long] = [claim(1, 100, 120), claim(2, 100, 200)];
    for one in [&short, &long] {
        assert_eq!(before.claim(one, at(100)).unwrap(), Use::First);
    }
    let now = Window::resumed([9; 16], Time::MIN, at(150), 10);
    now.insert_recovered(before.fingerprint(&long), at(200)).unwrap();
    assert_eq!(now.claim(&long, at(151)).unwrap(), Use::Again);
    assert_eq!(now.claim(&short, at(110)).unwrap(), Use::Barred);
    assert_eq!(now.claim(&long, at(110)).unwrap(), Use::Again);
}

#[test]
fn full_is_a_fault_and_throws_nothing_out() {
    let window = Window::new([0; 16], Time::MIN, 100);
    let mut first = 0;
    for mark in 0..200 {
        match window.claim(&claim(mark, 100, 120), at(100)) {
            Ok(Use::First) => first += 1,
            Ok(other) => panic!("{other:?}"),
            Err(fault) => assert!(fault.to_string().contains("100 places")),
        }
    }
    assert_eq!((first, window.len()), (100, 100));
    for mark in 0..100 {
        assert_eq!(window.claim(&claim(mark, 100, 120), at(100)).unwrap(), Use::Again);
    }
    // Time makes room.
    window.sweep(at(123));
    assert_eq!(window.claim(&claim(201, 123, 140), at(123)).unwrap(), Use::First);
}

#[test]
fn of_many_threads_one_is_first() {
    let window = window();
    for round in 0..200 {
        let firsts: usize = std::thread::scope(|scope| {
            let try_once =
                || usize::from(window.claim(&claim(round, 100, 120), at(100)).unwrap() == Use::First);
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(try_once)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(firsts, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    /// The clock goes where it likes, memory forgets as early as it may, uses are tried again and again: none counts twice.
    #[test]
    fn no_clock_makes_a_use_count_twice(
        steps in prop::collection::vec((prop_oneof![
            8 => -5_i64..8, 1 => -300_i64..300, 1 => -5000_i64..5000,
        ], 0_u8..12, -20_i64..=20, prop::bool::ANY), 1..120),
    ) {
        let window = window();
        let mut now = 10_000;
        // Marks with the dates they were first made with.
        let mut made: Vec<(Claim, bool)> = Vec::new();
        for (step, choice, offset, fresh) in steps {
            now += step;
            if fresh || made.is_empty() {
                let dated = now + offset;
                let mark = u8::try_from(made.len()).unwrap();
                made.push((claim(mark, dated, dated + 20), false));
            }
            let at_most = made.len();
            // New ones and old ones alike, as often as the clock lets them be valid.
            for (one, used) in made.iter_mut().skip(at_most.saturating_sub(usize::from(choice) + 1)) {
                if (at(now) > one.until) || one.since > at(now + 20) {
                    continue;
                }
                let outcome = window.claim(one, at(now)).unwrap();
                prop_assert!(!(*used && outcome == Use::First), "{one:?} counted twice at {now}");
                *used |= outcome == Use::First;
            }
            window.sweep(at(now));
        }
    }

    /// While the clock only goes forward, everything new passes and everything used is known.
    #[test]
    fn a_clock_that_goes_forward_bars_nothing(
        steps in prop::collection::vec((prop_oneof![8 => 0_i64..3, 1 => 0_i64..200], -20_i64..=20), 1..120),
    ) {
        let window = window();
        let mut now = 10_000;
        for (number, (step, offset)) in steps.into_iter().enumerate() {
            now += step;
            let one = claim(u8::try_from(number).unwrap(), now + offset, now + offset + 20);
            prop_assert_eq!(window.claim(&one, at(now)).unwrap(), Use::First);
            prop_assert_eq!(window.claim(&one, at(now)).unwrap(), Use::Again);
            window.sweep(at(now));
        }
        prop_assert_eq!(window.steps_back(), 0);
    }
}
