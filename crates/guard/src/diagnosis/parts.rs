//! Texts put together from the right parts in a wrong way: another order, other names, another spelling, parts left out.
use super::cause::Cause;
use super::evidence::Evidence;
use super::scene::Scene;
use countersign::base64::{Alphabet, decode_hex, encode};
use countersign::dialect::demand::{SignedPart, SignedText};
use countersign_keys::Digest;

/// Parts of which every order is tried: five have 120.
const MOST_PERMUTED: usize = 5;
/// Parts of a text that is taken apart at all: no dialect needs more than ten.
const MOST_PARTS: usize = 16;

/// The names and values of a text, in order.
type Parts = Vec<(String, String)>;

/// Hands over texts that are put together in a wrong way.
pub(super) fn each(
    scene: &Scene<'_>,
    evidence: &Evidence,
    each: &mut dyn FnMut(Cause, &[u8]) -> bool,
) -> bool {
    let text = scene
        .dialect
        .and_then(|dialect| dialect.signed_text(scene.incoming, &|member| evidence.member(member)));
    let Some(text) = text.filter(|text| text.parts.len() <= MOST_PARTS) else { return false };
    let parts: Parts =
        text.parts.iter().map(|part| (part.name.clone(), part.value.clone().unwrap_or_default())).collect();
    let mut with =
        |cause: Cause, parts: &Parts| spelt(&text, parts).iter().any(|text| each(cause, text.as_bytes()));
    replaced(scene, &text, &parts, &mut with)
        || orders(&parts).iter().any(|parts| with(Cause::FieldOrder, parts))
        || left_out(&parts).iter().any(|parts| with(Cause::FieldMissing, parts))
        || respelt(&parts).iter().any(|parts| with(Cause::FieldSpelling, parts))
        || (text.is_json && named(&parts).iter().any(|parts| with(Cause::FieldNames, parts)))
        || forms(&text, &parts).iter().any(|(cause, text)| each(*cause, text.as_bytes()))
        || whole(evidence, &text, each)
}

/// Values that stand for the same thing: a part of the address, the digest of the body in another spelling.
fn replaced(
    scene: &Scene<'_>,
    text: &SignedText,
    parts: &Parts,
    with: &mut dyn FnMut(Cause, &Parts) -> bool,
) -> bool {
    let target = scene.incoming.target;
    let query = target.query.map(|query| format!("?{query}")).unwrap_or_default();
    let instead = |part: &SignedPart| -> Vec<(Cause, String)> {
        let value = part.value.clone().unwrap_or_default();
        match part.from.as_str() {
            "request.url" => vec![
                format!("{}{query}", target.path),
                target.path.to_owned(),
                format!("{}{}{query}", target.authority, target.path),
                format!("//{}{}{query}", target.authority, target.path),
                format!("{}://{}", target.scheme, target.authority),
                target.authority.to_owned(),
            ]
            .into_iter()
            .map(|value| (Cause::AddressForm, value))
            .collect(),
            "request.path_and_query" => {
                let whole = target.url();
                vec![(Cause::AddressForm, whole), (Cause::AddressQuery, target.path.to_owned())]
            }
            "request.body_sha256" => {
                let mut bytes = Vec::new();
                let _ = decode_hex(value.as_bytes(), &mut bytes);
                let body = match scene.incoming.body {
                    countersign::incoming::Body::Seen(body) => body,
                    _ => &[],
                };
                let others = [Digest::Sha1, Digest::Sha384, Digest::Sha512];
                let mut out = vec![
                    value.to_uppercase(),
                    encode(Alphabet::Standard, &bytes),
                    encode(Alphabet::Url, &bytes),
                    format!("sha-256=:{}:", encode(Alphabet::Standard, &bytes)),
                    format!("SHA-256={}", encode(Alphabet::Standard, &bytes)),
                ];
                out.extend(others.map(|digest| countersign::base64::encode_hex(&digest.of(body))));
                out.into_iter().map(|value| (Cause::DigestSpelling, value)).collect()
            }
            _ => Vec::new(),
        }
    };
    text.parts.iter().enumerate().any(|(at, part)| {
        instead(part).into_iter().any(|(cause, value)| {
            let mut parts = parts.clone();
            if let Some((_, old)) = parts.get_mut(at) {
                *old = value;
            }
            with(cause, &parts)
        })
    })
}

fn orders(parts: &Parts) -> Vec<Parts> {
    let mut out = Vec::new();
    if parts.len() <= MOST_PERMUTED {
        permute(parts.clone(), 0, &mut out);
    } else {
        for one in 0..parts.len() {
            for other in one + 1..parts.len() {
                let mut swapped = parts.clone();
                swapped.swap(one, other);
                out.push(swapped);
            }
        }
    }
    out.retain(|order| order != parts);
    out
}

/// Every order; at most as deep as there are parts, which are few.
fn permute(parts: Parts, from: usize, out: &mut Vec<Parts>) {
    if from >= parts.len() {
        return out.push(parts);
    }
    for at in from..parts.len() {
        let mut swapped = parts.clone();
        swapped.swap(from, at);
        permute(swapped, from + 1, out);
    }
}

fn left_out(parts: &Parts) -> Vec<Parts> {
    let without = |at: usize| {
        parts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, part)| part.clone()).collect()
    };
    let emptied = |at: usize| {
        let mut parts = parts.clone();
        if let Some((_, value)) = parts.get_mut(at) {
            value.clear();
        }
        parts
    };
    (0..parts.len()).flat_map(|at| [without(at), emptied(at)]).collect()
}

fn respelt(parts: &Parts) -> Vec<Parts> {
    let capital = |text: &str| {
        let mut letters = text.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
            .unwrap_or_default()
    };
    let ways: [&dyn Fn(&str) -> String; 6] = [
        &|text| text.trim().to_owned(),
        &|text| format!("{text} "),
        &|text| format!(" {text}"),
        &|text| text.to_lowercase(),
        &capital,
        &|text| text.to_uppercase(),
    ];
    let mut out = Vec::new();
    if parts.len() == 1 {
        // The whole text is that part.
        return out;
    }
    for at in 0..parts.len() {
        for way in ways {
            let mut parts = parts.clone();
            if let Some((_, value)) = parts.get_mut(at) {
                // Bodies are not spelt anew here.
                let changed = if value.len() < 1024 { way(value) } else { value.clone() };
                if changed != *value {
                    *value = changed;
                    out.push(parts);
                }
            }
        }
    }
    out
}

fn named(parts: &Parts) -> Vec<Parts> {
    let camel = |name: &str| {
        let mut words = name.split(['_', '-']);
        let first = words.next().unwrap_or("").to_owned();
        words.fold(first, |mut out, word| {
            let mut letters = word.chars();
            out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            out + letters.as_str()
        })
    };
    let ways: [&dyn Fn(&str) -> String; 5] = [
        &camel,
        &|name| name.replace('_', "-"),
        &|name| name.replace('-', "_"),
        &|name| name.replace(['_', '-'], ""),
        &|name| name.to_uppercase(),
    ];
    ways.iter().map(|way| parts.iter().map(|(name, value)| (way(name), value.clone())).collect()).collect()
}

/// The text in the dialect's own form: as JSON in the three spellings that cover most writers, or as it stands.
fn spelt(text: &SignedText, parts: &Parts) -> Vec<String> {
    if text.is_json {
        return [Quote::Plain, Quote::Php, Quote::Ascii].map(|quote| json(parts, quote, ",", ":")).into();
    }
    let values: Vec<&str> = parts.iter().map(|(_, value)| value.as_str()).collect();
    vec![values.join(if text.is_lines { "\n" } else { "" })]
}

/// How the strings of a JSON text are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Plain,
    Php,
    Ascii,
    Go,
    Single,
}

fn json(parts: &Parts, quote: Quote, comma: &str, colon: &str) -> String {
    let string = |text: &str| {
        if quote == Quote::Single {
            return format!("'{text}'");
        }
        let plain = serde_json::Value::from(text).to_string();
        let mut out = String::with_capacity(plain.len());
        for letter in plain.chars() {
            match letter {
                '/' if quote == Quote::Php => out.push_str("\\/"),
                '&' | '<' | '>' if quote == Quote::Go => {
                    out.push_str(&format!("\\u{:04x}", u32::from(letter)))
                }
                _ if letter.is_ascii() || matches!(quote, Quote::Plain | Quote::Go) => out.push(letter),
                _ => letter
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
            }
        }
        out
    };
    let members: Vec<String> =
        parts.iter().map(|(name, value)| format!("{}{colon}{}", string(name), string(value))).collect();
    format!("{{{}}}", members.join(comma))
}

/// The parts in forms that this dialect does not have.
fn forms(text: &SignedText, parts: &Parts) -> Vec<(Cause, String)> {
    let values: Vec<&str> = parts.iter().map(|(_, value)| value.as_str()).collect();
    let mut out = Vec::new();
    if text.is_json {
        for quote in [Quote::Plain, Quote::Php, Quote::Ascii, Quote::Go, Quote::Single] {
            for (comma, colon) in [(",", ":"), (", ", ": "), (",", ": "), (", ", ":")] {
                out.push((Cause::JsonSpelling, json(parts, quote, comma, colon)));
            }
            for indent in ["  ", "    ", "\t"] {
                let inner = json(parts, quote, &format!(",\n{indent}"), ": ");
                let bare =
                    inner.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
                out.push((Cause::JsonSpelling, format!("{{\n{indent}{bare}\n}}")));
            }
        }
    }
    for between in ["", "\n", "\r\n", "|", ":", ".", ",", "&", " "] {
        out.push((Cause::TextForm, values.join(between)));
        out.push((Cause::TextForm, values.join(between) + between));
    }
    let pairs: Vec<String> = parts.iter().map(|(name, value)| format!("{name}={value}")).collect();
    out.push((Cause::TextForm, pairs.join("&")));
    out.push((Cause::TextForm, json(parts, Quote::Plain, ",", ":")));
    out
}

/// The JSON around the one value that is to be signed.
fn whole(evidence: &Evidence, text: &SignedText, each: &mut dyn FnMut(Cause, &[u8]) -> bool) -> bool {
    let Some(serde_json::Value::Object(members)) = &evidence.claims else { return false };
    let signature = text.signature.split_once('.').map_or("", |(_, name)| name);
    let signed: Vec<&str> =
        text.parts.iter().filter_map(|part| part.from.split_once('.')).map(|(_, name)| name).collect();
    let textual = |names: &dyn Fn(&str) -> bool| -> Parts {
        let chosen = members.iter().filter(|(name, _)| names(name)).take(MOST_PARTS);
        chosen.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    };
    let sets = [
        textual(&|name| name != signature),
        textual(&|name| name == "userId" || signed.contains(&name)),
        textual(&|name| signed.contains(&name)),
    ];
    sets.iter().any(|parts| {
        let mut turned = parts.clone();
        turned.reverse();
        [parts, &turned].into_iter().any(|parts| {
            [(",", ":"), (", ", ": ")].into_iter().any(|(comma, colon)| {
                each(Cause::SignedWholeJson, json(parts, Quote::Plain, comma, colon).as_bytes())
            })
        })
    })
}
