//! Who may ask the sidecar: only tools that know it by its own names, no page of a browser, and where wanted only who knows the token.
use super::answer::Own;
use super::listen::Door;
use super::upstream::Upstream;
use base64ct::{Base64, Encoding};
use countersign_keys::sha256;
use http::header::{AUTHORIZATION, HOST, ORIGIN, UPGRADE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use zeroize::Zeroizing;

/// The header for the local token, for tools whose credentials are passed on.
pub(super) const LOCAL: HeaderName = HeaderName::from_static("countersign-local");
/// What a browser tells of the page that asks (Fetch Metadata); no page can leave it out or change it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The conditions.
pub(super) struct Admission {
    /// Every `host[:port]` that is this sidecar, in lower case.
    names: Vec<String>,
    /// The token's digest: digests are compared, so the time it takes tells nothing.
    token: Option<[u8; 32]>,
}

impl Admission {
    pub(super) fn new(
        door: &Door,
        upstream: &Upstream,
        more: &[String],
        token: Option<Zeroizing<String>>,
    ) -> Self {
        let mut names = Vec::new();
        match door {
            Door::Tcp(_, bound) => {
                let port = bound.port();
                let mut hosts: Vec<String> = more.to_vec();
                hosts.push(
                    bound.to_string().rsplit_once(':').map_or_else(String::new, |(host, _)| host.to_owned()),
                );
                if bound.ip().is_loopback() {
                    hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
                }
                names.extend(hosts.iter().map(|host| format!("{host}:{port}")));
                // A name given by hand may have a port of its own: that of a port mapping.
                names.extend_from_slice(more);
                if port == 80 {
                    names.extend(hosts);
                }
            }
            // No page of a browser reaches a socket file, so the server's own name is none that could be forged.
            Door::Unix(..) => {
                names.extend(["localhost".to_owned(), upstream.authority().to_owned()]);
                names.extend_from_slice(more);
            }
        }
        names.iter_mut().for_each(|name| name.make_ascii_lowercase());
        Self { names, token: token.map(|token| sha256(&[token.as_bytes()])) }
    }

    pub(super) fn wants_token(&self) -> bool {
        self.token.is_some()
    }

    /// Judges the head of a request.
    pub(super) fn judge(&self, head: &Parts) -> Result<(), Own> {
        self.is_for_us(head)?;
        self.is_no_page(&head.headers)?;
        if let Some(token) = &self.token
            && !offered(&head.headers).any(|found| sha256(&[found.as_bytes()]) == *token)
        {
            return Err(Own::new(
                "local-token",
                StatusCode::UNAUTHORIZED,
                "this sidecar wants its local token: in the header countersign-local, as Bearer token, or as password of Basic",
            ));
        }
        if head.headers.contains_key(UPGRADE) {
            return Err(Own::new(
                "upgrade",
                StatusCode::NOT_IMPLEMENTED,
                "connections cannot be upgraded through here",
            ));
        }
        Ok(())
    }

    /// Against pages that make their own name point at this machine, and against use as a proxy to anywhere.
    fn is_for_us(&self, head: &Parts) -> Result<(), Own> {
        let no = |found: &str| {
            Own::new(
                "host",
                StatusCode::MISDIRECTED_REQUEST,
                format!(
                    "wanted one of {}, found {found:?}; more names are given with --name",
                    self.names.join(", ")
                ),
            )
        };
        if head.method == Method::CONNECT || !head.uri.path().starts_with('/') {
            return Err(Own::new(
                "target",
                StatusCode::BAD_REQUEST,
                "wanted a path; this is no proxy to other addresses",
            ));
        }
        if let Some(authority) = head.uri.authority()
            && !self.is_ours(authority.as_str())
        {
            return Err(no(authority.as_str()));
        }
        let mut hosts = head.headers.get_all(HOST).iter();
        match (hosts.next().map(|host| host.to_str().unwrap_or("(not text)")), hosts.next()) {
            (Some(host), None) if self.is_ours(host) => Ok(()),
            (Some(host), None) => Err(no(host)),
            (None, _) => Err(no("no Host")),
            (Some(_), Some(_)) => Err(no("more than one Host")),
        }
    }

    /// A page on another site can make a browser send simple requests here under our own name; it must not have them signed.
    fn is_no_page(&self, headers: &HeaderMap) -> Result<(), Own> {
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
        let own_site = text(&FETCH_SITE).is_none_or(|site| site == "none" || site == "same-origin");
        let own_origin = text(&ORIGIN)
            .is_none_or(|origin| origin.strip_prefix("http://").is_some_and(|name| self.is_ours(name)));
        // Old browsers tell nothing of the page, and new ones nothing over plain http to a name that is not this machine's own.
        // All give their name so, and a page cannot add a header of ours without an Origin going first.
        let silent = text(&FETCH_SITE).is_none()
            && text(&USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/"))
            && !headers.contains_key(&LOCAL);
        if own_site && own_origin && !silent {
            return Ok(());
        }
        let told = if silent {
            "what asks calls itself a browser, and pages are not signed for; a tool sends another User-Agent, or the header \
             countersign-local with anything in it"
        } else {
            "a page of another site asks; only tools are signed for"
        };
        Err(Own::new("page", StatusCode::FORBIDDEN, told))
    }

    fn is_ours(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The tokens that a request offers.
fn offered(headers: &HeaderMap) -> impl Iterator<Item = Zeroizing<String>> {
    // One header of each kind counts, so a request offers two at most.
    let local = headers.get(LOCAL).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| {
        let (scheme, rest) = text.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(rest.trim().to_owned());
        }
        let plain = Base64::decode_vec(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let plain = String::from_utf8(plain).ok()?;
        plain.split_once(':').map(|(_, password)| password.to_owned())
    });
    [local, bearer].into_iter().flatten().map(Zeroizing::new)
}
