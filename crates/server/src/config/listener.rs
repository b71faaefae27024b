//! `[[listener]]`: an address and the surfaces that answer there.
use super::acme::Acme;
use super::reader::Section;
use super::spelling::nearest;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An address and what answers there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// What answers there.
    pub surfaces: Vec<Surface>,
    /// Certificate and key, when the listener speaks TLS.
    pub tls: Option<Tls>,
}

/// What a TLS listener presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Certificates with their keys; the caller's name chooses, the first is for names that fit none.
    pub files: Vec<Files>,
    /// Orders a further certificate.
    pub acme: Option<Acme>,
}

/// A certificate and its key, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A part of the server that answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Surface {
    /// The reverse proxy.
    Gateway,
    /// The question that other proxies ask.
    ForwardAuth,
    /// The question that Envoy asks.
    ExtAuthz,
    /// Challenges, tokens, refresh, logout.
    Session,
    /// The token endpoint and its metadata (OAuth 2.0).
    Token,
    /// Why a request was refused.
    Explain,
    /// The server's public keys.
    Jwks,
    /// `/healthz` and `/readyz`.
    Health,
    /// The management API.
    Manage,
    /// `/metrics`.
    Metrics,
    /// The web console: `/console`.
    Console,
    /// `/.well-known/acme-challenge/`, where an authority looks (HTTP-01).
    Acme,
}

impl Surface {
    /// Every surface.
    pub const ALL: [Self; 12] = [
        Self::Gateway,
        Self::ForwardAuth,
        Self::ExtAuthz,
        Self::Session,
        Self::Token,
        Self::Explain,
        Self::Jwks,
        Self::Health,
        Self::Manage,
        Self::Metrics,
        Self::Console,
        Self::Acme,
    ];

    /// Its name in the configuration, logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::ForwardAuth => "forward-auth",
            Self::ExtAuthz => "ext-authz",
            Self::Session => "session",
            Self::Token => "token",
            Self::Explain => "explain",
            Self::Jwks => "jwks",
            Self::Health => "health",
            Self::Manage => "manage",
            Self::Metrics => "metrics",
            Self::Console => "console",
            Self::Acme => "acme",
        }
    }
}

impl Listener {
    /// The two listeners of an installation that names none: public ones and the operators' own, both on loopback.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let public = vec![
            Surface::Gateway,
            Surface::ForwardAuth,
            Surface::Session,
            Surface::Explain,
            Surface::Jwks,
            Surface::Health,
        ];
        let own =
            vec![Surface::Manage, Surface::Console, Surface::Explain, Surface::Metrics, Surface::Health];
        vec![
            Self { address: SocketAddr::from(([127, 0, 0, 1], 8700)), surfaces: public, tls: None },
            Self { address: SocketAddr::from(([127, 0, 0, 1], 8701)), surfaces: own, tls: None },
        ]
    }

    /// Whether this surface answers here.
    #[must_use]
    pub fn has(&self, surface: Surface) -> bool {
        self.surfaces.contains(&surface)
    }

    /// Whether what passes here is for everybody: an authority's questions about names, and our answers.
    #[must_use]
    pub(super) fn is_open_book(&self) -> bool {
        self.surfaces.iter().all(|surface| *surface == Surface::Acme)
    }

    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let wanted = "an address and port such as \"127.0.0.1:8700\" or \"[::]:8700\"";
        let address =
            section.parsed("address", wanted, None, SocketAddr::to_string, |text| text.parse().ok());
        if !section.has("address") {
            section.wrong(
                "address",
                format!("wanted {wanted}, found nothing"),
                "add address = \"127.0.0.1:8700\"",
            );
        }
        let mut surfaces = Vec::new();
        for name in section.texts("surfaces", &[]) {
            match Surface::ALL.into_iter().find(|surface| surface.name() == name) {
                Some(surface) => surfaces.push(surface),
                None => {
                    let near = nearest(&name, Surface::ALL.iter().map(|surface| surface.name()));
                    let all = Surface::ALL.map(Surface::name).join(", ");
                    let fix =
                        near.map_or(format!("there are {all}"), |near| format!("did you mean \"{near}\"?"));
                    section.wrong("surfaces", format!("there is no surface {name:?}"), &fix);
                }
            }
        }
        if surfaces.is_empty() {
            section.wrong(
                "surfaces",
                "a listener without surfaces answers nothing",
                "add surfaces = [\"gateway\"]",
            );
        }
        let tls = section.section("tls");
        let mut files: Vec<Files> = Files::read(&tls).into_iter().collect();
        for other in tls.sections("others").unwrap_or_default() {
            files.extend(Files::read(&other));
            other.finish();
        }
        let acme = if tls.has("acme") { Acme::read(tls.section("acme")) } else { None };
        tls.finish();
        let tls = (!files.is_empty() || acme.is_some()).then_some(Tls { files, acme });
        section.finish();
        Some(Self { address: address?, surfaces, tls })
    }
}

impl Files {
    /// Both or none.
    fn read(tls: &Section<'_>) -> Option<Self> {
        match (tls.maybe_text("certificate"), tls.maybe_text("key")) {
            (Some(certificate), Some(key)) => Some(Self { certificate: certificate.into(), key: key.into() }),
            (None, None) => None,
            (Some(_), None) => {
                tls.wrong("key", "a certificate came without its key", "add key = \"key.pem\"");
                None
            }
            (None, Some(_)) => {
                let fix = "add certificate = \"chain.pem\"";
                tls.wrong("certificate", "a key came without its certificate", fix);
                None
            }
        }
    }
}
