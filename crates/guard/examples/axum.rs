//! An axum service that recognises its callers by their keys: `cargo run -p countersign-guard --features axum --example axum KEY.pub.pem`
//! then sign a request as `ops@example.com` in the dialect skykit and send it to http://127.0.0.1:8800/who.
use axum::Router;
use axum::routing::get;
use countersign::dialect::settings::Settings;
use countersign_guard::clock::{SystemClock, SystemEntropy, draw};
use countersign_guard::extract::Caller;
use countersign_guard::guard::Guard;
use countersign_guard::layer::GuardLayer;
use countersign_guard::policy::Policy;
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::registry::Loaded;
use std::error::Error;
use std::sync::Arc;

async fn who(Caller(verified): Caller) -> String {
    format!("hello {}\n", verified.identifier())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: axum KEY.pub.pem")?;
    let key = countersign_keys::read_public_key(&std::fs::read(file)?, &countersign_keys::Policy::default())?;
    let key = key.first().ok_or("no key in the file")?;
    let vectors =
        serde_json::json!({ "skykit": { "ops@example.com": { "keys": [{ "pem": key.key.to_pem() }] } } });
    let records =
        countersign_guard::vectors::registry::records("skykit", &vectors, &serde_json::Value::Null)?;
    let directory = Directory::load(Loaded { version: 1, records })?;
    let store = Arc::new(MemoryStore::new(draw(&SystemEntropy)));
    let guard = Guard::new(Arc::new(directory), store.clone(), store, Arc::new(SystemClock));
    let skykit = countersign_dialects::load("skykit", &Settings::new())?;
    let policy = Policy::of(vec![Arc::new(skykit)]);
    let layer = GuardLayer::new(Arc::new(guard), policy, "http://127.0.0.1:8800")?;
    let app = Router::new().route("/who", get(who)).layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8800").await?;
    println!("listening on http://127.0.0.1:8800/who");
    axum::serve(listener, app).await?;
    Ok(())
}
