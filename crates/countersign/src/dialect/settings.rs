//! Settings of a dialect: named texts with shipped values, put into the file where `{name}` stands.
use std::collections::BTreeMap;
use toml::Value;

/// Settings by name.
pub type Settings = BTreeMap<String, String>;

/// The value that switches a rule off.
pub const OFF: &str = "off";

/// Puts the values in force into every text of a table. A list item that has a text equal to `off` after that (a rule
/// whose setting is off) is dropped whole.
pub(crate) fn fill(value: &mut Value, settings: &Settings) {
    match value {
        Value::String(text) => *text = replace(text, settings),
        Value::Array(items) => {
            items.iter_mut().for_each(|item| fill(item, settings));
            items.retain(|item| !is_off(item));
        }
        Value::Table(table) => table.iter_mut().for_each(|(_, item)| fill(item, settings)),
        _ => {}
    }
}

/// The items of a list; what a setting gives stands in one text, with commas.
pub(crate) fn split(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty())
}

fn is_off(value: &Value) -> bool {
    match value {
        Value::Table(table) => table.values().any(|value| value.as_str() == Some(OFF)),
        _ => false,
    }
}

/// `{a,b}` in a setting stays one text; lists are written with commas and split by who reads them.
fn replace(text: &str, settings: &Settings) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Bounded by the file's length; every round takes at least one character.
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let inside = after.split_once('}');
        match inside.and_then(|(name, tail)| Some((settings.get(name)?, tail))) {
            Some((value, tail)) => {
                out.push_str(value);
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_fill_and_switch_off() {
        let settings: Settings = [("life", "1h"), ("ahead", "off")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let mut file: Value = Value::Table(
            toml::from_str("rules = [{ a = 'x{life}y' }, { b = '{ahead}' }, { c = '{other}' }]").unwrap(),
        );
        fill(&mut file, &settings);
        assert_eq!(file.to_string(), "{ rules = [{ a = \"x1hy\" }, { c = \"{other}\" }] }");
    }
}
