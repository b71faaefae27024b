//! What the console tells owners: of their own refusals in full, of others' nothing; programs with their own values.
use crate::console::{Site, json_of};
use crate::fixture::{HOST, NOW, ed25519, p256, rsa};
use countersign::base64::{Alphabet, encode};
use serde_json::{Value, json};
use std::time::Duration;

/// What the account is told of a refusal, once it is explained beside the requests that go on.
async fn told(site: &Site, cookie: &str, reject: &str) -> Value {
    for _ in 0..200 {
        let answer = site.get(&format!("/console/api/v1/refusals/{reject}"), cookie).await;
        if answer.status == 200 {
            return json_of(&answer);
        }
        assert_eq!(answer.status, 404, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the refusal {reject} was not told");
}

#[tokio::test]
async fn an_owner_is_told_of_its_own_refusals_and_of_nobody_elses() {
    let site = Site::with(&crate::console::routes()).await;
    // Bob is confined to /public/, and signs well.
    let proof = site.world.proof_of("bob", "skykit", "GET", "/", b"");
    let refused = site.world.send(format!("GET /private HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
    assert_eq!(refused.status, 403);
    let reject = refused.header("countersign-reject").unwrap().to_owned();
    let bob = site.session("bob", ed25519()).await;
    let alice = site.session("alice", ed25519()).await;
    let own = told(&site, &bob, &reject).await;
    assert_eq!(own["causes"][0]["code"], "path-not-allowed", "{own}");
    let list = json_of(&site.get("/console/api/v1/refusals", &bob).await);
    assert_eq!(
        (&list["items"][0]["reject"], &list["items"][0]["path"]),
        (&json!(reject), &json!("/private"))
    );
    // An operator's own pages are about its own account as well.
    let olga = site.session("olga", p256()).await;
    for other in [&alice, &olga] {
        assert_eq!(site.get(&format!("/console/api/v1/refusals/{reject}"), other).await.status, 404);
        let list = json_of(&site.get("/console/api/v1/refusals", other).await);
        assert_eq!((list["items"].as_array().map(Vec::len), &list["named"]), (Some(0), &json!(0)));
    }
    assert_eq!(site.get(&format!("/console/api/v1/refusals/{reject}"), "").await.status, 401);
}

/// A request in a name, which nothing proves.
fn described(name: &str) -> Value {
    let part = |value: Value| encode(Alphabet::Url, value.to_string().as_bytes());
    let claims = json!({ "iss": name, "iat": NOW, "exp": NOW + 600 });
    let token = format!(
        "{}.{}.{}",
        part(json!({ "alg": "RS256", "typ": "JWT" })),
        part(claims),
        encode(Alphabet::Url, &[7; 256])
    );
    json!({ "method": "GET", "url": format!("http://{HOST}/private"),
        "headers": [["Authorization", format!("Bearer {token}")]] })
}

#[tokio::test]
async fn a_request_in_anothers_name_is_told_of_like_one_in_nobodys() {
    let site = Site::with(&crate::console::routes()).await;
    let alice = site.session("alice", ed25519()).await;
    let own = json_of(&site.post("/console/api/v1/explain", &alice, described("alice@email")).await);
    assert_eq!(own["reason"], "bad-signature", "{own}");
    assert!(own["steps"].as_array().is_some_and(|steps| !steps.is_empty()));
    let mut answers = Vec::new();
    for name in ["bob@email", "olga@email", "nob@email"] {
        let answer = site.post("/console/api/v1/explain", &alice, described(name)).await;
        let mut told = json_of(&answer);
        // What it sent itself comes back to it.
        told.as_object_mut().unwrap().remove("expected");
        answers.push((answer.status, told.to_string()));
    }
    assert!(answers[0].1.contains("identifier-not-yours"), "{answers:?}");
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
}

#[tokio::test]
async fn programs_have_the_accounts_own_values_and_never_anothers_key() {
    let site = Site::with(&crate::console::routes()).await;
    let alice = site.session("alice", ed25519()).await;
    let snippet = |more: &str| format!("/console/api/v1/snippets?dialect=skykit&language=python{more}");
    let own = json_of(&site.get(&snippet(""), &alice).await);
    assert_eq!(own["title"], "Python");
    let text = own["text"].as_str().unwrap();
    assert!(text.contains("alice") && text.contains("key.pem") && !text.contains("{{"), "{text}");
    let id = site.key_of("alice", rsa());
    assert_eq!(site.get(&snippet(&format!("&key={id}")), &alice).await.status, 200);
    let others = site.key_of("olga", p256());
    let bobs = site.key_of("bob", rsa());
    for missing in [&*format!("&key={others}"), &*format!("&key={bobs}"), "&key=key_nothing"] {
        assert_eq!(site.get(&snippet(missing), &alice).await.status, 404, "{missing}");
    }
    for path in [
        "?dialect=skykit&language=cobol",
        "?dialect=nothing&language=python",
        "?dialect=operator&language=php",
    ] {
        assert_eq!(site.get(&format!("/console/api/v1/snippets{path}"), &alice).await.status, 404, "{path}");
    }
}
