//! The request as it came in: what a proof is judged against, borrowed and undecoded.
use crate::time::Time;
use http::HeaderMap;
use std::net::IpAddr;

/// One request, as bytes that came; nothing is decoded or made normal.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'r> {
    /// The method, as sent.
    pub method: &'r str,
    /// Where it went.
    pub target: Target<'r>,
    /// Its headers; names in lower case, repeats kept.
    pub headers: &'r HeaderMap,
    /// Its body.
    pub body: Body<'r>,
    /// The client's address, when it is known from a source that is trusted.
    pub client: Option<IpAddr>,
    /// The challenge this request answers, when the shell opened one.
    pub challenge: Option<Answered<'r>>,
}

/// A challenge that the shell opened and found its own, for this user and purpose.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'r> {
    /// The text the caller asked to have before the code.
    pub prefix: Option<&'r str>,
    /// When it was issued.
    pub issued: Time,
    /// Until when it counts (inclusive).
    pub until: Time,
}

/// The address a request was sent to, in the parts that dialects sign.
#[derive(Clone, Copy, Debug)]
pub struct Target<'r> {
    /// `https` or `http`, as the caller sees it.
    pub scheme: &'r str,
    /// Host and port as the caller sees them.
    pub authority: &'r str,
    /// The path as sent, undecoded.
    pub path: &'r str,
    /// What follows the `?`, undecoded; `None` without one.
    pub query: Option<&'r str>,
}

/// The body of a request, as far as the verifier can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'r> {
    /// All of it.
    Seen(&'r [u8]),
    /// There is none.
    Empty,
    /// There is one (or may be), but it does not reach the verifier.
    Unseen,
}

impl<'r> Target<'r> {
    /// Splits a path with an optional query at the first `?`.
    #[must_use]
    pub fn new(scheme: &'r str, authority: &'r str, path_and_query: &'r str) -> Self {
        match path_and_query.split_once('?') {
            Some((path, query)) => Self { scheme, authority, path, query: Some(query) },
            None => Self { scheme, authority, path: path_and_query, query: None },
        }
    }

    /// Splits an absolute `http` or `https` address; a missing path is `/`. `None` when it is not one.
    #[must_use]
    pub fn from_url(url: &'r str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        if scheme != "http" && scheme != "https" {
            return None;
        }
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(cut)?;
        if authority.is_empty() {
            return None;
        }
        let mut target = Self::new(scheme, authority, path);
        if target.path.is_empty() {
            target.path = "/";
        }
        Some(target)
    }

    /// The whole address in one text.
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = String::with_capacity(
            self.scheme.len() + self.authority.len() + self.path.len() + self.query.map_or(0, str::len) + 4,
        );
        url.push_str(self.scheme);
        url.push_str("://");
        url.push_str(self.authority);
        url.push_str(self.path);
        if let Some(query) = self.query {
            url.push('?');
            url.push_str(query);
        }
        url
    }
}

/// What a caller may make the verifier read, and why not more.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one credential: real ones stay under 2 KiB, an RSA-8192 token with long claims under 16.
    pub credential: usize,
    /// Nesting of JSON: no dialect needs more than 3; 16 leaves room and keeps the stack flat.
    pub json_depth: u8,
    /// Members of one JSON object: no dialect needs more than 20.
    pub json_members: usize,
    /// Bytes of a body that a dialect signs.
    pub body: usize,
    /// Bytes of a key hint.
    pub kid: usize,
    /// Keys tried for one proof: an account in rotation has two or three.
    pub keys: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            credential: 16 * 1024,
            json_depth: 16,
            json_members: 256,
            body: 1024 * 1024,
            kid: 256,
            keys: 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_split_and_join() {
        for url in ["https://a.example/x/?q=1?2", "http://h:81/", "https://h/é?", "http://h/a//b"] {
            assert_eq!(Target::from_url(url).unwrap().url(), url);
        }
        assert_eq!(Target::from_url("https://h").unwrap().url(), "https://h/");
        for bad in ["h/x", "ftp://h/", "https:///x", ""] {
            assert!(Target::from_url(bad).is_none(), "{bad}");
        }
    }
}
