//! Refusals are kept, told in full to operators and, where its own key signed, to the account; a proof of possession opens explain.
use crate::fixture::{Answer, HOST, NOW, ROUTES, World, ed25519, p256, rsa};
use countersign_keys::{Algorithm, PrivateKey, sha256};
use countersign_server::config::listener::Surface;
use serde_json::Value;
use std::time::Duration;

fn world_text() -> String {
    let config =
        ROUTES.replace("surfaces = [\"metrics\", \"health\"]", "surfaces = [\"manage\", \"explain\"]");
    format!("{config}\n[manage]\nauthorities = [\"{HOST}\"]\n")
}

async fn manage(world: &World, path: &str) -> Answer {
    let own = world.running.address(Surface::Manage).unwrap();
    let proof = world.proof("operator", "GET", path, b"");
    crate::fixture::send(own, format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n").as_bytes()).await
}

/// What is kept of a refusal, once it is explained beside the requests that go on.
async fn kept(world: &World, reject: &str) -> Value {
    for _ in 0..200 {
        let answer = manage(world, &format!("/api/v1/refusals/{reject}")).await;
        if answer.status == 200 {
            return serde_json::from_str(&answer.body).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the refusal {reject} was not kept");
}

#[tokio::test]
async fn operators_find_a_refusal_by_its_id_and_no_credential_in_it() {
    let world = World::with(&world_text()).await;
    let proof = world.proof("skykit", "GET", "/", b"");
    let token = proof.trim_end().rsplit(' ').next().unwrap().to_owned();
    // A multiple of four, so that what is left is base64url of whole bytes.
    let start = token.len() - token.rsplit('.').next().unwrap().len();
    let cut = &token[..start + 200];
    let sent = format!(
        "GET /?secret=1 HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {cut}\r\nCookie: s=1\r\n\r\n"
    );
    let answer = world.send(sent).await;
    assert_eq!(answer.status, 401);
    let refusal = kept(&world, answer.header("countersign-reject").unwrap()).await;
    assert_eq!(
        (refusal["reason"].as_str(), refusal["cause"].as_str()),
        (Some("bad-signature"), Some("signature-cut"))
    );
    assert_eq!((refusal["proved"].as_bool(), refusal["name"].as_str()), (Some(false), Some("alice")));
    let signature = cut.rsplit('.').next().unwrap();
    let text = refusal.to_string();
    assert!(!text.contains(signature) && !text.contains("s=1") && !text.contains("secret=1"), "{text}");
    let list: Value =
        serde_json::from_str(&manage(&world, "/api/v1/refusals?reason=bad-signature").await.body).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(manage(&world, "/api/v1/refusals/rej_nothing").await.status, 404);
}

#[tokio::test]
async fn an_account_sees_its_own_proven_refusals_and_a_number_of_those_that_name_it() {
    let world = World::with(&world_text()).await;
    // Bob is confined to /public/, and signs well; somebody else writes his name.
    let proof = world.proof_of("bob", "skykit", "GET", "/", b"");
    let answer = world.send(format!("GET /private HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
    assert_eq!(answer.status, 403);
    let own = answer.header("countersign-reject").unwrap().to_owned();
    // A refusal that comes while another is just being kept leaves a number alone.
    kept(&world, &own).await;
    let start = proof.trim_end();
    let forged = format!("{}AAAA\r\n", &start[..start.len() - 4]);
    let answer = world.send(format!("GET /private HTTP/1.1\r\nHost: {HOST}\r\n{forged}\r\n")).await;
    assert_eq!(answer.status, 401);
    let other = answer.header("countersign-reject").unwrap().to_owned();
    kept(&world, &other).await;
    let app = world.running.app();
    let id = app.directory.account_by_name("bob").unwrap().id;
    let alice = app.directory.account_by_name("alice").unwrap().id;
    let (now, keep) = (app.clock.now(), Duration::from_secs(900));
    let seen = app.refusals.of_account(&id, now, keep);
    assert_eq!((seen.own.len(), seen.named), (1, 1));
    let told = app.refusals.told_to(&id, &own, now, keep).unwrap();
    assert_eq!(told["causes"][0]["code"], "path-not-allowed");
    assert!(told["causes"][0]["detail"].as_str().unwrap().contains("/public/"), "{told}");
    assert!(app.refusals.told_to(&id, &other, now, keep).is_none());
    assert!(app.refusals.told_to(&alice, &own, now, keep).is_none());
}

/// Asks explain about a request, with a proof that a key is held.
async fn ask(
    world: &World,
    asked: &Value,
    key: &str,
    by: &PrivateKey,
    algorithm: Algorithm,
    time: i64,
) -> Value {
    let answer = ask_for(world, asked, key, by, algorithm, time, HOST).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// The same with a proof that was made for the server of that name.
async fn ask_for(
    world: &World,
    asked: &Value,
    key: &str,
    by: &PrivateKey,
    algorithm: Algorithm,
    time: i64,
    server: &str,
) -> Answer {
    let body = asked.to_string();
    let digest = countersign::base64::encode_hex(&sha256(&[body.as_bytes()]));
    let text = format!("countersign explain 2\n{server}\n{key}\n{time}\n{digest}");
    let signature = by.sign(algorithm, text.as_bytes()).unwrap();
    let signature = countersign::base64::encode(countersign::base64::Alphabet::Url, &signature);
    let head = format!(
        "POST /explain HTTP/1.1\r\nHost: {HOST}\r\nCountersign-Explain-Key: {key}\r\nCountersign-Explain-Time: {time}\r\n\
         Countersign-Explain-Signature: {signature}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    world.send(format!("{head}{body}")).await
}

/// The id of the key of alice's that this is.
fn key_of_alice(world: &World, key: &PrivateKey) -> String {
    let app = world.running.app();
    let alice = app.directory.account_by_name("alice").unwrap().id;
    let spki = key.public_key().spki_der();
    app.directory.keys_of(&alice).into_iter().find(|known| known.spki == spki).unwrap().id
}

/// A question about a request of alice's that is signed wrongly.
fn question(body: &[u8]) -> Value {
    let base64 = |bytes: &[u8]| countersign::base64::encode(countersign::base64::Alphabet::Standard, bytes);
    serde_json::json!({
        "method": "POST",
        "url": format!("http://{HOST}/hive"),
        "headers": [["Api-Id", "alice@connection"], ["Api-User", "user-1"], ["Api-Signature", base64(&[7; 256])]],
        "body_b64": base64(body),
    })
}

#[tokio::test]
async fn a_proof_of_possession_holds_at_one_server_and_once() {
    let world = World::new().await;
    let key = key_of_alice(&world, ed25519());
    let asked = question(b"x");
    let of = async |server: &str, time: i64| {
        let answer = ask_for(&world, &asked, &key, ed25519(), Algorithm::Ed25519, time, server).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    let elsewhere = of("api.another.test", NOW).await;
    assert!(elsewhere.contains("does not hold") && !elsewhere.contains("bad-signature"), "{elsewhere}");
    assert!(of(HOST, NOW).await.contains("bad-signature"));
    assert_eq!(of(HOST, NOW).await, elsewhere, "used before");
    assert!(of(HOST, NOW - 1).await.contains("bad-signature"));
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_questions() {
    let world = World::new().await;
    let (key, asked) = (key_of_alice(&world, ed25519()), question(b"x"));
    let mut answers = Vec::new();
    for back in 0..20 {
        let answer = ask_for(&world, &asked, &key, ed25519(), Algorithm::Ed25519, NOW - back, HOST).await;
        answers.push(answer.status);
    }
    assert!(answers[..10].iter().all(|status| *status == 200), "{answers:?}");
    assert!(answers.contains(&429), "{answers:?}");
}

#[tokio::test]
async fn a_long_body_is_not_spelt_in_hundreds_of_ways() {
    let world = World::with(&ROUTES.replace("body_limit = 1000", "body_limit = 500000")).await;
    let key = key_of_alice(&world, ed25519());
    let of = async |body: &[u8]| ask(&world, &question(body), &key, ed25519(), Algorithm::Ed25519, NOW).await;
    let long = of(&[b'/'; 300_000]).await;
    assert_eq!(long["reason"], "bad-signature", "{long}");
    let short = of(b"///").await;
    assert_eq!(short["causes"][0]["code"], long["causes"][0]["code"]);
}

#[tokio::test]
async fn nothing_of_a_query_is_kept() {
    let world = World::with(&world_text()).await;
    let signature = countersign::base64::encode(countersign::base64::Alphabet::Standard, &[7; 256]);
    let sent = format!(
        "GET /hive?secret=1 HTTP/1.1\r\nHost: {HOST}\r\nApi-Id: alice@connection\r\nApi-User: user-1\r\nApi-Signature: {signature}\r\n\
         Referer: http://{HOST}/?secret=1\r\n\r\n"
    );
    let answer = world.send(sent).await;
    let kept = kept(&world, answer.header("countersign-reject").unwrap()).await.to_string();
    assert!(kept.contains("bad-signature") && !kept.contains("secret"), "{kept}");
}

#[tokio::test]
async fn whoever_proves_a_key_is_told_about_its_own_account_and_no_other() {
    let world = World::new().await;
    let app = world.running.app();
    let alice = app.directory.account_by_name("alice").unwrap().id;
    let keys = app.directory.keys_of(&alice);
    let of = |kind: &PrivateKey| {
        let spki = kind.public_key().spki_der();
        keys.iter().find(|key| key.spki == spki).unwrap().id.clone()
    };
    let asked = |who: &str| {
        let proof = world.proof_of(who, "skykit", "GET", "/", b"");
        let token = proof.trim_end().trim_start_matches("authorization: ").to_owned();
        let broken = format!("{}AAAA", &token[..token.len() - 4]);
        serde_json::json!({"method": "GET", "url": format!("http://{HOST}/"), "headers": [["Authorization", broken]]})
    };
    let question = asked("alice");
    let told = ask(&world, &question, &of(ed25519()), ed25519(), Algorithm::Ed25519, NOW).await;
    assert_eq!(told["reason"], "bad-signature", "{told}");
    assert_eq!(told["causes"][0]["code"], "wrong-key");
    assert!(told["expected"]["text"].as_str().unwrap().starts_with("eyJ"));
    // Of bob's request alice learns what she learns of nobody's: that the name is not hers.
    let of_bob = ask(&world, &asked("bob"), &of(ed25519()), ed25519(), Algorithm::Ed25519, NOW).await;
    let of_nobody = ask(&world, &asked("nobody"), &of(ed25519()), ed25519(), Algorithm::Ed25519, NOW).await;
    assert_eq!(
        (of_bob["causes"][0]["code"].as_str(), of_bob.get("reason")),
        (Some("identifier-not-yours"), Some(&Value::Null))
    );
    let without = |mut told: Value| {
        told.as_object_mut().unwrap().remove("expected");
        told.to_string()
    };
    assert_eq!(without(of_bob), without(of_nobody));
    // A wrong key, an unknown key, an old proof: one answer.
    let stranger = PrivateKey::generate(countersign_keys::KeyKind::Ed25519, 256).unwrap();
    let mut answers = Vec::new();
    for (key, by, algorithm, time) in [
        (of(ed25519()), &stranger, Algorithm::Ed25519, NOW),
        ("key_nobody".to_owned(), &stranger, Algorithm::Ed25519, NOW),
        (of(ed25519()), ed25519(), Algorithm::Ed25519, NOW - 61),
        (of(rsa()), p256(), Algorithm::EcdsaP256Sha256, NOW),
    ] {
        answers.push(ask(&world, &question, &key, by, algorithm, time).await.to_string());
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0] && answer.contains("\"refused\"")),
        "{answers:?}"
    );
}

#[tokio::test]
async fn what_the_caller_signed_is_laid_beside_what_is_expected() {
    let world = World::new().await;
    let app = world.running.app();
    let alice = app.directory.account_by_name("alice").unwrap().id;
    let key = app
        .directory
        .keys_of(&alice)
        .into_iter()
        .find(|key| key.spki == rsa().public_key().spki_der())
        .unwrap()
        .id;
    let signed = format!(
        "{{\"url\":\"http://{HOST}/hive\",\"content\":\"\",\"api_id\":\"alice@connection\",\"user\":\"somebody\"}}"
    );
    let signature = rsa().sign(Algorithm::RsaSha256, signed.as_bytes()).unwrap();
    let base64 = |bytes: &[u8]| countersign::base64::encode(countersign::base64::Alphabet::Standard, bytes);
    let asked = serde_json::json!({
        "method": "GET",
        "url": format!("http://{HOST}/hive"),
        "headers": [["Api-Id", "alice@connection"], ["Api-User", "user-1"], ["Api-Signature", base64(&signature)]],
        "signed_b64": base64(signed.as_bytes()),
    });
    let told = ask(&world, &asked, &key, rsa(), Algorithm::RsaSha256, NOW).await;
    assert_eq!(told["causes"][0]["code"], "signed-other-text", "{told}");
    let difference = &told["difference"];
    assert_eq!(
        (difference["expected"].as_str(), difference["signed"].as_str()),
        (Some("user-1"), Some("somebody"))
    );
    assert_eq!(difference["offset"], serde_json::json!(signed.find("somebody").unwrap()));
}
