//! Chooses the certificate for the name that a caller asks for.
use super::certificate::Certificate;
use rustls::client::verify_server_name;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::ServerName;
use std::sync::Arc;

/// The certificates of a listener.
#[derive(Debug)]
pub(crate) struct Resolver {
    /// In the configuration's order; the first is for callers whose name fits none.
    pub(crate) known: Vec<Arc<Certificate>>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let first = self.known.first()?;
        if self.known.len() == 1 {
            return Some(Arc::clone(&first.key));
        }
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let chosen = name.and_then(|name| self.known.iter().find(|one| fits(one, &name)));
        Some(Arc::clone(&chosen.unwrap_or(first).key))
    }
}

/// Whether a certificate is for a name, as the caller will decide it.
fn fits(certificate: &Certificate, name: &ServerName<'_>) -> bool {
    let leaf = certificate.key.cert.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
    leaf.is_some_and(|leaf| verify_server_name(&leaf, name).is_ok())
}
