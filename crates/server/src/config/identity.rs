//! `[identity]`: how the upstream learns who was recognised, and which headers of the caller's never reach it.
use super::reader::Section;
use http::HeaderName;
use std::time::Duration;

/// What stands for the route's name in an audience.
pub const ROUTE: &str = "{route}";

/// How the upstream learns who was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What our headers begin with.
    pub header_prefix: String,
    /// Further headers of the caller's that upstreams may take for an identity: removed in every spelling.
    pub strip: Vec<String>,
    /// Adds a signed assertion.
    pub assertion: bool,
    /// Whom an assertion is for; `{route}` stands for the route's name.
    pub assertion_audience: String,
    /// How long an assertion counts.
    pub assertion_life: Duration,
}

impl Identity {
    pub(super) fn read(section: Section<'_>) -> Self {
        let prefix = "X-Countersign-";
        let header_prefix = section
            .parsed(
                "header_prefix",
                "the beginning of header names",
                Some(prefix.to_owned()),
                Clone::clone,
                |text| (text.len() >= 3 && HeaderName::try_from(text).is_ok()).then(|| text.to_owned()),
            )
            .unwrap_or_default();
        let strip = section.texts("strip", &[]);
        for name in &strip {
            if HeaderName::try_from(name.as_str()).is_err() {
                section.wrong(
                    "strip",
                    format!("{name:?} is no header name"),
                    "write names such as \"X-Auth-User\"",
                );
            }
        }
        let identity = Self {
            header_prefix,
            strip,
            assertion: section.switch("assertion", false),
            assertion_audience: section.text("assertion_audience", ROUTE),
            assertion_life: section.span("assertion_life", Duration::from_secs(60)),
        };
        if identity.assertion_audience.is_empty() {
            let fix = "write the name that upstreams know themselves by, or \"{route}\"";
            section.wrong("assertion_audience", "wanted whom assertions are for, found nothing", fix);
        }
        section.finish();
        identity
    }
}
