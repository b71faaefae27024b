//! Asks addresses outside: not inside our own network or over plain HTTP unless that is allowed, and without following anybody elsewhere.
use http::Uri;
use hyper::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::Service;

/// A client that keeps no connections and follows no redirects.
pub(crate) type Outside<B> = Client<HttpsConnector<HttpConnector<Resolver>>, B>;

/// What may be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// What is there, for messages: such as "the key set".
    pub(crate) what: &'static str,
    /// Whether it may lie on a private network, and the setting that says so.
    pub(crate) private: (bool, &'static str),
    /// Whether it may be asked over plain HTTP, and the setting that says so.
    pub(crate) http: (bool, &'static str),
}

impl Terms {
    /// Whether an address may be asked, as far as the address itself shows: names are looked at when they are looked up.
    ///
    /// # Errors
    /// Says why not.
    pub(crate) fn allow(&self, uri: &Uri) -> Result<(), String> {
        let what = self.what;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if self.http.0 => {}
            Some("http") => return Err(format!("{what} is served over plain http ({})", self.http.1)),
            _ => return Err(format!("the address of {what} is neither http nor https")),
        }
        // A literal address never reaches the resolver.
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse::<IpAddr>()
            && !self.private.0
            && is_private(address)
        {
            return Err(format!("{what} lies on a private network ({})", self.private.1));
        }
        Ok(())
    }

    /// The client; without authorities, the machine's root certificates count. Reading those waits for the disk.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub(crate) fn client<B>(
        &self,
        authorities: Option<Arc<RootCertStore>>,
        connect: Duration,
    ) -> Result<Outside<B>, String>
    where
        B: Body + Send,
        B::Data: Send,
    {
        let mut http = HttpConnector::new_with_resolver(Resolver { private: self.private });
        http.enforce_http(false);
        http.set_connect_timeout(Some(connect));
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let builder = match authorities {
            Some(authorities) => {
                let config = ClientConfig::builder_with_provider(Arc::new(provider))
                    .with_safe_default_protocol_versions()
                    .map_err(|error| format!("TLS cannot be set up: {error}"))?
                    .with_root_certificates(authorities)
                    .with_no_client_auth();
                HttpsConnectorBuilder::new().with_tls_config(config)
            }
            None => HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(provider)
                .map_err(|error| format!("the machine's root certificates cannot be read: {error}"))?,
        };
        let https = builder.https_or_http().enable_http1().wrap_connector(http);
        // Connections are not kept: what is asked is asked once in minutes.
        Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https))
    }
}

/// Looks names up and gives only addresses that may be connected to, so that no name leads inside.
#[derive(Clone)]
pub(crate) struct Resolver {
    private: (bool, &'static str),
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (allow_private, setting) = self.private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> =
                found.filter(|address| allow_private || !is_private(address.ip())).collect();
            if usable.is_empty() {
                let text = format!("the name leads to private networks only ({setting})");
                return Err(io::Error::other(text));
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
}
