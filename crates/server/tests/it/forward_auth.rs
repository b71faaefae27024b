//! The question that other proxies ask.
use crate::fixture::{Answer, HOST, ROUTES, World};
use countersign_server::readiness::Who;

const ORIGINAL: [(&str, &str); 4] = [
    ("X-Forwarded-Method", "GET"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", HOST),
    ("X-Forwarded-Uri", "/public/ok"),
];

async fn ask(world: &World, path: &str, proof: &str, lines: &[(&str, &str)]) -> Answer {
    let lines: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    world.send(format!("GET {path} HTTP/1.1\r\nHost: inner\r\n{proof}{lines}\r\n")).await
}

#[tokio::test]
async fn a_good_request_gets_200_and_its_identity() {
    let world = World::new().await;
    let proof = world.proof("skykit", "GET", "/public/ok", b"");
    for path in ["/verify", "/verify/bearer"] {
        let answer = ask(&world, path, &proof, &ORIGINAL).await;
        assert_eq!(
            (answer.status, answer.header("x-countersign-account")),
            (200, Some("alice")),
            "{answer:?}"
        );
    }
    let nginx = [
        ("X-Original-Method", "GET"),
        ("X-Original-URI", "/public/ok?a=b"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", HOST),
    ];
    assert_eq!(ask(&world, "/verify", &proof, &nginx).await.status, 200);
    assert_eq!(ask(&world, "/verify", "", &ORIGINAL).await.status, 401);
    let umlaut =
        ORIGINAL.map(|line| if line.0 == "X-Forwarded-Uri" { (line.0, "/public/\u{fc}") } else { line });
    assert_eq!(ask(&world, "/verify", &proof, &umlaut).await.status, 200);
}

#[tokio::test]
async fn doubled_missing_and_strange_originals_are_refused() {
    let world = World::new().await;
    let proof = world.proof("skykit", "GET", "/public/ok", b"");
    for index in 0..ORIGINAL.len() {
        let mut missing = ORIGINAL.to_vec();
        let twice = missing.remove(index);
        assert_eq!(ask(&world, "/verify", &proof, &missing).await.status, 400, "{twice:?} missing");
        let mut doubled = ORIGINAL.to_vec();
        doubled.push(twice);
        assert_eq!(ask(&world, "/verify", &proof, &doubled).await.status, 400, "{twice:?} twice");
    }
    for (name, value, status) in [
        // The caller chose these, so proxies must be able to carry the answer to it.
        ("X-Forwarded-Uri", "public/ok", 403),
        ("X-Forwarded-Uri", "/public/%0d%0aX: 1", 403),
        ("X-Forwarded-Uri", "/public/ok, /admin/x", 403),
        ("X-Forwarded-Uri", "/public/ok#x", 403),
        ("X-Forwarded-Uri", "http://evil/x", 403),
        ("X-Forwarded-Uri", "*", 403),
        ("X-Forwarded-Host", "a/b", 403),
        ("X-Forwarded-Host", "a$b", 403),
        ("X-Forwarded-Host", "\u{fc}", 403),
        ("X-Forwarded-Proto", "gopher", 400),
        ("X-Forwarded-Method", "G T", 403),
        ("X-Forwarded-Method", "M-SEARCH", 403),
    ] {
        let changed = ORIGINAL.map(|line| if line.0 == name { (name, value) } else { line });
        assert_eq!(ask(&world, "/verify", &proof, &changed).await.status, status, "{name}: {value}");
    }
    // Bytes of another encoding than UTF-8, in the path and in the host.
    for name in ["X-Forwarded-Uri", "X-Forwarded-Host"] {
        let kept = ORIGINAL.into_iter().filter(|line| line.0 != name);
        let lines: String = kept.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut asked =
            format!("GET /verify HTTP/1.1\r\nHost: inner\r\n{proof}{lines}{name}: /").into_bytes();
        asked.extend_from_slice(b"\xfc\r\n\r\n");
        assert_eq!(world.send(asked).await.status, 403, "{name}");
    }
    let dots =
        ORIGINAL.map(|line| if line.0 == "X-Forwarded-Uri" { (line.0, "/public/../admin") } else { line });
    assert_eq!(ask(&world, "/verify", &proof, &dots).await.status, 403);
    let mut both = ORIGINAL.to_vec();
    both.push(("X-Original-URI", "/public/other"));
    assert_eq!(ask(&world, "/verify", &proof, &both).await.status, 400);
    let elsewhere =
        ORIGINAL.map(|line| if line.0 == "X-Forwarded-Uri" { (line.0, "/public/ok") } else { line });
    assert_eq!(ask(&world, "/verify/once", &proof, &elsewhere).await.status, 403);
    assert_eq!(ask(&world, "/verify/none", &proof, &elsewhere).await.status, 403);
}

#[tokio::test]
async fn a_signed_body_that_is_not_seen_is_refused() {
    let world = World::new().await;
    let proof = world.proof("skillhive", "POST", "/hive/a", b"hello");
    let original = ORIGINAL.map(|line| match line.0 {
        "X-Forwarded-Uri" => (line.0, "/hive/a"),
        "X-Forwarded-Method" => (line.0, "POST"),
        _ => line,
    });
    let mut with_body = original.to_vec();
    with_body.push(("X-Original-Content-Length", "5"));
    let answer = ask(&world, "/verify", &proof, &with_body).await;
    assert!((401..=403).contains(&answer.status) && answer.body.contains("body-unseen"), "{answer:?}");
    // Traefik drops the length of a body it does not send along, nginx knows none of a chunked one, others write 0.
    let proof = world.proof("skillhive", "POST", "/hive/a", b"");
    for framing in [None, Some("Content-Length"), Some("X-Original-Content-Length")] {
        let lines: Vec<_> = original.into_iter().chain(framing.map(|name| (name, "0"))).collect();
        let answer = ask(&world, "/verify", &proof, &lines).await;
        assert!(answer.body.contains("body-unseen"), "{framing:?} {answer:?}");
    }
    let proof = world.proof("skillhive", "GET", "/hive/a", b"");
    let original = ORIGINAL.map(|line| if line.0 == "X-Forwarded-Uri" { (line.0, "/hive/a") } else { line });
    assert_eq!(ask(&world, "/verify", &proof, &original).await.status, 200);
}

#[tokio::test]
async fn strangers_may_not_ask() {
    let world = World::with(&ROUTES.replace("trusted_proxies = [\"127.0.0.1\"]", "")).await;
    let proof = world.proof("skykit", "GET", "/public/ok", b"");
    assert_eq!(ask(&world, "/verify", &proof, &ORIGINAL).await.status, 403);
}

#[tokio::test]
async fn another_scheme_than_the_public_one_is_refused() {
    let world =
        World::with(&ROUTES.replace("[server]", &format!("[server]\npublic_url = \"https://{HOST}\""))).await;
    let proof = world.proof("skykit", "GET", "/public/ok", b"");
    assert_eq!(ask(&world, "/verify", &proof, &ORIGINAL).await.status, 400);
    let https = ORIGINAL.map(|line| if line.0 == "X-Forwarded-Proto" { (line.0, "https") } else { line });
    assert_eq!(ask(&world, "/verify", &proof, &https).await.status, 200);
}

#[tokio::test]
async fn a_body_that_comes_along_is_judged_where_the_configuration_says_that_it_does() {
    let world = World::with(&ROUTES.replace("[identity]", "[forward_auth]\nbodies = true\n[identity]")).await;
    let proof = world.proof("skillhive", "POST", "/hive/a", b"hello");
    let original = ORIGINAL.map(|line| match line.0 {
        "X-Forwarded-Uri" => (line.0, "/hive/a"),
        "X-Forwarded-Method" => (line.0, "POST"),
        _ => line,
    });
    let lines: String = original.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let long = "x".repeat(1001);
    for (body, told, status) in [
        ("hello", "", 200),
        ("hello", "X-Original-Content-Length: 5\r\n", 200),
        ("hello", "X-Original-Content-Length: 6\r\n", 403),
        ("hello", "X-Original-Content-Length: chunked\r\n", 403),
        ("hallo", "", 403),
        ("", "", 403),
        (long.as_str(), "", 403),
    ] {
        let length = body.len();
        let head =
            format!("GET /verify HTTP/1.1\r\nHost: inner\r\n{proof}{lines}{told}Content-Length: {length}");
        let answer = world.send(format!("{head}\r\n\r\n{body}")).await;
        assert_eq!(answer.status, status, "{body:.9} {told} {answer:?}");
        let unseen = !told.is_empty() && status == 403 || length > 1000;
        assert_eq!(answer.body.contains("body-unseen"), unseen, "{body:.9} {told} {answer:?}");
    }
    // Dialects that do not look at it pass with any.
    let proof = world.proof("skykit", "POST", "/public/ok", b"");
    let lines = lines.replace("/hive/a", "/public/ok");
    let head = format!("GET /verify HTTP/1.1\r\nHost: inner\r\n{proof}{lines}Content-Length: 5");
    assert_eq!(world.send(format!("{head}\r\n\r\nhello")).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_not_seen_whole_is_no_empty_one_over_http_2_either() {
    for (bodies, told, length) in
        [(true, None, 1001), (true, Some("0"), 5), (false, None, 5), (true, None, 0), (false, None, 0)]
    {
        let world = World::with(
            &ROUTES.replace("[identity]", &format!("[forward_auth]\nbodies = {bodies}\n[identity]")),
        )
        .await;
        let proof = world.proof("skillhive", "GET", "/hive/a", b"");
        let mut request = http::Request::get("http://inner/verify");
        let proof = proof.lines().filter_map(|line| line.split_once(": "));
        let original =
            ORIGINAL.map(|line| if line.0 == "X-Forwarded-Uri" { (line.0, "/hive/a") } else { line });
        let told = told.map(|told| ("x-original-content-length", told));
        for (name, value) in proof.chain(original).chain(told) {
            request = request.header(name, value);
        }
        let stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        // Without a length: no header of HTTP/2 need tell of a body.
        let request = request.body(()).unwrap();
        let (answer, mut body) = sender.ready().await.unwrap().send_request(request, length == 0).unwrap();
        if length > 0 {
            body.send_data(bytes::Bytes::from(vec![b'x'; length]), true).unwrap();
        }
        let status = answer.await.unwrap().status().as_u16();
        assert_eq!(status, if length > 0 { 403 } else { 200 }, "{bodies} {told:?} {length}");
    }
}

#[tokio::test]
async fn a_body_that_the_doctor_cannot_hold_is_no_empty_one() {
    let world = World::with(&ROUTES.replace("[identity]", "[forward_auth]\nbodies = true\n[identity]")).await;
    let app = world.running.app();
    app.doctor.open("known".to_owned(), app.clock.now());
    let original = ORIGINAL.map(|line| match line.0 {
        "X-Forwarded-Uri" => (line.0, "/hive/a"),
        "X-Forwarded-Method" => (line.0, "POST"),
        _ => line,
    });
    let lines: String = original.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    for (length, status) in [(0, 200), (70_000, 400)] {
        let proof = world.proof("skillhive", "POST", "/hive/a", b"");
        let head = format!("Countersign-Doctor: known/body\r\n{proof}{lines}Content-Length: {length}");
        let body = "x".repeat(length);
        let asked = format!("GET /verify HTTP/1.1\r\nHost: inner\r\n{head}\r\n\r\n{body}");
        assert_eq!(world.send(asked).await.status, status, "{length}");
    }
    let seen = app.doctor.seen("known", app.clock.now()).unwrap();
    assert_eq!(seen.iter().map(|seen| seen.body_b64.is_some()).collect::<Vec<_>>(), [true, false]);
}

const LENIENT: &str = r#"
[server]
trusted_proxies = ["127.0.0.1"]
[[listener]]
address = "127.0.0.1:0"
surfaces = ["forward-auth"]
[[route]]
name = "watched"
dialects = ["skykit"]
methods = ["GET"]
mode = "shadow"
[[route]]
name = "warned"
path = "/warned"
dialects = ["skykit"]
mode = "warn"
modes = { alice = "enforce" }
"#;

#[tokio::test]
async fn what_does_not_hold_passes_as_nobodys_where_the_route_does_not_enforce() {
    let world = World::with(LENIENT).await;
    let about = |path: &'static str, method: &'static str| {
        ORIGINAL.map(|line| match line.0 {
            "X-Forwarded-Uri" => (line.0, path),
            "X-Forwarded-Method" => (line.0, method),
            _ => line,
        })
    };
    let held = ask(&world, "/verify", &world.proof("skykit", "GET", "/a", b""), &about("/a", "GET")).await;
    assert_eq!((held.status, held.header("x-countersign-account")), (200, Some("alice")));
    assert_eq!(held.header("x-countersign-mode"), Some("shadow"));
    let ours = |answer: &Answer| {
        let names = answer
            .head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|line| line.0.to_ascii_lowercase());
        let mut names: Vec<_> = names.filter(|name| name.contains("countersign")).collect();
        names.sort();
        names
    };
    let nobody = ["x-countersign-mode", "x-countersign-request-id"];
    let warned = ["countersign-reject", "countersign-time", "countersign-warning", nobody[0], nobody[1]];
    let bob = world.proof_of("bob", "skykit", "GET", "/", b"");
    let forged = |proof: &str| format!("{}AA\r\n", &proof[..proof.trim_end().len() - 2]);
    for proof in [String::new(), forged(&bob), "Authorization: Bearer x\r\n".to_owned()] {
        let answer = ask(&world, "/verify", &proof, &about("/a", "GET")).await;
        assert_eq!((answer.status, ours(&answer)), (200, nobody.map(str::to_owned).to_vec()), "{answer:?}");
        let answer = ask(&world, "/verify", &proof, &about("/warned", "GET")).await;
        assert_eq!((answer.status, ours(&answer)), (200, warned.map(str::to_owned).to_vec()), "{answer:?}");
        assert_eq!(answer.header("x-countersign-mode"), Some("warn"));
    }
    // She is ahead of her route; and what no mode lets pass.
    let alice = forged(&world.proof("skykit", "GET", "/warned", b""));
    assert_eq!(ask(&world, "/verify", &alice, &about("/warned", "GET")).await.status, 401);
    for (path, method) in [("/a", "PUT"), ("/warned/../a", "GET")] {
        assert_eq!(ask(&world, "/verify", "", &about(path, method)).await.status, 403, "{method} {path}");
    }
    let report = world.running.app().readiness.report();
    let told: Vec<_> = report
        .rows
        .iter()
        .map(|(route, who, row)| (route.as_str(), who.clone(), row.is_ready(row.last)))
        .collect();
    let account = |name: &str| Who::Account(name.to_owned());
    let network = || Who::Network("127.0.0.0/24".to_owned());
    let wanted = [
        ("warned", account("alice"), false),
        ("warned", account("bob"), false),
        ("warned", network(), false),
        ("watched", account("alice"), true),
        ("watched", account("bob"), false),
        ("watched", network(), false),
    ];
    assert_eq!(told, wanted);
}
