//! What every store of sessions does: the newest state only, replaced by exactly one of many.
use crate::conformance::{must, there};
use countersign::life::session::{Ended, Session};
use countersign::time::{Span, Time};
use countersign_store::sessions::Sessions;
use std::sync::Arc;

const START: i64 = 1_700_000_000;
const RACERS: u32 = 64;

/// Runs the suite over an empty store, with `rounds` races.
pub async fn sessions(store: Arc<dyn Sessions>, reopen: impl AsyncFn() -> Arc<dyn Sessions>, rounds: u32) {
    opened_and_found(&*store, &reopen).await;
    replaced_only_from_what_is_kept(&*store, &reopen).await;
    listed_while_they_live(&*store).await;
    of_many_one_replaces(&store, rounds).await;
    swept_when_they_are_over(&*store).await;
}

fn session(id: &str, account: &str) -> Session {
    let opened = Time::from_nanos(i128::from(START) * 1_000_000_000 + 123_456_789);
    Session {
        id: id.into(),
        account: account.into(),
        identifier: "O'Brien \"\u{1F511}".into(),
        organisation: Some("acme".into()),
        key: "key_1".into(),
        opened,
        ends: opened + Span::from_seconds(86_400),
        iteration: "0".into(),
        rotated: opened,
        previous: None,
        ended: None,
        grant: None,
    }
}

fn now() -> Time {
    Time::from_seconds(START + 10)
}

async fn opened_and_found(store: &dyn Sessions, reopen: &impl AsyncFn() -> Arc<dyn Sessions>) {
    let bare = Session { organisation: None, ..session("s1", "acc_1") };
    let full = Session { previous: Some("before".into()), ..session("s2", "acc_1") };
    for one in [&bare, &full] {
        assert!(must(store.get(&one.id).await).is_none());
        must(store.open(one).await);
    }
    for one in [&bare, &full] {
        assert_eq!(*there(must(store.get(&one.id).await), "the session"), *one);
        assert_eq!(*there(must(reopen().await.get(&one.id).await), "the session after reopening"), *one);
    }
    assert!(store.open(&bare).await.is_err(), "an id in use is not opened again");
    assert!(must(store.get("").await).is_none());
}

async fn replaced_only_from_what_is_kept(store: &dyn Sessions, reopen: &impl AsyncFn() -> Arc<dyn Sessions>) {
    let first = session("s3", "acc_1");
    must(store.open(&first).await);
    let second =
        Session { iteration: "1".into(), previous: Some("0".into()), rotated: now(), ..first.clone() };
    assert!(must(store.replace(&first, &second).await));
    assert!(
        !must(store.replace(&first, &first.end(Ended::Logout)).await),
        "what was replaced is no longer kept"
    );
    let other = Session { ends: second.ends + Span::from_seconds(1), ..second.clone() };
    assert!(!must(store.replace(&other, &first).await), "any difference counts");
    assert_eq!(*there(must(store.get("s3").await), "the session"), second);
    let over = second.end(Ended::Reuse);
    assert!(must(store.replace(&second, &over).await));
    assert_eq!(*there(must(reopen().await.get("s3").await), "the ended session"), over);
    assert!(
        !must(store.replace(&session("s0", "acc_1"), &session("s0", "acc_1")).await),
        "nothing to replace"
    );
}

async fn listed_while_they_live(store: &dyn Sessions) {
    must(store.open(&session("s4", "acc_2")).await);
    let short = Session { ends: now(), ..session("s5", "acc_2") };
    must(store.open(&short).await);
    let ids = async |account: Option<&str>, now: Time| {
        let mut ids: Vec<String> =
            must(store.list(account, now).await).iter().map(|session| session.id.clone()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(Some("acc_1"), now()).await, ["s1", "s2"], "the ended one is not listed");
    assert_eq!(ids(Some("acc_2"), now()).await, ["s4"], "one whose time is over is not listed");
    assert_eq!(ids(None, now()).await, ["s1", "s2", "s4"]);
    assert!(ids(Some("acc"), now()).await.is_empty());
    assert!(ids(None, now() + Span::from_seconds(90_000)).await.is_empty());
}

async fn of_many_one_replaces(store: &Arc<dyn Sessions>, rounds: u32) {
    let mut kept = session("race", "acc_3");
    must(store.open(&kept).await);
    for round in 0..rounds {
        let mut racers = Vec::new();
        for racer in 0..RACERS {
            let (store, before) = (store.clone(), kept.clone());
            racers.push(tokio::spawn(async move {
                let after = Session { iteration: format!("{round} {racer}"), ..before.clone() };
                must(store.replace(&before, &after).await).then_some(after)
            }));
        }
        let mut winners = Vec::new();
        for racer in racers {
            winners.extend(must(racer.await));
        }
        assert_eq!(winners.len(), 1, "exactly one of {RACERS} replaces");
        kept = there(winners.pop(), "the winner");
        assert_eq!(*there(must(store.get("race").await), "the session"), kept);
    }
}

async fn swept_when_they_are_over(store: &dyn Sessions) {
    assert_eq!(must(store.sweep(now()).await), 2, "the ended one and the one whose time is over");
    for gone in ["s3", "s5"] {
        assert!(must(store.get(gone).await).is_none());
    }
    assert_eq!(must(store.sweep(now()).await), 0);
    assert_eq!(must(store.list(None, now()).await).len(), 4);
    assert_eq!(must(store.sweep(now() + Span::from_seconds(90_000)).await), 4);
    assert!(must(store.get("s1").await).is_none());
}
