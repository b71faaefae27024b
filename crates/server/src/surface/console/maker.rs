//! Which operator made a link, and with which key: what the link lets in counts as long as both do.
use crate::app::App;
use countersign::time::Time;
use countersign_store::model::{Account, Role};

/// What opened a session that an operator's link opened begins so.
const LINK: &str = "link-of/";

/// An operator who made a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Maker {
    /// The operator's account.
    pub(crate) account: String,
    /// The operator's key; that of the link's maker where the operator was let in by a link itself.
    pub(crate) key: String,
}

impl Maker {
    /// Of a call by an operator: what opened its session, or the key that signed.
    pub(crate) fn new(account: &str, key: &str) -> Self {
        let key = Self::of(key).map_or_else(|| key.to_owned(), |maker| maker.key);
        Self { account: account.to_owned(), key }
    }

    /// What opened a session, if it was an operator's link.
    pub(super) fn of(opener: &str) -> Option<Self> {
        let (account, key) = opener.strip_prefix(LINK)?.split_once('/')?;
        Some(Self { account: account.to_owned(), key: key.to_owned() })
    }

    /// What a session has that such a link opened.
    pub(super) fn opener(&self) -> String {
        format!("{LINK}{}/{}", self.account, self.key)
    }

    /// The operator, as long as it is one who makes links, and the key is live.
    pub(super) fn counts(&self, app: &App, now: Time) -> Option<Account> {
        let account = app.directory.account(&self.account).filter(makes_links)?;
        app.directory.key(&self.key).filter(|key| key.life.is_live(now)).map(|_| account)
    }
}

/// Whether an operator may make a link for an account, and its link still counts: for an operator's account only an owner's.
pub(crate) fn may_link(maker: &Account, account: &Account) -> bool {
    makes_links(maker) && (account.role.is_none() || maker.role == Some(Role::Owner))
}

/// Whether an account makes links for others.
fn makes_links(account: &Account) -> bool {
    account.enabled && matches!(account.role, Some(Role::Owner | Role::Manager))
}
