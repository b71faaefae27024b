//! The head of the console's OpenAPI document: title, tags, and how a call is proved to be a page's.
use crate::surface::manage::problem::Document as Problem;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{OpenApi as Whole, SecurityRequirement};
use utoipa::{Modify, OpenApi};

/// The document without its paths.
pub(super) fn head() -> Whole {
    Head::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "countersign console",
        version = "1",
        description = "What the pages of the web console call, for owners of keys: their own account and nothing else. Every call wants the header `countersign-console: 1`, and all but signing in the session's cookie. Operators call the management API with the same cookie. Problems are RFC 9457 with a stable `code`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "signing in", description = "A challenge and its answer, or a link that works once."),
        (name = "account", description = "Who is signed in, and what it may do."),
        (name = "keys", description = "The account's public keys."),
        (name = "sessions", description = "The account's open sessions."),
        (name = "organisation", description = "The account's organisation."),
        (name = "dialects", description = "How requests carry proofs here.")
    ),
    modifiers(&Cookie)
)]
struct Head;

/// Says that every call wants the cookie, unless it says otherwise itself.
struct Cookie;

impl Modify for Cookie {
    fn modify(&self, document: &mut Whole) {
        let text = "The session's cookie; over plain HTTP without `__Host-`, at an unusual port with `-` and the port behind it.";
        let value = ApiKeyValue::with_description("__Host-countersign", text);
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(value)));
        document.security = Some(vec![SecurityRequirement::new::<_, [String; 0], String>("cookie", [])]);
    }
}
