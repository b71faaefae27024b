//! Bodies that may have been signed in place of the one that arrived.
use super::cause::Cause;
use super::scene::Scene;
use countersign::base64::{Alphabet, encode, encode_hex};
use countersign::incoming::{Body, Incoming};
use countersign::read::Scratch;
use countersign_keys::sha256;

/// Longest body of which other spellings are made: each is a copy, and the larger a body is the likelier it is a file.
const LONGEST: usize = 256 * 1024;

/// The texts that a request would have had signed, were it this one.
pub(super) fn texts(scene: &Scene<'_>, incoming: &Incoming<'_>) -> Vec<Vec<u8>> {
    let mut scratch = Scratch::default();
    let read = scene.dialect.map(|dialect| dialect.read(incoming, &scene.limits, &mut scratch, &mut ()));
    match read {
        Some(Ok(Some(proof))) => proof.texts().iter().map(|text| text.to_vec()).collect(),
        _ => Vec::new(),
    }
}

/// Hands the texts over other bodies to `each`.
pub(super) fn each(scene: &Scene<'_>, each: &mut dyn FnMut(Cause, &[u8]) -> bool) -> bool {
    let covered = scene.dialect.is_some_and(|dialect| dialect.covered().body);
    let body = match scene.incoming.body {
        Body::Seen(body) if covered && body.len() <= LONGEST => body,
        _ => return false,
    };
    others(body).any(|(cause, changed)| {
        let body = if changed.is_empty() { Body::Empty } else { Body::Seen(&changed) };
        changed != body_of(scene)
            && texts(scene, &Incoming { body, ..*scene.incoming }).iter().any(|text| each(cause, text))
    })
}

fn body_of<'a>(scene: &Scene<'a>) -> &'a [u8] {
    match scene.incoming.body {
        Body::Seen(body) => body,
        _ => &[],
    }
}

fn others(body: &[u8]) -> impl Iterator<Item = (Cause, Vec<u8>)> + '_ {
    let ends = move || {
        let text = String::from_utf8_lossy(body);
        [
            body.trim_ascii_end().to_vec(),
            [body, b"\n"].concat(),
            [body, b"\r\n"].concat(),
            body.trim_ascii().to_vec(),
            text.replace("\r\n", "\n").into_bytes(),
            text.replace('\n', "\r\n").into_bytes(),
            text.replace(['\r', '\n'], "").into_bytes(),
            body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).to_vec(),
        ]
    };
    let encoded = move || {
        [
            encode(Alphabet::Standard, body).into_bytes(),
            encode(Alphabet::Url, body).into_bytes(),
            encode_hex(body).into_bytes(),
            encode_hex(&sha256(&[body])).into_bytes(),
            serde_json::Value::from(String::from_utf8_lossy(body)).to_string().into_bytes(),
        ]
    };
    let named = |cause: Cause, bodies: Vec<Vec<u8>>| bodies.into_iter().map(move |body| (cause, body));
    // Later ones are made only when none of the earlier was it.
    std::iter::once((Cause::BodyNotSigned, Vec::new()))
        .chain(std::iter::once_with(ends).flat_map(move |ends| named(Cause::BodyLineEnd, ends.into())))
        .chain(
            std::iter::once_with(move || spellings(body))
                .flat_map(move |all| named(Cause::BodyWrittenAgain, all)),
        )
        .chain(std::iter::once_with(encoded).flat_map(move |all| named(Cause::BodyEncoded, all.into())))
}

/// The JSON of a body as other writers write it.
fn spellings(body: &[u8]) -> Vec<Vec<u8>> {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else { return Vec::new() };
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let sorted = value.to_string();
    let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
    let mut out = Vec::new();
    for base in [
        spaced(text, "", ""),
        spaced(text, " ", " "),
        spaced(text, " ", ""),
        sorted.clone(),
        spaced(&sorted, " ", " "),
        pretty,
    ] {
        let raw = unescaped(&base);
        let ascii = escaped(&raw);
        let slashes = |text: &str| text.replace("\\/", "/").replace('/', "\\/");
        for changed in [
            base.clone(),
            raw.clone(),
            ascii.clone(),
            slashes(&base),
            slashes(&raw),
            slashes(&ascii),
            base.replace("\\/", "/"),
        ] {
            out.push(changed.into_bytes());
        }
    }
    out
}

/// JSON with nothing between its parts but these, after colons and after commas.
fn spaced(text: &str, after_colon: &str, after_comma: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut escape) = (false, false);
    for letter in text.chars() {
        if inside {
            out.push(letter);
            inside = escape || letter != '"';
            escape = !escape && letter == '\\';
            continue;
        }
        match letter {
            ' ' | '\n' | '\r' | '\t' => {}
            _ => out.push(letter),
        }
        match letter {
            '"' => inside = true,
            ':' => out.push_str(after_colon),
            ',' => out.push_str(after_comma),
            _ => {}
        }
    }
    out
}

/// `\u00e9` as the letter it stands for; surrogates and what must be escaped stay.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Every round takes at least two characters.
    while let Some((before, after)) = rest.split_once("\\u") {
        out.push_str(before);
        let letter =
            after.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match (letter.filter(|letter| !letter.is_ascii()), after.get(4..)) {
            (Some(letter), Some(tail)) => {
                out.push(letter);
                rest = tail;
            }
            _ => {
                out.push_str("\\u");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Everything beyond ASCII as `\u00e9`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            out.push(letter);
        } else {
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_spelt_as_writers_do() {
        let text = "{ \"a\" : \"x, \\\"y: é\" ,\n\"b\":[1, 2] }";
        assert_eq!(spaced(text, "", ""), "{\"a\":\"x, \\\"y: é\",\"b\":[1,2]}");
        assert_eq!(spaced(text, " ", " "), "{\"a\": \"x, \\\"y: é\", \"b\": [1, 2]}");
        assert_eq!(escaped("é😀"), "\\u00e9\\ud83d\\ude00");
        assert_eq!(unescaped("\\u00e9\\u000a\\ud83d"), "é\\u000a\\ud83d");
        assert_eq!(unescaped("\\u"), "\\u");
    }
}
