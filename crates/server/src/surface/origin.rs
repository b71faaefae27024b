//! Where a request came from and where it was sent, as far as that can be believed: only trusted proxies may say otherwise.
use crate::config::server::ServerSection;
use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// Where a request came from and where it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `https` or `http`, as the caller sees it.
    pub(crate) scheme: String,
    /// Host and port as the caller sees them; what signatures over the address are judged against.
    pub(crate) authority: String,
    /// Host and port that routes are found by and the upstream is told, whatever `public_url` says.
    pub(crate) own: String,
    /// The host, lower case, without port: what routes are found by.
    pub(crate) host: String,
    /// The caller's address.
    pub(crate) client: Client,
    /// Whether the other end of the connection is a trusted proxy.
    pub(crate) trusted: bool,
}

/// The caller's address, as far as proxies tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// It is this.
    Known(IpAddr),
    /// A proxy says that it does not know, or hides it (`unknown`, `_hidden`); the nearest address that is known is this proxy's.
    /// Such a caller is in no network, whatever the proxy may do.
    Behind(IpAddr),
}

impl Client {
    /// To judge by.
    pub(crate) fn known(self) -> Option<IpAddr> {
        match self {
            Self::Known(address) => Some(address),
            Self::Behind(_) => None,
        }
    }

    /// For the log, and to count by.
    pub(crate) fn nearest(self) -> IpAddr {
        match self {
            Self::Known(address) | Self::Behind(address) => address,
        }
    }
}

/// Finds it out. `own` is the authority in the request's target (always there in HTTP/2).
///
/// # Errors
/// Says what is missing, doubled or contradictory.
pub(crate) fn of(
    config: &ServerSection,
    peer: IpAddr,
    tls: bool,
    headers: &HeaderMap,
    own: Option<&Authority>,
) -> Result<Origin, &'static str> {
    let mut origin = told(config, peer, tls, headers, own)?;
    if let Some((scheme, authority)) = config.public() {
        scheme.clone_into(&mut origin.scheme);
        authority.clone_into(&mut origin.authority);
    }
    Ok(origin)
}

/// The same without regard to `public_url`.
///
/// # Errors
/// Says what is missing, doubled or contradictory.
pub(crate) fn told(
    config: &ServerSection,
    peer: IpAddr,
    tls: bool,
    headers: &HeaderMap,
    own: Option<&Authority>,
) -> Result<Origin, &'static str> {
    let trusted = config.trusted_proxies.iter().any(|network| network.contains(peer));
    let mut authority = match (single(headers, HOST.as_str())?, own) {
        (Some(host), Some(own)) if !host.eq_ignore_ascii_case(own.as_str()) => {
            return Err("the target names another host than Host");
        }
        (Some(host), _) => host.to_owned(),
        (None, Some(own)) => own.to_string(),
        (None, None) => return Err("there is no Host"),
    };
    if !crate::accept::head::is_host(authority.as_bytes()) {
        return Err("Host is no host with an optional port");
    }
    let mut scheme = if tls { "https" } else { "http" }.to_owned();
    let mut client = Client::Known(peer);
    if trusted {
        if let Some(host) = single(headers, "x-forwarded-host")? {
            if !crate::accept::head::is_host(host.as_bytes()) {
                return Err("X-Forwarded-Host is no host with an optional port");
            }
            host.clone_into(&mut authority);
        }
        if let Some(proto) = single(headers, "x-forwarded-proto")? {
            if proto != "http" && proto != "https" {
                return Err("X-Forwarded-Proto is neither http nor https");
            }
            proto.clone_into(&mut scheme);
        }
        client = forwarded_for(config, peer, headers)?;
    }
    let host = host_of(&authority).into_owned();
    Ok(Origin { scheme, own: authority.clone(), authority, host, client, trusted })
}

/// The caller's address alone, to judge by: the peer's, or what a trusted proxy tells, whatever else is wrong with the request.
///
/// # Errors
/// When the chain of addresses cannot be read: nobody is taken for the proxy then, whose address may be allowed more.
pub(crate) fn told_client(
    config: &ServerSection,
    peer: IpAddr,
    headers: &HeaderMap,
) -> Result<Client, &'static str> {
    if !config.trusted_proxies.iter().any(|network| network.contains(peer)) {
        return Ok(Client::Known(peer));
    }
    forwarded_for(config, peer, headers)
}

/// The only value of a header.
///
/// # Errors
/// When it stands twice or is not plain text.
pub(crate) fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, &'static str> {
    match text(headers, name)? {
        Some(value) if !value.is_ascii() => Err("a header has bytes that are not ASCII"),
        value => Ok(value),
    }
}

/// The only value of a header that may have letters of other scripts.
///
/// # Errors
/// When it stands twice or is not UTF-8.
pub(crate) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, &'static str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err("a header that must stand once stands twice"),
        (None, None) => Ok(None),
        (Some(value), None) => {
            std::str::from_utf8(value.as_bytes()).map(Some).map_err(|_| "a header is not UTF-8")
        }
    }
}

/// The host that routes are found by: lower case, without port, and without the dot that may end a full name.
pub(crate) fn host_of(authority: &str) -> Cow<'_, str> {
    let host = match authority.rsplit_once(':') {
        Some((host, _)) if !authority.ends_with(']') => host,
        _ => authority,
    };
    let host = host.trim_end_matches('.');
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

/// The last address in the chain that no trusted proxy has; without a chain, the peer's.
fn forwarded_for(config: &ServerSection, peer: IpAddr, headers: &HeaderMap) -> Result<Client, &'static str> {
    let mut chain = Vec::new();
    for value in headers.get_all("x-forwarded-for") {
        let value = value.to_str().map_err(|_| "X-Forwarded-For has bytes that are not ASCII")?;
        chain.extend(value.split(',').map(str::trim));
    }
    let mut client = peer;
    for text in chain.iter().rev() {
        // What a proxy could not read ends the chain; what stands before it is the caller's own invention.
        // Some write the port as well.
        let read = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
        let Ok(address) = read else { return Ok(Client::Behind(client)) };
        client = address;
        if !config.trusted_proxies.iter().any(|network| network.contains(address)) {
            break;
        }
    }
    Ok(Client::Known(client))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    fn config(text: &str) -> ServerSection {
        let sources =
            Sources { file: Some(("f".to_owned(), format!("[server]\n{text}"))), ..Sources::default() };
        Config::load(&sources).unwrap().server
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));

    #[test]
    fn strangers_are_not_believed() {
        let sent = headers(&[
            ("host", "a.example:81"),
            ("x-forwarded-host", "evil"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "1.2.3.4"),
        ]);
        let origin = of(&config(""), PEER, false, &sent, None).unwrap();
        assert_eq!(
            (origin.scheme.as_str(), origin.authority.as_str(), origin.host.as_str()),
            ("http", "a.example:81", "a.example")
        );
        assert_eq!((origin.client, origin.trusted), (Client::Known(PEER), false));
    }

    #[test]
    fn trusted_proxies_are_but_not_beyond_their_chain() {
        let sent = headers(&[
            ("host", "inner"),
            ("x-forwarded-host", "A.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "6.6.6.6, 1.2.3.4"),
            ("x-forwarded-for", "10.0.0.8"),
        ]);
        let origin = of(&config("trusted_proxies = [\"10.0.0.0/8\"]"), PEER, false, &sent, None).unwrap();
        assert_eq!(
            (origin.scheme.as_str(), origin.authority.as_str(), origin.host.as_str()),
            ("https", "A.example", "a.example")
        );
        assert_eq!(origin.client, Client::Known("1.2.3.4".parse().unwrap()));
        let public = "trusted_proxies = [\"10.0.0.0/8\"]\npublic_url = \"https://api.example.test\"";
        let origin = of(&config(public), PEER, false, &sent, None).unwrap();
        assert_eq!((origin.authority.as_str(), origin.host.as_str()), ("api.example.test", "a.example"));
    }

    #[test]
    fn a_caller_is_never_taken_for_its_proxy() {
        let trusting = config("trusted_proxies = [\"10.0.0.0/8\"]");
        let mut sent = headers(&[("x-forwarded-host", "a/b"), ("x-forwarded-for", "192.0.2.7")]);
        let known = |address: &str| Ok(Client::Known(address.parse().unwrap()));
        assert_eq!(told_client(&trusting, PEER, &sent), known("192.0.2.7"));
        assert_eq!(told_client(&config(""), PEER, &sent), Ok(Client::Known(PEER)));
        for (chain, wanted) in
            [("192.0.2.7:41000", "192.0.2.7"), ("[2001:db8::7]:41000, 10.0.0.2", "2001:db8::7")]
        {
            let sent = headers(&[("x-forwarded-for", chain)]);
            assert_eq!(told_client(&trusting, PEER, &sent), known(wanted));
        }
        // Whom a proxy does not know, or hides: nobody's address, and never the one that a caller wrote before it.
        for (chain, nearest) in [
            ("unknown", "10.0.0.9"),
            ("192.0.2.7, unknown", "10.0.0.9"),
            ("192.0.2.7, _hidden, 10.0.0.8", "10.0.0.8"),
            ("", "10.0.0.9"),
        ] {
            let sent = headers(&[("host", "a"), ("x-forwarded-for", chain)]);
            let behind = Client::Behind(nearest.parse().unwrap());
            assert_eq!(told_client(&trusting, PEER, &sent), Ok(behind), "{chain}");
            assert_eq!(of(&trusting, PEER, false, &sent, None).unwrap().client, behind);
            assert_eq!(told_client(&trusting, PEER, &sent).map(Client::nearest), Ok(behind.nearest()));
        }
        sent.append("x-forwarded-for", http::HeaderValue::from_bytes(b"\xfc").unwrap());
        assert!(told_client(&trusting, PEER, &sent).is_err());
    }

    #[test]
    fn contradictions_are_refused() {
        let trusting = config("trusted_proxies = [\"10.0.0.0/8\"]");
        for sent in [
            headers(&[]),
            headers(&[("host", "a"), ("host", "a")]),
            headers(&[("host", "a"), ("x-forwarded-host", "a"), ("x-forwarded-host", "b")]),
            headers(&[("host", "a"), ("x-forwarded-host", "a, b")]),
            headers(&[("host", "a"), ("x-forwarded-proto", "ftp")]),
            headers(&[("host", "a/b")]),
        ] {
            assert!(of(&trusting, PEER, false, &sent, None).is_err(), "{sent:?}");
        }
        let own: Authority = "b".parse().unwrap();
        assert!(of(&trusting, PEER, false, &headers(&[("host", "a")]), Some(&own)).is_err());
        assert!(of(&trusting, PEER, false, &headers(&[]), Some(&own)).is_ok());
    }
}
