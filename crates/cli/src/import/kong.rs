//! Kong's consumers with their `jwt_secrets`, and its entities `keys` and `key_sets`, from a declarative file or the admin API.
use super::draft::{Draft, Key};
use crate::exit::Failure;
use crate::member::at;
use countersign_keys::Algorithm;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Credentials that are secrets both sides know: nothing here that a key pair could take over.
const SHARED: [(&str, &str); 5] = [
    ("keyauth_credentials", "an API key"),
    ("hmacauth_credentials", "an HMAC secret"),
    ("basicauth_credentials", "a password"),
    ("oauth2_credentials", "a client secret"),
    ("mtls_auth_credentials", "a client certificate"),
];

/// Who has which name. Consumers, key sets and credentials without a consumer are named each for themselves, so a name that comes
/// twice is two callers', and neither may sign as the other.
#[derive(Default)]
struct Names {
    /// The name of each consumer, and which it is, by its handles; none where several consumers have one.
    handles: BTreeMap<String, Option<(String, String)>>,
    /// What each account was made of.
    made_of: BTreeMap<String, String>,
}

impl Names {
    /// Takes a name for an account made of this; says of what it was made already, if of something else.
    fn claim(&mut self, name: &str, of: &str) -> Result<(), String> {
        let made_of = self.made_of.entry(name.to_owned()).or_insert_with(|| of.to_owned());
        if made_of == of { Ok(()) } else { Err(made_of.clone()) }
    }
}

pub(super) fn read(bytes: &[u8], draft: &mut Draft) -> Result<(), Failure> {
    let wanted = "wanted Kong's declarative configuration in YAML or JSON, or a list of its admin API";
    let text = str::from_utf8(bytes).map_err(|_| Failure::usage(wanted))?;
    // JSON is YAML, too.
    let document: Value = serde_saphyr::from_str(text).map_err(|error| {
        // Behind the first line stands a piece of the file, which may have secrets.
        let told = error.to_string();
        let told = told.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Failure::usage(format!("{wanted}: {told}"))
    })?;
    let consumers = list(&document, "consumers");
    let mut names = Names::default();
    for (number, consumer) in consumers.iter().enumerate() {
        let name = text_of(consumer, "username").or_else(|| text_of(consumer, "custom_id"));
        let name = name.or_else(|| text_of(consumer, "id")).unwrap_or_default();
        let of = format!("consumer {}", number.saturating_add(1));
        let mut own: Vec<String> =
            ["id", "username", "custom_id"].iter().filter_map(|member| text_of(consumer, member)).collect();
        own.sort();
        own.dedup();
        for handle in own {
            match names.handles.entry(handle) {
                Entry::Vacant(free) => {
                    free.insert(Some((name.clone(), of.clone())));
                }
                Entry::Occupied(mut taken) => {
                    taken.insert(None);
                }
            }
        }
        for credential in list(consumer, "jwt_secrets") {
            jwt_secret(&credential, Some(&name), &of, &mut names, draft);
        }
        shared(consumer, Some(&name), draft);
    }
    let mut credentials = list(&document, "jwt_secrets");
    // The admin API answers with `data`, and its rows name their consumer by id.
    credentials.extend(list(&document, "data"));
    for credential in &credentials {
        let consumer = at(credential, "consumer");
        let handle = consumer.as_str().map(str::to_owned).or_else(|| text_of(consumer, "username"));
        let handle = handle.or_else(|| text_of(consumer, "id"));
        let known = handle.as_ref().and_then(|handle| names.handles.get(handle)).cloned();
        let (name, of) = match (known, handle) {
            (Some(None), Some(handle)) => {
                let place = format!("jwt_secret {}", text_of(credential, "key").unwrap_or_default());
                draft.leave(
                    place,
                    format!("several consumers are called {handle}; it is not clear whose this is"),
                );
                continue;
            }
            (Some(Some((name, of))), _) => (Some(name), of),
            (_, Some(handle)) => (Some(handle.clone()), format!("consumer {handle}, who is not in the file")),
            (_, None) => (None, "a credential without consumer".to_owned()),
        };
        jwt_secret(credential, name.as_deref(), &of, &mut names, draft);
    }
    shared(&document, None, draft);
    let keys = list(&document, "keys");
    for key in &keys {
        entity(key, &mut names, draft);
    }
    if consumers.is_empty() && credentials.is_empty() && keys.is_empty() {
        return Err(Failure::usage(format!("{wanted}, found no consumers, jwt_secrets or keys")));
    }
    Ok(())
}

fn jwt_secret(credential: &Value, consumer: Option<&str>, of: &str, names: &mut Names, draft: &mut Draft) {
    // Kong finds a credential by its `key`, which the token's `iss` names.
    let issuer = text_of(credential, "key").unwrap_or_default();
    let owner = consumer.filter(|name| !name.is_empty());
    let place = format!("{} jwt_secret {issuer}", owner.unwrap_or("(no consumer)"));
    let algorithm = text_of(credential, "algorithm").unwrap_or_else(|| "HS256".to_owned());
    if algorithm.starts_with("HS") {
        draft.leave(
            place,
            format!("{algorithm} is an HMAC over a secret that both sides know; the caller wants a key pair"),
        );
        return;
    }
    let Some(algorithm) = Algorithm::from_jose(&algorithm) else {
        draft.leave(place, format!("its algorithm {algorithm} is not served"));
        return;
    };
    if issuer.is_empty() {
        draft.leave(
            place,
            "it has no key, by which tokens name it; Kong made one up, so export it from the running Kong",
        );
        return;
    }
    let Some(intake) = draft.read(&place, &text_of(credential, "rsa_public_key").unwrap_or_default()) else {
        return;
    };
    let account = owner.unwrap_or(&issuer);
    if let Err(other) = names.claim(account, of).or_else(|other| named_by_hand(draft, other)) {
        draft.leave(place, taken(account, &other));
        return;
    }
    let key = Key { algorithm: Some(algorithm), ..Key::plain(&issuer, intake.key) };
    draft.take(&place, account, &issuer, key);
}

/// A row of `keys`: a JWK or a PEM, by itself or in a set.
fn entity(row: &Value, names: &mut Names, draft: &mut Draft) {
    let kid = text_of(row, "kid").unwrap_or_default();
    let name = text_of(row, "name").unwrap_or_else(|| kid.clone());
    let place = format!("key {name}");
    let set = at(row, "set");
    let set = set.as_str().map(str::to_owned).or_else(|| text_of(set, "name"));
    let pem = at(row, "pem");
    if text_of(pem, "private_key").is_some() {
        draft.note(&place, "its private key stands in the file; whoever reads this file can sign with it, so make a new pair");
    }
    let jwk = at(row, "jwk");
    let text = jwk.as_str().map(str::to_owned).or_else(|| jwk.is_object().then(|| jwk.to_string()));
    let Some(text) = text.or_else(|| text_of(pem, "public_key")) else {
        draft.leave(place, "it has neither jwk nor pem.public_key");
        return;
    };
    if let Some(intake) = draft.read(&place, &text) {
        let of = if set.is_some() { "key set" } else { "key" };
        let account = set.unwrap_or_else(|| name.clone());
        if let Err(other) = names.claim(&account, of).or_else(|other| named_by_hand(draft, other)) {
            draft.leave(place, taken(&account, &other));
            return;
        }
        let identifier = if kid.is_empty() { name.clone() } else { kid };
        let key = Key { algorithm: intake.algorithm, ..Key::plain(&name, intake.key) };
        draft.take(&place, &account, &identifier, key);
    }
}

/// Whoever names one account for everything wants it so.
fn named_by_hand(draft: &Draft, other: String) -> Result<(), String> {
    if draft.named.is_some() { Ok(()) } else { Err(other) }
}

fn taken(account: &str, other: &str) -> String {
    format!(
        "{account} names another caller already ({other}), and one must not sign as the other; name its account with --account"
    )
}

fn shared(holder: &Value, consumer: Option<&str>, draft: &mut Draft) {
    for (member, what) in SHARED {
        for credential in list(holder, member) {
            let named = text_of(at(&credential, "consumer"), "username");
            let owner = consumer.map(str::to_owned).or(named);
            let owner = owner.or_else(|| at(&credential, "consumer").as_str().map(str::to_owned));
            let place = format!("{} {member}", owner.unwrap_or_else(|| "(no consumer)".to_owned()));
            draft.leave(place, format!("{what} is no key pair; the caller wants one"));
        }
    }
}

fn list(holder: &Value, member: &str) -> Vec<Value> {
    at(holder, member).as_array().cloned().unwrap_or_default()
}

fn text_of(holder: &Value, member: &str) -> Option<String> {
    at(holder, member).as_str().map(str::to_owned)
}
