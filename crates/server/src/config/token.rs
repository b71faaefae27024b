//! `[token]`: the token endpoint, who may have which scopes and resources there, and how its tokens are bound.
use super::reader::Section;
use super::server::ServerSection;
use countersign::life::session::Windows;
use countersign::time::Span;
use countersign_guard::dpop::WINDOW;
use countersign_guard::token::settings::{ClientSettings, Paths, TokenSettings};
use std::collections::BTreeMap;
use std::time::Duration;

/// The token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSection {
    /// The issuer identifier; `None`: `server.public_url`.
    pub issuer: Option<String>,
    /// Where the endpoints live.
    pub paths: Paths,
    /// How long an access token counts.
    pub access: Duration,
    /// How long a refresh token counts.
    pub refresh: Duration,
    /// How long a session with refresh tokens lives at most.
    pub whole: Duration,
    /// The grant jwt-bearer gives refresh tokens.
    pub refresh_tokens: bool,
    /// Tokens must be bound to a key.
    pub dpop_required: bool,
    /// DPoP proofs must have a nonce of ours.
    pub dpop_nonces: bool,
    /// How long such a nonce counts.
    pub dpop_nonce_life: Duration,
    /// How far from now a DPoP proof may be dated.
    pub dpop_window: Duration,
    /// The resources that tokens are given for.
    pub resources: Vec<String>,
    /// The scopes that clients may have.
    pub scopes: Vec<String>,
    /// Live sessions of one account at most; one more ends the oldest.
    pub sessions_per_account: usize,
    /// What holds for single clients, by the name or id of the account.
    pub clients: BTreeMap<String, ClientSettings>,
}

impl TokenSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let usual = Paths::default();
        let path = |key: &'static str, default: String| {
            let wanted = "a path that starts with a slash and does not end with one";
            let taken = |text: &str| {
                (text.starts_with('/') && !text.ends_with('/') && !text.contains(['?', '#']))
                    .then(|| text.to_owned())
            };
            section.parsed(key, wanted, Some(default), Clone::clone, taken).unwrap_or_default()
        };
        let issuer = section
            .parsed("issuer", ISSUER, None, Clone::clone, |text| is_issuer(text).then(|| text.to_owned()));
        let resources = section.texts("resources", &[]);
        let paths = Paths {
            token: path("path", usual.token),
            introspect: path("introspection_path", usual.introspect),
            revoke: path("revocation_path", usual.revoke),
            // RFC 8414 section 3.1 and RFC 9728 section 3.1: what follows the host follows the well-known part.
            server: path("server_metadata_path", usual.server + behind(issuer.as_deref())),
            resource: path(
                "resource_metadata_path",
                usual.resource + behind(resources.first().map(String::as_str)),
            ),
        };
        let dpop = section.parsed(
            "dpop",
            "\"optional\" or \"required\"",
            Some(false),
            |required| (if *required { "required" } else { "optional" }).to_owned(),
            |text| match text {
                "optional" => Some(false),
                "required" => Some(true),
                _ => None,
            },
        );
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let token = Self {
            issuer,
            paths,
            access: section.span("access", minutes(10)),
            refresh: section.span("refresh", minutes(30)),
            whole: section.span("whole", minutes(24 * 60)),
            refresh_tokens: section.switch("refresh_tokens", false),
            dpop_required: dpop.unwrap_or(false),
            dpop_nonces: section.switch("dpop_nonces", false),
            dpop_nonce_life: section.span("dpop_nonce_life", minutes(5)),
            dpop_window: section.span("dpop_window", Duration::from_secs(WINDOW.unsigned_abs())),
            resources,
            scopes: section.texts("scopes", &[]),
            sessions_per_account: section.count("sessions_per_account", 4096, 1..=1_000_000),
            clients: clients(&section),
        };
        if token.access > token.whole {
            section.wrong("access", "an access token would outlive its session", "make it at most `whole`");
        }
        if token.refresh > token.whole {
            section.wrong("refresh", "a refresh token would outlive its session", "make it at most `whole`");
        }
        let odd = |scope: &&String| {
            scope.is_empty() || !scope.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
        };
        if let Some(scope) = token.scopes.iter().find(odd) {
            let fix = "write visible ASCII characters without quotes, backslashes and spaces";
            section.wrong("scopes", format!("{scope:?} is no scope"), fix);
        }
        if let Some(one) = token.resources.iter().find(|one| one.contains('#') || !one.contains(':')) {
            let fix = "write absolute addresses without fragment, such as \"https://api.example.com\"";
            section.wrong("resources", format!("{one:?} is no resource"), fix);
        }
        section.finish();
        token
    }

    /// The issuer identifier, where there is one.
    #[must_use]
    pub fn issuer<'a>(&'a self, server: &'a ServerSection) -> Option<&'a str> {
        self.issuer.as_deref().or(server.public_url.as_deref())
    }

    /// The resources, of which there is always one.
    #[must_use]
    pub fn resources(&self, server: &ServerSection) -> Vec<String> {
        let own = server.public_url.as_deref().or(self.issuer.as_deref());
        if self.resources.is_empty() {
            own.map(str::to_owned).into_iter().collect()
        } else {
            self.resources.clone()
        }
    }

    /// The settings that the configuration asks for; `None` without an issuer. `key_set`: where our keys are published, if they are.
    #[must_use]
    pub fn settings(&self, server: &ServerSection, key_set: Option<&str>) -> Option<TokenSettings> {
        let issuer = self.issuer(server)?;
        let origin = origin(issuer).to_owned();
        let span =
            |length: Duration| Span::from_millis(i64::try_from(length.as_millis()).unwrap_or(i64::MAX));
        Some(TokenSettings {
            issuer: issuer.to_owned(),
            jwks_uri: key_set.map(|path| format!("{origin}{path}")),
            origin,
            paths: self.paths.clone(),
            windows: Windows {
                access: span(self.access),
                refresh: span(self.refresh),
                whole: span(self.whole),
                // RFC 9700 section 4.14.2: whoever uses a refresh token twice is not told from a thief.
                grace: Span::ZERO,
            },
            most_sessions: self.sessions_per_account,
            refresh_tokens: self.refresh_tokens,
            dpop_required: self.dpop_required,
            resources: self.resources(server),
            scopes: self.scopes.clone(),
            clients: self.clients.clone(),
        })
    }

    /// Settings of the dialects that follow from these, by the dialect's name.
    pub(crate) fn of_dialect(&self, server: &ServerSection, dialect: &str) -> BTreeMap<String, String> {
        let Some(issuer) = self.issuer(server) else { return BTreeMap::new() };
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        match dialect {
            "client-assertion" => [text("audience", issuer)].into(),
            "access-token" => {
                let scheme = if self.dpop_required { "DPoP" } else { "Bearer" };
                let resources = self.resources(server);
                let audience = resources.first().map_or(issuer, String::as_str);
                [text("issuer", issuer), text("audience", audience), text("challenge_scheme", scheme)].into()
            }
            _ => BTreeMap::new(),
        }
    }
}

const ISSUER: &str = "an address such as \"https://auth.example.com\", without query and fragment";

fn is_issuer(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && rest.is_ascii()
            && !rest.contains(['?', '#', '@', ' ', '"', '\\'])
    })
}

/// Scheme and host of an issuer.
pub(super) fn origin(issuer: &str) -> &str {
    let begins = issuer.find("://").map_or(0, |at| at.saturating_add(3));
    let path = issuer.get(begins..).and_then(|rest| rest.find('/'));
    path.and_then(|at| issuer.get(..begins.saturating_add(at))).unwrap_or(issuer)
}

/// The path of an address, without a slash at its end.
fn behind(address: Option<&str>) -> &str {
    let path = address.map_or("", |address| address.get(origin(address).len()..).unwrap_or_default());
    path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/')
}

fn clients(section: &Section<'_>) -> BTreeMap<String, ClientSettings> {
    let mut clients = BTreeMap::new();
    for client in section.sections("client").unwrap_or_default() {
        let account = client.text("account", "");
        let settings = ClientSettings {
            scopes: client.maybe_texts("scopes"),
            resources: client.maybe_texts("resources"),
            legacy_audience: client.switch("legacy_audience", false),
            introspects: client.switch("introspects", false),
        };
        if account.is_empty() {
            client.wrong(
                "account",
                "wanted the name or id of an account, found nothing",
                "add account = \"…\"",
            );
        } else if clients.insert(account.clone(), settings).is_some() {
            client.wrong("account", format!("{account:?} has a table already"), "keep one");
        }
        client.finish();
    }
    clients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_of_an_issuer_is_scheme_and_host() {
        for (issuer, wanted) in [
            ("https://auth.example.com", "https://auth.example.com"),
            ("https://auth.example.com/", "https://auth.example.com"),
            ("https://auth.example.com:8443/tenant/one", "https://auth.example.com:8443"),
        ] {
            assert!(is_issuer(issuer));
            assert_eq!(origin(issuer), wanted);
        }
        assert_eq!(behind(Some("https://a/tenant/one/")), "/tenant/one");
        assert_eq!((behind(Some("https://a/")), behind(Some("urn:x")), behind(None)), ("", "", ""));
        for bad in [
            "auth.example.com",
            "https://",
            "https:///x",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "ftp://a",
        ] {
            assert!(!is_issuer(bad), "{bad}");
        }
    }
}
