//! The one server that a sidecar passes requests on to: how it is reached, trusted and asked.
use crate::exit::Failure;
use bytes::Bytes;
use countersign::incoming::Target;
use http::{Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What goes over a connection, in either direction.
pub(super) type Sent = UnsyncBoxBody<Bytes, hyper::Error>;

/// A server that takes no connection for so long is taken for gone.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Where requests go.
pub(super) struct Upstream {
    http: Client<HttpsConnector<HttpConnector>, Sent>,
    origin: String,
    authority: String,
    public: String,
    certificates: Option<Vec<CertificateDer<'static>>>,
}

impl Upstream {
    pub(super) fn new(
        to: &str,
        public: Option<&str>,
        ca: Option<&Path>,
        insecure: bool,
    ) -> Result<Self, Failure> {
        let found = origin("--to", to)?;
        let secure = found.scheme == "https";
        private("--to", to, &found, insecure)?;
        let public = origin("--public-url", public.unwrap_or(to))?;
        let certificates = ca.map(certificates).transpose()?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_PATIENCE));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(secure, certificates.as_deref())?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http);
        let http = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Ok(Self {
            http,
            origin: format!("{}://{}", found.scheme, found.authority),
            authority: found.authority.to_owned(),
            public: format!("{}://{}", public.scheme, public.authority),
            certificates,
        })
    }

    /// Scheme and authority.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// The address that is signed for a path with its query.
    pub(super) fn signed(&self, path: &str) -> String {
        format!("{}{path}", self.public)
    }

    /// The address that is asked.
    pub(super) fn address(&self, path: &str) -> Result<Uri, http::uri::InvalidUri> {
        format!("{}{path}", self.origin).parse()
    }

    pub(super) async fn send(
        &self,
        request: Request<Sent>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        self.http.request(request).await
    }

    /// The same trust for the calls of a session.
    pub(super) fn session_transport(&self) -> Result<reqwest::Client, Failure> {
        let told = |error: reqwest::Error| {
            Failure::failed(format!(
                "TLS cannot be set up: {error}; are the certificates that are trusted there, such as those of ca-certificates?"
            ))
        };
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(Duration::from_secs(60));
        if let Some(certificates) = &self.certificates {
            let certificates = certificates.iter().map(|found| reqwest::Certificate::from_der(found));
            builder = builder.tls_certs_only(certificates.collect::<Result<Vec<_>, _>>().map_err(told)?);
        }
        builder.build().map_err(told)
    }
}

/// An address without a path: what a tool asks for is passed on as it is, so there is nothing to put before it.
fn origin<'a>(option: &str, url: &'a str) -> Result<Target<'a>, Failure> {
    let wanted = || {
        Failure::usage(format!(
            "{option}: wanted an address without a path such as https://api.example, found {url}"
        ))
    };
    let target = Target::from_url(url).ok_or_else(wanted)?;
    let bare = url.strip_suffix('/').unwrap_or(url);
    if bare.len() != target.scheme.len() + "://".len() + target.authority.len()
        || target.authority.contains('@')
    {
        return Err(wanted());
    }
    Ok(target)
}

/// Checks the address of a session API, which may have a path: tokens and proofs go there as they go to the server itself.
pub(super) fn session_server(url: &str, insecure: bool) -> Result<(), Failure> {
    let option = "--session-server";
    let target = Target::from_url(url).filter(|target| !target.authority.contains('@'));
    let target = target.ok_or_else(|| {
        Failure::usage(format!("{option}: wanted an address without a user such as https://auth.example"))
    })?;
    private(option, url, &target, insecure)
}

/// Nobody can listen on the way, or it was allowed.
fn private(option: &str, url: &str, target: &Target<'_>, insecure: bool) -> Result<(), Failure> {
    if target.scheme == "https" || insecure || is_here(target.authority) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{option} {url}: over plain http to another machine, whoever listens on the way could use what is signed; use https, or \
         say --insecure-http"
    )))
}

/// Whether a host, with a port or without, is this machine by what it is called; a name is not looked up.
fn is_here(authority: &str) -> bool {
    let bare = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let found =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(
            |error| Failure::usage(format!("{}: wanted certificates in PEM: {error}", path.display())),
        )?;
    if found.is_empty() {
        return Err(Failure::usage(format!("{}: wanted certificates in PEM, found none", path.display())));
    }
    Ok(found)
}

fn tls(secure: bool, own: Option<&[CertificateDer<'static>]>) -> Result<ClientConfig, Failure> {
    let told = |error: &dyn std::fmt::Display| {
        Failure::failed(format!(
            "TLS cannot be set up: {error}; are the certificates that are trusted there, such as those of ca-certificates?"
        ))
    };
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| told(&error))?;
    let builder = match own {
        None if secure => builder.with_native_roots().map_err(|error| told(&error))?,
        own => {
            let mut roots = RootCertStore::empty();
            for certificate in own.unwrap_or_default() {
                roots.add(certificate.clone()).map_err(|error| told(&error))?;
            }
            builder.with_root_certificates(roots)
        }
    };
    Ok(builder.with_no_client_auth())
}
