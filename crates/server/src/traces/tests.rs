//! Who decides what is traced, and how much of it.
use super::*;
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

proptest! {
    #[test]
    fn who_takes_a_larger_share_takes_all_of_a_smaller_one(bytes in any::<[u8; 16]>(), a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
        if let Some(trace) = TraceId::new(bytes) {
            prop_assert!(!is_in_share(trace, a.min(b)) || is_in_share(trace, a.max(b)));
        }
    }
}
