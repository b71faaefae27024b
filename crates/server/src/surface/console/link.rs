//! Links that sign somebody in once: made by an operator or a signed-in command line, spent by a click.
use super::token;
use crate::app::App;
use crate::config::listener::Surface;
use crate::shared::Shared;
use countersign::ask::Claim;
use countersign::base64::encode_hex;
use countersign::reason::Reason;
use countersign::time::{Span, Time};
use countersign_guard::clock::draw;
use countersign_store::model::{Account, Role};

/// Seconds that a link works.
const LIFE: i64 = 30 * 60;
/// Seconds that one may be dated ahead: nodes' clocks differ.
const AHEAD: i64 = 1;
const PURPOSE: &str = "link";

/// Whom a link signs in, and what lets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The account's id.
    pub(crate) account: String,
    /// The key that asked for it; empty where an operator did.
    pub(crate) key: String,
    /// The operator who made it; empty where a key asked for it.
    pub(crate) maker: String,
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
        let text = format!("{} {mark} {} {} {}", now.millis(), self.account, self.key, self.maker);
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
        let link = Self { account: next()?, key: next()?, maker: next()? };
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

/// Whether an operator may make a link for an account, and its link still counts: for an operator's account only an owner's.
pub(crate) fn may_link(maker: Option<&Account>, account: &Account) -> bool {
    maker.filter(|maker| maker.enabled).is_some_and(|maker| match maker.role {
        Some(Role::Owner) => true,
        Some(Role::Manager) => account.role.is_none(),
        Some(Role::Auditor) | None => false,
    })
}
