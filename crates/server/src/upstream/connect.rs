//! Opens a connection to one address of an upstream: TCP, TLS with its own roots and name, then HTTP/1.1 or HTTP/2.
use super::written::{Counted, Written};
use crate::config::upstream::{Protocol, Upstream};
use axum::body::Body;
use countersign_store::fault::Fault;
use http::Uri;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Read, Write};
use hyper_rustls::ConfigBuilderExt;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The ready end of a connection.
pub(super) enum Sender {
    One(http1::SendRequest<Body>, Written),
    Two(http2::SendRequest<Body>),
}

/// Why no connection came about; no byte of a request was sent.
#[derive(Debug)]
pub(super) enum Unreached {
    /// Refused, not found, or no TLS that can be trusted.
    Failed(String),
    /// It took longer than the upstream's `connect_timeout`.
    TooSlow,
    /// This machine had nothing left to connect with, which says nothing about the upstream.
    Ours(String),
}

/// What `connect` and its lookup fail with when this machine has run out: of descriptors (24: the process, 23: the machine), memory (12)
/// or buffers (105). Not without a free port or address (99): that depends on where it goes, and another address may do. The
/// numbers are Linux's, the only system that is served.
const RUN_OUT: [i32; 4] = [24, 23, 12, 105];

impl From<std::io::Error> for Unreached {
    fn from(error: std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(number) if RUN_OUT.contains(&number) => Self::Ours(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// How one address is reached.
pub(super) struct Dial {
    host: String,
    port: u16,
    tls: Option<Tls>,
    protocol: Protocol,
    patience: Duration,
}

struct Tls {
    /// Offers what the protocol setting allows.
    any: TlsConnector,
    /// Offers HTTP/1.1 only: for upgrades.
    one: TlsConnector,
    name: ServerName<'static>,
}

/// The certificates that vouch for an upstream.
pub(crate) type Roots = Arc<RootCertStore>;

/// Reads the certificates of a `ca` setting.
///
/// # Errors
/// Says which file is wrong and how.
pub(crate) fn roots(path: &Path) -> Result<Roots, Fault> {
    let told = |error: &dyn std::fmt::Display| Fault::new(format!("{}: {error}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| told(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| told(&error))?;
    }
    if roots.is_empty() {
        return Err(told(&"wanted PEM certificates, found none"));
    }
    Ok(Arc::new(roots))
}

impl Dial {
    /// # Errors
    /// [`Fault`] when the TLS library cannot be set up or the address has no usable name.
    pub(super) fn new(upstream: &Upstream, address: &Uri, roots: Option<&Roots>) -> Result<Self, Fault> {
        let secure = address.scheme_str() == Some("https");
        let host = address.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let tls = if secure {
            let name = upstream.server_name.as_deref().unwrap_or(host).to_owned();
            let name = ServerName::try_from(name)
                .map_err(|error| Fault::caused(format!("{address} has no name for TLS"), error))?;
            let config = client_config(roots)?;
            let offering = |protocols: &[&[u8]]| {
                let mut config = config.clone();
                config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
                TlsConnector::from(Arc::new(config))
            };
            let any: &[&[u8]] = match upstream.protocol {
                Protocol::Auto => &[b"h2", b"http/1.1"],
                Protocol::One => &[b"http/1.1"],
                Protocol::Two => &[b"h2"],
            };
            Some(Tls { any: offering(any), one: offering(&[b"http/1.1"]), name })
        } else {
            None
        };
        let port = address.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
            protocol: upstream.protocol,
            patience: upstream.connect_timeout,
        })
    }

    /// Whether it speaks TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Connects. An upgrade needs HTTP/1.1, whatever else the upstream offers.
    pub(super) async fn connect(&self, upgrade: bool) -> Result<Sender, Unreached> {
        tokio::time::timeout(self.patience, self.connected(upgrade)).await.unwrap_or(Err(Unreached::TooSlow))
    }

    async fn connected(&self, upgrade: bool) -> Result<Sender, Unreached> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // Small requests go out at once; a socket that refuses the option works without.
        let _ = stream.set_nodelay(true);
        let written = Written::default();
        let stream = Counted::new(stream, written.clone());
        let Some(tls) = &self.tls else {
            let two = self.protocol == Protocol::Two && !upgrade;
            return shaken(TokioIo::new(stream), two, written).await;
        };
        let connector = if upgrade { &tls.one } else { &tls.any };
        let stream = connector.connect(tls.name.clone(), stream).await?;
        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2".as_slice());
        if self.protocol == Protocol::Two && !two && !upgrade {
            return Err(Unreached::Failed("wanted HTTP/2, the upstream does not offer it".to_owned()));
        }
        shaken(TokioIo::new(stream), two, written).await
    }
}

async fn shaken<S: Read + Write + Unpin + Send + 'static>(
    io: S,
    two: bool,
    written: Written,
) -> Result<Sender, Unreached> {
    let failed = |error: hyper::Error| Unreached::Failed(error.to_string());
    if two {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        // A connection that carries many requests must not hang unnoticed.
        builder
            .keep_alive_interval(Some(Duration::from_secs(20)))
            .keep_alive_timeout(Duration::from_secs(10));
        let (sender, connection) = builder.handshake(io).await.map_err(failed)?;
        // It ends with its last sender; what goes wrong with it, its requests tell.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        return Ok(Sender::Two(sender));
    }
    let (sender, connection) = http1::Builder::new().handshake(io).await.map_err(failed)?;
    tokio::spawn(async move {
        let _ = connection.with_upgrades().await;
    });
    Ok(Sender::One(sender, written))
}

fn client_config(roots: Option<&Roots>) -> Result<ClientConfig, Fault> {
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::caused("TLS cannot be set up", error))?;
    let builder = match roots {
        Some(roots) => builder.with_root_certificates(Arc::clone(roots)),
        None => builder
            .with_native_roots()
            .map_err(|error| Fault::caused("the machine's root certificates cannot be read", error))?,
    };
    Ok(builder.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn what_this_machine_lacks_is_not_held_against_the_upstream() {
        for number in RUN_OUT {
            let unreached = Unreached::from(Error::from_raw_os_error(number));
            assert!(matches!(unreached, Unreached::Ours(_)), "{number}: {unreached:?}");
        }
        for other in [Error::from_raw_os_error(99), ErrorKind::ConnectionRefused.into()] {
            assert!(matches!(Unreached::from(other), Unreached::Failed(_)));
        }
    }
}
