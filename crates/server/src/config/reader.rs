//! Reads sections of the settings tree, collecting every fault with its path, line and fix instead of stopping at one.
use super::tree::{Node, Origin, Value};
use crate::config::spelling::{nearest, read_span, show_span};
use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Something wrong (or doubtful) in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The setting, such as `route[0].upstream`.
    pub path: String,
    /// Where it was set.
    pub origin: Origin,
    /// What was wanted and what was found.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Default => write!(f, "{}: {}; {}", self.path, self.message, self.fix),
            origin => write!(f, "{} ({origin}): {}; {}", self.path, self.message, self.fix),
        }
    }
}

/// A setting in effect: for `config show --origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The setting, such as `server.log`.
    pub path: String,
    /// Its value, as text.
    pub value: String,
    /// Where it was set.
    pub origin: Origin,
}

/// What reading collects.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) findings: RefCell<Vec<Finding>>,
    pub(super) shown: RefCell<Vec<Shown>>,
}

/// One table of the tree while it is read.
pub(super) struct Section<'t> {
    notes: &'t Notes,
    pub(super) path: String,
    node: Option<&'t Node>,
    known: RefCell<Vec<&'static str>>,
}

impl<'t> Section<'t> {
    pub(super) fn root(node: &'t Node, notes: &'t Notes) -> Self {
        Self { notes, path: String::new(), node: Some(node), known: RefCell::default() }
    }

    /// Whether the key is there at all.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.child(key).is_some()
    }

    /// A text.
    pub(super) fn text(&self, key: &'static str, default: &str) -> String {
        self.read(key, "a text", Some(default.to_owned()), Clone::clone, |text| Ok(text.to_owned()))
            .unwrap_or_default()
    }

    /// A text that need not be there.
    pub(super) fn maybe_text(&self, key: &'static str) -> Option<String> {
        self.read(key, "a text", None, Clone::clone, |text| Ok(text.to_owned()))
    }

    /// A text with a meaning.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        wanted: &str,
        default: Option<T>,
        show: impl Fn(&T) -> String,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.read(key, wanted, default, show, |text| read(text).ok_or_else(|| format!("{text:?}")))
    }

    /// True or false.
    pub(super) fn switch(&self, key: &'static str, default: bool) -> bool {
        let Some(node) = self.child(key) else {
            self.show(key, default.to_string(), Origin::Default);
            return default;
        };
        let found = match &node.value {
            Value::Switch(switch) => Some(*switch),
            Value::Text(text) if !matches!(node.origin, Origin::File(_)) => text.parse().ok(),
            _ => None,
        };
        let Some(found) = found else {
            self.mistaken(key, node, "true or false");
            return default;
        };
        self.show(key, found.to_string(), node.origin.clone());
        found
    }

    /// A whole number within bounds.
    pub(super) fn count(&self, key: &'static str, default: usize, bounds: RangeInclusive<usize>) -> usize {
        self.maybe_count(key, bounds).unwrap_or_else(|| {
            self.show(key, default.to_string(), Origin::Default);
            default
        })
    }

    /// A whole number within bounds that need not be there.
    pub(super) fn maybe_count(&self, key: &'static str, bounds: RangeInclusive<usize>) -> Option<usize> {
        let node = self.child(key)?;
        let found = match &node.value {
            Value::Whole(number) => usize::try_from(*number).ok(),
            Value::Text(text) if !matches!(node.origin, Origin::File(_)) => text.parse().ok(),
            _ => None,
        };
        match found.filter(|number| bounds.contains(number)) {
            Some(number) => {
                self.show(key, number.to_string(), node.origin.clone());
                Some(number)
            }
            None => {
                self.mistaken(
                    key,
                    node,
                    &format!("a whole number from {} to {}", bounds.start(), bounds.end()),
                );
                None
            }
        }
    }

    /// A length of time such as `500ms`, `10s`, `25m`, `24h` or `7d`.
    pub(super) fn span(&self, key: &'static str, default: Duration) -> Duration {
        self.parsed(
            key,
            "a length of time such as \"10s\", \"25m\" or \"24h\"",
            Some(default),
            show_span,
            read_span,
        )
        .unwrap_or(default)
    }

    /// A list of texts; from the environment and flags, with commas between.
    pub(super) fn texts(&self, key: &'static str, default: &[&str]) -> Vec<String> {
        self.maybe_texts(key).unwrap_or_else(|| {
            self.show(key, format!("{default:?}"), Origin::Default);
            default.iter().map(|text| (*text).to_owned()).collect()
        })
    }

    /// A list of texts that need not be there.
    pub(super) fn maybe_texts(&self, key: &'static str) -> Option<Vec<String>> {
        let node = self.child(key)?;
        let found: Option<Vec<String>> = match &node.value {
            Value::List(items) => items
                .iter()
                .map(|item| match &item.value {
                    Value::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect(),
            Value::Text(text) if !matches!(node.origin, Origin::File(_)) => Some(
                text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect(),
            ),
            _ => None,
        };
        match found {
            Some(texts) => {
                self.show(key, format!("{texts:?}"), node.origin.clone());
                Some(texts)
            }
            None => {
                self.mistaken(key, node, "a list of texts such as [\"a\", \"b\"]");
                None
            }
        }
    }

    /// The table under this key; an empty one when there is none.
    pub(super) fn section(&self, key: &'static str) -> Self {
        let node = self.child(key).filter(|node| self.is_table(key, node));
        Section { notes: self.notes, path: self.join(key), node, known: RefCell::default() }
    }

    /// The tables of a list (`[[key]]`); `None` when the key is not there.
    pub(super) fn sections(&self, key: &'static str) -> Option<Vec<Self>> {
        let node = self.child(key)?;
        let Value::List(items) = &node.value else {
            self.mistaken(key, node, &format!("one or more [[{}]] tables", self.join(key)));
            return None;
        };
        let sections = items.iter().enumerate().filter_map(|(index, item)| {
            let path = format!("{}[{index}]", self.join(key));
            if matches!(item.value, Value::Table(_)) {
                return Some(Section {
                    notes: self.notes,
                    path,
                    node: Some(item),
                    known: RefCell::default(),
                });
            }
            self.find(
                path,
                item.origin.clone(),
                format!("wanted a table, found {}", item.value.kind()),
                "write [[…]]",
            );
            None
        });
        Some(sections.collect())
    }

    /// Every table under this key with its name: for tables whose names the file chooses.
    pub(super) fn named(&self, key: &'static str) -> Vec<(String, Self)> {
        let Some(node) = self.child(key).filter(|node| self.is_table(key, node)) else { return Vec::new() };
        let Value::Table(table) = &node.value else { return Vec::new() };
        let mut named = Vec::new();
        for (name, node) in table {
            // Variables of the environment cannot have dashes.
            let name = name.replace('_', "-");
            let path = format!("{}.{name}", self.join(key));
            if matches!(node.value, Value::Table(_)) {
                let section =
                    Section { notes: self.notes, path, node: Some(node), known: RefCell::default() };
                named.push((name, section));
            } else {
                let message = format!("wanted a table, found {}", node.value.kind());
                self.find(
                    path.clone(),
                    node.origin.clone(),
                    message,
                    &format!("write [{path}] and settings below"),
                );
            }
        }
        named
    }

    /// Every remaining leaf as text: for tables whose settings another file names.
    pub(super) fn rest(&self) -> Vec<(String, String)> {
        let Some(Node { value: Value::Table(table), .. }) = self.node else { return Vec::new() };
        let mut rest = Vec::new();
        for (name, node) in table.iter().filter(|(name, _)| !self.known.borrow().contains(&name.as_str())) {
            let text = match &node.value {
                Value::Text(text) => text.clone(),
                Value::Whole(number) => number.to_string(),
                Value::Switch(switch) => switch.to_string(),
                other => {
                    let message =
                        format!("wanted a text, a whole number, true or false, found {}", other.kind());
                    self.find(self.join(name), node.origin.clone(), message, "write one plain value");
                    continue;
                }
            };
            let path = self.join(name);
            self.notes.shown.borrow_mut().push(Shown {
                path,
                value: text.clone(),
                origin: node.origin.clone(),
            });
            rest.push((name.clone(), text));
        }
        rest
    }

    /// Ends the section: every key that nobody asked for is a finding, with the nearest name as its fix.
    pub(super) fn finish(self) {
        self.unknown();
    }

    /// Notes the keys that nobody asked for.
    pub(super) fn unknown(&self) {
        let Some(Node { value: Value::Table(table), .. }) = self.node else { return };
        let known = self.known.borrow();
        for (name, node) in table.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            let fix = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("remove it; this section has {}", known.join(", ")),
            };
            self.find(self.join(name), node.origin.clone(), "there is no such setting".to_owned(), &fix);
        }
    }

    /// Notes a finding about a setting of this section.
    pub(super) fn wrong(&self, key: &str, message: impl Into<String>, fix: &str) {
        let origin = match self.node {
            Some(Node { value: Value::Table(table), origin }) => {
                table.get(key).map_or(origin, |node| &node.origin)
            }
            _ => &Origin::Default,
        };
        self.find(self.join(key), origin.clone(), message.into(), fix);
    }

    fn read<T>(
        &self,
        key: &'static str,
        wanted: &str,
        default: Option<T>,
        show: impl Fn(&T) -> String,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Some(node) = self.child(key) else {
            if let Some(default) = &default {
                self.show(key, show(default), Origin::Default);
            }
            return default;
        };
        let Value::Text(text) = &node.value else {
            self.mistaken(key, node, wanted);
            return default;
        };
        match read(text) {
            Ok(value) => {
                self.show(key, show(&value), node.origin.clone());
                Some(value)
            }
            Err(found) => {
                let message = format!("wanted {wanted}, found {found}");
                self.find(
                    self.join(key),
                    node.origin.clone(),
                    message,
                    "correct the value or remove the line",
                );
                default
            }
        }
    }

    fn child(&self, key: &'static str) -> Option<&'t Node> {
        self.known.borrow_mut().push(key);
        match self.node {
            Some(Node { value: Value::Table(table), .. }) => table.get(key),
            _ => None,
        }
    }

    fn is_table(&self, key: &str, node: &Node) -> bool {
        let table = matches!(node.value, Value::Table(_));
        if !table {
            self.mistaken(key, node, &format!("a [{}] table", self.join(key)));
        }
        table
    }

    fn mistaken(&self, key: &str, node: &Node, wanted: &str) {
        let found = match &node.value {
            Value::Text(text) => format!("{text:?}"),
            Value::Whole(number) => number.to_string(),
            other => other.kind().to_owned(),
        };
        let message = format!("wanted {wanted}, found {found}");
        self.find(self.join(key), node.origin.clone(), message, "correct the value or remove the line");
    }

    fn find(&self, path: String, origin: Origin, message: String, fix: &str) {
        self.notes.findings.borrow_mut().push(Finding { path, origin, message, fix: fix.to_owned() });
    }

    fn show(&self, key: &str, value: String, origin: Origin) {
        self.notes.shown.borrow_mut().push(Shown { path: self.join(key), value, origin });
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
