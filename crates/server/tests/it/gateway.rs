//! The gateway: what the upstream sees and what it never sees.
use crate::fixture::{HOST, ROUTES, World};

#[tokio::test]
async fn the_upstream_sees_the_proved_identity_and_nothing_the_caller_claims() {
    let world = World::new().await;
    let claims: String = [
        "X-Countersign-Account",
        "x_countersign_account",
        "X-Countersign_Key",
        "X.Countersign.Account",
        "Remote.User",
        "X-Countersign-Principal",
        "X-Auth-User",
        "X-Auth-Request-Email",
        "Remote-User",
        "Remote_User",
        "X-WEBAUTH-USER",
        "X-Consumer-Username",
        "X-Userinfo",
        "X-User",
        "X-Original-User",
        "Cf-Access-Authenticated-User-Email",
        "X-Forwarded-Client-Cert",
        "X-Tenant",
        "x_tenant",
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "Proxy",
        "Forwarded",
        "X-Real-IP",
        "X-Rewrite-URL",
        "X-Original-URL",
        "TE",
        "Trailer",
        "Proxy-Authorization",
        "Keep-Alive",
    ]
    .iter()
    .map(|name| format!("{name}: evil-claim\r\n"))
    .collect();
    let answer = world.get("/v1/widgets?limit=10", &claims).await;
    let seen = answer.seen();
    assert!(!answer.body.contains("evil-claim"), "{}", answer.body);
    assert_eq!(
        (seen["method"].as_str(), seen["target"].as_str()),
        (Some("GET"), Some("/v1/widgets?limit=10"))
    );
    assert_eq!(answer.seen_header("x-countersign-account"), ["alice"]);
    assert_eq!(answer.seen_header("x-countersign-identifier"), ["alice@email"]);
    assert_eq!(answer.seen_header("x-countersign-dialect"), ["skykit"]);
    assert!(answer.seen_header("x-countersign-request-id")[0].starts_with("req_"));
    assert_eq!(answer.seen_header("host"), [HOST]);
    assert_eq!(answer.seen_header("x-forwarded-proto"), ["http"]);
    assert_eq!(answer.seen_header("x-forwarded-host"), [HOST]);
    assert_eq!(answer.seen_header("x-forwarded-for"), ["127.0.0.1"]);
}

#[tokio::test]
async fn connection_cannot_take_our_headers_away() {
    let world = World::new().await;
    let more = "Connection: X-Countersign-Account, Cookie, X-Hop\r\nCookie: a=b\r\nX-Hop: 1\r\n";
    let answer = world.get("/", more).await;
    assert_eq!(answer.seen_header("x-countersign-account"), ["alice"]);
    assert_eq!(answer.seen_header("cookie"), ["a=b"]);
    assert!(answer.seen_header("x-hop").is_empty());
}

#[tokio::test]
async fn refusals_tell_strangers_little_and_never_reach_the_upstream() {
    let world = World::new().await;
    let none = world.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!((none.status, none.header("www-authenticate")), (401, Some("Bearer")));
    assert!(none.header("countersign-reject").unwrap().starts_with("rej_"));
    assert_eq!(none.header("countersign-time"), Some("1767225600000"));
    assert_eq!(none.header("date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
    assert_eq!(none.header("content-type"), Some("application/problem+json"));
    assert!(none.body.contains("\"missing-credentials\""), "{}", none.body);
    let proof = world.proof("skykit", "GET", "/", b"");
    let stranger = world.proof_of("mallory", "skykit", "GET", "/", b"");
    let cut = proof.trim_end().len() - 2;
    let broken = format!("{}AA\r\n", &proof[..cut]);
    let mut bodies = Vec::new();
    for proof in [stranger, broken] {
        let answer = world.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
        bodies.push((
            answer.status,
            answer.body.clone(),
            answer.header("www-authenticate").map(str::to_owned),
        ));
    }
    assert_eq!(bodies[0].0, 401);
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn paths_that_two_servers_may_read_differently_go_nowhere() {
    let world = World::new().await;
    for path in [
        "/public/../admin",
        "/public/%2e%2e/admin",
        "//admin",
        "/public/..%2fadmin",
        "/public/%252e%252e/admin",
        "/a;b",
        "/a%00",
        "/%61dmin",
        "/public/%c0%ae%c0%ae/admin",
        "/public/%ef%bc%8e%ef%bc%8e/admin",
        "/a\\b",
        "/a%5cb",
        "/healthz/../admin",
        "/metrics/..;/admin",
    ] {
        let answer = world.get(path, "").await;
        assert_eq!(answer.status, 400, "{path} {answer:?}");
    }
    assert_eq!(world.get("/public/ok.txt", "").await.seen()["target"], "/public/ok.txt");
    assert_eq!(world.get("/a%20b/?x=%2e%2e/../;", "").await.seen()["target"], "/a%20b/?x=%2e%2e/../;");
    assert_eq!(world.get("/raw/a//b/%2e;c", "").await.seen()["target"], "/raw/a//b/%2e;c");
    let proof = world.proof_of("bob", "skykit", "GET", "/", b"");
    for (path, status) in [("/public/ok.txt", 200), ("/admin", 403), ("/public", 403), ("/publicity", 403)] {
        let answer = world.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
        assert_eq!(answer.status, status, "{path} {answer:?}");
    }
}

#[tokio::test]
async fn a_raw_path_does_not_lead_out_of_where_a_caller_is_confined() {
    let world = World::with(&ROUTES.replace("path = \"/raw\"", "path = \"/public\"")).await;
    for (who, path, status) in [
        ("bob", "/public/ok", 200),
        ("bob", "/public/../admin", 403),
        ("bob", "/public/%2e%2e/admin", 403),
        ("bob", "/public/..;/admin", 403),
        ("alice", "/public/../admin", 200),
    ] {
        let proof = world.proof_of(who, "skykit", "GET", "/", b"");
        let answer = world.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
        assert_eq!(answer.status, status, "{who} {path} {answer:?}");
    }
}

#[tokio::test]
async fn a_host_has_one_route_in_every_spelling() {
    let own = format!("[[route]]\nname = \"own\"\nhost = \"{HOST}\"\ndialects = [\"asymmetric-jwt\"]\n");
    let world = World::with(&format!("{ROUTES}{own}")).await;
    let proof = world.proof("skykit", "GET", "/", b"");
    for (host, status) in [
        (HOST.to_owned(), 401),
        (format!("{HOST}:80"), 401),
        (HOST.to_uppercase(), 401),
        (format!("{HOST}."), 401),
        (format!("{HOST}.:80"), 401),
        (HOST.replace('.', "%2e"), 400),
        ("other.test".to_owned(), 200),
    ] {
        let answer = world.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n{proof}\r\n")).await;
        assert_eq!(answer.status, status, "{host} {answer:?}");
    }
    // By a trusted proxy's word it is another host: to the upstream, too.
    let told = "X-Forwarded-Host: other.test\r\n";
    let answer = world.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{told}{proof}\r\n")).await;
    assert_eq!(answer.seen_header("host"), ["other.test"]);
}

#[tokio::test]
async fn only_methods_with_a_meaning_pass() {
    let world = World::new().await;
    let proof = world.proof("skykit", "GET", "/", b"");
    for (method, status) in
        [("GET", 200), ("DELETE", 200), ("TRACE", 405), ("GETX", 405), ("PRI", 405), ("CONNECT", 405)]
    {
        let target = if method == "CONNECT" { HOST } else { "/" };
        let answer = world.send(format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
        let refused = method == "CONNECT" && answer.status == 400;
        assert!(answer.status == status || refused, "{method} {answer:?}");
    }
    let answer = world.send(format!("OPTIONS / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_signed_body_is_read_within_its_limit_and_goes_on_unchanged() {
    let world = World::new().await;
    let path = "/hive/orders?a=ü".replace('ü', "%C3%BC");
    let body = "{\"text\": \"grüße/☃\"}";
    let proof = world.proof("skillhive", "POST", &path, body.as_bytes());
    let request = |body: &str, proof: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    let answer = world.send(request(body, &proof)).await;
    let seen = answer.seen();
    assert_eq!(
        seen["body_sha256"],
        countersign::base64::encode_hex(&countersign_keys::sha256(&[body.as_bytes()]))
    );
    assert_eq!(answer.seen_header("x-countersign-acting-as"), ["user-1"]);
    let tampered = world.send(request(&body.replace("gr", "Gr"), &proof)).await;
    assert!((400..500).contains(&tampered.status), "{tampered:?}");
    let large = world.send(request(&"x".repeat(1001), &proof)).await;
    assert_eq!(large.status, 413, "{large:?}");
    let chunked = format!(
        "POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\nX-Countersign-Account: admin\r\n\r\n",
        body.len()
    );
    let answer = world.send(chunked).await;
    assert_eq!(answer.seen()["body_b64"], seen["body_b64"]);
    assert!(!answer.body.contains("admin"));
}

#[tokio::test]
async fn other_bodies_stream_through() {
    let world = World::new().await;
    let proof = world.proof("skykit", "POST", "/", b"");
    let body = "x".repeat(3_000_000);
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{proof}Content-Length: {}\r\n\r\n", body.len());
    let answer = world.send(format!("{head}{body}")).await;
    let wanted = countersign::base64::encode_hex(&countersign_keys::sha256(&[body.as_bytes()]));
    assert_eq!(answer.seen()["body_sha256"], wanted);
    assert_eq!(answer.seen_header("content-length"), ["3000000"]);
    let expect = head.replace("Content-Length: 3000000", "Expect: 100-continue\r\nContent-Length: 5");
    assert_eq!(world.send(format!("{expect}hello")).await.seen()["body_b64"], "aGVsbG8=");
    let odd = expect.replace("100-continue", "200-ok");
    assert_eq!(world.send(format!("{odd}hello")).await.status, 417);
}

#[tokio::test]
async fn a_one_time_proof_works_once() {
    let world = World::new().await;
    let proof = world.proof("asymmetric-jwt", "GET", "/once", b"");
    let request = format!("GET /once HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n");
    assert_eq!(world.send(&request).await.status, 200);
    let again = world.send(&request).await;
    assert_eq!(again.status, 401);
    assert!(again.body.contains("replayed"), "{}", again.body);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    let world = World::new().await;
    let answer = world.get("/nowhere/x", "").await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("bad-gateway") && !answer.body.contains("127.0.0.1"), "{}", answer.body);
    let config = ROUTES.replace("name = \"bearer\"", "name = \"bearer\"\nhost = \"other.test\"");
    let world = World::with(&config).await;
    assert_eq!(world.get("/", "").await.status, 404);
}

#[tokio::test]
async fn an_assertion_says_who_it_was_under_our_published_key() {
    let config = ROUTES.replace("[identity]", "[identity]\nassertion = true\nassertion_life = \"30s\"");
    let world = World::with(&config).await;
    let token = world.get("/", "").await.seen_header("x-countersign-assertion").remove(0);
    let parts: Vec<&str> = token.split('.').collect();
    let part = |index: usize| {
        let mut bytes = Vec::new();
        let text = parts[index].as_bytes();
        countersign::base64::decode(countersign::base64::Alphabet::Url, text, &mut bytes).unwrap();
        bytes
    };
    let head: serde_json::Value = serde_json::from_slice(&part(0)).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&part(1)).unwrap();
    assert_eq!((head["alg"].as_str(), head["typ"].as_str()), (Some("ES256"), Some("countersign+jwt")));
    assert_eq!((claims["account"].as_str(), claims["dialect"].as_str()), (Some("alice"), Some("skykit")));
    assert_eq!(claims["aud"].as_str(), Some("bearer"), "the route, as shipped");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 30);
    let keys = world.send(format!("GET /.well-known/jwks.json HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await.body;
    let keys = countersign_keys::read_key_set(keys.as_bytes(), &countersign_keys::Policy::default()).unwrap();
    let key = keys.keys.iter().find(|key| key.kid.as_deref() == head["kid"].as_str()).unwrap();
    let signed = format!("{}.{}", parts[0], parts[1]);
    let (signature, algorithm) = (part(2), countersign_keys::Algorithm::EcdsaP256Sha256);
    let job = countersign_keys::Job::new(&key.key, algorithm, signed.as_bytes(), &signature);
    assert!(countersign_keys::verify(&job).accepted(&signature).is_ok());
}

#[tokio::test]
async fn an_assertion_is_for_whom_the_configuration_says() {
    let audience = "assertion = true\nassertion_audience = \"https://{route}.internal\"";
    let config = ROUTES.replace("[identity]", &format!("[identity]\n{audience}"));
    let world = World::with(&config).await;
    let token = world.get("/", "").await.seen_header("x-countersign-assertion").remove(0);
    let mut claims = Vec::new();
    let text = token.split('.').nth(1).unwrap().as_bytes();
    countersign::base64::decode(countersign::base64::Alphabet::Url, text, &mut claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["aud"].as_str(), Some("https://bearer.internal"));
}
