//! Where codes come from: made from a key and nothing stored, or given beforehand.
use countersign::life::challenge::{self, Ask, NotOpened, Opened, Purpose};
use countersign::time::{Span, Time};
use countersign_keys::MacKey;

/// Issues codes and opens those that come back.
pub trait Challenges: Send + Sync {
    /// A new code. `None` when the prefix is too long.
    fn issue(&self, ask: &Ask<'_>, random: [u8; 8], now: Time) -> Option<String>;

    /// Opens a code that was issued for this user and purpose and is at most `life` old.
    ///
    /// # Errors
    /// [`NotOpened`].
    fn open(
        &self,
        code: &str,
        user: &str,
        purpose: Purpose,
        now: Time,
        life: Span,
    ) -> Result<Opened, NotOpened>;
}

/// Codes that carry everything themselves: nothing is stored by asking, so nobody can crowd out another's code.
pub struct Stateless(MacKey);

/// Codes that were given beforehand, beside stateless ones: for known-answer vectors.
pub struct Preset {
    stateless: Stateless,
    codes: Vec<PresetCode>,
}

/// One code for signing in that was given beforehand.
#[derive(Clone, Debug)]
pub struct PresetCode {
    /// For whom.
    pub user: String,
    /// The code.
    pub code: String,
    /// When it was issued.
    pub issued: Time,
    /// The text to be signed before it.
    pub prefix: Option<String>,
}

impl Stateless {
    /// Codes under this key: every node of an installation has the same.
    #[must_use]
    pub fn new(key: MacKey) -> Self {
        Self(key)
    }
}

impl Preset {
    /// These codes, and stateless ones for whoever asks.
    #[must_use]
    pub fn new(stateless: Stateless, codes: Vec<PresetCode>) -> Self {
        Self { stateless, codes }
    }
}

impl Challenges for Stateless {
    fn issue(&self, ask: &Ask<'_>, random: [u8; 8], now: Time) -> Option<String> {
        challenge::issue(&self.0, random, now, ask)
    }

    fn open(
        &self,
        code: &str,
        user: &str,
        purpose: Purpose,
        now: Time,
        life: Span,
    ) -> Result<Opened, NotOpened> {
        challenge::open(&self.0, code, now, user, purpose, life)
    }
}

impl Challenges for Preset {
    fn issue(&self, ask: &Ask<'_>, random: [u8; 8], now: Time) -> Option<String> {
        self.stateless.issue(ask, random, now)
    }

    fn open(
        &self,
        code: &str,
        user: &str,
        purpose: Purpose,
        now: Time,
        life: Span,
    ) -> Result<Opened, NotOpened> {
        let mut known = self.codes.iter();
        match known.find(|known| known.code == code && known.user == user && purpose == Purpose::Login) {
            Some(known) if now.since(known.issued) > life => Err(NotOpened::Expired),
            Some(known) => Ok(Opened {
                issued: known.issued,
                until: known.issued + life,
                prefix: known.prefix.clone(),
                join: None,
            }),
            None => self.stateless.open(code, user, purpose, now, life),
        }
    }
}

impl std::fmt::Debug for Stateless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stateless(key not shown)")
    }
}

impl std::fmt::Debug for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preset").field("codes", &self.codes.len()).finish_non_exhaustive()
    }
}
