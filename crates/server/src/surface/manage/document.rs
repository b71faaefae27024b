//! The head of the OpenAPI document: title, words, tags, and how a call is signed.
use super::problem::Document as Problem;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi as Whole, SecurityRequirement};

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

/// What the calls are about.
const TAGS: [(&str, &str); 20] = [
    ("about", "Who is calling, what is answering."),
    ("accounts", "Who is recognised, and how it names itself."),
    ("keys", "Registered public keys and their lives."),
    ("companions", "API keys that some dialects want beside the proof; never enough by themselves."),
    ("users", "Users that accounts may act for."),
    ("delegations", "Which account may act for which users."),
    ("organisations", "Accounts that belong together."),
    ("join codes", "Codes that let a caller join an organisation by itself."),
    ("connections", "Accounts known by a connection id."),
    ("sessions", "Open sessions."),
    ("operators", "Who runs the installation."),
    ("audit", "What was changed, when, by whom."),
    ("apply", "A whole installation described in one document."),
    ("dialects", "How requests carry proofs here."),
    ("signing keys", "The server's own keys."),
    ("configuration", "What the server was started with, taken anew."),
    ("refusals", "What was refused in the last minutes on this node, and why."),
    ("statistics", "What this node judged."),
    ("readiness", "Who would pass if the routes that only watch or warn enforced."),
    ("doctor", "What the proxies before the server change."),
];
const ABOUT: &str = "Accounts, keys, organisations and everything around them, for operators. Every call but this document and the version is signed with an operator's key (dialect `operator`) and works once. Lists come in pages: send `next` as `after`. Problems are RFC 9457 with a stable `code`. A wrong method is 405, and more headers than are taken 431, everywhere.";

/// The document without its paths.
pub(crate) fn head() -> Whole {
    let mut document = about("countersign management API", ABOUT, &TAGS);
    let components = document.components.get_or_insert_default();
    let mut all = SecurityRequirement::default();
    // Every call wants all four headers, unless it says otherwise itself.
    for (name, header, description) in HEADERS {
        let value = ApiKeyValue::with_description(header, description);
        components.add_security_scheme(name, SecurityScheme::ApiKey(ApiKey::Header(value)));
        all = all.add::<_, [String; 0], String>(name, []);
    }
    document.security = Some(vec![all]);
    document
}

/// What every document of ours begins with: its title, the licence, its tags, and problems.
pub(crate) fn about(title: &str, description: &str, tags: &[(&str, &str)]) -> Whole {
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0"));
    let info = InfoBuilder::new().title(title).version("1").description(Some(description));
    let tag = |(name, description): &(&str, &str)| {
        TagBuilder::new().name(*name).description(Some(*description)).build()
    };
    let mut document = Bare::openapi();
    document.info = info.license(Some(license.build())).build();
    document.tags = Some(tags.iter().map(tag).collect());
    document
}

#[derive(OpenApi)]
#[openapi(components(schemas(Problem)))]
struct Bare;
