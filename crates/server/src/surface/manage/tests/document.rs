//! The OpenAPI document: complete, true to the router, and nobody else's name in it.
use super::bench::{Bench, HOST};
use super::operations;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use std::collections::HashSet;

async fn document(bench: &Bench) -> Value {
    let request =
        Request::get("/api/v1/openapi.json").header(header::HOST, HOST).body(Body::empty()).unwrap();
    bench.send(request).await.good()
}

#[tokio::test]
async fn the_head_is_ours() {
    let document = document(&Bench::new().await).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["title"], "countersign management API");
    assert_eq!(document["info"].get("contact"), None);
    assert_eq!(document["components"]["securitySchemes"].as_object().unwrap().len(), 4);
}

#[tokio::test]
async fn every_call_is_documented() {
    let bench = Bench::new().await;
    let all = operations(&bench).await;
    assert!(all.len() > 50, "{}", all.len());
    let mut ids = HashSet::new();
    for (method, path, operation) in &all {
        let what = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{what}: summary");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{what}: operationId");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{what}: tag");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{what}: success");
        if path == "/api/v1/version" {
            continue;
        }
        let mut wanted = vec!["401", "403", "503"];
        if path.contains('{') {
            wanted.push("404");
        }
        if method != "GET" {
            wanted.extend(["409", "422"]);
        }
        if operation.get("requestBody").is_some() {
            wanted.extend(["400", "413", "415"]);
        }
        for status in wanted {
            assert!(answers.contains_key(status), "{what}: {status}");
        }
        for name in path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            let named = |one: &Value| one["name"] == name && one["in"] == "path";
            assert!(operation["parameters"].as_array().unwrap().iter().any(named), "{what}: {name}");
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = document(&Bench::new().await).await;
    let mut open = vec![&document];
    let mut seen = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let place = reference.trim_start_matches('#');
                    assert!(document.pointer(place).is_some(), "{reference}");
                    seen += 1;
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(seen > 100);
}

#[tokio::test]
async fn the_document_and_the_router_agree() {
    let bench = Bench::new().await;
    for (method, path, operation) in operations(&bench).await {
        let place = path.replace(['{', '}'], "");
        let body = operation.get("requestBody").map(|_| json!({}));
        let (status, code) = bench.call(&method, &place, body).await.problem();
        assert!(code != "no-such-path" && status != 405, "{method} {path}: {status} {code}");
        let documented = operation["responses"].as_object().unwrap();
        assert!(documented.contains_key(&status.to_string()), "{method} {path} answers {status} {code}");
    }
    let unlisted = bench.call("GET", "/api/v1/secrets", None).await;
    assert_eq!(unlisted.status, StatusCode::NOT_FOUND);
}
