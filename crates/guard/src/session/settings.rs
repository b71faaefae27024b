//! What an operator decides about sessions: where the calls live, how long things last, and who may register.
use countersign::life::session::Windows;
use countersign::time::Span;
use countersign_keys::Policy;
use countersign_store::draft::MOST_JOIN_CODES;
use std::collections::BTreeSet;

/// Settings of the session API. [`SessionSettings::default`] is what ships.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// What every path starts with, such as `/v1`; no slash at its end.
    pub prefix: String,
    /// How long a challenge may be answered (inclusive).
    pub challenge_life: Span,
    /// How long sessions and their tokens live.
    pub windows: Windows,
    /// Live sessions of one account at most; one more ends the oldest.
    pub most_sessions: usize,
    /// Open join codes of one organisation at most; a further invitation is refused.
    pub most_join_codes: usize,
    /// Whether the first good answer of an unknown user makes its account.
    pub self_registration: bool,
    /// Account names that nobody gets by registering itself, such as those that routes admit.
    pub reserved: BTreeSet<String>,
    /// Names that no organisation gets by a member's renaming, such as those that routes admit.
    pub reserved_organisations: BTreeSet<String>,
    /// Whether that takes a join code.
    pub require_join_code: bool,
    /// Whether a key that another account has may be registered too, after its possession was proved.
    pub shared_keys: bool,
    /// Which public keys are taken.
    pub keys: Policy,
    /// How long a join code made by an invitation works.
    pub join_code_life: Span,
    /// How often one address may ask what strangers may ask; `None`: as often as it likes.
    pub rate: Option<Rate>,
}

/// How often one address may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls a second over a long time.
    pub per_second: u32,
    /// Calls at once after a rest.
    pub burst: u32,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            prefix: "/v1".to_owned(),
            challenge_life: Span::from_seconds(120),
            windows: Windows {
                access: Span::from_seconds(25 * 60),
                refresh: Span::from_seconds(30 * 60),
                whole: Span::from_seconds(24 * 3600),
                grace: Span::ZERO,
            },
            // Far more than a fleet that shares a key has, and a few megabytes.
            most_sessions: 4096,
            most_join_codes: MOST_JOIN_CODES,
            self_registration: true,
            reserved: BTreeSet::new(),
            reserved_organisations: BTreeSet::new(),
            require_join_code: false,
            shared_keys: false,
            keys: Policy::default(),
            join_code_life: Span::from_seconds(24 * 3600),
            // Dozens of clients may share one address; a single one needs two calls for a session.
            rate: Some(Rate { per_second: 100, burst: 200 }),
        }
    }
}
