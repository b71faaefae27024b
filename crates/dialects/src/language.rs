//! The languages that there are snippets in, and how each spells a text.

/// The languages that there are snippets in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// countersign's own command line.
    Countersign,
    /// bash with openssl and curl.
    Shell,
    /// Python.
    Python,
    /// PHP.
    Php,
    /// JavaScript on Node.js.
    Node,
    /// Go.
    Go,
    /// Java.
    Java,
    /// Rust.
    Rust,
}

impl Language {
    /// Every language, in the order in which they are offered.
    pub const ALL: [Self; 8] = [
        Self::Countersign,
        Self::Shell,
        Self::Python,
        Self::Php,
        Self::Node,
        Self::Go,
        Self::Java,
        Self::Rust,
    ];

    /// Its name in addresses and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Countersign => "countersign",
            Self::Shell => "shell",
            Self::Python => "python",
            Self::Php => "php",
            Self::Node => "node",
            Self::Go => "go",
            Self::Java => "java",
            Self::Rust => "rust",
        }
    }

    /// Its name as people write it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Countersign => "countersign",
            Self::Shell => "curl and openssl",
            Self::Python => "Python",
            Self::Php => "PHP",
            Self::Node => "Node.js",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::Rust => "Rust",
        }
    }

    /// The name that a file with such a program is usually given.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Countersign | Self::Shell => "request.sh",
            Self::Python => "request.py",
            Self::Php => "request.php",
            Self::Node => "request.mjs",
            Self::Go => "main.go",
            Self::Java => "Main.java",
            Self::Rust => "main.rs",
        }
    }

    /// The language of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }

    /// A text as the language spells it, with its quotes.
    pub(crate) fn spelled(self, value: &str) -> String {
        match self {
            // Between single quotes nothing has a meaning but the quote itself.
            Language::Countersign | Language::Shell => format!("'{}'", value.replace('\'', r"'\''")),
            // Between double quotes PHP would look for variables.
            Language::Php => format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
            Language::Rust => format!("{value:?}"),
            // A JSON text means the same in each of these.
            Language::Python | Language::Node | Language::Go | Language::Java => json(value),
        }
    }
}

/// A text as JSON has it.
pub(crate) fn json(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_leaves_its_quotes() {
        let value = "a'b\"c\\d$e`f${g}{{h}}\nü";
        let said = |language: Language| language.spelled(value);
        assert_eq!(said(Language::Shell), "'a'\\''b\"c\\d$e`f${g}{{h}}\nü'");
        assert_eq!(said(Language::Php), "'a\\'b\"c\\\\d$e`f${g}{{h}}\nü'");
        for language in [Language::Python, Language::Node, Language::Go, Language::Java, Language::Rust] {
            assert_eq!(said(language), r#""a'b\"c\\d$e`f${g}{{h}}\nü""#);
        }
    }
}
