//! Who decides what is traced, and how much of it.
use super::*;
use countersign_guard::clock::SystemEntropy;
use countersign_guard::watch::Part;
use http::HeaderValue;
use proptest::prelude::*;

const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_context_that_stands_twice_is_none() {
    let mut headers = HeaderMap::new();
    assert_eq!(told(&headers), None);
    headers.append(PARENT, HeaderValue::from_static(GOOD));
    assert_eq!(told(&headers).map(|found| found.to_string()).as_deref(), Some(GOOD));
    headers.append(PARENT, HeaderValue::from_static(GOOD));
    assert_eq!(told(&headers), None);
}

#[test]
fn a_second_has_an_end_and_the_next_one_begins_anew() {
    let bound = Bound::new(3);
    let taken = |second| (0..10).filter(|_| bound.take_at(second)).count();
    assert_eq!((taken(0), taken(0), taken(1), taken(2), taken(2)), (3, 0, 3, 3, 0));
}

#[test]
fn shares_have_ends() {
    let trace = |last: u8| {
        let mut bytes = [last; 16];
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        TraceId::new(bytes).unwrap()
    };
    assert!(is_in_share(trace(0), 1.0) && is_in_share(trace(255), 1.0));
    assert!(!is_in_share(trace(0), 0.0) && !is_in_share(trace(255), 0.0));
    assert!(is_in_share(trace(200), 0.5) && !is_in_share(trace(100), 0.5));
}

#[test]
fn parts_beyond_their_bound_are_counted_and_what_begins_again_is_one() {
    let own = Context::read(GOOD.as_bytes()).unwrap();
    let active = Active::new(own, None, None, None, Some((Arc::new(SystemEntropy), 5)));
    let watch = active.watch().unwrap();
    watch.began(Part::Signature);
    watch.began(Part::Signature);
    watch.ended();
    watch.ended();
    for _ in 0..40 {
        watch.began(Part::Keys);
        watch.ended();
    }
    watch.began(Part::Claim);
    let seen = active.over().unwrap();
    let parts: Vec<_> = seen.parts.iter().map(|(part, _, _)| *part).collect();
    // The one that was given up with its request is among them.
    assert_eq!((parts.len(), seen.more), (33, 9));
    assert_eq!(parts.first().zip(parts.last()), Some((&Part::Signature, &Part::Claim)));
    assert!(
        seen.start == 5
            && seen.parts.iter().all(|(_, start, end)| (5..=seen.end).contains(start) && start <= end)
    );
    assert!(Active::new(own, None, None, None, None).over().is_none());
}

proptest! {
    #[test]
    fn who_takes_a_larger_share_takes_all_of_a_smaller_one(bytes in any::<[u8; 16]>(), a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
        if let Some(trace) = TraceId::new(bytes) {
            prop_assert!(!is_in_share(trace, a.min(b)) || is_in_share(trace, a.max(b)));
        }
    }
}
