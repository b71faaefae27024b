//! What the server says of itself, so that clients and resource servers need no configuration (RFC 8414 and RFC 9728).
use crate::dpop;
use crate::token::settings::TokenSettings;
use countersign_keys::Algorithm;
use serde::Serialize;

/// The grants.
pub(crate) const CLIENT_CREDENTIALS: &str = "client_credentials";
/// RFC 7523.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// RFC 6749 section 6.
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";

const METHODS: [&str; 1] = ["private_key_jwt"];

#[derive(Serialize)]
struct Server<'a> {
    issuer: &'a str,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<&'a str>,
    /// Required by RFC 8414; there is no authorization endpoint.
    response_types_supported: [&'a str; 0],
    grant_types_supported: Vec<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes_supported: &'a [String],
    token_endpoint_auth_methods_supported: [&'a str; 1],
    token_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    introspection_endpoint_auth_methods_supported: [&'a str; 1],
    introspection_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    revocation_endpoint_auth_methods_supported: [&'a str; 1],
    revocation_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    dpop_signing_alg_values_supported: Vec<&'a str>,
    /// RFC 9728 section 4.
    protected_resources: &'a [String],
}

#[derive(Serialize)]
struct Resource<'a> {
    resource: &'a str,
    authorization_servers: [&'a str; 1],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes_supported: &'a [String],
    bearer_methods_supported: [&'a str; 1],
    dpop_signing_alg_values_supported: Vec<&'a str>,
    dpop_bound_access_tokens_required: bool,
}

/// The document of RFC 8414 section 2.
pub(crate) fn server(settings: &TokenSettings, algorithms: &[Algorithm]) -> String {
    let names: Vec<&str> = algorithms.iter().flat_map(|algorithm| algorithm.jose_names()).copied().collect();
    let mut grants = vec![CLIENT_CREDENTIALS, JWT_BEARER];
    if settings.refresh_tokens {
        grants.push(REFRESH_TOKEN);
    }
    let document = Server {
        issuer: &settings.issuer,
        token_endpoint: settings.address(&settings.paths.token),
        introspection_endpoint: settings.address(&settings.paths.introspect),
        revocation_endpoint: settings.address(&settings.paths.revoke),
        jwks_uri: settings.jwks_uri.as_deref(),
        response_types_supported: [],
        grant_types_supported: grants,
        scopes_supported: &settings.scopes,
        token_endpoint_auth_methods_supported: METHODS,
        token_endpoint_auth_signing_alg_values_supported: &names,
        introspection_endpoint_auth_methods_supported: METHODS,
        introspection_endpoint_auth_signing_alg_values_supported: &names,
        revocation_endpoint_auth_methods_supported: METHODS,
        revocation_endpoint_auth_signing_alg_values_supported: &names,
        dpop_signing_alg_values_supported: dpop::algorithms(),
        protected_resources: &settings.resources,
    };
    // A struct of texts always prints.
    serde_json::to_string(&document).unwrap_or_default()
}

/// The document of RFC 9728 section 2, for the resource that is meant where none is named.
pub(crate) fn resource(settings: &TokenSettings) -> String {
    let document = Resource {
        resource: settings.resources.first().map_or(&settings.issuer, String::as_str),
        authorization_servers: [&settings.issuer],
        scopes_supported: &settings.scopes,
        bearer_methods_supported: ["header"],
        dpop_signing_alg_values_supported: dpop::algorithms(),
        dpop_bound_access_tokens_required: settings.dpop_required,
    };
    serde_json::to_string(&document).unwrap_or_default()
}
