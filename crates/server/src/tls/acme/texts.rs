//! What an authority finds under `/.well-known/acme-challenge/` while an order is under way (HTTP-01).
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Where it looks ([RFC 8555, section 8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)).
pub(crate) const UNDER: &str = "/.well-known/acme-challenge/";

/// The texts by their tokens. As many as orders under way have names, and those are bounded by the configuration.
#[derive(Debug, Default)]
pub(crate) struct Texts(Mutex<HashMap<String, String>>);

impl Texts {
    /// The text under a path.
    pub(crate) fn at(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix(UNDER)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    pub(super) fn put(&self, token: &str, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), text.to_owned());
    }

    pub(super) fn remove(&self, tokens: &[String]) {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for token in tokens {
            texts.remove(token);
        }
    }
}
