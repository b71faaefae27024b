//! Fetches the key sets that accounts publish: with one deadline, a bound, no redirects, and not from inside our own network.
use crate::config::server::JwksSection;
use countersign_guard::jwks::{Fetch, MOST_BYTES};
use countersign_store::registry::Answer;
use http::Uri;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OnceCell;
use tower::Service;

/// The whole fetch, from the name's look-up to the last byte: a request may be waiting for it.
const DEADLINE: Duration = Duration::from_secs(5);

/// The client that fetches.
pub(crate) struct KeySets {
    /// Made at the first fetch: the machine's root certificates are a hundred files, and most installations fetch nothing.
    client: OnceCell<Fetching>,
    allow_private: bool,
    allow_http: bool,
}

type Fetching = Client<HttpsConnector<HttpConnector<Resolver>>, Empty<bytes::Bytes>>;

impl KeySets {
    pub(crate) fn new(section: &JwksSection) -> Self {
        let JwksSection { allow_private, allow_http, .. } = *section;
        Self { client: OnceCell::new(), allow_private, allow_http }
    }

    /// The client; tried anew at the next fetch when it cannot be made.
    async fn client(&self) -> Result<&Fetching, String> {
        let allow_private = self.allow_private;
        let make = || async move {
            let made = tokio::task::spawn_blocking(move || fetching(allow_private)).await;
            made.map_err(|lost| lost.to_string())?
        };
        self.client.get_or_try_init(make).await
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        let uri: Uri = url.parse().map_err(|_| "the address of the key set is no address".to_owned())?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if self.allow_http => {}
            Some("http") => {
                return Err("the key set is served over plain http ([jwks] allow_http)".to_owned());
            }
            _ => return Err("the address of the key set is neither http nor https".to_owned()),
        }
        // A literal address never reaches the resolver.
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse::<IpAddr>()
            && !self.allow_private
            && is_private(address)
        {
            return Err("the key set lies on a private network ([jwks] allow_private)".to_owned());
        }
        let answer = self.client().await?.get(uri).await.map_err(|error| error.to_string())?;
        if answer.status() != http::StatusCode::OK {
            return Err(format!(
                "wanted status 200, found {}; redirects are not followed",
                answer.status().as_u16()
            ));
        }
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
        body.map(|body| body.to_bytes().to_vec()).map_err(|error| error.to_string())
    }
}

/// Reads the machine's root certificates, which waits for the disk.
fn fetching(allow_private: bool) -> Result<Fetching, String> {
    let mut http = HttpConnector::new_with_resolver(Resolver { allow_private });
    http.enforce_http(false);
    http.set_connect_timeout(Some(DEADLINE));
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
        .map_err(|error| format!("the machine's root certificates cannot be read: {error}"))?
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    // Connections are not kept: sets are fetched once in minutes.
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https))
}

impl Fetch for KeySets {
    fn fetch<'a>(&'a self, url: &'a str) -> Answer<'a, Result<Vec<u8>, String>> {
        Box::pin(async move {
            let fetched = tokio::time::timeout(DEADLINE, self.get(url)).await;
            fetched.unwrap_or_else(|_| Err("the key set did not arrive in time".to_owned()))
        })
    }
}

/// Looks names up and gives only addresses that may be connected to, so that no name leads inside.
#[derive(Clone)]
struct Resolver {
    allow_private: bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> =
                found.filter(|address| allow_private || !is_private(address.ip())).collect();
            if usable.is_empty() {
                return Err(io::Error::other(
                    "the name leads to private networks only ([jwks] allow_private)",
                ));
            }
            Ok(usable.into_iter())
        })
    }
}

/// Whether an address lies on no public network.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Addresses that stand for IPv4 ones count as those: mapped, translated (NAT64), and tunnelled (6to4).
    let inner = address.to_ipv4_mapped().or(match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    });
    if let Some(inner) = inner {
        return is_private_v4(inner);
    }
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || a & 0xfe00 == 0xfc00
        || a & 0xff80 == 0xfe80
        || (a == 0x2001 && (b == 0xdb8 || b < 0x200))
        || (a == 0x64 && b == 0xff9b)
        || (a == 0x3fff && b < 0x1000)
        || a == 0x100
        || a == 0
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;

    #[test]
    fn private_addresses_are_known_in_every_spelling() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
            "64:ff9b:1::7f00:1",
            "fec0::1",
            "2001::1",
            "100::1",
        ] {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in ["1.1.1.1", "8.8.8.8", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }

    fn sets(allow_http: bool) -> KeySets {
        let dialects = Vec::new();
        KeySets::new(&JwksSection { allow_private: false, allow_http, dialects })
    }

    #[tokio::test]
    async fn plain_http_is_not_spoken_unless_it_is_allowed() {
        for url in ["http://caller.example/jwks", "HTTP://caller.example/jwks"] {
            let refused = sets(false).fetch(url).await.unwrap_err();
            assert!(refused.contains("[jwks] allow_http"), "{refused}");
        }
    }

    #[tokio::test]
    async fn nothing_on_this_machine_is_connected_to() {
        let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = trap.local_addr().unwrap().port();
        let caught = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&caught);
        tokio::spawn(async move {
            while trap.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let sets = sets(true);
        for host in
            ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "127.1", "2130706433", "0x7f.0.0.1"]
        {
            assert!(sets.fetch(&format!("http://{host}:{port}/jwks")).await.is_err(), "{host}");
        }
        assert!(sets.fetch("file:///etc/passwd").await.is_err());
        assert_eq!(caught.load(Ordering::SeqCst), 0);
    }
}
