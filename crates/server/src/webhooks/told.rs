//! What the receiver is told of an entry of the audit log: the claims of a Security Event Token (RFC 8417), without any secret.
use crate::config::webhooks::{Event, WebhooksSection};
use countersign::time::Time;
use countersign_guard::signing::SigningKeys;
use countersign_keys::CompactKey;
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::model::AuditEntry;
use serde_json::{Map, Value, json};

/// Events are named by URIs (RFC 8417 section 2.2); what follows is the name.
const URI: &str = "urn:countersign:event:";
/// Hexadecimal digits of an entry's chain value that stand in the token's id.
const CHAINED: usize = 32;

/// The event that an entry is, where it is one that the receiver wants.
pub(super) fn event(entry: &AuditEntry, section: &WebhooksSection) -> Option<Event> {
    Event::of_action(&entry.entry.action).filter(|event| section.events.contains(event))
}

/// The signed token of an event.
///
/// # Errors
/// [`Fault`] when no key of ours signs.
pub(super) fn token(
    event: Event,
    entry: &AuditEntry,
    audience: &str,
    directory: &Directory,
    signing: &SigningKeys,
    now: Time,
) -> Result<String, Fault> {
    let told = &entry.entry;
    let payload = json!({
        "iss": "countersign",
        "aud": audience,
        "iat": now.seconds(),
        // With the chain value: after a backup was restored, the same number is another entry, and no receiver may take it for the first.
        "jti": format!("{}-{}", entry.number, entry.chain.get(..CHAINED).unwrap_or(&entry.chain)),
        "toe": told.at.seconds(),
        "sub_id": { "format": "opaque", "id": told.subject },
        "events": { (format!("{URI}{}", event.name())): about(event, entry, directory) },
    });
    // No `exp`, and a type of its own: it is no token that anybody could be let in with (RFC 8417 section 4).
    let head = |kid: &str| json!({ "alg": "ES256", "typ": "secevent+jwt", "kid": kid }).to_string();
    signing.sign(now, head, &payload.to_string())
}

/// What is known of the key, as the registry has it now: its row may be gone.
fn about(event: Event, entry: &AuditEntry, directory: &Directory) -> Value {
    let told = &entry.entry;
    let mut about = Map::new();
    let mut put = |name: &str, value: Value| drop(about.insert(name.to_owned(), value));
    put("audit", entry.number.into());
    put("key", told.subject.as_str().into());
    put("actor", told.actor.as_str().into());
    if let Some(key) = directory.key(&told.subject) {
        put("account", key.account.as_str().into());
        if let Some(account) = directory.account(&key.account) {
            put("account_name", account.name.as_str().into());
        }
        put("label", key.label.as_str().into());
        put("state", key.life.state.name().into());
        if let Some(ends) = key.life.ends() {
            put("ends", ends.seconds().into());
        }
        if let Ok(compact) = CompactKey::from_spki_der(&key.spki) {
            put("sha256", compact.parse().fingerprints().spki_sha256_hex.into());
        }
    }
    match event {
        Event::Rotated | Event::RecoveryUsed => {
            if let Some(next) = after(&told.detail, "next key ") {
                put("next_key", next.into());
            }
        }
        Event::Ending => {
            if let Some(days) = after(&told.detail, "within ").and_then(|days| days.parse::<i64>().ok()) {
                put("within_days", days.into());
            }
            if let Some(ends) = after(&told.detail, "Unix time ").and_then(|ends| ends.parse::<i64>().ok()) {
                put("ends", ends.into());
            }
        }
        Event::Registered | Event::Revoked | Event::Disabled => {}
    }
    Value::Object(about)
}

/// The word after these ones in an entry's detail, which holds nothing there that a caller wrote.
fn after<'d>(detail: &'d str, words: &str) -> Option<&'d str> {
    let (_, rest) = detail.split_once(words)?;
    rest.split([' ', ',']).next().filter(|word| !word.is_empty())
}
