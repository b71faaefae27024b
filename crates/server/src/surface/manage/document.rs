//! The head of the OpenAPI document: title, words, tags, and how a call is signed.
use super::problem::Document as Problem;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{OpenApi as Whole, SecurityRequirement};
use utoipa::{Modify, OpenApi};

/// The headers of a signed call, in the order in which they are described.
const HEADERS: [(&str, &str, &str); 4] = [
    ("key", "Countersign-Key", "The id or a fingerprint of the operator's key."),
    (
        "time",
        "Countersign-Time",
        "When the call was signed, Unix seconds; at most 30 s from the server's time.",
    ),
    ("nonce", "Countersign-Nonce", "A text that was not used before: every call works once."),
    (
        "signature",
        "Countersign-Signature",
        "The signature over method, authority, path and query, SHA-256 of the body, time and nonce. `countersign sign --dialect operator` and `countersign request` make it.",
    ),
];

/// The document without its paths.
pub(crate) fn head() -> Whole {
    Head::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "countersign management API",
        version = "1",
        description = "Accounts, keys, organisations and everything around them, for operators. Every call but this document and the version is signed with an operator's key (dialect `operator`) and works once. Lists come in pages: send `next` as `after`. Problems are RFC 9457 with a stable `code`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "about", description = "Who is calling, what is answering."),
        (name = "accounts", description = "Who is recognised, and how it names itself."),
        (name = "keys", description = "Registered public keys and their lives."),
        (name = "companions", description = "API keys that some dialects want beside the proof; never enough by themselves."),
        (name = "users", description = "Users that accounts may act for."),
        (name = "delegations", description = "Which account may act for which users."),
        (name = "organisations", description = "Accounts that belong together."),
        (name = "join codes", description = "Codes that let a caller join an organisation by itself."),
        (name = "connections", description = "Accounts known by a connection id."),
        (name = "sessions", description = "Open sessions."),
        (name = "operators", description = "Who runs the installation."),
        (name = "audit", description = "What was changed, when, by whom."),
        (name = "apply", description = "A whole installation described in one document."),
        (name = "dialects", description = "How requests carry proofs here."),
        (name = "signing keys", description = "The server's own keys."),
        (name = "configuration", description = "What the server was started with, taken anew."),
        (name = "statistics", description = "What this node judged."),
        (name = "doctor", description = "What the proxies before the server change.")
    ),
    modifiers(&Signed)
)]
struct Head;

/// Says that every call wants all four headers, unless it says otherwise itself.
struct Signed;

impl Modify for Signed {
    fn modify(&self, document: &mut Whole) {
        let components = document.components.get_or_insert_default();
        let mut all = SecurityRequirement::default();
        for (name, header, description) in HEADERS {
            let value = ApiKeyValue::with_description(header, description);
            components.add_security_scheme(name, SecurityScheme::ApiKey(ApiKey::Header(value)));
            all = all.add::<_, [String; 0], String>(name, []);
        }
        document.security = Some(vec![all]);
    }
}
