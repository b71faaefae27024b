//! Every kind of value, read and written; what two readers could read differently is refused.
use super::write::{write_dictionary, write_list};
use super::*;
use proptest::prelude::*;

fn dictionary_again(line: &str) -> Result<String, NotStructured> {
    let mut members = Vec::new();
    dictionary(line.as_bytes(), MOST_MEMBERS, &mut members)?;
    let mut out = Vec::new();
    write_dictionary(&members, &mut out);
    Ok(String::from_utf8(out).unwrap())
}

fn list_again(line: &str) -> Result<String, NotStructured> {
    let mut members = Vec::new();
    list(line.as_bytes(), MOST_MEMBERS, &mut members)?;
    let mut out = Vec::new();
    write_list(&members, &mut out);
    Ok(String::from_utf8(out).unwrap())
}

fn item_again(line: &str) -> Result<String, NotStructured> {
    let mut out = Vec::new();
    item(line.as_bytes())?.write(&mut out);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn values_have_one_spelling() {
    for (line, written) in [
        ("a=1,  b;x=?1 ,c=(1 2);q", "a=1, b;x, c=(1 2);q"),
        ("a=( \"x\"  y );  p=\"\\\"\\\\\"", "a=(\"x\" y);p=\"\\\"\\\\\""),
        ("", ""),
        ("a=?1;b=?0", "a;b=?0"),
        ("*a-b_c.*=:AQI=:", "*a-b_c.*=:AQI=:"),
    ] {
        assert_eq!(dictionary_again(line).as_deref(), Ok(written), "{line}");
    }
    for (line, written) in [
        ("00042", "42"),
        ("-0", "0"),
        ("1.50", "1.5"),
        ("-1.0", "-1.0"),
        ("0.001", "0.001"),
        ("-0.250", "-0.25"),
        ("@1659578233", "@1659578233"),
        ("%\"f%c3%bc%22\"", "%\"f%c3%bc%22\""),
        (" tok/en:1 ", "tok/en:1"),
        ("::", "::"),
    ] {
        assert_eq!(item_again(line).as_deref(), Ok(written), "{line}");
    }
    assert_eq!(list_again("1 ,\t\"two\",(3)").as_deref(), Ok("1, \"two\", (3)"));
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    for line in [
        "a=1,a=2",
        "a;x=1;x=2",
        "a;x=1;b;c;d;e;f;g;h;i;j;x=1",
        "a=1,",
        "a=1,,b",
        "A=1",
        "a=1 b=2",
        "a= 1",
        "a =1",
        "a=(1",
        "a=(1,2)",
        "a=(1\t2)",
        "a=(1)x",
        "a=\"x",
        "a=\"\\n\"",
        "a=\"\u{e9}\"",
        "a=:AQI:",
        "a=:AQI=",
        "a=:AQJ=:",
        "a=:A=:",
        "a=:====:",
        "a=:AQ-_:",
        "a=1234567890123456",
        "a=1.",
        "a=1.1234",
        "a=1234567890123.1",
        "a=-",
        "a=?2",
        "a=@1.5",
        "a=%\"%C3\"",
        "a=%\"%c3\"",
        "a=;b",
        "a=1;",
        "a=1;B",
        "\ta",
    ] {
        assert_eq!(dictionary_again(line), Err(NotStructured), "{line}");
    }
    assert_eq!(item_again("1, 2"), Err(NotStructured));
    assert_eq!(item_again(""), Err(NotStructured));
}

#[test]
fn limits_hold() {
    let many = |count: usize| (0..count).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
    let mut out = Vec::new();
    assert_eq!(dictionary(many(9).as_bytes(), 8, &mut out), Err(NotStructured));
    assert_eq!(
        dictionary_again(&many(MOST_MEMBERS)).map(|text| text.len()),
        Ok(many(MOST_MEMBERS).len() + 1023)
    );
    assert_eq!(dictionary_again(&many(MOST_MEMBERS + 1)), Err(NotStructured));
    assert_eq!(item_again(&format!("1{}", ";a".repeat(2))), Err(NotStructured));
    let list = format!("a=({})", "1 ".repeat(MOST_ITEMS + 1));
    assert_eq!(dictionary_again(&list), Err(NotStructured));
    let parameters: String = (0..=MOST_PARAMETERS).map(|n| format!(";p{n}")).collect();
    assert_eq!(item_again(&format!("1{parameters}")), Err(NotStructured));
}

proptest! {
    /// Whatever is read is written in a spelling that reads as the same and is written the same.
    #[test]
    fn what_is_written_reads_back(line in "[a-c*;=,()\" \\\\:?@%.0-9A-Z/+-]{0,40}") {
        for again in [dictionary_again, list_again, item_again] {
            if let Ok(once) = again(&line) {
                prop_assert_eq!(again(&once), Ok(once.clone()));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = item(&bytes);
        let _ = dictionary(&bytes, MOST_MEMBERS, &mut Vec::new());
        let _ = list(&bytes, MOST_MEMBERS, &mut Vec::new());
    }
}
