//! When our side fails: 503, nothing changed, nobody let in, and no word of the cause to the caller.
use super::bench::Bench;
use crate::surface::manage::problem::Problem;
use axum::http::header;
use countersign_store::fault::Fault;
use serde_json::json;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_lost_disk_changes_nothing_and_says_nothing() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let version = bench.app.directory.version();
    bench.broken.store(true, Ordering::Relaxed);
    for (method, path, body) in [
        ("POST", "/api/v1/accounts".to_owned(), Some(json!({"name": "two"}))),
        ("PATCH", format!("/api/v1/accounts/{account}"), Some(json!({"enabled": false}))),
        ("DELETE", format!("/api/v1/accounts/{account}"), None),
        ("POST", "/api/v1/signing-keys/rotate".to_owned(), None),
        ("GET", "/api/v1/audit".to_owned(), None),
        ("GET", "/api/v1/audit/chain".to_owned(), None),
    ] {
        let answer = bench.call(method, &path, body).await;
        assert_eq!(answer.problem(), (503, "unavailable".into()), "{method} {path}");
        assert_eq!(answer.headers.get(header::RETRY_AFTER).unwrap(), "1");
        assert!(!answer.text.contains("cabinet"), "the cause is for the log: {}", answer.text);
    }
    assert_eq!(bench.app.directory.version(), version);
    assert_eq!(bench.call("GET", &format!("/api/v1/accounts/{account}"), None).await.good()["enabled"], true);
    bench.broken.store(false, Ordering::Relaxed);
    bench.call("POST", "/api/v1/accounts", Some(json!({"name": "two"}))).await.good();
    assert_eq!(bench.call("GET", "/api/v1/audit/chain", None).await.good()["intact"], true);
}

#[test]
fn what_may_be_done_is_not_called_unchanged() {
    let told = |fault: Fault| {
        let problem = Problem::from(fault);
        (problem.code().to_owned(), json!(problem.document())["detail"].to_string())
    };
    let (code, detail) = told(Fault::new("the disk of cabinet 7 is gone"));
    assert!(code == "unavailable" && detail.contains("Nothing was changed"), "{code}: {detail}");
    let (code, detail) = told(Fault::new("no answer from cabinet 7").with_open_outcome());
    assert!(code == "outcome-unknown" && detail.contains("may be done"), "{code}: {detail}");
    assert!(!detail.contains("cabinet"));
}
