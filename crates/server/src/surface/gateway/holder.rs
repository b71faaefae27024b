//! Whether the caller of an open tunnel may still be here: looked at each second, and again in full when the registry changed.
use crate::routes::Place;
use crate::shared::Shared;
use crate::surface::path;
use countersign::ask::{ActingAs, Caller, Companion, KeyQuery, Standing, Who};
use countersign::incoming::{Body, Incoming, Target};
use countersign::life::session::Session;
use countersign::permission::permit;
use countersign::time::Time;
use countersign::verified::Verified;
use countersign_keys::Algorithm;
use countersign_store::fault::Fault;
use http::HeaderMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A revoked key closes a tunnel within this.
const LOOK: Duration = Duration::from_secs(1);

/// Keys that an account publishes are no rows of the registry.
const PUBLISHED: &str = "jwks:";

/// Who opened a tunnel, by what, and with which request.
pub(super) struct Holder {
    /// The route as it was then: a reload ends no tunnel.
    place: Arc<Place>,
    account: Box<str>,
    name: Box<str>,
    key: Box<str>,
    algorithm: Algorithm,
    dialect: Arc<str>,
    identifier: String,
    /// The companion key that stood beside the proof.
    companion: Option<Zeroizing<String>>,
    session: Option<String>,
    acting_as: Option<String>,
    method: String,
    path: String,
    client: Option<IpAddr>,
}

impl Holder {
    pub(super) fn of(verified: &Verified, incoming: &Incoming<'_>, place: &Arc<Place>) -> Self {
        let dialect = place.policy.dialects.iter().find(|dialect| dialect.name() == verified.dialect());
        let companion = dialect.and_then(|dialect| incoming.headers.get(dialect.companion()?));
        Self {
            place: Arc::clone(place),
            identifier: verified.identifier().to_owned(),
            companion: companion.and_then(|key| Some(Zeroizing::new(key.to_str().ok()?.to_owned()))),
            account: verified.caller().id.clone(),
            name: verified.caller().name.clone(),
            key: verified.key().id.clone(),
            algorithm: verified.algorithm(),
            dialect: Arc::clone(verified.dialect()),
            session: verified.session().map(str::to_owned),
            acting_as: verified.acting_as().map(str::to_owned),
            method: incoming.method.to_owned(),
            path: incoming.target.path.to_owned(),
            client: incoming.client,
        }
    }

    /// Ends when the request that opened the tunnel would no longer pass: its account, key, session or delegation counts no more, what
    /// they may do was narrowed, or nobody is let in here at present. Says so in the log.
    pub(super) async fn gone(self, shared: Arc<Shared>) {
        let mut seen = None;
        let mut end = Ok(None);
        loop {
            tokio::time::sleep(LOOK).await;
            // A session ends without a change of the registry.
            let version = Some(shared.directory.version()).filter(|_| self.session.is_none());
            if version.is_none() || version != seen {
                end = match self.end(&shared).await {
                    Ok(end) => end,
                    Err(fault) => {
                        tracing::warn!(%fault, account = &*self.name, "a tunnel's session cannot be looked up");
                        // What cannot be asked is what `is_stale` is for; until then the last answer holds.
                        end
                    }
                };
                seen = version;
            }
            let why = match end {
                _ if shared.is_stale() => "the registry has not answered for some time",
                Err(why) => why,
                Ok(Some(end)) if shared.clock.now() >= end => "its key has expired",
                Ok(_) => continue,
            };
            tracing::info!(
                account = &*self.name,
                key = &*self.key,
                why,
                "a tunnel's caller may no longer be here: closed"
            );
            return;
        }
    }

    /// Until when it counts, `None` without an end; or why it does not.
    async fn end(&self, shared: &Shared) -> Result<Result<Option<Time>, &'static str>, Fault> {
        let session = match &self.session {
            Some(id) => Some(shared.sessions.get(id).await?),
            None => None,
        };
        Ok(self.counts(shared, session.as_ref().map(Option::as_deref)))
    }

    /// The same, with the session as it is now where one opened the tunnel.
    fn counts(
        &self,
        shared: &Shared,
        session: Option<Option<&Session>>,
    ) -> Result<Option<Time>, &'static str> {
        let now = shared.clock.now();
        let caller = shared.directory.caller(&self.account).filter(|caller| caller.enabled);
        let caller = caller.ok_or("its account is disabled or deleted")?;
        if let Some(user) = &self.acting_as
            && shared.directory.delegation(&self.account, user) != ActingAs::Delegated
        {
            return Err("its account may no longer act for this user");
        }
        if !self.place.policy.admits(&caller) {
            return Err("its route admits its account no more");
        }
        if session.is_none() {
            self.is_named(shared)?;
        }
        let (key, end) = match session {
            Some(session) => {
                // As the next request of it would be judged: a session may be an account key's or a companion key's.
                let ended = "its session has ended, or what opened it counts no more";
                let session = session.ok_or(ended)?;
                let published = session.key.starts_with(PUBLISHED) && self.publishes(shared);
                match shared.directory.standing(session, now, published) {
                    Standing::Live(end) => (caller.key(&session.key), Some(end)),
                    _ => return Err(ended),
                }
            }
            None if self.key.starts_with(PUBLISHED) => (
                None,
                self.publishes(shared).then_some(None).ok_or("its account publishes no keys any more")?,
            ),
            None => {
                let key = caller.key(&self.key).filter(|key| key.life.is_live(now));
                let key = key.ok_or("its key is revoked, disabled or has expired")?;
                if !key.serves(&self.dialect) || !key.allows(self.algorithm) {
                    return Err("its key may no longer be used this way");
                }
                (Some(key), key.life.ends())
            }
        };
        let headers = HeaderMap::new();
        let incoming = Incoming {
            method: &self.method,
            target: Target::new("", "", &self.path),
            headers: &headers,
            body: Body::Empty,
            client: self.client,
            challenge: None,
        };
        permit(&caller, key.iter().map(|key| &key.limits), &incoming)
            .map_err(|_| "its account or key is confined to other requests")?;
        // As for requests: on a path that is not plain, to be confined to some says nothing.
        let confined = !caller.paths.is_empty() || key.is_some_and(|key| !key.limits.paths.is_empty());
        if confined && path::check(&self.path).is_err() {
            return Err("its account or key is confined to other requests");
        }
        Ok(end)
    }

    /// Whether its account publishes keys still; which ones is asked when requests come.
    fn publishes(&self, shared: &Shared) -> bool {
        shared.directory.account(&self.account).is_some_and(|account| account.jwks_url.is_some())
    }

    /// Asks again what its proof named: the account by its identifier, and the companion key beside it.
    fn is_named(&self, shared: &Shared) -> Result<(), &'static str> {
        let mut dialects = self.place.policy.dialects.iter();
        let dialect = dialects.find(|dialect| *dialect.name() == self.dialect);
        // Whoever is known by a key has no other name.
        let Some(namespace) = dialect.and_then(|dialect| dialect.namespace()) else { return Ok(()) };
        let found = shared.directory.answer(&KeyQuery {
            dialect: &self.dialect,
            who: Who::Identifier { namespace, identifier: &self.identifier },
            kid: None,
            companion: self.companion.as_deref().map(String::as_str),
            acting_as: None,
        });
        if found.caller.is_none_or(|caller: Arc<Caller>| caller.id != self.account) {
            return Err("its identifier is no longer its account's");
        }
        if self.companion.is_some() && found.companion != Companion::Known {
            return Err("its companion key counts no more");
        }
        Ok(())
    }
}
