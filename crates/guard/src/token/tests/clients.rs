//! Clients and their assertions, the plain tokens they get, and what is told about those.
use super::*;

#[tokio::test]
async fn a_client_gets_a_token_that_opens_the_resource_until_its_key_ends() {
    let bench = Bench::new().await;
    let key = key();
    let (account, key_id) = bench.client("one", &key).await;
    let granted = bench.credentials(&bench.assertion("one", &key), &[("scope", "read")], &[]).await;
    assert_eq!(granted.status(), 200, "{granted:?}");
    assert_eq!(granted.headers()["cache-control"], "no-store");
    let answer = body(&granted);
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!((&answer["expires_in"], &answer["scope"]), (&json!(600), &json!("read")));
    assert!(answer.get("refresh_token").is_none(), "a client can prove itself again");
    let token = text(&granted, "access_token");
    assert_eq!(part(&token, 0), json!({ "typ": "at+jwt", "alg": "ES256", "kid": "our-key" }));
    let claims = part(&token, 1);
    for (member, wanted) in [
        ("iss", json!(ISSUER)),
        ("sub", json!("id-one")),
        ("client_id", json!("id-one")),
        ("aud", json!(API)),
        ("iat", json!(START)),
        ("exp", json!(START + 600)),
        ("scope", json!("read")),
    ] {
        assert_eq!(claims[member], wanted, "{member}");
    }
    assert!(claims.get("cnf").is_none() && claims["jti"].is_string());
    assert_eq!(bench.bearer(&token).await, Ok("id-one".to_owned()));
    assert_eq!(bench.bearer(&token).await, Ok("id-one".to_owned()), "a bearer may come again");
    // Behind the other scheme it would be a bound one.
    let as_dpop = told(bench.judge(&[("authorization", &format!("DPoP {token}"))]).await);
    assert_eq!(as_dpop, Err(Reason::WrongTokenScheme));
    bench.clock.set(Time::from_seconds(START + 600));
    assert_eq!(bench.bearer(&token).await, Err(Reason::Expired));
    bench.clock.set(Time::from_seconds(START + 5));
    bench.registrar.change(&bench.stamp(), |draft| draft.revoke_key(&key_id)).await.unwrap();
    assert_eq!(bench.bearer(&token).await, Err(Reason::SessionEnded), "at once");
    let again = bench.credentials(&bench.assertion("one", &key), &[], &[]).await;
    assert_eq!(error(&again), (400, "invalid_client".to_owned()));
    let _ = account;
}

#[tokio::test]
async fn an_account_that_is_switched_off_has_no_tokens() {
    let bench = Bench::new().await;
    let key = key();
    let (account, _) = bench.client("one", &key).await;
    let token = text(&bench.credentials(&bench.assertion("one", &key), &[], &[]).await, "access_token");
    bench.registrar.change(&bench.stamp(), |draft| draft.set_account_enabled(&account, false)).await.unwrap();
    assert_eq!(bench.bearer(&token).await, Err(Reason::AccountDisabled));
}

#[tokio::test]
async fn a_key_narrowed_to_some_requests_opens_no_others() {
    let bench = Bench::new().await;
    let key = key();
    let paths = vec!["/oauth2".to_owned(), "/elsewhere".to_owned()];
    bench.client_narrowed("one", &key, Narrowing { paths, ..Narrowing::default() }).await;
    let token = text(&bench.credentials(&bench.assertion("one", &key), &[], &[]).await, "access_token");
    assert_eq!(bench.bearer(&token).await, Err(Reason::NotPermitted));
}

#[tokio::test]
async fn unknown_clients_wrong_keys_and_dead_ones_are_one_answer() {
    let bench = Bench::new().await;
    let (own, other) = (key(), key());
    let (_, dead) = bench.client("one", &own).await;
    let unknown = bench.credentials(&bench.assertion("nobody", &other), &[], &[]).await;
    let wrong = bench.credentials(&bench.assertion("one", &other), &[], &[]).await;
    bench.registrar.change(&bench.stamp(), |draft| draft.revoke_key(&dead)).await.unwrap();
    let dead = bench.credentials(&bench.assertion("one", &own), &[], &[]).await;
    for answer in [&unknown, &wrong, &dead] {
        assert_eq!(error(answer), (400, "invalid_client".to_owned()));
        assert_eq!((answer.body(), answer.headers()), (unknown.body(), unknown.headers()));
    }
}

#[tokio::test]
async fn an_assertion_works_once_at_this_issuer_and_for_a_short_time() {
    let bench = Bench::new().await;
    let key = key();
    bench.client("one", &key).await;
    let assertion = bench.assertion("one", &key);
    assert_eq!(bench.credentials(&assertion, &[], &[]).await.status(), 200);
    assert_eq!(error(&bench.credentials(&assertion, &[], &[]).await).1, "invalid_client");
    for more in [
        json!({ "aud": TOKEN }),
        json!({ "aud": [ISSUER, TOKEN] }),
        json!({ "aud": format!("{ISSUER}/") }),
        json!({ "aud": null }),
        json!({ "iss": "id-other" }),
        json!({ "iss": null }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": 7 }),
        json!({ "jti": "j".repeat(257) }),
        json!({ "iat": null }),
        json!({ "exp": null }),
        json!({ "exp": START }),
        json!({ "exp": START + 3601 }),
        json!({ "iat": START - 7200, "exp": START + 60 }),
        json!({ "iat": START + 31 }),
        json!({ "nbf": START + 31 }),
    ] {
        let refused = bench.credentials(&bench.assertion_with("one", &key, more.clone()), &[], &[]).await;
        assert_eq!(error(&refused), (400, "invalid_client".to_owned()), "{more}");
    }
    // The draft recommends taking what is not typed, and nothing that is typed otherwise.
    let now = bench.now();
    let mut taken = Vec::new();
    for typ in [json!({}), json!({ "typ": "JWT" }), json!({ "typ": "at+jwt" }), json!({ "typ": "dpop+jwt" })]
    {
        let claims = json!({ "iss": "id-one", "sub": "id-one", "aud": ISSUER, "iat": now, "exp": now + 60, "jti": bench.jti() });
        taken.push(bench.credentials(&jws(&key, &typ, &claims), &[], &[]).await.status().as_u16());
    }
    assert_eq!(taken, [200, 200, 400, 400]);
}

#[tokio::test]
async fn one_assertion_many_times_at_once_opens_one_session() {
    let bench = Arc::new(Bench::new().await);
    let key = key();
    bench.client("one", &key).await;
    let assertion = bench.assertion("one", &key);
    let tries = (0..32).map(|_| bench.credentials(&assertion, &[], &[]));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status() == 200).count(), 1);
}

#[tokio::test]
async fn the_token_endpoint_is_an_audience_for_listed_clients_alone() {
    let bench = Bench::new().await;
    let (listed, other) = (key(), key());
    bench.client("legacy", &listed).await;
    bench.client("one", &other).await;
    let legacy = |name, key: &PrivateKey| bench.assertion_with(name, key, json!({ "aud": TOKEN }));
    assert_eq!(bench.credentials(&legacy("legacy", &listed), &[], &[]).await.status(), 200);
    assert_eq!(bench.credentials(&bench.assertion("legacy", &listed), &[], &[]).await.status(), 200);
    assert_eq!(error(&bench.credentials(&legacy("one", &other), &[], &[]).await).1, "invalid_client");
    let elsewhere = bench.assertion_with("legacy", &listed, json!({ "aud": "https://evil.example/token" }));
    assert_eq!(error(&bench.credentials(&elsewhere, &[], &[]).await).1, "invalid_client");
}

#[tokio::test]
async fn a_grant_is_for_scopes_and_resources_that_the_client_may_have() {
    let bench = Bench::new().await;
    let (one, reader) = (key(), key());
    bench.client("one", &one).await;
    bench.client("reader", &reader).await;
    let ask = |name: &'static str, key: &PrivateKey, more: Vec<(&'static str, &'static str)>| {
        let assertion = bench.assertion(name, key);
        let bench = &bench;
        async move { bench.credentials(&assertion, &more, &[]).await }
    };
    assert_eq!(text(&ask("one", &one, vec![]).await, "scope"), "read write");
    assert_eq!(text(&ask("reader", &reader, vec![]).await, "scope"), "read");
    assert_eq!(text(&ask("one", &one, vec![("scope", "write read write")]).await, "scope"), "write read");
    assert_eq!(error(&ask("reader", &reader, vec![("scope", "read write")]).await).1, "invalid_scope");
    assert_eq!(error(&ask("one", &one, vec![("scope", "admin")]).await).1, "invalid_scope");
    let other = ask("one", &one, vec![("resource", "https://other.example.test")]).await;
    let token = text(&other, "access_token");
    assert_eq!(part(&token, 1)["aud"], "https://other.example.test");
    assert_eq!(bench.bearer(&token).await, Err(Reason::WrongAudience), "it is for the other resource");
    for (name, key, resource) in [
        ("reader", &reader, "https://other.example.test"),
        ("one", &one, "https://nowhere.example.test"),
        ("one", &one, "https://api.example.test/"),
    ] {
        assert_eq!(
            error(&ask(name, key, vec![("resource", resource)]).await).1,
            "invalid_target",
            "{resource}"
        );
    }
}

#[tokio::test]
async fn requests_that_are_none_are_told_what_is_wrong() {
    let bench = Bench::new().await;
    let key = key();
    bench.client("one", &key).await;
    let form = |rest: &str| {
        let assertion = bench.assertion("one", &key);
        format!("client_assertion_type={CLIENT_TYPE}&client_assertion={assertion}{rest}")
    };
    let send = |body: String| bench.send("POST", "/oauth2/token", body, &[]);
    for (rest, wanted) in [
        ("", "invalid_request"),
        ("&grant_type=", "invalid_request"),
        ("&grant_type=password", "unsupported_grant_type"),
        ("&grant_type=authorization_code", "unsupported_grant_type"),
        ("&grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("&grant_type=client_credentials&scope=read&sc%6Fpe=read", "invalid_request"),
        ("&grant_type=client_credentials&client_id=id-other", "invalid_client"),
        ("&grant_type=client_credentials&client_secret=x", "invalid_request"),
        (
            "&grant_type=client_credentials&resource=https://api.example.test&resource=https://other.example.test",
            "invalid_target",
        ),
        ("&grant_type=client_credentials&x=%zz", "invalid_request"),
        ("&grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer", "invalid_request"),
        ("&grant_type=refresh_token", "invalid_request"),
    ] {
        let answer = send(form(rest)).await;
        assert_eq!(error(&answer), (400, wanted.to_owned()), "{rest}");
    }
    let good = form("&grant_type=client_credentials&client_id=id-one&scope=&unknown=1");
    assert_eq!(send(good).await.status(), 200);
    assert_eq!(error(&send("grant_type=client_credentials".to_owned()).await).1, "invalid_client");
    let half = "grant_type=client_credentials&client_assertion=x".to_owned();
    assert_eq!(error(&send(half).await).1, "invalid_request");
    let whole = form("&grant_type=client_credentials");
    for headers in [
        vec![("authorization", "Basic eDp5")],
        vec![("content-type", "application/json")],
        vec![("content-type", "application/x-www-form-urlencoded2")],
        vec![
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-type", "application/x-www-form-urlencoded"),
        ],
    ] {
        let answer = bench.send("POST", "/oauth2/token", whole.clone(), &headers).await;
        assert_eq!(error(&answer), (400, "invalid_request".to_owned()), "{headers:?}");
    }
    let query = bench.send("POST", "/oauth2/token?scope=read", whole.clone(), &[]).await;
    assert_eq!(error(&query).1, "invalid_request");
    let get = bench.send("GET", "/oauth2/token", String::new(), &[]).await;
    assert_eq!((get.status().as_u16(), &get.headers()["allow"]), (405, &HeaderValue::from_static("POST")));
    let large = bench.send("POST", "/oauth2/token", "a".repeat(super::super::MOST_BODY + 1), &[]).await;
    assert_eq!(large.status(), 413);
    assert_eq!(bench.send("POST", "/oauth2/elsewhere", String::new(), &[]).await.status(), 404);
    let charset = [("content-type", "application/x-www-form-urlencoded; charset=UTF-8")];
    assert_eq!(bench.send("POST", "/oauth2/token", whole, &charset).await.status(), 200);
}

#[tokio::test]
async fn tokens_are_told_about_to_whom_they_concern() {
    let bench = Bench::new().await;
    let (one, two, server) = (key(), key(), key());
    bench.client("one", &one).await;
    bench.client("two", &two).await;
    bench.client("server", &server).await;
    let token = text(&bench.credentials(&bench.assertion("one", &one), &[], &[]).await, "access_token");
    let resource = [("resource", "https://other.example.test")];
    let elsewhere =
        text(&bench.credentials(&bench.assertion("one", &one), &resource, &[]).await, "access_token");
    let ask = |path: &'static str, name: &'static str, key: &PrivateKey, token: &str| {
        let (assertion, token) = (bench.assertion(name, key), token.to_owned());
        let bench = &bench;
        async move {
            let form =
                [("client_assertion_type", CLIENT_TYPE), ("client_assertion", &assertion), ("token", &token)];
            bench.post(path, &form, &[]).await
        }
    };
    let status = body(&ask("/oauth2/introspect", "server", &server, &token).await);
    for (member, wanted) in [
        ("active", json!(true)),
        ("client_id", json!("id-one")),
        ("sub", json!("id-one")),
        ("aud", json!(API)),
        ("iss", json!(ISSUER)),
        ("exp", json!(START + 600)),
        ("scope", json!("read write")),
        ("token_type", json!("Bearer")),
    ] {
        assert_eq!(status[member], wanted, "{member}");
    }
    assert_eq!(body(&ask("/oauth2/introspect", "one", &one, &token).await)["active"], true);
    // Another's, another resource's, and what is none are one answer.
    let nothing = ask("/oauth2/introspect", "two", &two, &token).await;
    assert_eq!((nothing.status().as_u16(), body(&nothing)), (200, json!({ "active": false })));
    for (name, key, token) in [
        ("server", &server, elsewhere.as_str()),
        ("two", &two, "x"),
        ("two", &two, "csr_AAAA"),
        ("two", &two, "a.b.c"),
    ] {
        assert_eq!(ask("/oauth2/introspect", name, key, token).await.body(), nothing.body(), "{name}");
    }
    let stranger = ask("/oauth2/introspect", "two", &one, &token).await;
    assert_eq!(error(&stranger), (401, "invalid_client".to_owned()));
    let unasked = bench.post("/oauth2/introspect", &[("token", &token)], &[]).await;
    assert_eq!(error(&unasked), (401, "invalid_client".to_owned()));
    // Its end: by its own client alone.
    assert_eq!(
        error(&ask("/oauth2/revoke", "two", &two, &token).await),
        (400, "unauthorized_client".to_owned())
    );
    assert_eq!(bench.bearer(&token).await, Ok("id-one".to_owned()));
    assert_eq!(ask("/oauth2/revoke", "two", &two, "what is none").await.status(), 200);
    assert_eq!(ask("/oauth2/revoke", "one", &one, &token).await.status(), 200);
    assert_eq!(bench.bearer(&token).await, Err(Reason::SessionEnded));
    assert_eq!(body(&ask("/oauth2/introspect", "server", &server, &token).await), json!({ "active": false }));
    assert_eq!(ask("/oauth2/revoke", "one", &one, &token).await.status(), 200, "twice is once");
}

#[tokio::test]
async fn a_token_that_was_changed_anywhere_is_none() {
    let bench = Bench::new().await;
    let key = key();
    bench.client("one", &key).await;
    let token = text(&bench.credentials(&bench.assertion("one", &key), &[], &[]).await, "access_token");
    for at in (0..token.len()).step_by(7) {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(bench.bearer(&changed).await.is_err(), "at {at}");
        assert!(bench.api.read_access(&changed, Time::from_seconds(START)).is_none(), "at {at}");
    }
    // What the same keys sign for others is no access token, and the other way round.
    let head = |kid: &str| json!({ "typ": "JWT", "alg": "ES256", "kid": kid }).to_string();
    let other =
        bench.api.signing.sign(Time::from_seconds(START), head, &part(&token, 1).to_string()).unwrap();
    assert!(bench.bearer(&other).await.is_err());
    assert!(bench.api.read_access(&other, Time::from_seconds(START)).is_none());
}

#[tokio::test]
async fn the_metadata_says_what_there_is() {
    let bench = Bench::new().await;
    let server = bench.send("GET", "/.well-known/oauth-authorization-server", String::new(), &[]).await;
    let server = body(&server);
    assert_eq!(server["issuer"], ISSUER);
    assert_eq!(server["token_endpoint"], TOKEN);
    assert_eq!(server["grant_types_supported"], json!(["client_credentials", JWT_BEARER, "refresh_token"]));
    assert_eq!(server["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    assert!(server.get("jwks_uri").is_none(), "the key set is published nowhere here");
    assert_eq!(server["scopes_supported"], json!(["read", "write"]));
    let resource = bench.send("GET", "/.well-known/oauth-protected-resource", String::new(), &[]).await;
    let resource = body(&resource);
    assert_eq!(resource["resource"], API);
    assert_eq!(resource["authorization_servers"], json!([ISSUER]));
    assert_eq!(resource["dpop_bound_access_tokens_required"], false);
    let plain = Bench::with(TokenSettings { dpop_required: true, ..TokenSettings::of(ISSUER) }, None).await;
    let server = plain.send("GET", "/.well-known/oauth-authorization-server", String::new(), &[]).await;
    assert_eq!(body(&server)["grant_types_supported"], json!(["client_credentials", JWT_BEARER]));
    let resource = plain.send("GET", "/.well-known/oauth-protected-resource", String::new(), &[]).await;
    assert_eq!(body(&resource)["dpop_bound_access_tokens_required"], true);
    let post = plain.send("POST", "/.well-known/oauth-protected-resource", String::new(), &[]).await;
    assert_eq!(post.status(), 405);
}
