//! The management API driven in process, with a real guard and store behind it.
mod accounts;
mod apply;
mod bad_keys;
mod bench;
mod breakable;
mod document;
mod faults;
mod gate;
mod keys;
mod lists;
mod others;
mod roles;

use axum::body::Body;
use axum::http::Request;
use bench::Bench;
use serde_json::Value;

/// Every call of the OpenAPI document: method, path, operation.
async fn operations(bench: &Bench) -> Vec<(String, String, Value)> {
    let request = Request::get("/api/v1/openapi.json").body(Body::empty()).unwrap();
    let document = bench.send(request).await.good();
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap().iter();
        let methods =
            methods.filter(|(name, _)| ["get", "post", "put", "patch", "delete"].contains(&name.as_str()));
        methods
            .map(|(name, operation)| (name.to_uppercase(), path.clone(), operation.clone()))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}
