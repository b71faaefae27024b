//! `[session]`: where sessions are opened and how long they and their tokens live.
use super::keys::KeysSection;
use super::reader::Section;
use countersign::life::session::Windows;
use countersign::time::Span;
use countersign_guard::session::settings::{Rate, SessionSettings};
use std::collections::BTreeSet;
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
    /// Registering takes a join code.
    pub require_join_code: bool,
    /// How long the join code of an invitation works.
    pub join_code_life: Duration,
    /// Live sessions of one account at most; one more ends the oldest.
    pub sessions_per_account: usize,
    /// Open join codes of one organisation at most.
    pub join_codes_per_organisation: usize,
    /// Calls a second that one address may make without a token; 0: as many as it likes.
    pub rate: u32,
    /// Such calls at once, after a rest.
    pub burst: u32,
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
        let usual = SessionSettings::default();
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let number = |name: &'static str, default, least| {
            u32::try_from(section.count(name, default, least..=1_000_000)).unwrap_or(u32::MAX)
        };
        let session = Self {
            prefix,
            challenge_life: section.span("challenge_life", minutes(2)),
            access: section.span("access", minutes(25)),
            refresh: section.span("refresh", minutes(30)),
            whole: section.span("whole", minutes(24 * 60)),
            refresh_grace: section.span("refresh_grace", Duration::ZERO),
            self_registration: section.switch("self_registration", true),
            require_join_code: section.switch("require_join_code", false),
            join_code_life: section.span("join_code_life", minutes(24 * 60)),
            sessions_per_account: section.count("sessions_per_account", usual.most_sessions, 1..=1_000_000),
            join_codes_per_organisation: section.count(
                "join_codes_per_organisation",
                usual.most_join_codes,
                1..=1_000_000,
            ),
            rate: number("rate", 100, 0),
            burst: number("burst", 200, 1),
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

    /// The settings that the configuration asks for. `reserved` are names that nobody gets by registering itself, and
    /// `reserved_organisations` names that no organisation gets by a member's renaming.
    #[must_use]
    pub fn settings(
        &self,
        keys: &KeysSection,
        reserved: BTreeSet<String>,
        reserved_organisations: BTreeSet<String>,
    ) -> SessionSettings {
        let span =
            |length: Duration| Span::from_millis(i64::try_from(length.as_millis()).unwrap_or(i64::MAX));
        SessionSettings {
            most_sessions: self.sessions_per_account,
            most_join_codes: self.join_codes_per_organisation,
            prefix: self.prefix.clone(),
            challenge_life: span(self.challenge_life),
            windows: Windows {
                access: span(self.access),
                refresh: span(self.refresh),
                whole: span(self.whole),
                grace: span(self.refresh_grace),
            },
            self_registration: self.self_registration,
            reserved,
            reserved_organisations,
            require_join_code: self.require_join_code,
            shared_keys: keys.shared,
            keys: keys.policy(),
            join_code_life: span(self.join_code_life),
            rate: (self.rate > 0).then_some(Rate { per_second: self.rate, burst: self.burst }),
        }
    }
}
