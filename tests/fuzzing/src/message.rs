//! Targets for HTTP message signatures: structured fields, and the signature base that is built from any request.
use crate::outcome;
use crate::parts::{headers, request};
use countersign::dialect::Dialect;
use countersign::incoming::{Body, Limits};
use countersign::read::Scratch;
use countersign::structured::{
    Dictionary, InnerList, MOST_MEMBERS, Member, NotStructured, dictionary, item, list,
};
use std::sync::LazyLock;

static DIALECTS: LazyLock<Vec<Dialect>> = LazyLock::new(|| {
    let names = ["http-signature", "web-bot-auth", "visa-tap", "adcp", "fapi-2"];
    names.iter().filter_map(|name| countersign_dialects::load(name, &[].into()).ok()).collect()
});

/// What is read is written in a spelling that reads as the same and is written the same.
pub fn structured(data: &[u8]) -> u64 {
    let mut seen = 0;
    let again = |line: &[u8]| -> Result<Vec<u8>, NotStructured> {
        let mut out = Vec::new();
        item(line)?.write(&mut out);
        Ok(out)
    };
    if let Ok(once) = again(data) {
        assert_eq!(again(&once).as_deref(), Ok(&*once), "an item is written in two spellings");
        seen |= 1;
    }
    let members = |line: &[u8]| -> Result<Vec<u8>, NotStructured> {
        let mut members = Vec::new();
        list(line, MOST_MEMBERS, &mut members)?;
        let mut out = Vec::new();
        for (at, member) in members.iter().enumerate() {
            out.extend_from_slice(if at > 0 { b", " } else { b"" });
            member.write(&mut out);
        }
        Ok(out)
    };
    if let Ok(once) = members(data) {
        assert_eq!(members(&once).as_deref(), Ok(&*once), "a list is written in two spellings");
        seen |= 2;
    }
    let mut found: Dictionary<'_> = Vec::new();
    if dictionary(data, MOST_MEMBERS, &mut found).is_ok() {
        let mut keys: Vec<&str> = found.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), found.len(), "a key came twice");
        seen |= 4 + 8 * u64::try_from(found.len()).unwrap_or(0);
    }
    seen
}

/// Method and path in a line each, headers line by line, an empty line, a body. Every line of a base that is built belongs to one component
/// that the signature lists, in order, and nothing a caller writes adds a line.
pub fn message(data: &[u8]) -> u64 {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let (method, path, rest) = (lines.next(), lines.next(), lines.next().unwrap_or_default());
    let (Some(Ok(method)), Some(Ok(path))) = (method.map(std::str::from_utf8), path.map(std::str::from_utf8))
    else {
        return 0;
    };
    // What an HTTP library gives has neither.
    if [method, path].iter().any(|text| text.bytes().any(|byte| byte <= b' ' || byte == 0x7f)) {
        return 0;
    }
    let (headers, body) = headers(rest);
    let body = if body.is_empty() { Body::Empty } else { Body::Seen(body) };
    let incoming = request(method, path, &headers, body);
    let mut seen = 0;
    for dialect in DIALECTS.iter() {
        let mut scratch = Scratch::default();
        seen ^= match dialect.read(&incoming, &Limits::default(), &mut scratch, &mut ()) {
            Ok(None) => 1,
            Err(refusal) => outcome(refusal.reason.code()),
            Ok(Some(proof)) => {
                let base = proof.texts().first().copied().unwrap_or_default();
                check_base(base);
                outcome(proof.identifier())
            }
        };
        seen = seen.rotate_left(9);
    }
    seen
}

fn check_base(base: &[u8]) {
    let mut lines: Vec<&[u8]> = base.split(|byte| *byte == b'\n').collect();
    let last = lines.pop().unwrap_or_default();
    let list = last.strip_prefix(b"\"@signature-params\": ").map(|list| [b"x=", list].concat());
    let Some(list) = list else { panic!("the last line is not that of the parameters") };
    let mut members: Dictionary<'_> = Vec::new();
    assert!(dictionary(&list, 1, &mut members).is_ok(), "the parameters do not read back");
    let Some((_, Member::Inner(InnerList { items, .. }))) = members.first() else {
        panic!("the parameters are no list");
    };
    assert_eq!(items.len(), lines.len(), "a component has another number of lines than one");
    for (item, line) in items.iter().zip(lines) {
        let mut name = Vec::new();
        item.write(&mut name);
        name.extend_from_slice(b": ");
        assert!(line.starts_with(&name), "a line belongs to another component");
        assert!(
            line.iter().all(|byte| byte.is_ascii() || line.starts_with(b"\"@")),
            "a field's line is not ASCII"
        );
    }
}

/// Seeds: every request of the corpus's records of message signatures, in the shape that [`message`] reads.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let seeds = crate::judge::seeds();
    // The first byte chooses the route there.
    seeds
        .into_iter()
        .filter(|seed| seed.first() == Some(&4))
        .filter_map(|seed| Some(seed.get(1..)?.to_vec()))
        .collect()
}
