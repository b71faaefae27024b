//! Signature bases (RFC 9421) that were put together in a wrong way: names without quotes, lines left out, other line ends, values cut.
use super::cause::Cause;

/// Lines of a base that is taken apart: real ones have under 20.
const MOST_LINES: usize = 32;

/// Hands over bases that are near the right one, which was signed under a label. A text that is none has no such line at its end and is
/// left alone.
pub(super) fn each(base: &[u8], label: &str, each: &mut dyn FnMut(Cause, &[u8]) -> bool) -> bool {
    let Ok(text) = std::str::from_utf8(base) else { return false };
    let lines: Vec<&str> = text.split('\n').collect();
    let Some((last, before)) = lines.split_last() else { return false };
    let Some(parameters) = last.strip_prefix("\"@signature-params\": ") else { return false };
    if lines.len() > MOST_LINES {
        return false;
    }
    let mut with = |cause: Cause, lines: &[String]| each(cause, lines.join("\n").as_bytes());
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let all = owned(&lines);
    // The last line: left out, without its name, with the label before it, or with the field's name.
    if with(Cause::FieldMissing, &owned(before)) {
        return true;
    }
    for wrong in [
        "@signature-params: ".to_owned(),
        "\"@signature-params\":".to_owned(),
        format!("\"@signature-params\": {label}="),
        format!("\"signature-input\": {label}="),
        String::new(),
    ] {
        let mut lines = owned(before);
        lines.push(format!("{wrong}{parameters}"));
        if with(Cause::FieldNames, &lines) {
            return true;
        }
    }
    let bare: Vec<String> = lines.iter().map(|line| line.replacen('"', "", 2)).collect();
    if with(Cause::FieldNames, &bare) || each_end(&lines, each) {
        return true;
    }
    let mut with = |cause: Cause, lines: &[String]| each(cause, lines.join("\n").as_bytes());
    let close: Vec<String> = lines.iter().map(|line| line.replacen(": ", ":", 1)).collect();
    let mut sorted = owned(before);
    sorted.sort();
    sorted.push((*last).to_owned());
    if with(Cause::FieldSpelling, &close) || (sorted != all && with(Cause::FieldOrder, &sorted)) {
        return true;
    }
    let query = before.iter().find_map(|line| line.strip_prefix("\"@query\": ")).unwrap_or_default();
    for at in 0..before.len() {
        let mut without = all.clone();
        without.remove(at);
        if with(Cause::FieldMissing, &without) || with(Cause::FieldSpelling, &spaced(&all, at)) {
            return true;
        }
        if values(before.get(at).copied().unwrap_or_default(), query).into_iter().any(|(cause, line)| {
            let mut changed = all.clone();
            if let Some(place) = changed.get_mut(at) {
                *place = line;
            }
            with(cause, &changed)
        }) {
            return true;
        }
    }
    false
}

fn each_end(lines: &[&str], each: &mut dyn FnMut(Cause, &[u8]) -> bool) -> bool {
    ["\r\n", "", " "].iter().any(|end| each(Cause::TextForm, lines.join(end).as_bytes()))
}

/// The line without the space behind its colon.
fn spaced(lines: &[String], at: usize) -> Vec<String> {
    let mut lines = lines.to_vec();
    if let Some(line) = lines.get_mut(at) {
        *line = line.replacen(": ", ":", 1);
    }
    lines
}

/// Values that stand for the same thing in a caller's mind; `query` is that of the address.
fn values(line: &str, query: &str) -> Vec<(Cause, String)> {
    let Some((name, value)) = line.split_once(": ") else { return Vec::new() };
    let with = |cause: Cause, value: &str| (cause, format!("{name}: {value}"));
    match name.trim_matches('"') {
        "@method" => vec![with(Cause::MethodOther, &value.to_lowercase())],
        "@query" => {
            let bare = value.strip_prefix('?').unwrap_or(value);
            vec![
                with(Cause::AddressQuery, bare),
                with(Cause::AddressQuery, ""),
                with(Cause::AddressQuery, "?"),
            ]
        }
        "@path" => vec![
            with(Cause::AddressPath, value.trim_end_matches('/')),
            with(Cause::AddressPath, &format!("{value}/")),
            with(Cause::AddressPath, value.trim_start_matches('/')),
            with(Cause::AddressPath, &format!("{value}{query}")),
        ],
        "@authority" => {
            let host = value.split_once(':').map_or(value, |(host, _)| host);
            vec![
                with(Cause::AddressHost, host),
                with(Cause::AddressHost, &format!("{host}:443")),
                with(Cause::AddressHost, &format!("{host}:80")),
            ]
        }
        "@scheme" => vec![with(Cause::AddressScheme, "https"), with(Cause::AddressScheme, "http")],
        "@target-uri" => {
            let (bare, _) = value.split_once('?').unwrap_or((value, ""));
            vec![with(Cause::AddressQuery, bare)]
        }
        "content-digest" => vec![
            with(Cause::DigestSpelling, &value.replacen("sha-", "SHA-", 1)),
            with(Cause::DigestSpelling, &value.replace(':', "")),
        ],
        _ => vec![with(Cause::FieldSpelling, &value.to_lowercase())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "\"@method\": POST\n\"@authority\": h:81\n\"@query\": ?a=1\n\"@signature-params\": (\"@method\");created=1";

    #[test]
    fn usual_mistakes_are_tried_and_the_right_text_is_not() {
        let mut tried = Vec::new();
        each(BASE.as_bytes(), "a", &mut |cause, text| {
            tried.push((cause.code(), String::from_utf8(text.to_vec()).unwrap()));
            false
        });
        assert!(tried.iter().all(|(_, text)| text != BASE));
        for (code, wanted) in [
            ("field-missing", BASE.split_once("\n\"@signature").unwrap().0.to_owned()),
            ("field-missing", BASE.replace("\"@query\": ?a=1\n", "")),
            (
                "field-names",
                BASE.replace("\"@method\": ", "@method: ")
                    .replace("\"@authority\"", "@authority")
                    .replace("\"@query\"", "@query")
                    .replace("\"@signature-params\"", "@signature-params"),
            ),
            ("field-names", BASE.replace("params\": ", "params\": a=")),
            ("text-form", BASE.replace('\n', "\r\n")),
            ("method-other", BASE.replace("POST", "post")),
            ("address-host", BASE.replace(":81", "")),
            ("address-query", BASE.replace("?a=1", "a=1")),
        ] {
            assert!(tried.contains(&(code, wanted.clone())), "{code}: {wanted}");
        }
        assert!(!each(b"any other text", "a", &mut |_, _| true));
    }
}
