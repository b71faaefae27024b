//! `Signature-Agent` (draft-meunier-webbotauth-httpsig-protocol): where the signer says that its keys are, as far as its signature covers it.
use crate::form::httpsig::component::Component;
use crate::structured::{Bare, Dictionary, Item, Member, dictionary, item};
use http::HeaderMap;
use std::borrow::Cow;

/// The name under which rules read it, `signature.@agent`; no parameter of a signature can be called so.
pub(crate) const NAME: &str = "@agent";

/// The field.
const FIELD: &str = "signature-agent";

/// Members of the field: one for each signature of a request.
const MOST: usize = 8;

/// The address that a signature with this label covers: the member of its own name, or the only one that it covers. `None` where there is none,
/// where nobody can say which, and where the address is no directory of keys.
pub(crate) fn covered<'h>(label: &str, items: &[Item<'_>], headers: &'h HeaderMap) -> Option<Cow<'h, str>> {
    let listed = items.iter().filter_map(|item| Component::read(item).ok());
    let own: Vec<_> = listed.filter(|component| component.name == FIELD && !component.wrapped).collect();
    let named = own.iter().find(|component| component.key == Some(label));
    let component = match (named, own.as_slice()) {
        (Some(named), _) => named,
        (None, [only]) => only,
        _ => return None,
    };
    let mut lines = headers.get_all(FIELD).iter();
    // As it was before it became a dictionary: one text.
    if component.key.is_none() && headers.get(FIELD)?.as_bytes().trim_ascii().starts_with(b"\"") {
        let found = item(lines.next()?.as_bytes()).ok()?;
        return if lines.next().is_none() { address(found) } else { None };
    }
    let mut members: Dictionary<'h> = Vec::new();
    for line in lines {
        dictionary(line.as_bytes(), MOST, &mut members).ok()?;
    }
    let at = match component.key {
        Some(key) => members.iter().position(|(own, _)| *own == key)?,
        None if members.len() == 1 => 0,
        None => return None,
    };
    match members.swap_remove(at) {
        (_, Member::Item(found)) => address(found),
        (_, Member::Inner(_)) => None,
    }
}

/// The address in a member, unless it says that something else than a directory is there.
fn address(found: Item<'_>) -> Option<Cow<'_, str>> {
    let kind = found.parameters.get("type").map(|kind| &kind.value);
    match (found.value, kind) {
        (Bare::String(text), None | Some(Bare::Token("directory"))) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn found(list: &str, lines: &[&str]) -> Option<String> {
        let input = format!("sig1=({list})");
        let mut members: Dictionary<'_> = Vec::new();
        dictionary(input.as_bytes(), 8, &mut members).unwrap();
        let (_, Member::Inner(inner)) = &members[0] else { panic!("{input}") };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FIELD, HeaderValue::try_from(*line).unwrap());
        }
        covered("sig1", &inner.items, &headers).map(Cow::into_owned)
    }

    #[test]
    fn the_address_is_the_one_that_is_covered() {
        let two = &["sig1=\"https://a.example\", b=\"https://b.example\";type=directory"];
        let own = "\"signature-agent\";key=\"sig1\"";
        let other = "\"signature-agent\";key=\"b\"";
        assert_eq!(found(own, two).as_deref(), Some("https://a.example"));
        assert_eq!(found(other, two).as_deref(), Some("https://b.example"));
        assert_eq!(found(&format!("{other} {own}"), two).as_deref(), Some("https://a.example"));
        assert_eq!(
            found("\"signature-agent\"", &["\"https://a.example\""]).as_deref(),
            Some("https://a.example")
        );
        assert_eq!(
            found("\"signature-agent\"", &["b=\"https://b.example\""]).as_deref(),
            Some("https://b.example")
        );
        for (list, lines) in [
            ("\"@authority\"", &two[..]),
            ("\"signature-agent\"", &two[..]),
            ("\"signature-agent\";bs", &two[..]),
            (own, &["b=\"https://b.example\""]),
            (own, &["sig1=token"]),
            (own, &["sig1=(\"https://a.example\")"]),
            (own, &["sig1=\"https://a.example\";type=jwks_uri"]),
            (own, &["\"https://a.example\""]),
            ("\"signature-agent\"", &["\"https://a.example\"", "\"https://b.example\""]),
            ("\"signature-agent\"", &[]),
        ] {
            assert_eq!(found(list, lines), None, "{list} {lines:?}");
        }
    }
}
