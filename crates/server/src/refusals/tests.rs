//! Tests of what is kept of refusals, and for how long.
use super::*;

const KEEP: Duration = Duration::from_secs(900);

fn refused(number: i64, account: Option<&str>, proved: bool) -> Refused {
    Refused {
        reject: format!("rej_{number}").into(),
        at: Time::from_seconds(number),
        route: "api".into(),
        dialect: None,
        reason: Reason::BadSignature,
        proved,
        account: account.map(|id| (id.into(), id.into())),
        client: None,
        method: "GET".into(),
        path: "/".into(),
        headers: Vec::new(),
        body_bytes: 0,
        told: None,
        own: proved.then(|| Arc::new(Value::Null)),
    }
}

#[test]
fn strangers_push_out_no_proven_refusal_and_nothing_is_kept_longer_than_set() {
    let refusals = Refusals::default();
    refusals.keep(refused(1, Some("acc_a"), true), KEEP);
    for number in 2..800 {
        refusals.keep(refused(number, Some("acc_a"), false), KEEP);
    }
    let now = Time::from_seconds(800);
    let of = refusals.of_account("acc_a", now, KEEP);
    assert_eq!((of.own.len(), of.named), (1, MOST_NAMED));
    assert!(refusals.told_to("acc_a", "rej_1", now, KEEP).is_some());
    assert!(refusals.told_to("acc_b", "rej_1", now, KEEP).is_none(), "another's");
    assert!(refusals.told_to("acc_a", "rej_700", now, KEEP).is_none(), "one that only names it");
    assert!(refusals.one("rej_700", now, KEEP).is_some());
    assert!(refusals.all(Time::from_seconds(2000), KEEP).is_empty());
    let kept = refusals.lock();
    assert_eq!((kept.named_bytes, kept.proven_bytes), (0, 0));
}

#[test]
fn one_account_takes_no_place_of_others() {
    let refusals = Refusals::default();
    refusals.keep(refused(1, Some("acc_quiet"), true), KEEP);
    for number in 2..400 {
        refusals.keep(refused(number, Some("acc_loud"), true), KEEP);
    }
    let now = Time::from_seconds(400);
    assert_eq!(refusals.of_account("acc_loud", now, KEEP).own.len(), MOST_OF_ACCOUNT);
    assert_eq!(refusals.of_account("acc_quiet", now, KEEP).own.len(), 1);
}

#[test]
fn a_flood_is_explained_at_a_bounded_pace_and_leaves_lines() {
    let refusals = Refusals::default();
    let now = Time::from_seconds(100);
    let line = || refused(100, None, false);
    let explained = (0..5000).filter(|_| refusals.takes(false, now, KEEP, line)).count();
    assert_eq!(explained, 16);
    assert_eq!(refusals.all(now, KEEP).len(), MOST_BRIEF);
    assert!(refusals.takes(true, now, KEEP, line), "those whose signature held have a pace of their own");
    let later = Time::from_seconds(101);
    assert_eq!((0..100).filter(|_| refusals.takes(false, later, KEEP, line)).count(), 2);
}

#[test]
fn large_explanations_make_room() {
    let refusals = Refusals::default();
    for number in 0..40 {
        let mut large = refused(number, None, false);
        large.told = Some(Arc::new(Value::from("x".repeat(200_000))));
        refusals.keep(large, KEEP);
    }
    assert!(refusals.lock().named_bytes <= MOST_BYTES);
    assert!(refusals.all(Time::from_seconds(40), KEEP).len() < 40);
}
