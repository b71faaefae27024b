//! Key sets fetched from a document that tests write, break and delay.
use super::*;
use countersign_keys::{KeyKind, PrivateKey};
use std::sync::Mutex;
use tokio::sync::Semaphore;

const URL: &str = "https://caller.example/jwks.json";
const DIALECT: &str = "asymmetric-jwt";

/// A document, or none; each fetch waits for a permit.
struct Document {
    text: Mutex<Option<String>>,
    permits: Semaphore,
}

impl Fetch for Document {
    fn fetch<'a>(&'a self, _url: &'a str) -> Answer<'a, Result<Fetched, String>> {
        Box::pin(async {
            self.permits.acquire().await.unwrap().forget();
            let text = self.text.lock().unwrap().clone().ok_or_else(|| "gone".to_owned())?;
            Ok(Fetched { body: text.into_bytes(), ..Fetched::default() })
        })
    }
}

fn document(kid: &str) -> (Arc<Document>, Arc<Jwks>) {
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let mut jwk = serde_json::to_value(key.public_key().to_jwk()).unwrap();
    jwk["kid"] = kid.into();
    let text = serde_json::json!({ "keys": [jwk] }).to_string();
    let document = Arc::new(Document { text: Mutex::new(Some(text)), permits: Semaphore::new(100) });
    let jwks =
        Arc::new(Jwks::new(document.clone(), Times::default(), Policy::default(), &[DIALECT.to_owned()]));
    (document, jwks)
}

async fn keys(jwks: &Arc<Jwks>, kid: &str, second: i64) -> Vec<Arc<KnownKey>> {
    jwks.keys("acc_1", URL, DIALECT, Some(kid), Time::from_seconds(second)).await
}

#[tokio::test]
async fn a_set_that_cannot_be_fetched_again_stops_counting() {
    let (document, jwks) = document("main");
    assert_eq!(keys(&jwks, "main", 0).await.len(), 1);
    *document.text.lock().unwrap() = None;
    assert_eq!(keys(&jwks, "main", 3599).await.len(), 1);
    tokio::task::yield_now().await;
    for second in [3640, 3641, 3700, 9999] {
        assert!(keys(&jwks, "main", second).await.is_empty(), "{second}");
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_keeps_nobody_from_the_set() {
    let (document, jwks) = document("main");
    let all = document.permits.available_permits();
    document.permits.forget_permits(all);
    let first = keys(&jwks, "main", 0);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(20), first).await.is_err());
    document.permits.add_permits(1);
    // The cooldown lets nobody fetch again, and nobody needs to.
    for _ in 0..1000 {
        if jwks.sets.get("acc_1").is_some_and(|entry| entry.fetched.is_some()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(keys(&jwks, "main", 1).await.len(), 1);
}

#[tokio::test]
async fn a_document_cannot_speak_of_keys_that_were_registered() {
    let (_document, jwks) = document("key_of_bob");
    let found = keys(&jwks, "key_of_bob", 0).await;
    assert_eq!(&*found[0].label, "key_of_bob");
    assert!(found[0].id.starts_with("jwks:") && found[0].id.len() == 69, "{}", found[0].id);
}

#[tokio::test]
async fn a_document_that_did_not_change_is_not_judged_again() {
    let (_document, jwks) = document("main");
    assert_eq!(keys(&jwks, "main", 0).await.len(), 1);
    let before = jwks.sets.get("acc_1").unwrap().keys.clone();
    assert!(keys(&jwks, "other", 60).await.is_empty());
    let entry = jwks.sets.get("acc_1").unwrap().clone();
    assert!(Arc::ptr_eq(&before, &entry.keys) && entry.fetched == Some(Time::from_seconds(60)));
}

#[tokio::test]
async fn published_keys_count_in_the_dialects_that_sets_are_for_and_in_no_other() {
    let (document, jwks) = document("main");
    let all = document.permits.available_permits();
    let other = jwks.keys("acc_1", URL, "skykit", Some("main"), Time::from_seconds(0)).await;
    assert!(
        other.is_empty() && document.permits.available_permits() == all,
        "nothing is fetched for it either"
    );
    let found = keys(&jwks, "main", 0).await;
    assert!(found[0].serves(DIALECT) && !found[0].serves("skykit"));
    assert!(jwks.keys("acc_1", URL, "skykit", Some("main"), Time::from_seconds(1)).await.is_empty());
}

#[tokio::test]
async fn a_published_key_serves_only_the_algorithm_it_is_published_for() {
    let key = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
    for (named, allowed) in [
        (Some("PS512"), &["PS512"][..]),
        (Some("RS256"), &["RS256"]),
        (None, &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
    ] {
        let (document, jwks) = document("main");
        let mut jwk = serde_json::to_value(key.public_key().to_jwk()).unwrap();
        jwk["kid"] = "main".into();
        if let Some(named) = named {
            jwk["alg"] = named.into();
        }
        *document.text.lock().unwrap() = Some(serde_json::json!({ "keys": [jwk] }).to_string());
        let found = keys(&jwks, "main", 0).await;
        let serves: Vec<_> = Algorithm::ALL
            .iter()
            .filter(|algorithm| found[0].allows(**algorithm))
            .map(|algorithm| algorithm.name())
            .collect();
        assert_eq!(serves, allowed, "{named:?}");
    }
}

mod directories;
