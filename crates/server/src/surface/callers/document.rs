//! The head of the document: title, words, tags, the objects, and what proves a call.
use super::{objects, token_objects};
use crate::surface::explain::described::Described;
use crate::surface::manage::document::about;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Whole;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};

/// What the calls are about.
const TAGS: [(&str, &str); 7] = [
    ("signing in", "Opening a session by a code that a key signed (surface `session`)."),
    ("session", "Keeping a session fresh, asking about it, ending it (surface `session`)."),
    ("own keys", "The keys that a user signs in with (surface `session`)."),
    ("organisation", "The user's organisation, called a subscription on the wire (surface `session`)."),
    (
        "tokens",
        "The token endpoint: OAuth 2.0 for clients that prove themselves by their keys (surface `token`).",
    ),
    ("explain", "Why a request would be refused (surface `explain`)."),
    ("published", "What is there for everybody (surfaces `jwks` and `health`)."),
];
const ABOUT: &str = "What callers reach on the listeners that are for them, beside the routes of the operator's own services, which are called with proofs in the routes' dialects. A call is there where a listener names its surface. \
The paths are those of the shipped configuration: `[session] prefix` moves everything below `/v1`, and `[token]` every path of the token endpoint. A running server has the document with its own paths at `/v1/auth/openapi.json` (below the prefix), \
where a listener has the surface `session`. OpenAPI has no word for two of the proofs. To sign in, a key signs a code, in the dialect `spacetime`: code, signature and key stand in the body. Clients of the token endpoint sign an assertion (`private_key_jwt`, RFC 7523, in the dialect \
`client-assertion`), which stands in the form as `client_assertion`; there are no client secrets. Answers of the session API, the token endpoint and explain to what could be read have the server's time in `countersign-time` (Unix milliseconds) and `Date`, refused proofs a `countersign-reject`, \
by which the operator finds the reason. A wrong method is 405, and more headers than are taken 431, everywhere.";

const ACCESS: &str = "An access token of the session API.";
const REFRESH: &str = "A refresh token of the session API.";
const API_KEY: &str =
    "An API key (companion key) of the dialect `spacetime`; good for a short session and nothing more.";
const DPOP: &str = "A DPoP proof for this call (RFC 9449), signed with Ed25519 or an elliptic curve; with a nonce where `token.dpop_nonces` is on. It may be left out unless `token.dpop` is `required`.";
const EXPLAIN: [(&str, &str, &str); 3] = [
    (
        "explain-key",
        "countersign-explain-key",
        "The id or a fingerprint of a live key of the account that asks.",
    ),
    (
        "explain-time",
        "countersign-explain-time",
        "When the question was signed, Unix seconds; at most 60 s from the server's time.",
    ),
    (
        "explain-signature",
        "countersign-explain-signature",
        "A signature, base64url without padding, over five lines without a line end behind them: `countersign explain 2`, the server's host and port as in `Host`, in small letters, or as in `server.public_url`, the key as in its header, \
         the time as in its header, and the SHA-256 of the body in hexadecimal. It works once.",
    ),
];

#[derive(OpenApi)]
#[openapi(components(schemas(
    objects::CodeWanted,
    objects::RegistrationCodeWanted,
    objects::Code,
    objects::SignedCode,
    objects::SignedKeyCode,
    objects::SessionTokens,
    objects::SessionToken,
    objects::TokenHolder,
    objects::SessionKey,
    objects::Subscription,
    objects::SubscriptionUsers,
    objects::RoleWanted,
    objects::SessionRefusal,
    objects::Verdict,
    objects::Explanation,
    objects::Recognised,
    objects::Step,
    objects::Cause,
    objects::SignedText,
    objects::Difference,
    token_objects::TokenRequest,
    token_objects::TokenQuestion,
    token_objects::TokenGranted,
    token_objects::TokenStatus,
    token_objects::Confirmation,
    token_objects::TokenRefusal,
    token_objects::ServerMetadata,
    token_objects::ResourceMetadata,
    token_objects::KeySet,
    token_objects::PublicKey,
    Described,
)))]
struct Objects;

/// The document without its paths.
pub(super) fn head() -> Whole {
    let mut document = about("countersign, for callers", ABOUT, &TAGS);
    document.merge(Objects::openapi());
    let components = document.components.get_or_insert_default();
    for (name, description) in [("access-token", ACCESS), ("refresh-token", REFRESH)] {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some(description.to_owned());
        components.add_security_scheme(name, SecurityScheme::Http(bearer));
    }
    let rest = [("api-key", "apikey", API_KEY), ("dpop-proof", "DPoP", DPOP)];
    for (name, header, description) in rest.into_iter().chain(EXPLAIN) {
        let value = ApiKeyValue::with_description(header, description);
        components.add_security_scheme(name, SecurityScheme::ApiKey(ApiKey::Header(value)));
    }
    document
}
