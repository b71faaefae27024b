//! Tests of the forgiving PEM reader: the ways in which people mangle a key, and what stays an error.

use super::{blocks, is_armoured};

const PEM: &str = include_str!("../../tests/data/rsa_a.pub.pem");

fn body(text: &str) -> Vec<u8> {
    let mut all = blocks(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0).body.to_vec()
}

#[test]
fn mangled_texts_hold_the_same_key_and_the_repair_is_told() {
    let one_line = PEM.replace('\n', "");
    let lines: Vec<&str> = PEM.lines().collect();
    let long_body =
        format!("{}\n{}\n{}", lines[0], lines[1..lines.len() - 1].concat(), lines[lines.len() - 1]);
    let right = body(PEM);
    for (text, repaired) in [
        (PEM.to_owned(), ""),
        (PEM.trim_end().to_owned(), ""),
        (PEM.replace('\n', "\r\n"), ""),
        (PEM.replace('\n', "\r"), ""),
        (format!("Here is my key:\n{PEM}Regards"), ""),
        (PEM.replace('\n', "\n\n"), ""),
        (PEM.replace('\n', "\\n"), "written as \\n"),
        (PEM.replace('\n', "\\r\\n"), "written as \\n"),
        (PEM.replace('\n', "\n    "), "indentation"),
        (PEM.replace('\n', " "), "line breaks were put back"),
        (one_line, "line breaks were put back"),
        (long_body, "line breaks were put back"),
        (PEM.replace("-----", "—–"), "dashes"),
        (PEM.replace("-----", "----"), "dashes"),
    ] {
        assert!(is_armoured(&text));
        assert_eq!(body(&text), right, "{text}");
        let told = blocks(&text).unwrap().remove(0).repaired.join("; ");
        assert!(told.contains(repaired) && repaired.is_empty() == told.is_empty(), "{text}: {told}");
    }
}

#[test]
fn damage_is_an_error_that_names_it() {
    let no_end = PEM.replace("-----END PUBLIC KEY-----", "");
    let other_end = PEM.replace("END PUBLIC KEY", "END RSA PUBLIC KEY");
    let elided = "-----BEGIN PUBLIC KEY-----\nMIIB\n[...]\n-----END PUBLIC KEY-----";
    let empty = "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----";
    for (text, problem) in [
        (no_end.as_str(), "END is missing"),
        (other_end.as_str(), "different things"),
        (elided, "not base64"),
        (empty, "nothing between"),
    ] {
        let refused = blocks(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains(problem), "{text}: {refused}");
    }
}

#[test]
fn several_blocks_are_told_apart_and_bounded() {
    let two = format!("{PEM}{}", include_str!("../../tests/data/ed_a.pub.pem"));
    assert_eq!(blocks(&two).unwrap().len(), 2);
    let many = PEM.repeat(65);
    assert_eq!(blocks(&many).err().unwrap().code(), "key_several");
}

#[test]
fn a_text_full_of_markers_is_read_once() {
    let nonsense = "-BEGIN ".repeat(9000);
    assert!(!is_armoured(&nonsense));
    let labels = "-----BEGIN A-----".repeat(3000);
    assert_eq!(super::labels(&labels).len(), super::MAX_BLOCKS);
    assert_eq!(blocks(&labels).err().unwrap().code(), "key_pem_damaged");
}

#[test]
fn ordinary_text_is_not_armour() {
    for text in
        ["", "BEGIN", "BEGIN ", "-----BEGIN", "-----BEGIN -----", "we BEGIN - now", "-----BEGIN lower-----"]
    {
        assert!(!is_armoured(text), "{text}");
        assert!(blocks(text).unwrap().is_empty(), "{text}");
    }
}
