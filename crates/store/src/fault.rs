//! Our own failure: it answers 503, never 401 or 403, and never lets anyone in.
use std::fmt;

/// What failed on our side. It never becomes a refusal.
#[derive(Debug)]
pub struct Fault {
    what: String,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    open: bool,
}

impl Fault {
    /// A fault told in words for the operator's log.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: None, open: false }
    }

    /// A fault with the error that caused it.
    #[must_use]
    pub fn caused(what: impl Into<String>, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { what: what.into(), cause: Some(Box::new(cause)), open: false }
    }

    /// The same fault, of something that may have been done nevertheless: no answer came, or a part of it was written.
    #[must_use]
    pub fn with_open_outcome(self) -> Self {
        Self { open: true, ..self }
    }

    /// Whether what failed may have been done nevertheless, so that whoever asked for it has to look.
    #[must_use]
    pub fn has_open_outcome(&self) -> bool {
        self.open
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{}: {cause}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| -> &(dyn std::error::Error + 'static) { cause })
    }
}
