//! What a route wants beyond a proof that holds: methods, what is bound, whose accounts; and what becomes of the credentials.
use crate::fixture::{HOST, World, register_for_tests};
use countersign::life::key::KeyState;
use countersign_server::config::{Config, Sources};
use countersign_store::draft::{Narrowing, NewAccount, NewKey};
use countersign_store::memory::MemoryStore;
use countersign_store::model::Identifier;
use countersign_store::registrar::Registrar;
use countersign_store::stamp::Stamp;
use std::sync::Arc;

fn route(more: &str) -> String {
    format!(
        r#"
[server]
drain = "100ms"
trusted_proxies = ["127.0.0.1"]
[[listener]]
address = "127.0.0.1:0"
surfaces = ["gateway", "forward-auth"]
[[route]]
name = "bearer"
dialects = ["skykit", "skillhive"]
upstream = "UPSTREAM"
{more}
"#
    )
}

#[tokio::test]
async fn credentials_stay_here_unless_the_route_says_otherwise() {
    let world = World::with(&route("")).await;
    // In no spelling, and of no dialect of the route.
    let more = "Api_User: user-2\r\nCookie: a=b\r\n";
    let answer = world.get("/", more).await;
    for name in ["authorization", "api-id", "api_id", "api-user", "api-signature"] {
        assert!(answer.seen_header(name).is_empty(), "{name}: {answer:?}");
    }
    assert_eq!(answer.seen_header("cookie"), ["a=b"]);
    assert_eq!(answer.seen_header("x-countersign-account"), ["alice"]);
    let world = World::with(&route("forward_credentials = true")).await;
    assert!(world.get("/", "").await.seen_header("authorization")[0].starts_with("Bearer "));
}

#[tokio::test]
async fn the_origin_is_told_in_the_standards_form_too() {
    let world = World::with(&route("")).await;
    let answer =
        world.get("/", "Forwarded: for=1.2.3.4;proto=https\r\nX-Forwarded-For: 198.51.100.9\r\n").await;
    assert_eq!(answer.seen_header("forwarded"), [format!("for=198.51.100.9;host={HOST};proto=http")]);
    assert_eq!(answer.seen_header("x-forwarded-for"), ["198.51.100.9, 127.0.0.1"]);
}

#[tokio::test]
async fn only_the_routes_methods_pass_on_both_surfaces() {
    let world = World::with(&route("methods = [\"GET\", \"HEAD\"]")).await;
    assert_eq!(world.get("/", "").await.status, 200);
    let proof = world.proof("skykit", "DELETE", "/", b"");
    let answer = world.send(format!("DELETE / HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    for (method, status) in [("GET", 200), ("DELETE", 403)] {
        let asked = format!(
            "GET /verify HTTP/1.1\r\nHost: x\r\nX-Forwarded-Method: {method}\r\nX-Forwarded-Proto: http\r\n\
             X-Forwarded-Host: {HOST}\r\nX-Forwarded-Uri: /\r\n{proof}\r\n"
        );
        assert_eq!(world.send(asked).await.status, status, "{method}");
    }
}

#[tokio::test]
async fn a_dialect_that_binds_less_than_the_route_wants_is_refused() {
    let world = World::with(&route("require = [\"path\", \"body\"]")).await;
    let answer = world.get("/", "").await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.body.contains("not-permitted"), "{answer:?}");
    // A proof that does not hold is told nothing of that.
    let stranger = world.proof_of("mallory", "skykit", "GET", "/", b"");
    let answer = world.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{stranger}\r\n")).await;
    assert_eq!(answer.status, 401);
    let signed = world.proof("skillhive", "POST", "/orders", b"{}");
    let asked = format!("POST /orders HTTP/1.1\r\nHost: {HOST}\r\n{signed}Content-Length: 2\r\n\r\n{{}}");
    assert_eq!(world.send(asked).await.status, 200);
}

#[test]
fn a_requirement_that_nothing_meets_is_said_at_the_start() {
    let lints = |more: &str| {
        let text = route(more).replace("UPSTREAM", "http://127.0.0.1:9");
        let sources = Sources { file: Some(("f".to_owned(), text)), ..Sources::default() };
        let config = Config::load(&sources).map_err(|errors| panic!("{errors}")).unwrap();
        let checked = countersign_server::dialects::check(&config);
        assert!(checked.errors.is_empty(), "{checked:?}");
        checked.lints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let told = lints("require = [\"once\"]");
    assert!(told.contains("not-covered") && told.contains("the route refuses everybody"), "{told}");
    let told = lints("require = [\"body\"]");
    assert!(told.contains("skykit does not bind the body") && !told.contains("refuses everybody"), "{told}");
    assert!(!lints("require = []").contains("not-covered"));
    assert!(lints("modes = { bob = \"shadow\" }").contains("anybody can write a name"));
    assert!(lints("mode = \"shadow\"\nmodes = { bob = \"enforce\" }").contains("strangers can learn"));
    assert!(!lints("mode = \"shadow\"\nmodes = { bob = \"shadow\" }").contains("strangers can learn"));
    assert!(lints("mode = \"warn\"").contains("remove X-Countersign-*"));
    assert!(!lints("").contains("remove X-Countersign-*"));
}

#[tokio::test]
async fn organisations_let_their_accounts_in() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    let registrar = Registrar::open(store.clone(), store.clone()).await.unwrap();
    let mut count = 100;
    let mut stamp = || {
        count += 1;
        Stamp {
            now: countersign::time::Time::from_seconds(crate::fixture::NOW),
            actor: "local".to_owned(),
            random: [count; 16],
        }
    };
    let acme = registrar.add_organisation(&stamp(), "acme").await.unwrap();
    let carol = NewAccount {
        name: "carol".to_owned(),
        organisation: Some(acme.id),
        enabled: true,
        identifiers: vec![Identifier { namespace: "email".to_owned(), value: "carol@email".to_owned() }],
        acts_as: Vec::new(),
        paths: Vec::new(),
        jwks_url: None,
        role: None,
    };
    let carol = registrar.add_account(&stamp(), &carol).await.unwrap();
    let key = NewKey {
        account: carol.id,
        label: String::new(),
        spki: crate::fixture::rsa().public_key().spki_der().to_vec(),
        dialects: vec!["skykit".to_owned()],
        narrowing: Narrowing::default(),
        state: KeyState::Active,
        not_before: None,
        expires: None,
        shared: true,
    };
    registrar.add_key(&stamp(), &key).await.unwrap();
    let world = World::over(&route("organisations = [\"acme\"]"), store.clone(), store).await;
    for (who, status) in [("carol", 200), ("alice", 403)] {
        let proof = world.proof_of(who, "skykit", "GET", "/", b"");
        let answer = world.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
        assert_eq!(answer.status, status, "{who} {answer:?}");
    }
}
