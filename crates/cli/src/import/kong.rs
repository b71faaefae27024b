//! Kong's consumers with their `jwt_secrets`, and its entities `keys` and `key_sets`, from a declarative file or the admin API.
use super::draft::{Draft, Key};
use crate::exit::Failure;
use crate::member::at;
use countersign_keys::Algorithm;
use serde_json::Value;
use std::collections::BTreeMap;

/// Credentials that are secrets both sides know: nothing here that a key pair could take over.
const SHARED: [(&str, &str); 5] = [
    ("keyauth_credentials", "an API key"),
    ("hmacauth_credentials", "an HMAC secret"),
    ("basicauth_credentials", "a password"),
    ("oauth2_credentials", "a client secret"),
    ("mtls_auth_credentials", "a client certificate"),
];

pub(super) fn read(bytes: &[u8], draft: &mut Draft) -> Result<(), Failure> {
    let wanted = "wanted Kong's declarative configuration in YAML or JSON, or a list of its admin API";
    let text = str::from_utf8(bytes).map_err(|_| Failure::usage(wanted))?;
    // JSON is YAML, too.
    let document: Value =
        serde_saphyr::from_str(text).map_err(|error| Failure::usage(format!("{wanted}: {error}")))?;
    let consumers = list(&document, "consumers");
    let mut names = BTreeMap::new();
    for consumer in &consumers {
        let name = text_of(consumer, "username").or_else(|| text_of(consumer, "custom_id"));
        let name = name.or_else(|| text_of(consumer, "id")).unwrap_or_default();
        for handle in ["id", "username", "custom_id"].iter().filter_map(|member| text_of(consumer, member)) {
            names.insert(handle, name.clone());
        }
        for credential in list(consumer, "jwt_secrets") {
            jwt_secret(&credential, Some(&name), draft);
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
        let name = handle.map(|handle| names.get(&handle).cloned().unwrap_or(handle));
        jwt_secret(credential, name.as_deref(), draft);
    }
    shared(&document, None, draft);
    let keys = list(&document, "keys");
    for key in &keys {
        entity(key, draft);
    }
    if consumers.is_empty() && credentials.is_empty() && keys.is_empty() {
        return Err(Failure::usage(format!("{wanted}, found no consumers, jwt_secrets or keys")));
    }
    Ok(())
}

fn jwt_secret(credential: &Value, consumer: Option<&str>, draft: &mut Draft) {
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
    let key = Key { algorithm: Some(algorithm), ..Key::plain(&issuer, intake.key) };
    draft.take(&place, owner.unwrap_or(&issuer), &issuer, key);
}

/// A row of `keys`: a JWK or a PEM, by itself or in a set.
fn entity(row: &Value, draft: &mut Draft) {
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
        let account = set.unwrap_or_else(|| name.clone());
        let identifier = if kid.is_empty() { name.clone() } else { kid };
        let key = Key { algorithm: intake.algorithm, ..Key::plain(&name, intake.key) };
        draft.take(&place, &account, &identifier, key);
    }
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
