//! A change that is not allowed, with a stable code and what to do instead; never mixed up with a failure of ours.
use crate::fault::Fault;
use std::fmt;

/// What kind of "no" it is: the surfaces choose the status by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// What was named is not there.
    NotFound,
    /// Someone or something else has it.
    Taken,
    /// What was sent has not the form it needs.
    Invalid,
    /// It cannot be done in the state things are in.
    State,
    /// It must not be done.
    Forbidden,
}

/// Why a change was not made: nothing of it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    kind: Denial,
    code: &'static str,
    text: String,
}

impl Denied {
    /// A denial with a stable code and a text that says what was wanted, what was found and what to do next.
    #[must_use]
    pub fn new(kind: Denial, code: &'static str, text: impl Into<String>) -> Self {
        Self { kind, code, text: text.into() }
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Denial {
        self.kind
    }

    /// The stable code, such as `name-taken`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What was wanted, what was found, what to do next.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, saying where in a description it was.
    pub(crate) fn at(self, place: &str) -> Self {
        Self { text: format!("{place}: {}", self.text), ..self }
    }

    pub(crate) fn not_found(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(Denial::NotFound, code, text)
    }

    /// What is wanted is another's already; `code` is for programs, `text` for people.
    pub fn taken(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(Denial::Taken, code, text)
    }

    /// An organisation's name is another's, or is kept for one: told alike.
    #[must_use]
    pub fn organisation_name_taken(name: &str) -> Self {
        let text = format!("wanted a name that no organisation has; {name} is taken; choose another");
        Self::taken("name-taken", text)
    }

    pub(crate) fn invalid(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(Denial::Invalid, code, text)
    }

    pub(crate) fn state(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(Denial::State, code, text)
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Denied {}

/// Why a change did not happen: denied by a rule, or a fault of ours.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A rule says no.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// We failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}
