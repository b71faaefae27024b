//! What a listener that speaks TLS presents: its certificates, chosen by the name the caller asks for, replaced while it runs.
pub(crate) mod acme;
pub(crate) mod certificate;
mod resolver;

use crate::config::listener::Tls;
use acme::issued::{Issued, PROTOCOL};
use arc_swap::ArcSwap;
use certificate::{Certificate, Stamp};
use countersign::time::Time;
use resolver::Resolver;
use rustls::ServerConfig;
use std::sync::Arc;

/// A certificate this close to its end is warned of, or within a fifth of its life if that is less.
const SOON: i64 = 14 * DAY;
const DAY: i64 = 24 * 60 * 60;

/// Certificates that were read, and the handshakes they make.
pub(crate) struct Loaded {
    config: Arc<ServerConfig>,
    certificates: Vec<Arc<Certificate>>,
    issued: Option<Arc<Issued>>,
    stamps: Vec<Stamp>,
}

/// Reads every file of a listener.
///
/// # Errors
/// Says which file is wrong and how.
pub(crate) fn load(tls: &Tls, issued: Option<Arc<Issued>>) -> Result<Loaded, String> {
    // Before the files: what changes while they are read is read again.
    let stamps = stamps(tls);
    let certificates = tls.files.iter().map(|files| Certificate::read(files).map(Arc::new));
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    let resolver = Resolver { known: certificates.clone(), issued: issued.clone() };
    let mut config = ServerConfig::builder_with_provider(certificate::provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if issued.is_some() {
        config.alpn_protocols.push(PROTOCOL.to_vec());
    }
    Ok(Loaded { config: Arc::new(config), certificates, issued, stamps })
}

fn stamps(tls: &Tls) -> Vec<Stamp> {
    tls.files.iter().map(Stamp::of).collect()
}

/// What one listener presents.
pub(crate) struct Presented {
    settings: Tls,
    loaded: Loaded,
    swap: Arc<ArcSwap<ServerConfig>>,
    /// What was tried last, whatever came of it: one fault is told once.
    tried: Vec<Stamp>,
    broken: bool,
    /// Days left when it was last warned of.
    warned: Option<i64>,
}

impl Presented {
    pub(crate) fn new(settings: Tls, loaded: Loaded) -> Self {
        let swap = Arc::new(ArcSwap::new(Arc::clone(&loaded.config)));
        Self { tried: loaded.stamps.clone(), settings, loaded, swap, broken: false, warned: None }
    }

    /// What handshakes go by; it changes in place.
    pub(crate) fn swap(&self) -> Arc<ArcSwap<ServerConfig>> {
        Arc::clone(&self.swap)
    }

    /// Takes what a reload read.
    pub(crate) fn replace(&mut self, settings: Tls, loaded: Loaded) {
        self.swap.store(Arc::clone(&loaded.config));
        self.tried.clone_from(&loaded.stamps);
        (self.settings, self.loaded, self.broken, self.warned) = (settings, loaded, false, None);
    }

    /// Reads the files again when they changed. A broken or outlived new certificate keeps the old one.
    pub(crate) async fn refresh(&mut self, listener: &str, now: Time) {
        let (settings, issued) = (self.settings.clone(), self.loaded.issued.clone());
        let known = self.tried.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let stamps = stamps(&settings);
            (stamps != known).then(|| (stamps, load(&settings, issued)))
        });
        match reading.await {
            Ok(None) | Err(_) => {}
            Ok(Some((stamps, loaded))) => {
                self.tried = stamps;
                self.take(listener, now, loaded);
            }
        }
        self.warn(listener, now);
    }

    fn take(&mut self, listener: &str, now: Time, loaded: Result<Loaded, String>) {
        let over = |loaded: &Loaded| loaded.certificates.iter().find(|one| one.ends <= now).cloned();
        let loaded = loaded.and_then(|loaded| match (over(&loaded), over(&self.loaded)) {
            (Some(new), None) => Err(format!("{}: the certificate is outlived", new.file.display())),
            _ => Ok(loaded),
        });
        match loaded {
            Ok(loaded) => {
                tracing::info!(listener, "the certificates changed and are presented from now on");
                self.replace(self.settings.clone(), loaded);
            }
            Err(error) => {
                tracing::error!(
                    listener,
                    "the certificates changed and cannot be used; the old ones stay: {error}"
                );
                self.broken = true;
            }
        }
    }

    /// Says once a day which certificate ends soon.
    fn warn(&mut self, listener: &str, now: Time) {
        let Some(first) = self.presented().into_iter().min_by_key(|one| one.ends) else { return };
        let (left, life) = (first.ends.since(now).seconds(), first.ends.since(first.begins).seconds());
        let days = left.div_euclid(DAY);
        if left > SOON.min(life / 5) || self.warned == Some(days) {
            return;
        }
        self.warned = Some(days);
        let file = first.file.display();
        if left <= 0 {
            tracing::error!(listener, certificate = %file, "the certificate is outlived: callers refuse it");
        } else {
            tracing::warn!(listener, certificate = %file, days, "the certificate ends soon: replace its file");
        }
    }

    /// Whether what lies in the files cannot be used.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Every certificate's name here, and when it ends.
    pub(crate) fn ends(&self) -> Vec<(String, Time)> {
        self.presented().iter().map(|one| (one.file.display().to_string(), one.ends)).collect()
    }

    /// What was ordered for this listener.
    pub(crate) fn issued(&self) -> Option<&Arc<Issued>> {
        self.loaded.issued.as_ref()
    }

    fn presented(&self) -> Vec<Arc<Certificate>> {
        let issued = self.issued().and_then(|issued| issued.certificate());
        self.loaded.certificates.iter().cloned().chain(issued).collect()
    }
}
