//! The head of the console's OpenAPI document: title, tags, and how a call is proved to be a page's.
use super::session::PAGE;
use crate::surface::manage::document::about;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{OpenApi as Whole, SecurityRequirement};

/// What the calls are about.
const TAGS: [(&str, &str); 7] = [
    ("signing in", "A challenge and its answer, or a link that works once."),
    ("account", "Who is signed in, and what it may do."),
    ("keys", "The account's public keys."),
    ("sessions", "The account's open sessions."),
    ("organisation", "The account's organisation."),
    ("dialects", "How requests carry proofs here."),
    (
        "refusals",
        "What was refused of the account and why, and how a request would be judged or is answered.",
    ),
];
const ABOUT: &str = "What the pages of the web console call, for owners of keys: their own account and nothing else. Every call wants the header `countersign-console: 1`, and all but signing in the session's cookie and the page's half of the session. Operators call the management API with the same. Problems are RFC 9457 with a stable `code`. A wrong method is 405, and more headers than are taken 431, everywhere.";
const COOKIE: &str = "The session's cookie; over plain HTTP without `__Host-`, at an unusual port with `-` and the port behind it.";
const HALF: &str = "What signing in answered as `page`: cookies reach every port of a host, so that one alone opens nothing.";

/// The document without its paths.
pub(super) fn head() -> Whole {
    let mut document = about("countersign console", ABOUT, &TAGS);
    let components = document.components.get_or_insert_default();
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description("__Host-countersign", COOKIE));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    let half = ApiKey::Header(ApiKeyValue::with_description(PAGE, HALF));
    components.add_security_scheme("page", SecurityScheme::ApiKey(half));
    // Every call wants both, unless it says otherwise itself.
    let both = SecurityRequirement::default()
        .add::<_, [String; 0], String>("cookie", [])
        .add::<_, [String; 0], String>("page", []);
    document.security = Some(vec![both]);
    document
}
