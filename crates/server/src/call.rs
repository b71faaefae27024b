//! One request's way through the server: who called, under which id, and how it ended, for the log and the metrics.
use crate::config::listener::Surface;
use crate::config::mode::Mode;
use crate::trip::Trip;
use countersign::time::Time;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What is known of a request before anybody judged it; every surface finds it among the request's extensions.
#[derive(Clone, Debug)]
pub struct Call {
    /// `req_…`, made here; the upstream and the log have it.
    pub id: Arc<str>,
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

/// How a request ended; a surface leaves it among the answer's extensions, and one place logs and counts it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The route's name.
    pub route: Option<String>,
    /// The dialect's name.
    pub dialect: Option<String>,
    /// `verified`, `refused`, `absent` or `fault`; `None` where nothing was judged.
    pub verdict: Option<&'static str>,
    /// The reason's code.
    pub reason: Option<&'static str>,
    /// Whether its signature had held when it was refused.
    pub signed: bool,
    /// `rej_…`, as in the answer's header.
    pub reject: Option<String>,
    /// The account's name.
    pub account: Option<String>,
    /// The key's id.
    pub key: Option<String>,
    /// The user it acted for.
    pub acting_as: Option<String>,
    /// The algorithm that held.
    pub algorithm: Option<&'static str>,
    /// How far the route went, where it does not enforce.
    pub mode: Option<Mode>,
    /// The account that a refused proof names, which it did not prove.
    pub claimed: Option<String>,
    /// The upstream that the request went to, by name.
    pub upstream: Option<String>,
    /// What happened on the way there and back; set when the request was sent on.
    pub trip: Option<Arc<Trip>>,
}
