//! Who gets an account by signing in, and who adds keys to one.
use super::{Bench, START, body, key, shown, sign, tokens};
use crate::session::settings::SessionSettings;
use countersign::base64::{Alphabet, decode_hex, encode, encode_hex};
use countersign::time::{Span, Time};
use countersign_keys::sha256;
use countersign_store::draft::NewAccount;
use serde_json::json;

/// A good answer's status after asking for a code with this body.
async fn register(bench: &Bench, ask: serde_json::Value, key: &countersign_keys::PrivateKey) -> u16 {
    let user = ask["userId"].as_str().unwrap().to_owned();
    let code = body(&bench.post("auth/code", "", ask).await)["authCode"].as_str().unwrap().to_owned();
    bench.answer(&user, &code, &sign(key, &code), &shown(key)).await.status().as_u16()
}

#[tokio::test]
async fn the_first_good_answer_makes_the_account_and_the_name_is_taken_then() {
    let (bench, bob, thief) = (Bench::new().await, key(), key());
    let exists = async |user: &str| body(&bench.get(&format!("auth/idexists/{user}"), "").await);
    assert_eq!(exists("team/bob").await, json!(false));
    let ask = json!({ "userId": "team/bob", "email": null });
    let code =
        body(&bench.post("auth/code-register", "", ask).await)["authCode"].as_str().unwrap().to_owned();
    assert_eq!(exists("team/bob").await, json!(false));
    assert_eq!(bench.answer("team/bob", &code, &sign(&thief, &code), &shown(&bob)).await.status(), 401);
    assert_eq!(exists("team/bob").await, json!(false));
    let pair = tokens(&bench.sign_in("team/bob", &bob).await);
    assert_eq!((exists("team/bob").await, exists("team%2Fbob").await), (json!(true), json!(true)));
    assert_eq!(bench.resource(&pair.access).await, 200);
    assert_eq!(bench.sign_in("team/bob", &thief).await.status(), 401);
    assert_eq!(bench.sign_in("team/bob", &bob).await.status(), 200);
    let audit = bench.registrar.registry().audit(0, 10).await.unwrap();
    let actions: Vec<_> =
        audit.iter().map(|entry| (entry.entry.actor.as_str(), entry.entry.action.as_str())).collect();
    assert!(
        actions.contains(&("self", "account.add")) && actions.contains(&("self", "key.add")),
        "{actions:?}"
    );
}

#[tokio::test]
async fn an_account_that_only_shares_the_name_keeps_it() {
    let (bench, alice, newcomer) = (Bench::new().await, key(), key());
    bench.user("alice", &alice).await;
    // `account of alice` is how that account is called, not its user id.
    assert_eq!(bench.sign_in("account of alice", &newcomer).await.status(), 200);
    assert!(bench.registrar.directory().account_by_name("account of alice@spacetime").is_some());
    // An id may be longer than a name.
    assert_eq!(bench.sign_in(&"é".repeat(150), &key()).await.status(), 200);
}

#[tokio::test]
async fn a_name_that_a_route_admits_is_nobodys_by_registering_itself() {
    let listed = ["partner", "partner@spacetime", "acc_01hf7yat00aaaaaaaaaaaaaaaa", "guest"];
    let reserved = listed.map(str::to_owned).into();
    let bench = Bench::with(SessionSettings { reserved, ..SessionSettings::default() }).await;
    let named = |name: &str| bench.registrar.directory().account_by_name(name);
    // Under both of its spellings, also after an account of that name was there, was renamed, was deleted.
    let refused = bench.sign_in("partner", &key()).await;
    let wrong = bench.answer_wrongly("guest").await;
    assert_eq!((refused.status(), refused.body()), (wrong.status(), wrong.body()));
    for name in ["guest", "acc_01hf7yat00aaaaaaaaaaaaaaaa"] {
        assert_eq!(bench.sign_in(name, &key()).await.status(), 200);
        assert!(named(name).is_none() && named(&format!("{name}@spacetime")).is_some());
    }
    let new = |name: &str| NewAccount { name: name.to_owned(), enabled: true, ..NewAccount::default() };
    let made = bench.registrar.add_account(&bench.stamp(), &new("partner")).await.unwrap();
    bench.registrar.rename_account(&bench.stamp(), &made.id, "former").await.unwrap();
    assert_eq!(bench.sign_in("partner", &key()).await.status(), 401);
    bench.registrar.delete_account(&bench.stamp(), &made.id).await.unwrap();
    assert_eq!(bench.sign_in("partner", &key()).await.status(), 401);
    assert!(named("partner").is_none() && named("partner@spacetime").is_none());
}

#[tokio::test]
async fn a_key_that_another_has_registers_nobody_and_the_answer_does_not_say_why() {
    let (bench, alice) = (Bench::new().await, key());
    bench.user("alice", &alice).await;
    let refused = bench.sign_in("bob", &alice).await;
    let wrong = bench.sign_in("alice", &key()).await;
    assert_eq!((refused.status(), refused.body()), (wrong.status(), wrong.body()));
    let settings = SessionSettings { shared_keys: true, ..SessionSettings::default() };
    let bench = Bench::with(settings).await;
    bench.user("alice", &alice).await;
    assert_eq!(bench.sign_in("bob", &alice).await.status(), 200);
}

#[tokio::test]
async fn where_nobody_registers_unknown_users_and_wrong_keys_get_the_same_bytes() {
    let settings = SessionSettings { self_registration: false, ..SessionSettings::default() };
    let (bench, alice, other) = (Bench::with(settings).await, key(), key());
    bench.user("alice", &alice).await;
    let (unknown, wrong) = (bench.sign_in("nobody", &other).await, bench.sign_in("alice", &other).await);
    assert_eq!(unknown.status(), 401);
    assert_eq!(
        (unknown.status(), unknown.headers(), unknown.body()),
        (wrong.status(), wrong.headers(), wrong.body())
    );
    assert_eq!(body(&bench.get("auth/idexists/nobody", "").await), json!(false));
    assert_eq!(bench.sign_in("alice", &alice).await.status(), 200);
}

#[tokio::test]
async fn join_codes_let_in_and_single_ones_only_once() {
    let settings = SessionSettings { require_join_code: true, ..SessionSettings::default() };
    let (bench, bob, carol) = (Bench::with(settings).await, key(), key());
    let acme = bench.registrar.add_organisation(&bench.stamp(), "acme").await.unwrap().id;
    for (code, once, life) in [("once", true, 60), ("late", false, 1)] {
        let digest = encode_hex(&sha256(&[code.as_bytes()]));
        let expires = Time::from_seconds(START + life);
        bench.registrar.add_join_code(&bench.stamp(), &acme, &digest, "ADMIN", expires, once).await.unwrap();
    }
    assert_eq!(register(&bench, json!({ "userId": "bob" }), &bob).await, 401);
    assert_eq!(register(&bench, json!({ "userId": "bob", "joinCode": "wrong" }), &bob).await, 401);
    bench.clock.advance(Span::from_seconds(1));
    assert_eq!(register(&bench, json!({ "userId": "bob", "joinCode": "late" }), &bob).await, 401);
    assert_eq!(body(&bench.get("auth/idexists/bob", "").await), json!(false));
    assert_eq!(register(&bench, json!({ "userId": "bob", "joincode": "once" }), &bob).await, 200);
    assert_eq!(register(&bench, json!({ "userId": "carol", "joinCode": "once" }), &carol).await, 401);
    let pair = bench.tokens("bob", &bob).await;
    assert!(super::part(&pair.access, 1).contains(&format!("\"subscription\":\"{acme}\"")));
    let found = body(&bench.get("subscription", &pair.access).await);
    assert_eq!(found, json!({ "subscriptionId": acme, "subscriptionName": "acme", "role": "ADMIN" }));
    assert_eq!(body(&bench.get("auth/validtoken", &pair.access).await)["subscriptionId"], acme);
}

#[tokio::test]
async fn a_key_is_added_by_its_holder_with_a_code_for_that() {
    let (bench, alice, second, bob) = (Bench::new().await, key(), key(), key());
    bench.user("alice", &alice).await;
    bench.user("bob", &bob).await;
    let token = bench.tokens("alice", &alice).await.access;
    let add = async |code: &str, signature: &str, sent: &str| {
        let answer = json!({ "authCode": code, "signature": signature, "key": sent, "scheme": "ed25519" });
        bench.post("auth/keys", &token, answer).await
    };
    let ask = async || {
        let answer = bench.post("auth/keys/code", &token, json!({})).await;
        body(&answer)["authCode"].as_str().unwrap().to_owned()
    };
    let login = bench.code("alice").await;
    assert_eq!(add(&login, &sign(&second, &login), &shown(&second)).await.status(), 401);
    let code = ask().await;
    // A code for adding keys signs nobody in.
    assert_eq!(bench.answer("alice", &code, &sign(&alice, &code), &shown(&alice)).await.status(), 401);
    assert_eq!(add(&code, &sign(&alice, &code), &shown(&second)).await.status(), 401);
    let code = ask().await;
    assert_eq!(
        add(&code, &sign(&second, &code), "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").await.status(),
        400
    );
    // Bob's own key, with bob's consent even, is not confirmed to be anybody's.
    let code = ask().await;
    assert_eq!(add(&code, &sign(&bob, &code), &shown(&bob)).await.status(), 401);
    assert_eq!(bench.sign_in("alice", &second).await.status(), 401);
    for _ in 0..2 {
        let code = ask().await;
        assert_eq!(add(&code, &sign(&second, &code), &shown(&second)).await.status(), 200);
    }
    let listed = body(&bench.get("auth/keys", &token).await);
    let keys: Vec<_> =
        listed.as_array().unwrap().iter().map(|key| key["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys, [shown(&alice), shown(&second)]);
    assert_eq!(bench.sign_in("alice", &second).await.status(), 200);
    assert_eq!(bench.sign_in("alice", &alice).await.status(), 200);
    assert_eq!(bench.post("auth/keys/code", "", json!({})).await.status(), 401);
}

/// What is no good public key, in text: points of small order, numbers beyond the field, keys of other kinds and sizes, and secrets.
fn bad_keys() -> Vec<(&'static str, String)> {
    let raw = |bytes: &[u8]| encode(Alphabet::Standard, bytes);
    let point = |first: u8, rest: u8, last: u8| {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (first, last);
        raw(&bytes)
    };
    let secret = key();
    let order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    let mut eighth = Vec::new();
    decode_hex(order_8.as_bytes(), &mut eighth).unwrap();
    vec![
        ("the identity", point(1, 0, 0)),
        ("the identity with a sign", point(1, 0, 0x80)),
        ("zero", point(0, 0, 0)),
        ("of order 2", point(0xec, 0xff, 0x7f)),
        ("of order 8", raw(&eighth)),
        ("the identity beyond the field", point(0xee, 0xff, 0x7f)),
        ("all bits", raw(&[0xff; 32])),
        ("31 bytes", raw(&[9; 31])),
        ("33 bytes", raw(&[9; 33])),
        ("a modulus of 8192 bits", raw(&[0xff; 1024])),
        (
            "an RSA key with an exponent as large",
            json!({ "kty": "RSA", "n": "_".repeat(342), "e": "_".repeat(342) }).to_string(),
        ),
        ("a private PEM", secret.to_pkcs8_pem().to_string()),
        (
            "a private key and its public key",
            raw(&[&[7; 32][..], &secret.public_key().ed25519_bytes().unwrap()].concat()),
        ),
        (
            "a private JWK",
            json!({ "kty": "OKP", "crv": "Ed25519", "x": shown(&secret), "d": shown(&key()) }).to_string(),
        ),
        ("nothing", String::new()),
    ]
}

#[tokio::test]
async fn a_bad_key_makes_no_account_is_added_to_none_and_is_kept_nowhere() {
    let (bench, alice) = (Bench::new().await, key());
    bench.user("alice", &alice).await;
    let token = bench.tokens("alice", &alice).await.access;
    let before = bench.registrar.directory().version();
    // Under a key of small order these hold for every text, where such keys are taken.
    let forged = [format!("01{}", "0".repeat(126)), "0".repeat(128), sign(&alice, "x")];
    for (what, bad) in bad_keys() {
        for signature in &forged {
            let code = bench.code("newcomer").await;
            let answer = bench.answer("newcomer", &code, signature, &bad).await;
            assert!(matches!(answer.status().as_u16(), 400 | 401), "{what}: {}", answer.status());
            let code = body(&bench.post("auth/keys/code", &token, json!({})).await);
            let sent = json!({ "authCode": code["authCode"], "signature": signature, "key": bad });
            let added = bench.post("auth/keys", &token, sent).await;
            assert!(matches!(added.status().as_u16(), 400 | 401), "{what}: {}", added.status());
            for answer in [&answer, &added] {
                let text = String::from_utf8(answer.body().to_vec()).unwrap();
                assert!(bad.is_empty() || !text.contains(&bad), "{what}: {text}");
                assert!(!text.contains("PRIVATE"), "{what}: {text}");
            }
        }
    }
    assert_eq!(bench.registrar.directory().version(), before, "nothing was written");
    assert_eq!(body(&bench.get("auth/idexists/newcomer", "").await), json!(false));
}

#[tokio::test]
async fn a_key_of_ones_own_that_was_revoked_comes_back_by_no_code() {
    let (bench, alice, second) = (Bench::new().await, key(), key());
    let (account, first) = bench.user("alice", &alice).await;
    let token = bench.tokens("alice", &alice).await.access;
    let add = async || {
        let code = body(&bench.post("auth/keys/code", &token, json!({})).await);
        let code = code["authCode"].as_str().unwrap().to_owned();
        let sent = json!({ "authCode": code, "signature": sign(&second, &code), "key": shown(&second) });
        bench.post("auth/keys", &token, sent).await.status().as_u16()
    };
    assert_eq!(add().await, 200);
    let caller = bench.registrar.directory().caller(&account).unwrap();
    let id = caller.keys.iter().find(|known| *known.id != *first).unwrap().id.to_string();
    bench.registrar.revoke_key(&bench.stamp(), &id).await.unwrap();
    assert_ne!(add().await, 200);
    assert_eq!(bench.sign_in("alice", &second).await.status(), 401);
}

#[tokio::test]
async fn where_keys_are_approved_a_newcomers_and_an_added_one_wait_for_a_manager() {
    let settings = SessionSettings { require_join_code: true, ..SessionSettings::default() };
    let (bench, bob, more) = (Bench::with(settings).await, key(), key());
    let acme = bench.registrar.add_organisation(&bench.stamp(), "acme").await.unwrap().id;
    bench.registrar.change(&bench.stamp(), |draft| draft.set_approval(&acme, true)).await.unwrap();
    let expires = Time::from_seconds(START) + Span::from_seconds(3600);
    let digest = encode_hex(&sha256(&[b"come"]));
    bench.registrar.add_join_code(&bench.stamp(), &acme, &digest, "MEMBER", expires, false).await.unwrap();
    let told = register(&bench, json!({ "userId": "bob", "joinCode": "come" }), &bob).await;
    assert_eq!(told, 403, "told once that it waits");
    let directory = bench.registrar.directory();
    let waiting = directory.keys_of(&directory.account_by_name("bob").unwrap().id).remove(0);
    assert_eq!(waiting.life.state.name(), "pending");
    assert_eq!(bench.sign_in("bob", &bob).await.status(), 401, "until then as one that nobody knows");
    bench.registrar.activate_key(&bench.stamp(), &waiting.id).await.unwrap();
    let token = tokens(&bench.sign_in("bob", &bob).await).access;
    // One that it adds itself waits, too.
    let code = body(&bench.post("auth/keys/code", &token, json!({})).await);
    let code = code["authCode"].as_str().unwrap();
    let sent = json!({ "userId": "bob", "authCode": code, "signature": sign(&more, code), "key": shown(&more), "scheme": "ed25519" });
    assert_eq!(bench.post("auth/keys", &token, sent).await.status(), 200);
    assert_eq!(bench.sign_in("bob", &more).await.status(), 401);
    assert_eq!(bench.sign_in("bob", &bob).await.status(), 200);
}
