//! What the strict reader takes and refuses, also against another reader.
use super::*;
use proptest::prelude::*;

const BOUNDS: Bounds = Bounds { depth: 16, members: 256 };

fn read(text: &[u8]) -> Result<Vec<(String, String)>, NotJson> {
    let mut out = Vec::new();
    read_object(text, BOUNDS, |name, value| out.push((name.to_owned(), format!("{value:?}")))).map(|()| out)
}

#[test]
fn members_come_in_order_with_their_kinds() {
    let mut seen = Vec::new();
    let text =
        br#" {"a":1.50e2,"b":"x\u00e9\n\ud83d\ude00","c":[1,{"d":null}],"e":{},"f":true,"g":null,"":""} "#;
    read_object(text, BOUNDS, |name, value| seen.push((name.to_owned(), value))).unwrap();
    let value = |name: &str| seen.iter().find(|(n, _)| n == name).unwrap().1.clone();
    assert_eq!(value("a"), Value::Number("1.50e2"));
    assert_eq!(value("b"), Value::Text("xé\n😀".into()));
    assert_eq!(value("c"), Value::List(r#"[1,{"d":null}]"#));
    assert_eq!(value("e"), Value::Object("{}"));
    assert_eq!((value("f"), value("g"), value("")), (Value::Bool(true), Value::Null, Value::Text("".into())));
}

#[test]
fn duplicates_are_refused_at_every_depth_and_in_every_spelling() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"alg":1,"\u0061lg":2}"#,
        r#"{"x":{"a":1,"a":2}}"#,
        r#"{"x":[{"a":1,"b":2,"a":3}]}"#,
    ] {
        assert_eq!(read(text.as_bytes()), Err(NotJson), "{text}");
    }
}

#[test]
fn what_is_not_strict_is_refused() {
    for text in [
        "",
        "[]",
        "1",
        "\"a\"",
        "null",
        "{",
        "}",
        "{}x",
        "{}{}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":-}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":-Infinity}",
        "{\"a\":0x1}",
        "{\"a\":1e}",
        "{\"a\":tru}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"",
        "\u{feff}{}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{/**/}",
        "{\"a\":1}//",
    ] {
        assert_eq!(read(text.as_bytes()), Err(NotJson), "{text}");
    }
    assert_eq!(read(b"{\"a\":\"\xff\"}"), Err(NotJson));
}

#[test]
fn depth_and_width_are_bounded() {
    let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
    assert!(read(nested(15).as_bytes()).is_ok());
    assert_eq!(read(nested(16).as_bytes()), Err(NotJson));
    assert_eq!(read(nested(100_000).as_bytes()), Err(NotJson));
    let wide =
        |n: usize| format!("{{{}}}", (0..n).map(|i| format!("\"{i}\":0")).collect::<Vec<_>>().join(","));
    assert!(read(wide(256).as_bytes()).is_ok());
    assert_eq!(read(wide(257).as_bytes()), Err(NotJson));
}

proptest! {
    #[test]
    fn never_panics(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn takes_nothing_that_another_reader_refuses(text in r#"[\{\}\[\]",:0-9eE.+\-a-f \\untrlse]{0,40}"#) {
        let text = format!("{{\"a\":{text}}}");
        if read(text.as_bytes()).is_ok() {
            // The other reader rounds numbers to doubles and refuses what overflows; we keep the text.
            let other = serde_json::from_str::<serde_json::Value>(&text);
            let overflow = other.as_ref().err().is_some_and(|error| error.to_string().contains("out of range"));
            prop_assert!(other.is_ok() || overflow, "{text}");
        }
    }
}

/// JSONTestSuite's parsing tests, from a folder outside the project that `COUNTERSIGN_VECTORS` names when the tests are built.
#[test]
fn the_json_test_suite_is_read_as_strictly_as_it_wants() {
    let Some(folder) = option_env!("COUNTERSIGN_VECTORS") else {
        eprintln!("skipped: COUNTERSIGN_VECTORS is not set");
        return;
    };
    let folder = std::path::Path::new(folder).join("json/test_parsing");
    let (mut taken, mut refused, mut either) = (0, 0, [0, 0]);
    let mut stricter = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read(&path).unwrap();
        // Any value inside an object, since nothing but objects is read here.
        let inside = read(&[b"{\"v\":", text.as_slice(), b"}"].concat()).is_ok();
        let alone = read(&text).is_ok();
        assert!(inside || !alone, "{name} is taken alone and not inside");
        match (name.split('_').next().unwrap(), inside) {
            ("y", true) => taken += 1,
            ("y", false) => stricter.push(name),
            ("n", false) => refused += 1,
            ("n", true) => panic!("{name} is no JSON and was taken"),
            ("i", took) => either[usize::from(took)] += 1,
            (other, _) => panic!("{name}: no verdict {other}"),
        }
    }
    stricter.sort();
    println!(
        "{taken} taken, {refused} refused, of what is left open {} taken and {} refused",
        either[1], either[0]
    );
    println!("JSON by the letter, refused by a stricter rule: {stricter:?}");
    assert_eq!(stricter, ["y_object_duplicated_key", "y_object_duplicated_key_and_value"]);
    assert_eq!((taken, refused), (93, 188));
}
