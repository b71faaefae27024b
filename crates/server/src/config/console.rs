//! `[console]`: by which addresses browsers reach the web console.
use super::reader::Section;
use http::Uri;

/// The web console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSection {
    /// Origins that browsers call the console by; none: its listeners' own addresses, `[manage] authorities` and `public_url`.
    pub origins: Vec<String>,
}

impl ConsoleSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let origins = section.texts("origins", &[]);
        for text in &origins {
            let plain = text.parse::<Uri>().ok().and_then(|uri| {
                let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
                let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
                Some(format!("{scheme}://{authority}") == *text)
            });
            if plain != Some(true) || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
                section.wrong(
                    "origins",
                    format!("wanted an origin in small letters, without a path, found {text:?}"),
                    "write what stands in the browser's address up to the path, such as \"https://keys.example.com\"",
                );
            }
        }
        section.finish();
        Self { origins }
    }
}
