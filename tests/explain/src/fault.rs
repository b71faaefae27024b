//! One way of getting a request wrong, with the cause that must be named first.
use crate::dialect::Dialect;
use crate::draft::Draft;
use crate::sent::Sent;
use crate::world::World;
use countersign_store::model::Record;

/// One way of getting it wrong.
pub struct Fault {
    /// Its name.
    pub id: &'static str,
    /// What kind of mistake it is.
    pub class: &'static str,
    /// The code of the cause that must be named first.
    pub cause: &'static str,
    /// Where it makes sense.
    pub dialects: &'static [Dialect],
    /// Seconds by which the caller's clock is ahead of the server's.
    pub clock: i64,
    /// Whether explain must tell these seconds.
    pub tells_skew: bool,
    /// Changes what is signed, or how.
    pub draft: fn(&mut Draft<'_>),
    /// The key that signs, of those of the dialect: 0 its own, 1 an old one, 2 one that nobody registered.
    pub key: Key,
    /// Changes what arrives.
    pub sent: fn(&mut Sent, Dialect),
    /// Changes the registry.
    pub rows: fn(&mut Vec<Record>),
    /// Whether the request comes twice.
    pub twice: bool,
    /// How the challenge stands that the request answers.
    pub challenge: Challenge,
    /// What the route admits.
    pub route: Route,
    /// Whether the caller says what it signed.
    pub says: bool,
}

/// What signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// The dialect's own.
    Own,
    /// One that is not in use any more.
    Old,
    /// One that nobody registered.
    Unknown,
    /// This one.
    Named(&'static str),
}

/// How a challenge stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Challenge {
    /// Ours, and fresh.
    Fresh,
    /// Ours, and too old.
    Old,
    /// Not ours.
    Unknown,
}

/// What the route admits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// Everybody.
    Open,
    /// Somebody else.
    Others,
    /// Who signs the body, too.
    WholeRequest,
}

/// Every dialect that carries a token.
pub const TOKENS: &[Dialect] = &[Dialect::Skykit, Dialect::Jwt, Dialect::JwtEd, Dialect::Partner];
/// Every dialect that signs with RSA.
pub const RSA: &[Dialect] = &[Dialect::Skykit, Dialect::Jwt, Dialect::Partner, Dialect::Skillhive];
/// Every token signed with RSA.
pub const RSA_TOKENS: &[Dialect] = &[Dialect::Skykit, Dialect::Jwt, Dialect::Partner];
/// Every dialect that signs a text.
pub const TEXTS: &[Dialect] = &[Dialect::Skillhive, Dialect::Spacetime, Dialect::Operator];
/// Every dialect that signs parts of the request.
pub const COVERING: &[Dialect] = &[Dialect::Skillhive, Dialect::Operator];
/// Every dialect whose proofs are dated.
pub const DATED: &[Dialect] = &[Dialect::Skykit, Dialect::Jwt, Dialect::JwtEd, Dialect::Operator];

impl Fault {
    /// A fault that is none yet.
    #[must_use]
    pub const fn new(
        id: &'static str,
        class: &'static str,
        cause: &'static str,
        dialects: &'static [Dialect],
    ) -> Self {
        Self {
            id,
            class,
            cause,
            dialects,
            clock: 0,
            tells_skew: false,
            draft: |_| {},
            key: Key::Own,
            sent: |_, _| {},
            rows: |_| {},
            twice: false,
            challenge: Challenge::Fresh,
            route: Route::Open,
            says: false,
        }
    }

    /// Changes what is signed, or how.
    #[must_use]
    pub const fn draft(mut self, change: fn(&mut Draft<'_>)) -> Self {
        self.draft = change;
        self
    }

    /// Changes what arrives.
    #[must_use]
    pub const fn sent(mut self, change: fn(&mut Sent, Dialect)) -> Self {
        self.sent = change;
        self
    }

    /// Changes the registry.
    #[must_use]
    pub const fn rows(mut self, change: fn(&mut Vec<Record>)) -> Self {
        self.rows = change;
        self
    }

    /// Signs with another key.
    #[must_use]
    pub const fn key(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    /// Sets the caller's clock ahead by so many seconds, which explain must tell.
    #[must_use]
    pub const fn clock(mut self, ahead: i64) -> Self {
        self.clock = ahead;
        self.tells_skew = true;
        self
    }

    /// Sends it twice.
    #[must_use]
    pub const fn twice(mut self) -> Self {
        self.twice = true;
        self
    }

    /// Answers another challenge.
    #[must_use]
    pub const fn challenge(mut self, challenge: Challenge) -> Self {
        self.challenge = challenge;
        self
    }

    /// Goes to another route.
    #[must_use]
    pub const fn route(mut self, route: Route) -> Self {
        self.route = route;
        self
    }

    /// Tells explain what was signed.
    #[must_use]
    pub const fn says(mut self) -> Self {
        self.says = true;
        self
    }

    /// The broken request.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(&self, dialect: Dialect, world: &World, now: i64) -> Result<Sent, String> {
        let mut draft = Draft::new(dialect, world, now + self.clock)?;
        let [_, old, unknown] = dialect.keys();
        match self.key {
            Key::Own => {}
            Key::Old => draft.use_key(world.key(old)?),
            Key::Unknown => draft.use_key(world.key(unknown)?),
            Key::Named(id) => draft.use_key(world.key(id)?),
        }
        (self.draft)(&mut draft);
        let mut sent = draft.send()?;
        (self.sent)(&mut sent, dialect);
        Ok(sent)
    }
}
