//! What failures cost an address, and whom they do not hold back.
use super::Limiter;
use super::allowance::{Source, Turn, evened};
use super::conduct::Conduct;
use super::network::Network;
use crate::config::limits::Limits;
use crate::config::{Config, Sources};
use crate::surface::origin::Client;
use countersign::reason::Reason;
use countersign_guard::allowance::Allowance;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

fn config(text: &str) -> Config {
    let sources = Sources { file: Some(("f".to_owned(), text.to_owned())), ..Sources::default() };
    Config::load(&sources).unwrap_or_else(|errors| panic!("{errors}"))
}

fn limits() -> Limits {
    config("[limits]\nfailures_per_address = 1\nfailures_burst = 5").limits
}

fn at(address: &str) -> Source {
    Source {
        network: Some(Network::from(address.parse::<IpAddr>().unwrap())),
        conduct: None,
        tried: false,
        trace: None,
    }
}

/// Lets proofs fail until no more is checked; how many were.
fn fail(limiter: &Limiter, limits: &Limits, source: &Source, claimed: Option<&str>) -> usize {
    let mut checked = 0;
    while checked < 1000 {
        let turn = Turn::new(limiter, limits, source);
        if !turn.may_check(claimed) {
            assert!(turn.failed(Reason::TooManyFailures, 0).is_some());
            break;
        }
        turn.failed(Reason::BadSignature, 0);
        checked += 1;
    }
    checked
}

#[test]
fn failures_of_one_address_hold_back_nobody_elsewhere() {
    let (limiter, limits) = (Limiter::of(1024), limits());
    assert_eq!(fail(&limiter, &limits, &at("192.0.2.1"), Some("alice")), 5);
    assert!(!Turn::new(&limiter, &limits, &at("192.0.2.1")).may_check(Some("bob")));
    assert!(Turn::new(&limiter, &limits, &at("192.0.2.2")).may_check(Some("alice")));
    let (rate, network) = (limits.failures().unwrap(), at("192.0.2.1").network.unwrap());
    let connected = (0..1000).filter(|_| limiter.may_connect(network, rate)).count();
    // Not for ever, and not never.
    assert!((100..500).contains(&connected), "{connected}");
    assert!((0..1000).all(|_| limiter.may_connect(at("192.0.2.2").network.unwrap(), rate)));
}

#[test]
fn an_account_that_is_at_home_there_goes_on_until_its_own_allowance_is_spent() {
    let (limiter, limits, source) = (Limiter::of(1024), limits(), at("192.0.2.1"));
    limiter.held(source.network.unwrap(), "alice");
    assert_eq!(fail(&limiter, &limits, &source, Some("mallory")), 5);
    let turn = Turn::new(&limiter, &limits, &source);
    assert!(turn.may_check(Some("alice")) && !Turn::new(&limiter, &limits, &source).may_check(Some("carla")));
    // Strangers get the same answer with a check and without one.
    assert!(turn.failed(Reason::BadSignature, 0).is_some());
    let turn = Turn::new(&limiter, &limits, &source);
    assert!(turn.may_check(Some("alice")));
    // The holder of the key learns what is wrong.
    assert!(turn.failed(Reason::Expired, 0).is_none());
    assert_eq!(fail(&limiter, &limits, &source, Some("alice")), 3);
    // Forgeries in its name cost it nothing elsewhere.
    assert!(Turn::new(&limiter, &limits, &at("192.0.2.2")).may_check(Some("alice")));
}

#[test]
fn an_account_that_proved_itself_on_a_connection_goes_on_there_until_a_proof_fails() {
    let (limiter, limits, source) = (Limiter::of(1024), limits(), at("192.0.2.1"));
    fail(&limiter, &limits, &source, None);
    let conduct = Arc::new(Conduct::new());
    conduct.set_good(Some(limiter.account("alice")));
    let own = Source { conduct: Some(Arc::clone(&conduct)), ..source };
    let turn = Turn::new(&limiter, &limits, &own);
    assert!(turn.may_check(Some("alice")) && turn.may_check(Some("alice")), "a proof is tried with all keys");
    assert!(turn.failed(Reason::BadSignature, 0).is_some());
    assert!(!Turn::new(&limiter, &limits, &own).may_check(Some("alice")));
}

#[test]
fn who_proved_itself_on_a_connection_forges_no_more_there_than_elsewhere() {
    let (limiter, limits, source) = (Limiter::of(1024), limits(), at("192.0.2.1"));
    let own = Source { conduct: Some(Arc::new(Conduct::new())), ..source };
    let holds = |check: bool| {
        let turn = Turn::new(&limiter, &limits, &own);
        assert!(!check || turn.may_check(Some("mallory")));
        turn.held("mallory");
    };
    holds(true);
    fail(&limiter, &limits, &own, None);
    let (mut others, mut its_own) = (0, 0);
    for _ in 0..1000 {
        // A token of its own that holds, remembered, between any two forgeries.
        holds(false);
        others += fail(&limiter, &limits, &own, Some("alice"));
        holds(false);
        its_own += fail(&limiter, &limits, &own, Some("mallory"));
    }
    // Its own allowance where it is at home, and one more on the connection.
    assert_eq!(others, 0);
    assert!(its_own <= 7, "{its_own}");
}

#[tokio::test]
async fn a_refusal_goes_out_at_the_same_time_whether_a_check_was_made_for_it_or_not() {
    let begun = Instant::now();
    let out = |micros| evened(begun, begun + Duration::from_micros(micros));
    assert!([1, 70, 900, 4_999].iter().all(|took| out(*took) == out(0)));
    assert!(out(5_000) == out(9_999) && out(5_000) > out(4_999));
    let (limiter, limits, source) = (Limiter::of(1024), limits(), at("192.0.2.1"));
    limiter.held(source.network.unwrap(), "alice");
    fail(&limiter, &limits, &source, Some("mallory"));
    for (account, checked) in [("mallory", false), ("alice", true)] {
        let turn = Turn::new(&limiter, &limits, &source);
        assert_eq!((turn.may_check(Some(account)), turn.is_evened()), (checked, true), "{account}");
        turn.even().await;
    }
    assert!(begun.elapsed() >= Duration::from_millis(10));
    // Others do not wait, nor do those that pass whatever their proof is worth.
    for source in [at("192.0.2.2"), source.tried()] {
        let turn = Turn::new(&limiter, &limits, &source);
        assert!(turn.may_check(Some("mallory")) && !turn.is_evened());
    }
}

#[test]
fn what_costs_nothing_and_what_is_not_allowed_are_no_failures() {
    let (limiter, limits, source) = (Limiter::of(1024), limits(), at("192.0.2.1"));
    for _ in 0..100 {
        // Refused before a check; refused although the proof held.
        assert!(Turn::new(&limiter, &limits, &source).failed(Reason::MalformedJson, 0).is_none());
        let turn = Turn::new(&limiter, &limits, &source);
        assert!(turn.may_check(None) && turn.failed(Reason::NotPermitted, 0).is_none());
    }
    // A large body is digested before its signature is checked.
    let turn = Turn::new(&limiter, &limits, &source);
    assert!(turn.may_check(None));
    turn.failed(Reason::BadSignature, 4);
    assert!(!Turn::new(&limiter, &limits, &source).may_check(None));
}

#[test]
fn whoever_may_tell_addresses_is_not_limited_by_one() {
    let trusting = config("[server]\ntrusted_proxies = [\"10.0.0.0/8\"]").server;
    let of = |client| Source::of(&trusting, client, None).network;
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(of(Client::Known(ip("10.0.0.9"))), None);
    assert_eq!(of(Client::Behind(ip("10.0.0.9"))), None);
    assert_eq!(of(Client::Known(ip("192.0.2.1"))), Some(Network::from(ip("::ffff:192.0.2.1"))));
}

#[test]
fn an_account_that_sends_too_many_is_told_before_its_proof_is_used_up() {
    let limits = config("[limits]\nrequests_per_account = 1").limits;
    let limiter = Limiter::of(1024);
    let source = at("192.0.2.1");
    let turn = Turn::new(&limiter, &limits, &source);
    let rate = limits.requests_per_account().unwrap();
    for _ in 0..2 {
        assert!(turn.may_pass("alice"));
        limiter.request_of("alice", rate);
    }
    assert!(!turn.may_pass("alice") && turn.may_pass("bob"));
    assert!(turn.failed(Reason::TooManyRequests, 0).is_some());
}
