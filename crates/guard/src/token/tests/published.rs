//! Clients whose keys stand in a key set of their own: their sessions end with the key's place there.
use super::*;
use crate::jwks::{Fetch, Fetched, Times};
use countersign_store::registry::Answer;
use std::sync::Mutex;

/// A document that tests change.
struct Document(Mutex<String>);

impl Fetch for Document {
    fn fetch<'a>(&'a self, _url: &'a str) -> Answer<'a, Result<Fetched, String>> {
        Box::pin(async {
            let body = self.0.lock().unwrap().clone().into_bytes();
            Ok(Fetched { body, ..Fetched::default() })
        })
    }
}

fn listed(kid: &str, key: &PrivateKey) -> String {
    let mut jwk = serde_json::to_value(key.public_key().to_jwk()).unwrap();
    jwk["kid"] = kid.into();
    json!({ "keys": [jwk] }).to_string()
}

#[tokio::test]
async fn a_published_key_opens_sessions_while_it_is_published() {
    let (first, second) = (key(), key());
    let document = Arc::new(Document(Mutex::new(listed("first", &first))));
    let policy = countersign_keys::Policy::default();
    let dialects = ["client-assertion".to_owned()];
    let jwks = Arc::new(Jwks::new(document.clone(), Times::default(), policy, &dialects));
    let bench = Bench::over(settings(), None, Some(jwks)).await;
    let stamp = bench.stamp();
    let made = bench.registrar.change(&stamp, |draft| {
        let identifier = Identifier { namespace: "client".to_owned(), value: "id-one".to_owned() };
        let new = NewAccount {
            name: "one".to_owned(),
            enabled: true,
            identifiers: vec![identifier],
            jwks_url: Some("https://one.example/jwks.json".to_owned()),
            ..NewAccount::default()
        };
        Ok(draft.add_account(&new)?.id)
    });
    made.await.unwrap();
    let assertion = |kid: &str, key: &PrivateKey| {
        let now = bench.now();
        let head = json!({ "typ": "client-authentication+jwt", "kid": kid });
        let claims = json!({
            "iss": "id-one", "sub": "id-one", "aud": ISSUER, "iat": now, "exp": now + 60, "jti": bench.jti(),
        });
        jws(key, &head, &claims)
    };
    let proof = assertion("first", &first);
    let form = [("grant_type", JWT_BEARER), ("assertion", &*proof)];
    let pair = bench.post("/oauth2/token", &form, &[]).await;
    let (access, refresh) = (text(&pair, "access_token"), text(&pair, "refresh_token"));
    assert_eq!(bench.bearer(&access).await, Ok("id-one".to_owned()));
    let refreshed = bench
        .post("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)], &[])
        .await;
    let (access, refresh) = (text(&refreshed, "access_token"), text(&refreshed, "refresh_token"));
    // The key is taken out; the set is read again when it is asked for another one.
    *document.0.lock().unwrap() = listed("second", &second);
    bench.clock.set(Time::from_seconds(START + 60));
    assert_eq!(bench.bearer(&access).await, Ok("id-one".to_owned()), "nobody has looked again yet");
    let other = bench.credentials(&assertion("second", &second), &[], &[]).await;
    assert_eq!(other.status(), 200, "{other:?}");
    assert_eq!(bench.bearer(&access).await, Err(Reason::SessionEnded));
    let gone = bench
        .post("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)], &[])
        .await;
    assert_eq!(error(&gone).1, "invalid_grant");
    assert_eq!(bench.bearer(&text(&other, "access_token")).await, Ok("id-one".to_owned()));
}
