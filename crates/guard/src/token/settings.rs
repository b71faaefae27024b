//! What an operator decides about the token endpoint: its name, its paths, who may have which scopes and resources.
use countersign::ask::Caller;
use countersign::life::session::Windows;
use countersign::time::Span;
use std::collections::BTreeMap;

/// Settings of the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// The issuer identifier (RFC 8414 section 2): an address without query and fragment.
    pub issuer: String,
    /// Scheme and host of the issuer, which every endpoint has as well; no slash at the end.
    pub origin: String,
    /// Where the endpoints live.
    pub paths: Paths,
    /// Address of the key set, where it is published.
    pub jwks_uri: Option<String>,
    /// How long tokens and sessions live.
    pub windows: Windows,
    /// Live sessions of one account at most; one more ends the oldest.
    pub most_sessions: usize,
    /// Whether the grant `jwt-bearer` gives refresh tokens.
    pub refresh_tokens: bool,
    /// Whether every token must be bound to a key.
    pub dpop_required: bool,
    /// The resources that tokens are given for; the first is meant where a request names none.
    pub resources: Vec<String>,
    /// The scopes that clients may have; empty: there are none.
    pub scopes: Vec<String>,
    /// What holds for single clients, by the name or id of the account.
    pub clients: BTreeMap<String, ClientSettings>,
}

/// Where the endpoints live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Tokens are given here.
    pub token: String,
    /// RFC 7662.
    pub introspect: String,
    /// RFC 7009.
    pub revoke: String,
    /// RFC 8414.
    pub server: String,
    /// RFC 9728.
    pub resource: String,
}

/// What holds for one client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// The scopes it may have; `None`: all there are.
    pub scopes: Option<Vec<String>>,
    /// The resources it may have tokens for; `None`: all there are.
    pub resources: Option<Vec<String>>,
    /// Whether its assertions may name the token endpoint as audience, as before the audience injection attack was known.
    pub legacy_audience: bool,
    /// Whether it is a resource server, which may ask about tokens for its resources.
    pub introspects: bool,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            token: "/oauth2/token".to_owned(),
            introspect: "/oauth2/introspect".to_owned(),
            revoke: "/oauth2/revoke".to_owned(),
            server: "/.well-known/oauth-authorization-server".to_owned(),
            resource: "/.well-known/oauth-protected-resource".to_owned(),
        }
    }
}

impl TokenSettings {
    /// What ships, for an issuer without a path.
    #[must_use]
    pub fn of(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            origin: issuer.trim_end_matches('/').to_owned(),
            paths: Paths::default(),
            jwks_uri: None,
            windows: Windows {
                access: Span::from_seconds(600),
                refresh: Span::from_seconds(30 * 60),
                whole: Span::from_seconds(24 * 3600),
                // A refresh token that comes twice ends its family: RFC 9700 section 4.14.2.
                grace: Span::ZERO,
            },
            most_sessions: 4096,
            refresh_tokens: false,
            dpop_required: false,
            resources: vec![issuer.to_owned()],
            scopes: Vec::new(),
            clients: BTreeMap::new(),
        }
    }

    /// The address of an endpoint.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// What holds for an account as a client. What looks like an id is one, whatever accounts are called.
    #[must_use]
    pub(crate) fn client(&self, caller: &Caller) -> ClientSettings {
        let named =
            || self.clients.get(&*caller.name).filter(|_| !crate::policy::is_account_id(&caller.name));
        self.clients.get(&*caller.id).or_else(named).cloned().unwrap_or_default()
    }
}
