//! Chooses the certificate for the name that a caller asks for.
use crate::tls::acme::issued::{Issued, PROTOCOL};
use crate::tls::certificate::Certificate;
use rustls::client::verify_server_name;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::ServerName;
use std::fmt;
use std::sync::Arc;

/// The certificates of a listener.
pub(crate) struct Resolver {
    /// In the configuration's order; the first is for callers whose name fits none.
    pub(crate) known: Vec<Arc<Certificate>>,
    /// What the server ordered for itself.
    pub(crate) issued: Option<Arc<Issued>>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name();
        if let (Some(issued), Some(mut offered)) = (&self.issued, hello.alpn())
            && offered.all(|protocol| protocol == PROTOCOL)
        {
            // The authority alone speaks nothing else.
            return asked.and_then(|name| issued.answer(name));
        }
        let issued = self.issued.as_ref().and_then(|issued| issued.certificate());
        let mut all = self.known.iter().chain(&issued);
        let name = asked.and_then(|name| ServerName::try_from(name).ok());
        let chosen = name.and_then(|name| all.clone().find(|one| fits(one, &name)));
        chosen.or_else(|| all.next()).map(|one| Arc::clone(&one.key))
    }
}

/// Whether a certificate is for a name, as the caller will decide it.
fn fits(certificate: &Certificate, name: &ServerName<'_>) -> bool {
    let leaf = certificate.key.cert.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
    leaf.is_some_and(|leaf| verify_server_name(&leaf, name).is_ok())
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("known", &self.known.len()).finish_non_exhaustive()
    }
}
