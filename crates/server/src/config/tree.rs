//! The settings as one tree of values, each knowing where it came from: file under environment under flags.
use std::collections::BTreeMap;
use std::fmt;
use toml::de::{DeTable, DeValue};

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The file, at this line.
    File(usize),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(line) => write!(f, "file, line {line}"),
            Self::Environment(name) => write!(f, "environment, {name}"),
            Self::Flag(name) => write!(f, "flag, {name}"),
        }
    }
}

/// One value and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// A value as it stands in the file; from the environment and flags everything is text.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Switch(bool),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
    /// A float or a date: no setting is one.
    Other(&'static str),
}

impl Value {
    /// What to call it in a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Whole(_) => "a whole number",
            Self::Switch(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

impl Node {
    /// The empty tree.
    pub(super) fn empty() -> Self {
        Self { value: Value::Table(BTreeMap::new()), origin: Origin::Default }
    }

    /// Reads a TOML text; gives what could be read and each fault of syntax with its line.
    pub(super) fn parse(text: &str) -> (Self, Vec<(usize, String)>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let lines = Lines::new(text);
        let errors = errors
            .iter()
            .map(|error| (lines.of(error.span().map_or(0, |span| span.start)), error.message().to_owned()))
            .collect();
        let start = table.span().start;
        (from_table(table.get_ref(), lines.of(start), &lines), errors)
    }

    /// Sets the leaf at a path of names (dashes and underscores alike, case ignored), making tables on the way.
    /// `false` when the path runs through something that is not a table, or past the end of a list.
    pub(super) fn set(&mut self, path: &[&str], text: &str, origin: &Origin) -> bool {
        let Some((first, rest)) = path.split_first() else {
            *self = Self { value: Value::Text(text.to_owned()), origin: origin.clone() };
            return true;
        };
        match &mut self.value {
            Value::Table(table) => {
                let known = table.keys().find(|key| same(key, first)).cloned();
                let key = known.unwrap_or_else(|| first.to_ascii_lowercase());
                let fresh = || Self { value: Value::Table(BTreeMap::new()), origin: origin.clone() };
                table.entry(key).or_insert_with(fresh).set(rest, text, origin)
            }
            Value::List(items) => {
                let Ok(index) = first.parse::<usize>() else { return false };
                items.get_mut(index).is_some_and(|item| item.set(rest, text, origin))
            }
            _ => false,
        }
    }
}

fn same(left: &str, right: &str) -> bool {
    let plain = |byte: u8| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    left.bytes().map(plain).eq(right.bytes().map(plain))
}

fn from_table(table: &DeTable<'_>, line: usize, lines: &Lines) -> Node {
    let entries = table.iter().map(|(key, value)| {
        let line = lines.of(key.span().start);
        (key.get_ref().to_string(), from_value(value.get_ref(), line, lines))
    });
    Node { value: Value::Table(entries.collect()), origin: Origin::File(line) }
}

fn from_value(value: &DeValue<'_>, line: usize, lines: &Lines) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Whole(number),
            Err(_) => Value::Other("a number that is too large"),
        },
        DeValue::Boolean(switch) => Value::Switch(*switch),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => Value::List(
            items.iter().map(|item| from_value(item.get_ref(), lines.of(item.span().start), lines)).collect(),
        ),
        DeValue::Table(table) => return from_table(table, line, lines),
    };
    Node { value, origin: Origin::File(line) }
}

/// Line numbers of byte positions.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    fn of(&self, position: usize) -> usize {
        self.0.partition_point(|newline| *newline < position) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_reaches_into_tables_and_lists() {
        let (mut tree, errors) =
            Node::parse("[dialect.partner-key]\nissuer = \"x\"\n\n[[route]]\nname = \"a\"\n");
        assert!(errors.is_empty());
        let origin = Origin::Environment("E".to_owned());
        assert!(tree.set(&["DIALECT", "PARTNER_KEY", "ISSUER"], "y", &origin));
        assert!(tree.set(&["ROUTE", "0", "NAME"], "b", &origin));
        assert!(!tree.set(&["ROUTE", "1", "NAME"], "b", &origin));
        assert!(!tree.set(&["ROUTE", "0", "NAME", "x"], "b", &origin));
        let text = format!("{tree:?}");
        assert!(text.contains("\"y\"") && text.contains("\"b\"") && !text.contains("\"x\""), "{text}");
    }

    #[test]
    fn syntax_faults_have_lines_and_do_not_hide_the_rest() {
        let (tree, errors) = Node::parse("a = 1\nb = = 2\nc = 3\n");
        assert_eq!(errors.first().map(|error| error.0), Some(2));
        assert!(format!("{tree:?}").contains("\"a\""));
    }
}
