//! What the HTTP/1 scanner allows, and how it says that bytes are none.

/// What the scanner allows; the same numbers that the rest of the server goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) head: usize,
    pub(crate) fields: usize,
    pub(crate) field: usize,
    pub(crate) line: usize,
}

/// Why a connection's bytes are no HTTP/1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The bytes are wrong: 400.
    Malformed(&'static str),
    /// They are too many: 431.
    TooLarge(&'static str),
}

impl Broken {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Malformed(text) | Self::TooLarge(text) => text,
        }
    }
}
