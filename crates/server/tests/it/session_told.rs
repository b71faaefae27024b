//! Refused calls of the session API are kept and explained: in full to operators, and to an account what its own key or token proved.
use crate::console::{Site, json_of};
use crate::fixture::{Answer, HOST, p256, send};
use crate::session::text;
use countersign::base64::{Alphabet, encode, encode_hex};
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

async fn site() -> Site {
    let more = "surfaces = [\"manage\", \"console\", \"session\"]";
    let text = crate::console::routes().replace("surfaces = [\"manage\", \"console\"]", more);
    Site::with(&format!("{text}[session]\nself_registration = true\nrefresh_grace = \"0s\"\n")).await
}

async fn call(address: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let token = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{token}Content-Length: {}\r\n", body.len());
    send(address, format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await
}

/// The answer to a fresh code, signed by one key and said to be of another.
async fn answered(site: &Site, user: &str, by: &PrivateKey, named: &PrivateKey) -> String {
    let asked = call(site.address, "POST", "/v1/auth/code", "", &json!({ "userId": user }).to_string()).await;
    let code = text(&asked, "authCode");
    let signature = encode_hex(&by.sign(Algorithm::Ed25519, code.as_bytes()).unwrap());
    let shown = encode(Alphabet::Standard, &named.public_key().ed25519_bytes().unwrap());
    json!({ "userId": user, "authCode": code, "signature": signature, "key": shown }).to_string()
}

fn reject(answer: &Answer) -> String {
    assert!(matches!(answer.status, 401 | 403), "{answer:?}");
    answer.header("countersign-reject").unwrap().to_owned()
}

/// What a page of the console or of the operators is told of a refusal, once it is kept.
async fn told(site: &Site, path: &str, session: &str) -> Value {
    for _ in 0..200 {
        let answer = site.get(path, session).await;
        if answer.status == 200 {
            return json_of(&answer);
        }
        assert_eq!(answer.status, 404, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{path} was not told");
}

#[tokio::test]
async fn an_account_is_told_of_its_own_refused_sessions_and_of_nobody_elses() {
    let site = site().await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let other = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let good = answered(&site, "nina", &key, &key).await;
    let pair = call(site.address, "POST", "/v1/auth/token", "", &good).await;
    let refresh = text(&pair, "refreshToken");
    call(site.address, "POST", "/v1/auth/token", "", &answered(&site, "vera", &other, &other).await).await;
    let nina = site.session("nina", &key).await;
    let vera = site.session("vera", &other).await;
    let olga = site.session("olga", p256()).await;
    // Her own: a code that comes again, a refresh token that another followed, and the session that ended by it.
    let again = reject(&call(site.address, "POST", "/v1/auth/token", "", &good).await);
    let next = call(site.address, "POST", "/v1/auth/refresh", &refresh, "").await;
    assert_eq!(next.status, 200, "{next:?}");
    let reused = reject(&call(site.address, "POST", "/v1/auth/refresh", &refresh, "").await);
    let access = text(&next, "accessToken");
    let ended = reject(&call(site.address, "POST", "/v1/auth/logout", &access, "").await);
    for (id, reason) in [(&again, "replayed"), (&reused, "session-ended"), (&ended, "session-ended")] {
        let own = told(&site, &format!("/console/api/v1/refusals/{id}"), &nina).await;
        assert_eq!((&own["reason"], &own["proved"]), (&json!(reason), &json!(true)), "{own}");
        let all = told(&site, &format!("/api/v1/refusals/{id}"), &olga).await;
        assert_eq!((&all["reason"], &all["name"]), (&json!(reason), &json!("nina")), "{all}");
        assert_eq!(all["route"], "(session API)");
        for (kept, what) in [(&own, "own"), (&all, "all")] {
            let text = kept.to_string();
            let secrets = [&refresh, &access, good.split("signature\":\"").nth(1).unwrap()];
            let leaks =
                secrets.iter().filter(|secret| text.contains(&secret[secret.len() - 60..secret.len() - 20]));
            assert_eq!(leaks.count(), 0, "{what}: {text}");
        }
        for stranger in [&vera, &olga] {
            assert_eq!(site.get(&format!("/console/api/v1/refusals/{id}"), stranger).await.status, 404);
        }
    }
    let list = json_of(&site.get("/console/api/v1/refusals", &nina).await);
    assert_eq!((list["items"].as_array().unwrap().len(), &list["named"]), (3, &json!(0)), "{list}");
    let paths: BTreeSet<&str> =
        list["items"].as_array().unwrap().iter().filter_map(|one| one["path"].as_str()).collect();
    assert_eq!(paths, BTreeSet::from(["/v1/auth/token", "/v1/auth/refresh", "/v1/auth/logout"]));
}

#[tokio::test]
async fn a_name_that_somebody_writes_proves_nothing_and_unknown_names_look_the_same() {
    let site = site().await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let wrong = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let good = answered(&site, "nina", &key, &key).await;
    assert_eq!(call(site.address, "POST", "/v1/auth/token", "", &good).await.status, 200);
    let nina = site.session("nina", &key).await;
    let olga = site.session("olga", p256()).await;
    // Signed by another key that says it is hers; by one that nobody has; and of a user that is not there, by a code that was used.
    let forged = answered(&site, "nina", &wrong, &key).await;
    let unknown = answered(&site, "nina", &wrong, &wrong).await;
    let mut bodies = Vec::new();
    for body in [&forged, &unknown] {
        let answer = call(site.address, "POST", "/v1/auth/token", "", body).await;
        bodies.push(answer.body.clone());
        let id = reject(&answer);
        let all = told(&site, &format!("/api/v1/refusals/{id}"), &olga).await;
        assert_eq!((&all["proved"], &all["name"]), (&json!(false), &json!("nina")), "{all}");
        assert!(!all["explanation"]["steps"].as_array().unwrap().is_empty(), "{all}");
        assert_eq!(site.get(&format!("/console/api/v1/refusals/{id}"), &nina).await.status, 404);
    }
    let changed = answered(&site, "nobody", &wrong, &wrong).await.replace("nobody", "noone");
    let answer = call(site.address, "POST", "/v1/auth/token", "", &changed).await;
    bodies.push(answer.body.clone());
    let all = told(&site, &format!("/api/v1/refusals/{}", reject(&answer)), &olga).await;
    assert_eq!((&all["account"], &all["reason"]), (&Value::Null, &json!("unknown-challenge")), "{all}");
    // The code is still good for whom it was issued.
    let code = changed.split("authCode\":\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(code.len() > 8 && !all.to_string().contains(code), "{all}");
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    let list = json_of(&site.get("/console/api/v1/refusals", &nina).await);
    assert_eq!((list["items"].as_array().unwrap().len(), &list["named"]), (0, &json!(2)), "{list}");
    // A join code in an address is kept nowhere.
    let path = "/v1/subscription/invite/a-secret-code";
    let refused = call(site.address, "POST", path, "no.good.token", "").await;
    let all = told(&site, &format!("/api/v1/refusals/{}", reject(&refused)), &olga).await.to_string();
    assert!(all.contains("/invite/(code)") && !all.contains("secret"), "{all}");
}
