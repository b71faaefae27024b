//! How far a route goes against requests that do not hold: it watches, it warns, or it refuses.
use super::reader::Section;
use super::spelling::nearest;
use std::collections::BTreeMap;

/// How far a route goes against requests that do not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// They pass without identity, and are counted.
    Shadow,
    /// They pass without identity, and their callers are told.
    Warn,
    /// They are refused.
    #[default]
    Enforce,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Shadow, Self::Warn, Self::Enforce];

    /// Its name in the configuration, the log, and the header that tells the upstream.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// The modes of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// The mode of all callers without one of their own.
    pub usual: Mode,
    /// The modes of accounts, by name.
    pub own: BTreeMap<String, Mode>,
    /// Whether requests pass that could not be decided, where the mode lets others pass.
    pub on_fault_forward: bool,
}

impl Modes {
    /// The mode for a request that names this account, whether it proved that or not.
    #[must_use]
    pub fn of(&self, account: Option<&str>) -> Mode {
        account.and_then(|name| self.own.get(name)).copied().unwrap_or(self.usual)
    }

    /// Whether a request that does not hold may pass at all.
    #[must_use]
    pub fn is_lenient(&self) -> bool {
        self.usual != Mode::Enforce || self.own.values().any(|mode| *mode != Mode::Enforce)
    }

    pub(super) fn read(section: &Section<'_>) -> Self {
        let wanted = "\"shadow\", \"warn\" or \"enforce\"";
        let usual =
            section.parsed("mode", wanted, Some(Mode::Enforce), |mode| mode.name().to_owned(), Mode::named);
        let mut own = BTreeMap::new();
        let accounts = section.section("modes");
        for (account, word) in accounts.rest() {
            match Mode::named(&word) {
                Some(mode) => {
                    own.insert(account, mode);
                }
                None => {
                    let near = nearest(&word, Mode::ALL.iter().map(|mode| mode.name()));
                    let fix = near.map_or_else(
                        || format!("write {wanted}"),
                        |near| format!("did you mean \"{near}\"?"),
                    );
                    accounts.wrong(&account, format!("wanted {wanted}, found {word:?}"), &fix);
                }
            }
        }
        let on_fault = section.parsed(
            "on_fault",
            "\"forward\" or \"unavailable\"",
            Some(true),
            |forward| (if *forward { "forward" } else { "unavailable" }).to_owned(),
            |text| match text {
                "forward" => Some(true),
                "unavailable" => Some(false),
                _ => None,
            },
        );
        Self { usual: usual.unwrap_or_default(), own, on_fault_forward: on_fault.unwrap_or(true) }
    }
}
