//! Whoever is signed in: the account, and the key that opened the session, as the registry has them now.
use super::link::may_link;
use super::site::Site;
use crate::app::App;
use crate::surface::manage::operator::Actor;
use crate::surface::manage::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use countersign::ask::{Caller, KnownKey};
use countersign::incoming::Incoming;
use countersign::life::session::Session;
use countersign::permission::permit;
use countersign::time::Time;
use countersign_store::model::{Account, Role};
use std::net::IpAddr;
use std::sync::Arc;

/// Keys' ids begin so.
pub(super) const KEY: &str = "key_";
/// What opened a session that a link opened: this, and the account that made the link.
pub(super) const LINK: &str = "link-of/";
/// The dialect that management calls are signed in.
const OPERATOR: &str = "operator";

/// Who is signed in. Only [`super::session::find`] makes one.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    /// The account.
    pub(crate) account: Account,
    /// The session.
    pub(crate) session: Arc<Session>,
    /// The key that opened it; none where a link of an operator's did.
    pub(crate) key: Option<Arc<KnownKey>>,
    /// When the call was judged.
    pub(crate) now: Time,
    caller: Arc<Caller>,
    /// Whether what opened it opens management calls too, should the account be an operator's.
    manages: bool,
}

impl Holder {
    /// Nobody, where the account or the key no longer counts, or the key not from there.
    pub(super) fn of(app: &App, session: Arc<Session>, site: &Site, now: Time) -> Option<Self> {
        let account = app.directory.account(&session.account).filter(|account| account.enabled)?;
        let caller = app.directory.caller(&session.account)?;
        let key = match key_of(&session) {
            Some(id) => {
                let key = Arc::clone(caller.key(id)?);
                if !key.life.is_live(now) || !comes_from(&key, site.client) {
                    return None;
                }
                Some(key)
            }
            None => None,
        };
        let manages = match &key {
            Some(key) => key.serves(OPERATOR),
            // By a link that its maker may make now: not one for an account that was no operator's then.
            None => {
                let maker = session.key.strip_prefix(LINK).and_then(|maker| app.directory.account(maker));
                may_link(maker.as_ref(), &account)
            }
        };
        Some(Self { account, session, key, now, caller, manages })
    }

    /// In whose name it changes things.
    pub(crate) fn actor(&self) -> Actor {
        Actor { id: self.account.id.clone(), now: self.now }
    }

    /// The role in which it may manage: an operator's, signed in by a key for management calls or by a link of an owner's.
    pub(crate) fn role(&self) -> Option<Role> {
        self.account.role.filter(|_| self.manages)
    }

    /// Whether what confines the key and its account lets this call through.
    pub(crate) fn may(&self, incoming: &Incoming<'_>) -> bool {
        permit(&self.caller, self.key.iter().map(|key| &key.limits), incoming).is_ok()
    }

    /// What the log has of the key: its id, or that it was a link.
    pub(crate) fn key_name(&self) -> String {
        self.session.key.clone()
    }
}

/// The id of the key that opened a session; none where a link of an operator's did.
pub(super) fn key_of(session: &Session) -> Option<&str> {
    Some(session.key.as_str()).filter(|key| key.starts_with(KEY))
}

/// Whether a key may be used from an address.
pub(super) fn comes_from(key: &KnownKey, client: Option<IpAddr>) -> bool {
    let networks = &key.limits.networks;
    networks.is_empty()
        || client.is_some_and(|client| networks.iter().any(|network| network.contains(client)))
}

impl<S: Send + Sync> FromRequestParts<S> for Holder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            // Cannot happen behind the door; if it did, nobody comes in.
            Problem::new(StatusCode::UNAUTHORIZED, "missing-credentials", "Nobody is signed in.")
        })
    }
}
