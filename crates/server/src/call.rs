//! One request's way through the server: who called, under which id, and how it ended, for the log and the metrics.
use crate::config::listener::Surface;
use crate::config::mode::Mode;
use crate::config::server::ServerSection;
use crate::ids::Id;
use crate::limiter::allowance::Source;
use crate::limiter::conduct::Conduct;
use crate::surface::origin::Client;
use crate::traces::active::Active;
use crate::trip::Trip;
use countersign::ask::{Caller, KnownKey};
use countersign::time::Time;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What is known of a request before anybody judged it.
#[derive(Clone, Debug)]
pub struct Call {
    /// `req_…`, made here; the upstream and the log have it.
    pub id: Id,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The address of the listener it came to.
    pub local: SocketAddr,
    /// Whether the connection speaks TLS.
    pub tls: bool,
    /// When its head had arrived.
    pub at: Time,
    /// What answers it.
    pub surface: Surface,
    /// The caller's address, as the other end tells it where that is a trusted proxy; or why what it tells cannot be read.
    pub(crate) client: Result<Client, &'static str>,
    /// How the caller on this connection behaves; none where a trusted proxy is at its other end.
    pub(crate) conduct: Option<Arc<Conduct>>,
    /// The trace that it belongs to; none while traces are off.
    pub(crate) trace: Option<Arc<Active>>,
}

impl Call {
    /// The caller's address for the log: the other end's where nothing better can be read.
    #[must_use]
    pub fn told(&self) -> IpAddr {
        self.client.map_or(self.peer.ip(), Client::nearest)
    }

    /// Where a request of `client` came from, for the limits.
    pub(crate) fn source(&self, config: &ServerSection, client: Client) -> Source {
        let trace = self.trace.clone();
        Source { trace, ..Source::of(config, client, self.conduct.as_ref()) }
    }
}

/// A request that another proxy asked about whole; the log and the metrics tell it in place of the question.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its method.
    pub method: Box<str>,
    /// Its path, without the query.
    pub path: Box<str>,
    /// The caller's address, where the proxy knows it.
    pub client: Option<IpAddr>,
    /// The status that the proxy was told.
    pub status: Option<u16>,
}

/// What calls by the console's pages, and signing in there, have in the place of a dialect.
pub const CONSOLE: &str = "console";

/// How a request ended; a surface leaves it among the answer's extensions, and one place logs and counts it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The route's name.
    pub route: Option<Arc<str>>,
    /// The dialect's name.
    pub dialect: Option<Arc<str>>,
    /// `verified`, `refused`, `absent` or `fault`; `None` where nothing was judged.
    pub verdict: Option<&'static str>,
    /// The reason's code.
    pub reason: Option<&'static str>,
    /// Whether its signature had held when it was refused.
    pub signed: bool,
    /// `rej_…`, as in the answer's header.
    pub reject: Option<Id>,
    /// Who proved it.
    pub who: Who,
    /// The user it acted for.
    pub acting_as: Option<String>,
    /// The algorithm that held.
    pub algorithm: Option<&'static str>,
    /// How far the route went, where it does not enforce.
    pub mode: Option<Mode>,
    /// The account that a refused proof names, which it did not prove.
    pub claimed: Option<String>,
    /// The upstream that the request went to, by name.
    pub upstream: Option<Arc<str>>,
    /// What happened on the way there and back; set when the request was sent on.
    pub trip: Option<Arc<Trip>>,
}

/// Who proved a request.
#[derive(Clone, Debug, Default)]
pub enum Who {
    /// Nobody.
    #[default]
    Nobody,
    /// An account by one of its keys, as the registry had them.
    Proved(Arc<Caller>, Arc<KnownKey>),
    /// The same as a surface tells it that judges for itself.
    Told {
        /// The account's name.
        account: Option<String>,
        /// The key's id.
        key: Option<String>,
    },
}

impl Who {
    /// The account's name.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Nobody => None,
            Self::Proved(caller, _) => Some(&caller.name),
            Self::Told { account, .. } => account.as_deref(),
        }
    }

    /// The key's id.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Nobody => None,
            Self::Proved(_, key) => Some(&key.id),
            Self::Told { key, .. } => key.as_deref(),
        }
    }
}
