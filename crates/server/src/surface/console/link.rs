//! Links that sign somebody in once: made by an operator or a signed-in command line, spent by a click.
use super::maker::Maker;
use super::token;
use crate::app::App;
use crate::config::listener::Surface;
use crate::shared::Shared;
use countersign::ask::Claim;
use countersign::base64::encode_hex;
use countersign::life::challenge::AHEAD;
use countersign::reason::Reason;
use countersign::time::{Span, Time};
use countersign_guard::clock::draw;

/// Seconds that a link works.
const LIFE: i64 = 30 * 60;
const PURPOSE: &str = "link";

/// Whom a link signs in, and what lets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The account's id.
    pub(crate) account: String,
    /// Who made it.
    pub(crate) by: By,
}

/// Who made a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A key of the account.
    Key(String),
    /// An operator.
    Operator(Maker),
}

/// A link as it came back.
pub(super) struct Came {
    pub(super) link: Link,
    made: Time,
    until: Time,
    token: String,
}

impl Link {
    /// The token, and until when it works. Nothing is kept of it.
    pub(crate) fn seal(&self, app: &Shared, now: Time) -> (String, Time) {
        let mark = encode_hex(&draw::<8>(&*app.entropy));
        // Ids have no spaces.
        let (key, maker) = match &self.by {
            By::Key(key) => (key, ""),
            By::Operator(maker) => (&maker.key, maker.account.as_str()),
        };
        let text = format!("{} {mark} {} {key} {maker}", now.millis(), self.account);
        (token::seal(&app.console, PURPOSE, text.as_bytes()), now + Span::from_seconds(LIFE))
    }

    /// Opens a token.
    ///
    /// # Errors
    /// The reason why it is none.
    pub(super) fn open(app: &App, text: &str, now: Time) -> Result<Came, Reason> {
        let bytes = token::open(&app.console, PURPOSE, text).ok_or(Reason::UnknownChallenge)?;
        let read = String::from_utf8(bytes).map_err(|_| Reason::UnknownChallenge)?;
        let mut parts = read.split(' ');
        let mut next = || parts.next().map(str::to_owned).ok_or(Reason::UnknownChallenge);
        let millis = next()?.parse().map_err(|_| Reason::UnknownChallenge)?;
        let _mark = next()?;
        let (account, key, maker) = (next()?, next()?, next()?);
        let by = if maker.is_empty() { By::Key(key) } else { By::Operator(Maker { account: maker, key }) };
        let link = Self { account, by };
        let made = Time::from_millis(millis);
        let age = now.since(made);
        if age < Span::from_seconds(-AHEAD) {
            return Err(Reason::UnknownChallenge);
        }
        if age > Span::from_seconds(LIFE) {
            return Err(Reason::ChallengeExpired);
        }
        Ok(Came { link, made, until: made + Span::from_seconds(LIFE), token: text.to_owned() })
    }
}

impl Came {
    /// What must be claimed so that it works once.
    pub(super) fn claim(&self) -> Claim {
        token::claim(&self.token, self.made, self.until)
    }
}

/// The address of a link: its token stands after the `#`, which browsers send to nobody.
pub(crate) fn address_of(page: &str, token: &str) -> String {
    format!("{page}#/link/{token}")
}

/// Where a link leads that was not asked for in the console: to the first origin that is configured, else to `public_url` or the
/// listener's own address.
pub(crate) fn page(app: &App) -> String {
    let config = &app.config;
    if let Some(origin) = config.console.origins.first() {
        return format!("{origin}/console/");
    }
    let listener = config.listeners.iter().find(|listener| listener.has(Surface::Console));
    let Some(listener) = listener else { return "/console/".to_owned() };
    let scheme = if listener.tls.is_some() { "https" } else { "http" };
    let named = config.manage.authorities.first().filter(|_| listener.has(Surface::Manage)).cloned();
    match (named, config.server.public()) {
        (Some(authority), _) => format!("{scheme}://{authority}/console/"),
        (None, Some((scheme, authority))) if !listener.has(Surface::Manage) => {
            format!("{scheme}://{authority}/console/")
        }
        (None, _) => format!("{scheme}://{}/console/", listener.address),
    }
}
