//! The objects of the token endpoint and of the key set, as they go over the wire.
#![expect(
    dead_code,
    reason = "they describe what guard reads and writes, and are never made; the tests hold the two together"
)]
use utoipa::ToSchema;

/// A form that asks for a token; each parameter stands once, and at most 32 do.
#[derive(ToSchema)]
pub(super) struct TokenRequest {
    /// The grant.
    grant_type: GrantType,
    /// How the client proves itself; wanted by `client_credentials`.
    #[schema(required = false)]
    client_assertion_type: AssertionType,
    /// The client's assertion: a JWT that its key signed.
    #[schema(nullable = false)]
    client_assertion: Option<String>,
    /// The client's id; beside a proof it must be that of the proof.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// The assertion that is the grant; wanted by `jwt-bearer`.
    #[schema(nullable = false)]
    assertion: Option<String>,
    /// The refresh token; wanted by `refresh_token`. It works once, and one that comes again ends its session.
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// The scopes, with spaces between them; all that the client may have when left out.
    #[schema(nullable = false)]
    scope: Option<String>,
    /// The resource that the token is for (RFC 8707), one only; the first that the client may have when left out.
    #[schema(nullable = false)]
    resource: Option<String>,
}

/// The grants.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum GrantType {
    ClientCredentials,
    #[schema(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
    RefreshToken,
}

/// The kinds of assertions.
#[derive(ToSchema)]
pub(super) enum AssertionType {
    #[schema(rename = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")]
    JwtBearer,
}

/// A form about a token; each parameter stands once, and at most 32 do.
#[derive(ToSchema)]
pub(super) struct TokenQuestion {
    /// How the client proves itself.
    client_assertion_type: AssertionType,
    /// The client's assertion: a JWT that its key signed.
    client_assertion: String,
    /// The client's id; beside a proof it must be that of the proof.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// The access or refresh token. A `token_type_hint` beside it changes nothing.
    token: String,
}

/// A token (RFC 6749 section 5.1).
#[derive(ToSchema)]
pub(super) struct TokenGranted {
    /// The access token (RFC 9068).
    access_token: String,
    /// `DPoP` when it is bound to a key, else `Bearer`.
    token_type: String,
    /// Seconds that it counts.
    expires_in: i64,
    /// Its scopes; left out when there are none.
    #[schema(nullable = false)]
    scope: Option<String>,
    /// Gets the next token, once.
    #[schema(nullable = false)]
    refresh_token: Option<String>,
}

/// What a token is (RFC 7662 section 2.2). One that does not count has `active` alone.
#[derive(ToSchema)]
pub(super) struct TokenStatus {
    /// Whether it counts.
    active: bool,
    /// Its scopes.
    #[schema(nullable = false)]
    scope: Option<String>,
    /// The client that has it.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// `DPoP` or `Bearer`; refresh tokens have none.
    #[schema(nullable = false)]
    token_type: Option<String>,
    /// When it ends, Unix seconds.
    #[schema(nullable = false)]
    exp: Option<i64>,
    /// When it was made, Unix seconds.
    #[schema(nullable = false)]
    iat: Option<i64>,
    /// Whom it names.
    #[schema(nullable = false)]
    sub: Option<String>,
    /// The resource that it is for.
    #[schema(nullable = false)]
    aud: Option<String>,
    /// The issuer.
    #[schema(nullable = false)]
    iss: Option<String>,
    /// The token's own id.
    #[schema(nullable = false)]
    jti: Option<String>,
    /// The key that it is bound to.
    #[schema(nullable = false)]
    cnf: Option<Confirmation>,
}

/// The key that a token is bound to (RFC 9449 section 6.1).
#[derive(ToSchema)]
pub(super) struct Confirmation {
    /// The key's thumbprint (RFC 7638).
    jkt: String,
}

/// Why the token endpoint did not do it (RFC 6749 section 5.2).
#[derive(ToSchema)]
pub(super) struct TokenRefusal {
    /// The stable code; programs compare this.
    error: String,
    /// What was wanted, in a sentence.
    error_description: String,
}

/// What the authorization server says of itself (RFC 8414 section 2).
#[derive(ToSchema)]
pub(super) struct ServerMetadata {
    /// The issuer, which assertions name as their sole audience.
    issuer: String,
    /// Address of the token endpoint.
    token_endpoint: String,
    /// Address of introspection.
    introspection_endpoint: String,
    /// Address of revocation.
    revocation_endpoint: String,
    /// Address of the key set, where it is published.
    #[schema(nullable = false)]
    jwks_uri: Option<String>,
    /// None: there is no authorization endpoint.
    response_types_supported: Vec<String>,
    /// The grants.
    grant_types_supported: Vec<String>,
    /// The scopes; left out when there are none.
    #[schema(nullable = false)]
    scopes_supported: Option<Vec<String>>,
    /// `private_key_jwt`.
    token_endpoint_auth_methods_supported: Vec<String>,
    /// The algorithms of assertions.
    token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// `private_key_jwt`.
    introspection_endpoint_auth_methods_supported: Vec<String>,
    /// The algorithms of assertions.
    introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// `private_key_jwt`.
    revocation_endpoint_auth_methods_supported: Vec<String>,
    /// The algorithms of assertions.
    revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// The algorithms of DPoP proofs.
    dpop_signing_alg_values_supported: Vec<String>,
    /// The resources that tokens are given for.
    protected_resources: Vec<String>,
}

/// What the protected resource says of itself (RFC 9728 section 2).
#[derive(ToSchema)]
pub(super) struct ResourceMetadata {
    /// The resource that is meant where none is named.
    resource: String,
    /// Who gives tokens for it.
    authorization_servers: Vec<String>,
    /// The scopes; left out when there are none.
    #[schema(nullable = false)]
    scopes_supported: Option<Vec<String>>,
    /// `header`.
    bearer_methods_supported: Vec<String>,
    /// The algorithms of DPoP proofs.
    dpop_signing_alg_values_supported: Vec<String>,
    /// Whether every token is bound to a key.
    dpop_bound_access_tokens_required: bool,
}

/// The server's public keys (RFC 7517).
#[derive(ToSchema)]
pub(super) struct KeySet {
    /// They.
    keys: Vec<PublicKey>,
}

/// A public key (RFC 7517), for ES256.
#[derive(ToSchema)]
pub(super) struct PublicKey {
    /// `EC`.
    kty: String,
    /// `P-256`.
    crv: String,
    /// A coordinate of its point.
    x: String,
    /// The other.
    y: String,
    /// Its id, which tokens name.
    kid: String,
    /// `ES256`.
    alg: String,
    /// `sig`.
    #[schema(rename = "use")]
    purpose: String,
}
