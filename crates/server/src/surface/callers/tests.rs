//! The document against the routers: every call of theirs is in it, and it has no other.
use super::{DOCUMENT, openapi};
use crate::config::listener::Surface;
use countersign_guard::session::route;
use countersign_guard::token::settings::Paths;
use serde_json::Value;
use std::collections::BTreeSet;

fn document(prefix: &str, token: Option<&Paths>) -> Value {
    serde_json::from_str(&openapi(prefix, token).to_json().unwrap()).unwrap()
}

/// Method, path and operation of every call.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let calls = item.as_object().unwrap().iter();
        calls.map(|(method, call)| (method.to_uppercase(), path.clone(), call.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn the_document_has_the_calls_of_the_routers_and_no_other() {
    // A further path of the token endpoint has no place here until it is described.
    let Paths { token, introspect, revoke, server, resource } = Paths::default();
    let mut routed: BTreeSet<(String, String)> = route::calls()
        .map(|(method, path)| (method.to_owned(), format!("/v1/{path}")))
        .chain([token, introspect, revoke].map(|path| ("POST".to_owned(), path)))
        .chain([server, resource].map(|path| ("GET".to_owned(), path)))
        .collect();
    for surface in Surface::ALL {
        let calls: &[(&str, &str)] = match surface {
            Surface::Explain => &[("POST", "/explain")],
            Surface::Jwks => &[("GET", "/.well-known/jwks.json"), ("GET", countersign::answer::DIRECTORY)],
            Surface::Health => &[("GET", "/healthz"), ("GET", "/readyz")],
            // Described above.
            Surface::Session | Surface::Token => &[],
            // The operator's services, proxies, operators, holders of keys in a browser, and authorities.
            Surface::Gateway
            | Surface::ForwardAuth
            | Surface::ExtAuthz
            | Surface::Manage
            | Surface::Metrics
            | Surface::Console
            | Surface::Acme => &[],
        };
        routed.extend(calls.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())));
    }
    let whole = document("/v1", Some(&Paths::default()));
    let described = operations(&whole).into_iter().map(|(method, path, _)| (method, path));
    assert_eq!(described.collect::<BTreeSet<_>>(), routed);
}

#[test]
fn paths_move_with_the_configuration() {
    let elsewhere = Paths { token: "/token".to_owned(), ..Paths::default() };
    let moved = document("/session/api", Some(&elsewhere));
    assert!(moved["paths"]["/session/api/auth/code"]["post"].is_object());
    assert!(moved["paths"]["/token"]["post"].is_object());
    assert!(!moved.to_string().contains("\"/v1/") && !moved.to_string().contains("\"/oauth2/token\""));
    let without = document("", None);
    assert!(operations(&without).iter().all(|(_, _, call)| call["tags"][0] != "tokens"));
    assert!(without["paths"]["/auth/code"]["post"].is_object());
    assert!(DOCUMENT.starts_with("/auth/"), "what the session API owns");
}

#[test]
fn every_call_is_described_whole() {
    let whole = document("/v1", Some(&Paths::default()));
    let schemes = whole["components"]["securitySchemes"].as_object().unwrap();
    // The specification takes no other characters in names of components.
    let plain = |name: &String| name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    assert!(schemes.keys().all(plain), "{schemes:?}");
    let tags: Vec<&Value> = whole["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let (mut ids, mut proofs) = (BTreeSet::new(), BTreeSet::new());
    for (method, path, call) in operations(&whole) {
        let what = format!("{method} {path}");
        assert!(call["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{what}: summary");
        assert!(ids.insert(call["operationId"].as_str().unwrap().to_owned()), "{what}: operationId");
        assert!(tags.contains(&&call["tags"][0]), "{what}: tag");
        let answers = call["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{what}: success");
        for together in call["security"].as_array().unwrap() {
            for name in together.as_object().unwrap().keys() {
                assert!(schemes.contains_key(name), "{what}: {name}");
                proofs.insert(name.clone());
            }
        }
        if !together_is_open(&call) {
            assert!(answers.contains_key("401"), "{what}: 401");
        }
        for name in path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            let named = |one: &Value| one["name"] == name && one["in"] == "path";
            assert!(call["parameters"].as_array().unwrap().iter().any(named), "{what}: {name}");
        }
    }
    assert_eq!(proofs, schemes.keys().cloned().collect(), "every scheme is some call's");
}

fn together_is_open(call: &Value) -> bool {
    call["security"].as_array().unwrap().iter().any(|together| together.as_object().unwrap().is_empty())
}

#[test]
fn every_reference_leads_somewhere_and_every_object_is_referred_to() {
    let whole = document("/v1", Some(&Paths::default()));
    let (mut open, mut seen) = (vec![&whole], BTreeSet::new());
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    assert!(whole.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                    seen.insert(reference.rsplit('/').next().unwrap().to_owned());
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    let objects = whole["components"]["schemas"].as_object().unwrap();
    assert_eq!(seen, objects.keys().cloned().collect());
}
