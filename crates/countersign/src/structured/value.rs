//! The kinds of values, and how many of them one field may have.
use std::borrow::Cow;

/// Members of one list or dictionary: what RFC 9651 section 3 wants supported at least.
pub const MOST_MEMBERS: usize = 1024;
/// Items of one inner list (RFC 9651 section 3.1.1).
pub const MOST_ITEMS: usize = 256;
/// Parameters of one item or inner list (RFC 9651 section 3.1.2).
pub const MOST_PARAMETERS: usize = 256;

/// The text is no structured field of the wanted kind, or passes a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotStructured;

/// A value without parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Bare<'a> {
    /// A whole number of at most 15 digits.
    Integer(i64),
    /// A number with a fraction, in thousandths.
    Decimal(i64),
    /// Printable ASCII in quotes, unescaped.
    String(Cow<'a, str>),
    /// A word without quotes.
    Token(&'a str),
    /// Bytes, as canonical base64 without its colons.
    Bytes(Cow<'a, str>),
    /// `?1` or `?0`.
    Boolean(bool),
    /// Seconds since 1970.
    Date(i64),
    /// Any text, unescaped.
    Display(String),
}

/// One parameter: its key, its value, and the value as it was written (empty when it was left out).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter<'a> {
    /// The key.
    pub key: &'a str,
    /// The value; `true` when none is written.
    pub value: Bare<'a>,
    /// The value as it was written.
    pub text: &'a str,
}

/// Parameters in order, each key once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parameters<'a>(pub Vec<Parameter<'a>>);

/// A value with parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item<'a> {
    /// The value.
    pub value: Bare<'a>,
    /// Its parameters.
    pub parameters: Parameters<'a>,
}

/// Items in brackets, with parameters of the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InnerList<'a> {
    /// The items.
    pub items: Vec<Item<'a>>,
    /// The parameters of the list.
    pub parameters: Parameters<'a>,
}

/// A member of a list or dictionary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Member<'a> {
    /// One value.
    Item(Item<'a>),
    /// A list of values.
    Inner(InnerList<'a>),
}

/// Members by key, in order, each key once.
pub type Dictionary<'a> = Vec<(&'a str, Member<'a>)>;

impl<'a> Parameters<'a> {
    /// The parameter with a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Parameter<'a>> {
        self.0.iter().find(|parameter| parameter.key == key)
    }
}
