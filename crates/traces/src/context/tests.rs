//! The cases of the Recommendation and of the W3C's own test suite, and what must hold of every value.
use super::*;
use proptest::prelude::*;

const TRACE: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";

fn read(text: &str) -> Option<Context> {
    Context::read(text.as_bytes())
}

#[test]
fn the_examples_of_the_recommendation_are_read() {
    let found = read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
    assert_eq!(found.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(found.span.to_string(), "00f067aa0ba902b7");
    assert!(found.sampled && !found.random);
    assert!(!read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap().sampled);
    assert_eq!(found.trace.chance(), 0xce_929d_0e0e_4736);
}

#[test]
fn every_known_flag_is_read_and_only_those_are_written() {
    for (flags, written) in
        [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03"), ("0c", "00")]
    {
        let found = read(&format!("00-{TRACE}-{SPAN}-{flags}")).unwrap();
        assert_eq!(found.to_string(), format!("00-{TRACE}-{SPAN}-{written}"));
    }
}

#[test]
fn later_versions_are_read_as_far_as_they_are_known() {
    for text in [
        format!("cc-{TRACE}-{SPAN}-01"),
        format!("cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"),
        format!("01-{TRACE}-{SPAN}-01-"),
        format!("fe-{TRACE}-{SPAN}-01"),
    ] {
        let found = read(&text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(found.to_string(), format!("00-{TRACE}-{SPAN}-01"));
    }
}

#[test]
fn everything_else_is_no_context() {
    for text in [
        String::new(),
        "00".to_owned(),
        format!("00-{TRACE}-{SPAN}"),
        format!("00-{TRACE}-{SPAN}-"),
        format!("00-{TRACE}-{SPAN}-1"),
        format!("00-{TRACE}-{SPAN}-01-"),
        format!("00-{TRACE}-{SPAN}-01-more"),
        format!("00-{TRACE}-{SPAN}-01 "),
        format!(" 00-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-001"),
        format!("cc-{TRACE}-{SPAN}-01.what-the-future-will-not-be-like"),
        format!("cc-{TRACE}-{SPAN}-0"),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("FF-{TRACE}-{SPAN}-01"),
        format!("0-{TRACE}-{SPAN}-01"),
        format!(".0-{TRACE}-{SPAN}-01"),
        format!("000-{TRACE}-{SPAN}-01"),
        format!("00-{}-{SPAN}-01", "0".repeat(32)),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{TRACE}-{SPAN}-.1"),
        format!("00-{TRACE}-{SPAN}-0G"),
        format!("00-{}-{SPAN}-01", "ABCDEF7890123456ABCDEF7890123456"),
        format!("00-{TRACE}-{}-01", "123456789012345X"),
        format!("00-{}1-{SPAN}-01", TRACE),
        format!("00-{}-{SPAN}-01", "1234567890123456789012345678901"),
        format!("00-{TRACE}-{SPAN}1-01"),
        format!("00-{TRACE}-{}-01", "123456789012345"),
        format!("00_{TRACE}_{SPAN}_01"),
        format!("00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01"),
    ] {
        assert_eq!(read(&text), None, "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_fail_and_what_is_read_is_read_again(value in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Some(found) = Context::read(&value) {
            prop_assert_eq!(Context::read(found.to_string().as_bytes()), Some(found));
        }
    }

    #[test]
    fn what_was_written_is_read(trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), sampled: bool, random: bool) {
        let (Some(trace), Some(span)) = (TraceId::new(trace), SpanId::new(span)) else { return Ok(()) };
        let context = Context { trace, span, sampled, random };
        prop_assert_eq!(read(&context.to_string()), Some(context));
    }

    #[test]
    fn one_other_byte_is_no_silent_change(place in 0..55_usize, byte in any::<u8>()) {
        let value = format!("00-{TRACE}-{SPAN}-01").into_bytes();
        let mut changed = value.clone();
        if let Some(to) = changed.get_mut(place) { *to = byte }
        // Whatever is read of it has exactly the digits that stand there.
        if let Some(found) = Context::read(&changed) {
            let text = String::from_utf8(changed).unwrap();
            prop_assert_eq!(found.trace.to_string(), text.get(3..35).unwrap());
            prop_assert_eq!(found.span.to_string(), text.get(36..52).unwrap());
        }
    }
}
