//! The keeper against answers as a session API gives them.
use super::*;
use countersign_keys::{KeyKind, PrivateKey};
use std::sync::Arc;

const START: i64 = 1_700_000_000;

fn at(seconds: i64) -> Time {
    Time::from_seconds(START + seconds)
}

fn keeper() -> Keeper {
    let dialect = countersign_dialects::load("spacetime", &Default::default()).unwrap();
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    Keeper::new(RequestSigner::new(Arc::new(dialect), Arc::new(key), "alice"), "/v1/")
}

fn pair(name: &str, opened: i64) -> Vec<u8> {
    let (access, refresh) = ((START + opened + 1500) * 1000, (START + opened + 1800) * 1000);
    format!(
        r#"{{"accessToken":"a{name}","refreshToken":"r{name}","accessTokenExpires":{access},"refreshTokenExpires":{refresh}}}"#
    )
    .into_bytes()
}

fn call(next: Next) -> Call {
    let Next::Call(call) = next else { panic!("{next:?}") };
    call
}

fn sign_in(keeper: &mut Keeper, name: &str, now: i64) {
    let code = call(keeper.next(at(now)));
    assert_eq!((code.step, code.path.as_str()), (Step::Code, "/v1/auth/code"));
    assert_eq!(code.body.as_deref(), Some(r#"{"userId":"alice"}"#));
    let answer = keeper.answered(&code, StatusCode::OK, br#"{"authCode":"00112233445566778899aa"}"#, at(now));
    let token = answer.unwrap().unwrap();
    assert_eq!((token.step, token.path.as_str()), (Step::Token, "/v1/auth/token"));
    assert!(keeper.answered(&token, StatusCode::OK, &pair(name, now), at(now)).unwrap().is_none());
}

fn access(keeper: &mut Keeper, now: i64) -> String {
    let next = keeper.next(at(now));
    let Next::Ready(token) = next else { panic!("{next:?}") };
    token.to_string()
}

#[test]
fn signs_in_then_refreshes_before_the_end_then_signs_in_again() {
    let mut keeper = keeper();
    sign_in(&mut keeper, "1", 0);
    assert_eq!(access(&mut keeper, 1469), "a1");
    let refresh = call(keeper.next(at(1470)));
    assert_eq!((refresh.step, refresh.bearer.as_ref().unwrap().as_str()), (Step::Refresh, "r1"));
    assert!(keeper.answered(&refresh, StatusCode::OK, &pair("2", 1470), at(1470)).unwrap().is_none());
    assert_eq!(access(&mut keeper, 1471), "a2");
    // Slept beyond the refresh token's end.
    sign_in(&mut keeper, "3", 9000);
    assert_eq!(access(&mut keeper, 9001), "a3");
}

#[test]
fn one_call_is_under_way_however_many_ask() {
    let mut keeper = keeper();
    let first = call(keeper.next(at(0)));
    for _ in 0..3 {
        assert!(matches!(keeper.next(at(0)), Next::Wait));
    }
    keeper.failed(&first);
    let second = call(keeper.next(at(1)));
    // The answer to the call that was given up comes late: it changes nothing.
    assert!(
        keeper.answered(&first, StatusCode::OK, br#"{"authCode":"0011223344"}"#, at(1)).unwrap().is_none()
    );
    assert!(matches!(keeper.next(at(1)), Next::Wait));
    assert!(
        keeper.answered(&second, StatusCode::OK, br#"{"authCode":"0011223344"}"#, at(1)).unwrap().is_some()
    );
}

#[test]
fn a_session_that_the_server_ended_is_opened_anew_but_a_refused_key_is_final() {
    let mut keeper = keeper();
    sign_in(&mut keeper, "1", 0);
    let refresh = call(keeper.next(at(1480)));
    let code = keeper.answered(&refresh, StatusCode::UNAUTHORIZED, b"{}", at(1480)).unwrap().unwrap();
    assert_eq!(code.step, Step::Code);
    let token =
        keeper.answered(&code, StatusCode::OK, br#"{"authCode":"0011223344"}"#, at(1480)).unwrap().unwrap();
    let refused = keeper.answered(&token, StatusCode::UNAUTHORIZED, b"no\n\x1b[31m", at(1480)).unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("401") && said.contains("registered") && !said.contains('\x1b'), "{said}");
}

#[test]
fn network_failures_keep_the_session_and_faults_of_the_server_are_told() {
    let mut keeper = keeper();
    sign_in(&mut keeper, "1", 0);
    let refresh = call(keeper.next(at(1480)));
    keeper.failed(&refresh);
    assert_eq!(call(keeper.next(at(1481))).step, Step::Refresh);
    let strange = |body: &[u8]| {
        let mut keeper = self::keeper();
        let code = call(keeper.next(at(0)));
        keeper.answered(&code, StatusCode::OK, body, at(0)).unwrap_err().to_string()
    };
    assert!(strange(b"<html>").contains("session API"));
    assert!(strange(br#"{"authCode":"eyJhbGciOiJFZERTQSJ9.e30"}"#).contains("not signed"));
}

#[test]
fn logout_forgets_the_tokens_and_a_distrusted_token_is_replaced() {
    let mut keeper = keeper();
    sign_in(&mut keeper, "1", 0);
    keeper.distrust_access("another");
    assert_eq!(access(&mut keeper, 1), "a1");
    let out = keeper.logout().unwrap();
    assert_eq!((out.step, out.bearer.as_ref().unwrap().as_str()), (Step::Logout, "a1"));
    assert!(keeper.answered(&out, StatusCode::OK, b"", at(2)).unwrap().is_none());
    assert!(keeper.logout().is_none());
    sign_in(&mut keeper, "2", 3);
    keeper.distrust_access("a2");
    assert_eq!(call(keeper.next(at(4))).step, Step::Code);
}

#[test]
fn kept_tokens_are_gone_on_with_and_never_printed() {
    let tokens = Tokens::read(&pair("secret", 0)).unwrap();
    let kept = serde_json::to_vec(&tokens).unwrap();
    assert!(!format!("{tokens:?}").contains("secret"));
    let mut keeper = keeper().resume(Tokens::read(&kept).unwrap());
    assert_eq!(access(&mut keeper, 10), "asecret");
    assert!(
        Tokens::read(
            br#"{"accessToken":"a b","refreshToken":"r","accessTokenExpires":1,"refreshTokenExpires":1}"#
        )
        .is_none()
    );
}
