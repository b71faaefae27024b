//! Which dialect: one that ships, by its name, or one's own, by the text of its file.
use crate::unusable::Unusable;
use countersign::dialect::Dialect;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A dialect with settings in place of its file's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DialectChoice {
    /// A shipped dialect's name, or the text of a dialect's file (TOML).
    pub dialect: String,
    /// Settings by name.
    pub settings: BTreeMap<String, String>,
}

impl DialectChoice {
    /// A dialect as it ships.
    #[must_use]
    pub fn of(dialect: &str) -> Self {
        Self { dialect: dialect.to_owned(), settings: BTreeMap::new() }
    }

    /// Reads it.
    pub(crate) fn read(&self) -> Result<Arc<Dialect>, Unusable> {
        // No name has either, and no file does without.
        let dialect = if self.dialect.contains(['=', '\n']) {
            Dialect::parse(&self.dialect, &self.settings)
        } else {
            countersign_dialects::load(&self.dialect, &self.settings)
        };
        dialect.map(Arc::new).map_err(Unusable::new)
    }
}
