//! Tokens that are bound to a key, and the proofs beside them.
use super::*;

#[tokio::test]
async fn a_bound_token_counts_with_a_new_proof_of_its_key_alone() {
    let bench = Bench::new().await;
    let (own, dpop, other) = (key(), curve(), curve());
    bench.client("one", &own).await;
    let possession = bench.possession(&dpop, None);
    let granted = bench.credentials(&bench.assertion("one", &own), &[], &[("dpop", &possession)]).await;
    assert_eq!(text(&granted, "token_type"), "DPoP");
    let token = text(&granted, "access_token");
    assert_eq!(part(&token, 1)["cnf"]["jkt"], dpop.public_key().fingerprints().jwk_thumbprint);
    let beside = bench.beside(&dpop, &token);
    assert_eq!(bench.with_proof(&token, &beside).await, Ok("id-one".to_owned()));
    assert_eq!(bench.with_proof(&token, &beside).await, Err(Reason::Replayed));
    assert_eq!(bench.with_proof(&token, &bench.beside(&dpop, &token)).await, Ok("id-one".to_owned()));
    assert_eq!(bench.with_proof(&token, &bench.beside(&other, &token)).await, Err(Reason::DpopKeyElsewhere));
    assert_eq!(bench.with_proof(&token, &bench.beside(&dpop, "another")).await, Err(Reason::WrongDpop));
    assert_eq!(bench.with_proof(&token, &bench.possession(&dpop, None)).await, Err(Reason::WrongDpop));
    assert_eq!(bench.with_proof(&token, "x").await, Err(Reason::MalformedDpop));
    let scheme = format!("DPoP {token}");
    assert_eq!(told(bench.judge(&[("authorization", &scheme)]).await), Err(Reason::MissingDpop));
    let (first, second) = (bench.beside(&dpop, &token), bench.beside(&dpop, &token));
    let twice = [("authorization", scheme.as_str()), ("dpop", &first), ("dpop", &second)];
    assert_eq!(told(bench.judge(&twice).await), Err(Reason::AmbiguousCredentials));
    // Sent as a bearer, with a proof or without, it is nothing.
    assert_eq!(bench.bearer(&token).await, Err(Reason::WrongTokenScheme));
    let bearer = format!("Bearer {token}");
    let beside = bench.beside(&dpop, &token);
    let downgraded = [("authorization", bearer.as_str()), ("dpop", &beside)];
    assert_eq!(told(bench.judge(&downgraded).await), Err(Reason::WrongTokenScheme));
    // None of these used the proof up.
    assert_eq!(bench.with_proof(&token, &beside).await, Ok("id-one".to_owned()));
    bench.clock.set(Time::from_seconds(START + 61));
    assert_eq!(bench.with_proof(&token, &first).await, Err(Reason::OutOfWindow));
}

#[tokio::test]
async fn a_proof_many_times_at_once_passes_once() {
    let bench = Bench::new().await;
    let (own, dpop) = (key(), curve());
    bench.client("one", &own).await;
    let possession = bench.possession(&dpop, None);
    let headers = [("dpop", possession.as_str())];
    let assertions: Vec<String> = (0..16).map(|_| bench.assertion("one", &own)).collect();
    let tries = assertions.iter().map(|assertion| bench.credentials(assertion, &[], &headers));
    let answers = futures_util::future::join_all(tries).await;
    let good: Vec<_> = answers.iter().filter(|answer| answer.status() == 200).collect();
    assert_eq!(good.len(), 1);
    let token = text(good[0], "access_token");
    let beside = bench.beside(&dpop, &token);
    let tries = (0..32).map(|_| async {
        let authorization = HeaderValue::try_from(format!("DPoP {token}")).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", authorization);
        headers.insert("dpop", HeaderValue::try_from(&beside).unwrap());
        let incoming = Incoming {
            method: "GET",
            target: Target::new("https", "api.example.test", "/things"),
            headers: &headers,
            body: Body::Empty,
            client: None,
            challenge: None,
        };
        told(bench.guard.judge(&bench.route, &incoming).await.unwrap())
    });
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_proof_at_the_token_endpoint_must_be_for_it() {
    let bench = Bench::new().await;
    let (own, dpop) = (key(), curve());
    bench.client("one", &own).await;
    let proof_for = |method, url| {
        let about = About { method, url, token: None, nonce: None };
        proof(&dpop, &about, Time::from_seconds(START), bench.random()).unwrap()
    };
    for bad in [
        proof_for("GET", TOKEN),
        proof_for("POST", "https://auth.example.test/oauth2/introspect"),
        proof_for("POST", "https://evil.example.test/oauth2/token"),
        "x.y.z".to_owned(),
        String::new(),
    ] {
        let answer = bench.credentials(&bench.assertion("one", &own), &[], &[("dpop", &bad)]).await;
        assert_eq!(error(&answer), (400, "invalid_dpop_proof".to_owned()), "{bad}");
    }
    let (first, second) = (bench.possession(&dpop, None), bench.possession(&dpop, None));
    let two = [("dpop", first.as_str()), ("dpop", second.as_str())];
    let answer = bench.credentials(&bench.assertion("one", &own), &[], &two).await;
    assert_eq!(error(&answer), (400, "invalid_dpop_proof".to_owned()));
    assert_eq!(
        bench.credentials(&bench.assertion("one", &own), &[], &[("dpop", &first)]).await.status(),
        200
    );
    let again = bench.credentials(&bench.assertion("one", &own), &[], &[("dpop", &first)]).await;
    assert_eq!(error(&again), (400, "invalid_dpop_proof".to_owned()));
}

#[tokio::test]
async fn where_binding_is_required_nobody_gets_a_bearer() {
    let bench = Bench::with(TokenSettings { dpop_required: true, ..settings() }, None).await;
    let own = key();
    bench.client("one", &own).await;
    let answer = bench.credentials(&bench.assertion("one", &own), &[], &[]).await;
    assert_eq!(error(&answer), (400, "invalid_dpop_proof".to_owned()));
}

#[tokio::test]
async fn nonces_are_given_before_anything_is_used_up() {
    let nonces = || Nonces::new(MacKey::new(&[5; 32]), Span::from_seconds(300), true);
    let bench = Bench::with(settings(), Some(nonces())).await;
    let (own, dpop) = (key(), curve());
    bench.client("one", &own).await;
    let assertion = bench.assertion("one", &own);
    let possession = bench.possession(&dpop, None);
    let answer = bench.credentials(&assertion, &[], &[("dpop", &possession)]).await;
    assert_eq!(error(&answer), (400, "use_dpop_nonce".to_owned()));
    let nonce = answer.headers()["dpop-nonce"].to_str().unwrap().to_owned();
    // The same assertion: it was not used up.
    let possession = bench.possession(&dpop, Some(&nonce));
    let granted = bench.credentials(&assertion, &[], &[("dpop", &possession)]).await;
    assert_eq!(granted.status(), 200);
    assert!(granted.headers().contains_key("dpop-nonce"));
    let token = text(&granted, "access_token");
    // At the resource the same.
    let scheme = format!("DPoP {token}");
    let bare = bench.beside(&dpop, &token);
    let Verdict::Refused(denial) = bench.judge(&[("authorization", &scheme), ("dpop", &bare)]).await else {
        panic!()
    };
    assert_eq!(denial.refusal.reason, Reason::DpopNonce);
    assert!(denial.reply.challenge.unwrap().starts_with("DPoP error=\"use_dpop_nonce\""));
    let nonce = denial.nonce.unwrap();
    let about = About {
        method: "GET",
        url: "https://api.example.test/things",
        token: Some(&token),
        nonce: Some(&nonce),
    };
    let beside = proof(&dpop, &about, Time::from_seconds(START), bench.random()).unwrap();
    assert_eq!(bench.with_proof(&token, &beside).await, Ok("id-one".to_owned()));
    bench.clock.set(Time::from_seconds(START + 301));
    let late = About { nonce: Some(&nonce), ..about };
    let beside = proof(&dpop, &late, Time::from_seconds(START + 301), bench.random()).unwrap();
    assert_eq!(bench.with_proof(&token, &beside).await, Err(Reason::DpopNonce));
}

#[tokio::test]
async fn a_route_that_requires_a_proof_of_each_request_takes_bound_tokens_alone() {
    let mut bench = Bench::new().await;
    bench.route.require = countersign::verified::Covered {
        method: true,
        path: true,
        once: true,
        ..countersign::verified::Covered::default()
    };
    let (own, dpop) = (key(), curve());
    bench.client("one", &own).await;
    let plain = text(&bench.credentials(&bench.assertion("one", &own), &[], &[]).await, "access_token");
    assert_eq!(bench.bearer(&plain).await, Err(Reason::NotCovered));
    let possession = bench.possession(&dpop, None);
    let granted = bench.credentials(&bench.assertion("one", &own), &[], &[("dpop", &possession)]).await;
    let token = text(&granted, "access_token");
    let (scheme, beside) = (format!("DPoP {token}"), bench.beside(&dpop, &token));
    let headers = [("authorization", scheme.as_str()), ("dpop", &beside)];
    let Verdict::Verified(verified) = bench.judge(&headers).await else { panic!() };
    assert!(verified.covered().once && verified.covered().path && !verified.covered().query);
    assert_eq!(verified.until(), None, "no shell may remember it");
    let Verdict::Refused(denial) = bench.judge(&headers).await else { panic!() };
    assert_eq!(denial.refusal.reason, Reason::Replayed);
    assert!(denial.reply.challenge.unwrap().starts_with("DPoP error=\"invalid_dpop_proof\""));
}
