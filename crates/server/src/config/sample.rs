//! The whole configuration with its defaults, commented out: what `countersign config default` prints.
use super::Config;

const TEXT: &str = include_str!("sample.toml");

impl Config {
    /// A file that changes nothing and shows everything.
    #[must_use]
    pub fn commented_default() -> &'static str {
        TEXT
    }
}
