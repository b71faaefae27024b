//! The way from watching to refusing: what passes in which mode, what the upstream and the caller learn, and who would pass.
use crate::fixture::{Answer, HOST, NOW, World, register_for_tests};
use countersign::time::Time;
use countersign_guard::clock::{FrozenClock, SeededEntropy};
use countersign_server::config::{Config, Sources};
use countersign_server::readiness::Who;
use countersign_server::{Parts, Server, echo};
use countersign_store::memory::MemoryStore;
use std::sync::Arc;

fn route(more: &str) -> String {
    format!(
        r#"
[server]
drain = "100ms"
[[listener]]
address = "127.0.0.1:0"
surfaces = ["gateway"]
[[listener]]
address = "127.0.0.1:0"
surfaces = ["metrics"]
[[route]]
name = "api"
dialects = ["skykit"]
upstream = "UPSTREAM"
{more}
[[route]]
name = "hive"
path = "/hive"
dialects = ["skillhive"]
upstream = "UPSTREAM"
body_limit = 10
mode = "shadow"
"#
    )
}

async fn sent(world: &World, proof: &str) -> Answer {
    let claims = "X-Countersign-Account: admin\r\nX-Countersign-Mode: enforce\r\n";
    world.send(format!("GET /public/x HTTP/1.1\r\nHost: {HOST}\r\n{proof}{claims}\r\n")).await
}

/// A proof of somebody's whose signature is broken.
fn forged(world: &World, who: &str) -> String {
    let proof = world.proof_of(who, "skykit", "GET", "/", b"");
    format!("{}AA\r\n", &proof[..proof.trim_end().len() - 2])
}

fn assert_nobody(answer: &Answer, mode: &str) {
    let seen = answer.seen();
    let ours: Vec<_> = seen["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| pair[0].as_str().unwrap().to_owned())
        .filter(|name| name.starts_with("x-countersign"))
        .collect();
    assert_eq!(ours, ["x-countersign-mode", "x-countersign-request-id"], "{answer:?}");
    assert_eq!(answer.seen_header("x-countersign-mode"), [mode]);
}

#[tokio::test]
async fn in_the_shadow_everything_passes_and_only_proofs_have_an_identity() {
    let world = World::with(&route("mode = \"shadow\"")).await;
    let held = world.get("/public/x", "").await;
    assert_eq!(held.seen_header("x-countersign-account"), ["alice"]);
    assert_eq!(held.seen_header("x-countersign-mode"), ["shadow"]);
    // The old scheme still judges by it.
    assert_eq!(held.seen_header("authorization").len(), 1);
    for proof in [String::new(), forged(&world, "alice"), "Authorization: Bearer x\r\n".to_owned()] {
        let answer = sent(&world, &proof).await;
        assert_nobody(&answer, "shadow");
        assert_eq!((answer.header("countersign-warning"), answer.header("countersign-reject")), (None, None));
    }
    let metrics = world.running.addresses()[1].address;
    let text = crate::fixture::send(metrics, b"GET /metrics HTTP/1.1\r\nHost: m\r\n\r\n").await.body;
    assert!(
        text.contains("countersign_not_enforced_total{mode=\"shadow\",reason=\"bad-signature\"} 1"),
        "{text}"
    );
}

#[tokio::test]
async fn a_warning_tells_the_caller_what_a_refusal_would() {
    let world = World::with(&route("mode = \"warn\"\nforward_credentials = false")).await;
    let answer = sent(&world, &forged(&world, "alice")).await;
    assert_nobody(&answer, "warn");
    assert_eq!(answer.header("countersign-warning"), Some("refused; such requests will be refused"));
    assert!(answer.header("countersign-reject").unwrap().starts_with("rej_"));
    assert!(answer.seen_header("authorization").is_empty());
    // Whom nobody knows is told the same.
    let stranger = sent(&world, &world.proof_of("mallory", "skykit", "GET", "/", b"")).await;
    assert_eq!(stranger.header("countersign-warning"), answer.header("countersign-warning"));
    let held = world.get("/public/x", "").await;
    assert_eq!((held.status, held.header("countersign-warning")), (200, None));
}

#[tokio::test]
async fn an_account_can_be_ahead_of_its_route_or_behind() {
    let world =
        World::with(&route("mode = \"shadow\"\nmodes = { alice = \"enforce\", bob = \"warn\" }")).await;
    assert_eq!(sent(&world, &forged(&world, "alice")).await.status, 401);
    assert_nobody(&sent(&world, &forged(&world, "bob")).await, "warn");
    assert_nobody(&sent(&world, "").await, "shadow");
    let held = world.get("/public/x", "").await;
    assert_eq!(held.seen_header("x-countersign-account"), ["alice"]);
    // She enforces, so the upstream need not be told otherwise, and does not get her credentials.
    assert!(
        held.seen_header("x-countersign-mode").is_empty() && held.seen_header("authorization").is_empty()
    );
    let world = World::with(&route("modes = { bob = \"shadow\" }")).await;
    assert_eq!(sent(&world, "").await.status, 401);
    assert_nobody(&sent(&world, &forged(&world, "bob")).await, "shadow");
}

#[tokio::test]
async fn a_body_that_is_too_large_to_be_judged_passes_the_shadow_unseen() {
    let world = World::with(&route("")).await;
    let signed = world.proof("skillhive", "POST", "/hive", b"{}");
    for body in ["{}", "{\"much\": \"more than ten bytes\"}"] {
        let asked = format!(
            "POST /hive HTTP/1.1\r\nHost: {HOST}\r\n{signed}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = world.send(asked).await;
        let wanted = countersign::base64::encode_hex(&countersign_keys::sha256(&[body.as_bytes()]));
        assert_eq!(answer.seen()["body_sha256"], wanted);
        assert_eq!(answer.seen_header("x-countersign-account").len(), usize::from(body.len() < 10));
    }
}

#[tokio::test]
async fn readiness_says_who_would_pass_and_believes_no_name() {
    let world = World::with(&route("mode = \"shadow\"")).await;
    world.get("/public/x", "").await;
    sent(&world, &forged(&world, "alice")).await;
    sent(&world, &forged(&world, "bob")).await;
    sent(&world, "").await;
    // Known, but not here: /admin is not bob's.
    let proof = world.proof_of("bob", "skykit", "GET", "/admin", b"");
    world.send(format!("GET /admin HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
    let report = world.running.app().readiness.report();
    let told: Vec<_> = report
        .rows
        .iter()
        .map(|(route, who, row)| {
            (route.as_str(), who.clone(), row.is_ready(row.last), row.passed, row.failed, row.unproven)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("api", Who::Account("alice".to_owned()), true, 1, 0, 1),
            ("api", Who::Account("bob".to_owned()), false, 0, 1, 1),
            ("api", Who::Network("127.0.0.0/24".to_owned()), false, 0, 1, 0),
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_decided_passes_the_shadow_as_nobodys_or_not_at_all() {
    for (more, status) in [
        ("mode = \"shadow\"", 200),
        ("mode = \"shadow\"\non_fault = \"unavailable\"", 503),
        ("mode = \"enforce\"\non_fault = \"forward\"", 503),
    ] {
        let store = Arc::new(MemoryStore::new([7; 16]));
        register_for_tests(&store).await;
        let echo = echo::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let text = route(more).replace("skykit", "asymmetric-jwt");
        let text = text.replace("UPSTREAM", &format!("http://{}", echo.address()));
        let sources = Sources { file: Some(("t".to_owned(), text)), ..Sources::default() };
        let parts = Parts {
            clock: Arc::new(FrozenClock::at(Time::from_seconds(NOW))),
            entropy: Arc::new(SeededEntropy::new(1)),
            registry: store.clone(),
            once: Arc::new(crate::faults::Broken),
            challenges: store.clone(),
            sessions: store.clone(),
        };
        let running = Server::start(Config::load(&sources).unwrap(), parts).await.unwrap();
        let proof = crate::fixture::proof(&running, "alice", "asymmetric-jwt", "GET", "/x", b"", [1; 16]);
        let asked = format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n");
        let answer = crate::fixture::send(running.addresses()[0].address, asked.as_bytes()).await;
        assert_eq!(answer.status, status, "{more} {answer:?}");
        if status == 200 {
            assert_nobody(&answer, "shadow");
        }
    }
}
