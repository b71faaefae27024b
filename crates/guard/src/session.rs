//! The session API of the spacetime dialect: from a challenge to tokens, their refresh and end, keys and membership.
//!
//! Independent of any HTTP server: [`SessionApi::call`] takes a request whose body was read, and gives the whole answer.
use crate::allowance::{Allowance, Unlimited};
use crate::clock::{Entropy, draw};
use crate::guard::Guard;
use crate::policy::Policy;
use crate::signing::SigningKeys;
use bytes::Bytes;
use countersign::dialect::Dialect;
use countersign::dialect::file::DialectError;
use countersign::dialect::settings::Settings;
use countersign::incoming::{Answered, Body, Incoming, Target};
use countersign::time::Time;
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::registrar::Registrar;
use countersign_store::stamp::Stamp;
use http::{HeaderMap, Request, Response, header};
use std::net::IpAddr;
use std::sync::Arc;

mod body;
pub mod challenges;
mod companion;
mod holder;
mod keys;
mod login;
pub mod membership;
mod organisation;
mod pace;
mod possession;
mod refresh;
mod reply;
pub mod retold;
pub(crate) mod room;
pub mod route;
pub mod settings;
mod token;

pub use reply::Told;

use crate::session::challenges::Challenges;
use crate::session::pace::Pace;
use crate::session::reply::{No, Stop, json};
use crate::session::route::{Call, NoCall};
use crate::session::settings::SessionSettings;

/// The dialect whose proofs open sessions.
const DIALECT: &str = "spacetime";
/// Bytes of a body: real ones have under 500.
pub const MOST_BODY: usize = 16 * 1024;

/// The session API. Cheap to share behind an `Arc`.
pub struct SessionApi {
    guard: Arc<Guard>,
    registrar: Arc<Registrar>,
    signing: Arc<SigningKeys>,
    challenges: Arc<dyn Challenges>,
    once: Arc<dyn Once>,
    entropy: Arc<dyn Entropy>,
    settings: SessionSettings,
    pace: Option<Pace>,
    dialect: Dialect,
    access: Policy,
    refresh: Policy,
    /// What a signed code is explained by; it is judged call by call.
    login: Policy,
}

/// What the session API works with.
pub struct SessionParts {
    /// Judges tokens; it has the same signing keys.
    pub guard: Arc<Guard>,
    /// Makes accounts, keys and members; its directory is the guard's.
    pub registrar: Arc<Registrar>,
    /// Signs tokens.
    pub signing: Arc<SigningKeys>,
    /// Issues and opens codes.
    pub challenges: Arc<dyn Challenges>,
    /// Remembers codes that were answered. Strangers fill it, so it is not the memory that one-time proofs need.
    pub once: Arc<dyn Once>,
    /// Draws codes and ids.
    pub entropy: Arc<dyn Entropy>,
}

/// One request under way, with the instant at which it is judged.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'r> {
    pub(crate) request: &'r Request<Bytes>,
    pub(crate) client: Client,
    pub(crate) now: Time,
    /// Whether tokens may be checked for whoever asks.
    pub(crate) allowance: &'r dyn Allowance,
}

/// Where a call comes from, as far as a source that is trusted tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The caller's address, to judge by; `None` where it is hidden.
    pub address: Option<IpAddr>,
    /// The nearest address that is known, to count calls by: the caller's, or that of the proxy that hides it.
    pub nearest: Option<IpAddr>,
}

impl From<Option<IpAddr>> for Client {
    fn from(address: Option<IpAddr>) -> Self {
        Self { address, nearest: address }
    }
}

impl SessionApi {
    /// A session API over these parts.
    ///
    /// # Errors
    /// [`DialectError`] when a dialect that it needs is not among the shipped ones.
    pub fn new(parts: SessionParts, settings: SessionSettings) -> Result<Self, DialectError> {
        let SessionParts { guard, registrar, signing, challenges, once, entropy } = parts;
        let token = |kind: &str| {
            let settings: Settings = [("type".to_owned(), kind.to_owned())].into();
            let dialect = countersign_dialects::load("own-session", &settings)?;
            Ok::<_, DialectError>(Policy::of(vec![Arc::new(dialect)]))
        };
        Ok(Self {
            dialect: countersign_dialects::load(DIALECT, &Settings::new())?,
            login: Policy::of(vec![Arc::new(countersign_dialects::load(DIALECT, &Settings::new())?)]),
            access: token("access")?,
            refresh: token("refresh")?,
            pace: settings.rate.map(Pace::new),
            guard,
            registrar,
            signing,
            challenges,
            once,
            entropy,
            settings,
        })
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    /// Whether a path is one of this API's, so that nothing else may answer it.
    #[must_use]
    pub fn owns(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.settings.prefix.as_str()).and_then(|rest| rest.strip_prefix('/'));
        let under = |rest: &str, word: &str| {
            rest.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        rest.is_some_and(|rest| under(rest, "auth") || under(rest, "subscription"))
    }

    /// Answers a call that came from `client`.
    ///
    /// # Errors
    /// [`Fault`] when a store failed: it answers 503 and lets nobody in.
    pub async fn call(
        &self,
        request: &Request<Bytes>,
        client: impl Into<Client>,
    ) -> Result<Response<Bytes>, Fault> {
        self.call_within(request, client, &Unlimited).await
    }

    /// The same, where `allowance` decides whether a token may be checked. Signing in has a pace of its own.
    ///
    /// # Errors
    /// [`Fault`] when a store failed: it answers 503 and lets nobody in.
    pub async fn call_within(
        &self,
        request: &Request<Bytes>,
        client: impl Into<Client>,
        allowance: &dyn Allowance,
    ) -> Result<Response<Bytes>, Fault> {
        let asked = Asked { request, client: client.into(), now: self.guard.clock().now(), allowance };
        match self.dispatch(&asked).await {
            Ok(response) => Ok(response),
            Err(Stop::No(no)) => Ok(no.response()),
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    async fn dispatch(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let (method, uri) = (asked.request.method().as_str(), asked.request.uri());
        let call = route::find(&self.settings.prefix, method, uri.path()).map_err(|none| match none {
            NoCall::Path => No::not_found(),
            NoCall::Method(allow) => No::wrong_method(allow),
        })?;
        if asked.request.body().len() > MOST_BODY {
            return Err(No::malformed("The body is larger than any call needs.").into());
        }
        if matches!(call, Call::IdExists(_) | Call::Code | Call::CodeRegister | Call::Token | Call::ApiKey) {
            self.paced(asked)?;
        }
        match call {
            Call::IdExists(id) => Ok(json(&self.known(&id).is_some())),
            Call::Code => Ok(self.code(asked, countersign::life::challenge::Purpose::Login)?),
            Call::CodeRegister => Ok(self.code(asked, countersign::life::challenge::Purpose::Register)?),
            Call::Token => self.sign_in(asked).await,
            Call::Refresh => self.refresh(asked).await,
            Call::Logout => self.logout(asked).await,
            Call::ValidToken => self.valid_token(asked).await,
            Call::ListKeys => self.list_keys(asked).await,
            Call::AddKey => self.add_key(asked).await,
            Call::KeyCode => self.key_code(asked).await,
            Call::ApiKey => self.api_key(asked).await,
            Call::Subscription => self.subscription(asked).await,
            Call::Rename => self.rename(asked).await,
            Call::Invite => self.invite(asked).await,
            Call::Join(code) => self.join(asked, &code).await,
            Call::Users => self.users(asked).await,
            Call::Leave => self.leave(asked).await,
            Call::Remove(user) => self.remove(asked, &user).await,
            Call::SetRole(user) => self.set_role(asked, &user).await,
        }
    }

    fn paced(&self, asked: &Asked<'_>) -> Result<(), No> {
        match (&self.pace, asked.client.nearest) {
            (Some(pace), Some(client)) => pace.admit(client, asked.now).map_err(|_| No::too_many()),
            _ => Ok(()),
        }
    }

    fn directory(&self) -> &Directory {
        self.guard.directory()
    }

    /// Where this dialect's users are registered.
    fn namespace(&self) -> &str {
        self.dialect.namespace().unwrap_or("user-id")
    }

    /// The account with this user id.
    fn known(&self, user: &str) -> Option<countersign_store::model::Account> {
        self.directory().account_by_identifier(self.namespace(), user)
    }

    /// What a change that a caller makes to itself is stamped with.
    fn stamp(&self, actor: &str, now: Time) -> Stamp {
        Stamp { now, actor: actor.to_owned(), random: draw(&*self.entropy) }
    }

    /// 24 random hexadecimal digits, as session ids and marks have them.
    fn mark(&self) -> String {
        countersign::base64::encode_hex(&draw::<12>(&*self.entropy))
    }
}

impl<'r> Asked<'r> {
    pub(crate) fn body(&self) -> &'r [u8] {
        self.request.body()
    }

    /// The request as judging sees it.
    pub(crate) fn incoming<'i>(&self, body: Body<'i>, challenge: Option<Answered<'i>>) -> Incoming<'i>
    where
        'r: 'i,
    {
        static NOBODY: &str = "";
        let uri = self.request.uri();
        let headers: &HeaderMap = self.request.headers();
        let authority = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or(NOBODY);
        let target = Target { scheme: "https", authority, path: uri.path(), query: uri.query() };
        Incoming {
            method: self.request.method().as_str(),
            target,
            headers,
            body,
            client: self.client.address,
            challenge,
        }
    }
}

impl std::fmt::Debug for SessionApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionApi").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
