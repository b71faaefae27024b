//! Programs that send a first request, one for each dialect and language, filled with an account's own values.
use crate::fill::{Filling, Unfilled, fill};
use crate::language::Language;

/// A program as it is shipped, with places for what is an account's own.
#[derive(Clone, Copy, Debug)]
pub struct Snippet {
    /// The dialect's name.
    pub dialect: &'static str,
    /// The language.
    pub language: Language,
    text: &'static str,
}

macro_rules! snippets {
    ($($dialect:literal)*) => {
        &[$(
            snippets!(@one $dialect Countersign "countersign.sh"),
            snippets!(@one $dialect Shell "shell.sh"),
            snippets!(@one $dialect Python "python.py"),
            snippets!(@one $dialect Php "php.php"),
            snippets!(@one $dialect Node "node.mjs"),
            snippets!(@one $dialect Go "go.go"),
            snippets!(@one $dialect Java "java.java"),
            snippets!(@one $dialect Rust "rust.rs"),
        )*]
    };
    (@one $dialect:literal $language:ident $file:literal) => {
        Snippet {
            dialect: $dialect,
            language: Language::$language,
            text: include_str!(concat!("../", $dialect, "/snippets/", $file)),
        }
    };
}

/// Every snippet.
pub const SNIPPETS: &[Snippet] = snippets!["skykit" "skillhive" "spacetime" "asymmetric-jwt" "partner-key"];

impl Snippet {
    /// The snippet of a dialect in a language.
    #[must_use]
    pub fn find(dialect: &str, language: Language) -> Option<&'static Self> {
        SNIPPETS.iter().find(|snippet| snippet.dialect == dialect && snippet.language == language)
    }

    /// The program with an account's values in their places, each spelled as the language spells a text: no value can become
    /// a part of the program.
    ///
    /// # Errors
    /// [`Unfilled`] where a value is needed that is not there.
    pub fn filled(&self, values: &Filling<'_>) -> Result<String, Unfilled> {
        fill(self.text, self.dialect, self.language, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::dialect::settings::Settings;

    fn values<'v>(identifier: &'v str, url: &'v str, settings: &'v Settings) -> Filling<'v> {
        Filling {
            url,
            identifier,
            acting_as: Some("user@example.com"),
            key_file: "key.pem",
            key_base64: Some("abc="),
            companion_file: "api-key.txt",
            session: ("https://api.example.com", "/v1"),
            settings,
        }
    }

    fn in_force(dialect: &str, changed: Settings) -> Settings {
        crate::load(dialect, &changed).unwrap_or_else(|error| panic!("{error}")).settings().clone()
    }

    #[test]
    fn every_dialect_that_callers_speak_has_every_language_and_every_place_is_filled() {
        for dialect in ["skykit", "skillhive", "spacetime", "asymmetric-jwt", "partner-key"] {
            for language in Language::ALL {
                assert_eq!(Language::named(language.name()), Some(language));
                let settings = in_force(dialect, Settings::new());
                let snippet = Snippet::find(dialect, language).expect("it is there");
                let text =
                    snippet.filled(&values("54344", "https://api.example.com/a?b=c", &settings)).unwrap();
                assert!(text.contains("https://api.example.com/a?b=c") && text.contains("54344"), "{text}");
                assert!(!text.contains("{{"), "{text}");
            }
        }
        assert_eq!(SNIPPETS.len(), 5 * Language::ALL.len());
    }

    #[test]
    fn a_changed_setting_reaches_the_program() {
        let settings = in_force("partner-key", [("issuer".to_owned(), "acme's".to_owned())].into());
        let filled = |language| {
            let snippet = Snippet::find("partner-key", language).expect("it is there");
            snippet.filled(&values("54344", "https://api.example.com/", &settings)).unwrap()
        };
        assert!(filled(Language::Python).contains(r#""iss": "acme's""#));
        assert!(filled(Language::Countersign).contains(r"--set 'issuer=acme'\''s'"));
        assert!(filled(Language::Rust).contains(r#"[("issuer".to_owned(), "acme's".to_owned())].into()"#));
        assert!(filled(Language::Shell).contains(r#"'"acme'\''s"'"#));
    }

    #[test]
    fn what_is_missing_is_told() {
        let settings = in_force("skillhive", Settings::new());
        let nobody = Filling { acting_as: None, ..values("c", "https://api.example.com/", &settings) };
        let snippet = Snippet::find("skillhive", Language::Php).expect("it is there");
        assert_eq!(snippet.filled(&nobody).unwrap_err().place, "acting_as");
    }
}
