//! One thing that happened, from when to when, and what is known of it.
use crate::context::{Context, SpanId, TraceId};
use bytes::Bytes;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// The span it hangs below.
    pub parent: Option<Parent>,
    /// The flags of its trace ([`Context::flags`]).
    pub flags: u8,
    /// The trace's `tracestate`.
    pub state: Option<String>,
    /// What it is called: a word of few.
    pub name: Bytes,
    /// Which side of which call it is.
    pub kind: Kind,
    /// When it began, in nanoseconds since 1970.
    pub start: u64,
    /// When it ended, in nanoseconds since 1970.
    pub end: u64,
    /// What is known of it.
    pub attributes: Vec<Attribute>,
    /// A place in another trace that it came from.
    pub link: Option<Context>,
    /// Whether it failed.
    pub failed: bool,
}

/// The span that another one hangs below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its id.
    pub id: SpanId,
    /// Whether somebody else told it.
    pub remote: bool,
}

/// Which side of which call a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// None.
    Internal,
    /// It answers one.
    Server,
    /// It makes one.
    Client,
}

/// Something that is known of a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub key: Bytes,
    /// What it is.
    pub value: Value,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// UTF-8.
    Text(Bytes),
    /// A number.
    Whole(i64),
    /// Yes or no.
    Switch(bool),
}

impl Attribute {
    /// An attribute by its name.
    #[must_use]
    pub fn new(key: &'static str, value: impl Into<Value>) -> Self {
        Self { key: Bytes::from_static(key.as_bytes()), value: value.into() }
    }

    /// An attribute that the configuration names.
    #[must_use]
    pub fn named(key: String, value: String) -> Self {
        Self { key: Bytes::from(key), value: Value::Text(Bytes::from(value)) }
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Bytes::from_static(text.as_bytes()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Bytes::from(text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<bool> for Value {
    fn from(switch: bool) -> Self {
        Self::Switch(switch)
    }
}
