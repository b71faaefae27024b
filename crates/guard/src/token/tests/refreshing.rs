//! The grant jwt-bearer and the refresh tokens it gives: each works once, with the key it is bound to.
use super::*;

impl Bench {
    async fn bearer_grant(&self, name: &str, own: &PrivateKey, headers: &[(&str, &str)]) -> Response<Bytes> {
        let assertion = self.assertion(name, own);
        self.post("/oauth2/token", &[("grant_type", JWT_BEARER), ("assertion", &assertion)], headers).await
    }

    async fn refresh(&self, token: &str, more: &[(&str, &str)], headers: &[(&str, &str)]) -> Response<Bytes> {
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        form.extend(more);
        self.post("/oauth2/token", &form, headers).await
    }
}

#[tokio::test]
async fn refreshing_rotates_and_a_token_that_comes_again_ends_its_family() {
    let bench = Bench::new().await;
    let own = key();
    bench.client("one", &own).await;
    let first = bench.bearer_grant("one", &own, &[]).await;
    let (access, refresh) = (text(&first, "access_token"), text(&first, "refresh_token"));
    assert!(refresh.starts_with("csr_"));
    assert_eq!(bench.bearer(&access).await, Ok("id-one".to_owned()));
    bench.clock.set(Time::from_seconds(START + 1000));
    let second = bench.refresh(&refresh, &[("scope", "read")], &[]).await;
    assert_eq!(second.status(), 200, "{second:?}");
    assert_eq!(text(&second, "scope"), "read");
    assert_eq!(bench.bearer(&text(&second, "access_token")).await, Ok("id-one".to_owned()));
    let third = bench.refresh(&text(&second, "refresh_token"), &[], &[]).await;
    assert_eq!(text(&third, "scope"), "read write", "less was for one token, not for good");
    // The first one again: whoever has it is not told from a thief.
    let again = bench.refresh(&refresh, &[], &[]).await;
    assert_eq!(error(&again), (400, "invalid_grant".to_owned()));
    assert_eq!(bench.bearer(&text(&third, "access_token")).await, Err(Reason::SessionEnded));
    assert_eq!(error(&bench.refresh(&text(&third, "refresh_token"), &[], &[]).await).1, "invalid_grant");
}

#[tokio::test]
async fn one_refresh_token_twice_at_once_leaves_nobody_with_a_session() {
    let bench = Bench::new().await;
    let own = key();
    bench.client("one", &own).await;
    let refresh = text(&bench.bearer_grant("one", &own, &[]).await, "refresh_token");
    let (left, right) =
        futures_util::join!(bench.refresh(&refresh, &[], &[]), bench.refresh(&refresh, &[], &[]));
    let good: Vec<_> = [&left, &right].into_iter().filter(|answer| answer.status() == 200).collect();
    assert_eq!(good.len(), 1);
    assert_eq!(bench.bearer(&text(good[0], "access_token")).await, Err(Reason::SessionEnded));
}

#[tokio::test]
async fn a_refresh_token_ends_by_itself_and_with_its_session() {
    let bench = Bench::new().await;
    let own = key();
    bench.client("one", &own).await;
    let refresh = text(&bench.bearer_grant("one", &own, &[]).await, "refresh_token");
    bench.clock.set(Time::from_seconds(START + 30 * 60));
    assert_eq!(error(&bench.refresh(&refresh, &[], &[]).await).1, "invalid_grant");
    bench.clock.set(Time::from_seconds(START + 30 * 60 - 1));
    let mut refresh = text(&bench.refresh(&refresh, &[], &[]).await, "refresh_token");
    for minutes in (55..24 * 60).step_by(25) {
        bench.clock.set(Time::from_seconds(START + minutes * 60));
        refresh = text(&bench.refresh(&refresh, &[], &[]).await, "refresh_token");
    }
    bench.clock.set(Time::from_seconds(START + 24 * 3600));
    assert_eq!(error(&bench.refresh(&refresh, &[], &[]).await).1, "invalid_grant");
}

#[tokio::test]
async fn a_bound_family_is_refreshed_with_its_key_alone() {
    let bench = Bench::new().await;
    let (own, dpop, other) = (key(), curve(), curve());
    bench.client("one", &own).await;
    let possession = bench.possession(&dpop, None);
    let first = bench.bearer_grant("one", &own, &[("dpop", &possession)]).await;
    let refresh = text(&first, "refresh_token");
    let foreign = bench.possession(&other, None);
    assert_eq!(error(&bench.refresh(&refresh, &[], &[]).await).1, "invalid_dpop_proof");
    assert_eq!(error(&bench.refresh(&refresh, &[], &[("dpop", &foreign)]).await).1, "invalid_dpop_proof");
    // A thief without the key does not even end the family.
    let possession = bench.possession(&dpop, None);
    let second = bench.refresh(&refresh, &[], &[("dpop", &possession)]).await;
    assert_eq!(text(&second, "token_type"), "DPoP");
    let token = text(&second, "access_token");
    assert_eq!(bench.with_proof(&token, &bench.beside(&dpop, &token)).await, Ok("id-one".to_owned()));
    // One that was not bound stays so.
    let plain = text(&bench.bearer_grant("one", &own, &[]).await, "refresh_token");
    let possession = bench.possession(&dpop, None);
    assert_eq!(error(&bench.refresh(&plain, &[], &[("dpop", &possession)]).await).1, "invalid_dpop_proof");
    assert_eq!(bench.refresh(&plain, &[], &[]).await.status(), 200);
}

#[tokio::test]
async fn a_client_that_proved_itself_must_do_so_at_every_refresh() {
    let bench = Bench::new().await;
    let (one, two) = (key(), key());
    bench.client("one", &one).await;
    bench.client("two", &two).await;
    let (client, grant) = (bench.assertion("one", &one), bench.assertion("one", &one));
    let form = [
        ("grant_type", JWT_BEARER),
        ("assertion", &*grant),
        ("client_assertion_type", CLIENT_TYPE),
        ("client_assertion", &client),
    ];
    let refresh = text(&bench.post("/oauth2/token", &form, &[]).await, "refresh_token");
    assert_eq!(error(&bench.refresh(&refresh, &[], &[]).await).1, "invalid_client");
    let (stranger, own) = (bench.assertion("two", &two), bench.assertion("one", &one));
    let by = |assertion| [("client_assertion_type", CLIENT_TYPE), ("client_assertion", assertion)];
    assert_eq!(error(&bench.refresh(&refresh, &by(&stranger), &[]).await).1, "invalid_grant");
    assert_eq!(bench.refresh(&refresh, &by(&own), &[]).await.status(), 200);
    // An assertion of one beside the proof of another, or one token as both.
    let (client, grant) = (bench.assertion("two", &two), bench.assertion("one", &one));
    let form = [
        ("grant_type", JWT_BEARER),
        ("assertion", &*grant),
        ("client_assertion_type", CLIENT_TYPE),
        ("client_assertion", &client),
    ];
    assert_eq!(error(&bench.post("/oauth2/token", &form, &[]).await).1, "invalid_grant");
    let both = bench.assertion("one", &one);
    let form = [
        ("grant_type", JWT_BEARER),
        ("assertion", &*both),
        ("client_assertion_type", CLIENT_TYPE),
        ("client_assertion", &both),
    ];
    assert_eq!(error(&bench.post("/oauth2/token", &form, &[]).await).1, "invalid_grant");
}

#[tokio::test]
async fn what_is_no_refresh_token_is_one_answer() {
    let bench = Bench::new().await;
    let own = key();
    bench.client("one", &own).await;
    let refresh = text(&bench.bearer_grant("one", &own, &[]).await, "refresh_token");
    let changed = |at: usize| {
        let mut changed = refresh.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(changed).unwrap()
    };
    let none = bench.refresh("csr_", &[], &[]).await;
    assert_eq!(error(&none), (400, "invalid_grant".to_owned()));
    for bad in
        (0..refresh.len()).map(changed).chain(["x".to_owned(), "A".repeat(5000), format!("{refresh}A")])
    {
        assert_eq!(bench.refresh(&bad, &[], &[]).await.body(), none.body(), "{bad}");
    }
    // Wrong questions use nothing up.
    let widened = bench.refresh(&refresh, &[("scope", "admin")], &[]).await;
    assert_eq!(error(&widened).1, "invalid_scope");
    let elsewhere = [("resource", "https://other.example.test")];
    assert_eq!(error(&bench.refresh(&refresh, &elsewhere, &[]).await).1, "invalid_target");
    assert_eq!(bench.refresh(&refresh, &[], &[]).await.status(), 200);
    let off = Bench::with(TokenSettings { refresh_tokens: false, ..settings() }, None).await;
    off.client("one", &own).await;
    assert!(body(&off.bearer_grant("one", &own, &[]).await).get("refresh_token").is_none());
    assert_eq!(error(&off.refresh(&refresh, &[], &[]).await).1, "unsupported_grant_type");
}

#[tokio::test]
async fn what_was_taken_from_a_client_is_taken_from_its_refresh_tokens() {
    let own = key();
    let less = |change: &dyn Fn(&mut TokenSettings, &mut ClientSettings)| {
        let (mut all, mut client) = (settings(), ClientSettings::default());
        change(&mut all, &mut client);
        all.clients.insert("one".to_owned(), client);
        all
    };
    let scopes = less(&|_, client| client.scopes = Some(vec!["read".to_owned()]));
    let resources = less(&|_, client| client.resources = Some(vec!["https://other.example.test".to_owned()]));
    let gone = less(&|all, _| all.resources.retain(|one| one != API));
    let bound = less(&|all, _| all.dpop_required = true);
    for (settings, wanted) in [
        (scopes, None),
        (resources, Some("invalid_target")),
        (gone, Some("invalid_target")),
        (bound, Some("invalid_dpop_proof")),
    ] {
        let mut bench = Bench::new().await;
        bench.client("one", &own).await;
        let first = bench.bearer_grant("one", &own, &[]).await;
        assert_eq!(text(&first, "scope"), "read write");
        let refresh = text(&first, "refresh_token");
        bench.api.settings = settings;
        match wanted {
            Some(wanted) => assert_eq!(error(&bench.refresh(&refresh, &[], &[]).await).1, wanted),
            None => {
                let more = bench.refresh(&refresh, &[("scope", "read write")], &[]).await;
                assert_eq!(error(&more).1, "invalid_scope");
                assert_eq!(text(&bench.refresh(&refresh, &[], &[]).await, "scope"), "read");
            }
        }
    }
}
