//! `[session]`: where sessions are opened and how long they and their tokens live.
use super::reader::Section;
use std::time::Duration;

/// Where sessions are opened and how long they live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSection {
    /// The prefix of the session API's paths.
    pub prefix: String,
    /// How long a challenge may be answered.
    pub challenge_life: Duration,
    /// How long an access token counts.
    pub access: Duration,
    /// How long a refresh token counts.
    pub refresh: Duration,
    /// How long a session lives at most.
    pub whole: Duration,
    /// How long a repeated refresh gets the same answer; zero: it ends the session.
    pub refresh_grace: Duration,
    /// Callers may register themselves.
    pub self_registration: bool,
}

impl SessionSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let prefix = section
            .parsed(
                "prefix",
                "a path that starts with a slash and does not end with one",
                Some("/v1".to_owned()),
                Clone::clone,
                |text| (text.starts_with('/') && !text.ends_with('/')).then(|| text.to_owned()),
            )
            .unwrap_or_default();
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let session = Self {
            prefix,
            challenge_life: section.span("challenge_life", minutes(2)),
            access: section.span("access", minutes(25)),
            refresh: section.span("refresh", minutes(30)),
            whole: section.span("whole", minutes(24 * 60)),
            refresh_grace: section.span("refresh_grace", Duration::ZERO),
            self_registration: section.switch("self_registration", true),
        };
        if session.access > session.refresh {
            section.wrong(
                "access",
                "an access token would outlive its refresh token",
                "make it at most `refresh`",
            );
        }
        if session.refresh > session.whole {
            section.wrong("refresh", "a refresh token would outlive its session", "make it at most `whole`");
        }
        section.finish();
        session
    }
}
