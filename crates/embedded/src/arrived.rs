//! A request as a web framework hands it over, undecoded.
use std::net::IpAddr;

/// One request. Whatever a framework cannot give as it came is left out, and never guessed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrived<'r> {
    /// The method, as sent.
    pub method: &'r str,
    /// Path and query as sent, undecoded; `None` where only a decoded path can be had.
    pub target: Option<&'r str>,
    /// Its headers in the order in which they came; repeats are kept.
    pub headers: &'r [(&'r [u8], &'r [u8])],
    /// All of its body; `None` where it was not read.
    pub body: Option<&'r [u8]>,
    /// The client's address, when it is known from a source that is trusted.
    pub client: Option<IpAddr>,
}
