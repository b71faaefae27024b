//! `tls = { acme = { … } }`: certificates that the server orders for itself from an ACME authority.
use super::reader::Section;
use std::path::PathBuf;

/// Where certificates are ordered, and for which names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// The authority's directory.
    pub directory: String,
    /// Where the authority may write to, such as `mailto:ops@example.com`.
    pub contact: Vec<String>,
    /// The names on the certificate.
    pub domains: Vec<String>,
    /// How names are shown to be ours.
    pub challenge: Challenge,
    /// A root certificate (PEM) that the authority's own HTTPS is judged by; `None`: those of the machine.
    pub ca_file: Option<PathBuf>,
}

/// How the authority is shown that a name is ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// By a certificate of our own, on port 443 of the name
    /// ([RFC 8737](https://www.rfc-editor.org/rfc/rfc8737)).
    #[default]
    TlsAlpn,
    /// By a text, on port 80 of the name ([RFC 8555, section 8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)).
    Http,
}

impl Challenge {
    const ALL: [Self; 2] = [Self::TlsAlpn, Self::Http];

    /// Its name in the configuration and with authorities.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TlsAlpn => "tls-alpn-01",
            Self::Http => "http-01",
        }
    }
}

/// The authority of most.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Names on one certificate: what the usual authorities allow.
const MOST_DOMAINS: usize = 100;

impl Acme {
    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let directory = section.parsed(
            "directory",
            "the https address of an ACME directory",
            Some(DIRECTORY.to_owned()),
            Clone::clone,
            |text| text.starts_with("https://").then(|| text.to_owned()),
        );
        let contact = section.texts("contact", &[]);
        if let Some(wrong) = contact.iter().find(|text| !text.starts_with("mailto:")) {
            let fix = "write \"mailto:ops@example.com\"";
            section.wrong("contact", format!("wanted addresses such as mailto:…, found {wrong:?}"), fix);
        }
        let domains: Vec<String> =
            section.texts("domains", &[]).iter().map(|name| name.to_ascii_lowercase()).collect();
        if domains.is_empty() || domains.len() > MOST_DOMAINS {
            let message = format!("wanted 1 to {MOST_DOMAINS} host names, found {}", domains.len());
            section.wrong("domains", message, "add domains = [\"api.example.com\"]");
        }
        for name in domains.iter().filter(|name| !is_name(name)) {
            let message = format!("{name:?} is no host name that can be shown to be ours");
            section.wrong(
                "domains",
                message,
                "write whole host names, without wildcards, ports or addresses",
            );
        }
        let challenge = section.parsed(
            "challenge",
            "\"tls-alpn-01\" or \"http-01\"",
            Some(Challenge::default()),
            |challenge| challenge.name().to_owned(),
            |text| Challenge::ALL.into_iter().find(|challenge| challenge.name() == text),
        );
        let acme = Self {
            challenge: challenge.unwrap_or_default(),
            directory: directory.unwrap_or_default(),
            contact,
            domains,
            ca_file: section.maybe_text("ca_file").map(PathBuf::from),
        };
        section.finish();
        Some(acme)
    }
}

fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain && !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    // The last label of an address is a number, of a name it never is.
    let number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= 253 && name.contains('.') && name.split('.').all(label) && !number
}
