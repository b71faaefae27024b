//! What a caller costs when a million keys are registered, beside a thousand: the bare look-up and whole judgements.
use crate::judging::NOW;
use crate::measure::{CALLS, Table, turns};
use crate::registry::{ed25519, filled, rsa};
use crate::serving::mail;
use crate::token::token;
use countersign::ask::{KeyQuery, Who};
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::Time;
use countersign_guard::clock::FrozenClock;
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::Policy;
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use http::{HeaderMap, HeaderValue};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const SMALL: u64 = 1_000;
const LARGE: u64 = 1_000_000;
/// Judgements in a block.
const BLOCK: usize = 20;
/// Callers that send in a measurement, all over the registered ones: as many as there are judgements.
const ACTIVE: u64 = 20 * CALLS;

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let (small, large) = (Arc::new(filled(SMALL, rsa)?), Arc::new(filled(LARGE, rsa)?));
    bare(&small, &large, table);
    // No private keys fit a million moduli: the signature is looked at and refused, at the same cost.
    let key = PrivateKey::generate(KeyKind::Rsa, 2048).map_err(|error| error.to_string())?;
    let signed = |number: u64| {
        let claims = format!(r#"{{"iss":"{}","iat":{NOW},"exp":{}}}"#, mail(number), NOW + 600);
        token("RS256", Algorithm::RsaSha256, &key, &claims)
    };
    whole("RS256", &small, &large, signed, false, table)?;
    drop((small, large));
    let (small, large) = (Arc::new(filled(SMALL, ed25519)?), Arc::new(filled(LARGE, ed25519)?));
    let signed = |number: u64| {
        let claims = format!(r#"{{"iss":"{}","iat":{NOW},"exp":{}}}"#, mail(number), NOW + 600);
        token("EdDSA", Algorithm::Ed25519, &crate::registry::ed25519_private(number)?, &claims)
    };
    whole("Ed25519", &small, &large, signed, true, table)
}

/// The look-up alone: nothing but memory, so the distance of memory shows whole.
fn bare(small: &Directory, large: &Directory, table: &mut Table) {
    let spread = |size: u64| (0..ACTIVE).map(|turn| mail(scattered(turn, size))).collect::<Vec<_>>();
    let (near, far) = (spread(SMALL), spread(LARGE));
    let (mut turn, mut other) = (0_usize, 0_usize);
    let times =
        turns(2000, &mut [&mut || look(small, &near, &mut turn), &mut || look(large, &far, &mut other)]);
    if let [small, large] = times.as_slice() {
        let figure = format!("{:.2} x ({small:.0} ns, {large:.0} ns)", large / small);
        table.add("bare look-up of any caller, a million keys beside a thousand", figure, "");
    }
}

fn look(directory: &Directory, names: &[String], turn: &mut usize) {
    *turn = (*turn + 1) % names.len();
    let Some(identifier) = names.get(*turn) else { return };
    let query = KeyQuery {
        dialect: "skykit",
        who: Who::Identifier { namespace: "email", identifier },
        kid: None,
        companion: None,
        acting_as: None,
    };
    black_box(directory.answer(black_box(&query)));
}

/// Whole judgements, by callers that were not seen before and then by the same again.
fn whole(
    name: &str,
    small: &Arc<Directory>,
    large: &Arc<Directory>,
    signed: impl Fn(u64) -> Result<String, String>,
    good: bool,
    table: &mut Table,
) -> Result<(), String> {
    let requests = |size: u64| {
        let tokens = (0..ACTIVE).map(|turn| bearer(&signed(scattered(turn, size))?));
        tokens.collect::<Result<Vec<HeaderMap>, String>>()
    };
    let (near, far) = (requests(SMALL)?, requests(LARGE)?);
    let (guard, policy) = guard(small, name)?;
    let (other, _) = self::guard(large, name)?;
    let mut wrong = 0_usize;
    // The first request of a caller parses its key as well, which all but a thousand of the large registry do here.
    for (seen, bound) in [("not seen before", "at most 2 x"), ("seen before", "at most 1.15 x")] {
        let (mut left, mut right) = (near.iter().cycle(), far.iter().cycle());
        let mut first = || left.next().map(|headers| judged(&guard, &policy, headers));
        let mut second = || right.next().map(|headers| judged(&other, &policy, headers));
        let mut other_wrong = 0_usize;
        let times = turns(
            BLOCK,
            &mut [&mut || wrong += usize::from(first().is_none_or(|verified| verified != good)), &mut || {
                other_wrong += usize::from(second().is_none_or(|verified| verified != good))
            }],
        );
        wrong += other_wrong;
        if let [small, large] = times.as_slice() {
            let figure = format!("{:.2} x ({:.1} us, {:.1} us)", large / small, small / 1e3, large / 1e3);
            let end = if good { "accepted" } else { "bad signature" };
            table.add(
                format!("{name} judged whole ({end}), a million keys beside a thousand, callers {seen}"),
                figure,
                bound,
            );
        }
    }
    if wrong > 0 {
        return Err(format!("{name}: {wrong} requests got another verdict than the one measured for"));
    }
    Ok(())
}

fn guard(directory: &Arc<Directory>, name: &str) -> Result<(Guard, Policy), String> {
    let store = Arc::new(MemoryStore::new([3; 16]));
    let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
    let guard = Guard::new(Arc::clone(directory), store.clone(), store, clock);
    let jose = if name == "Ed25519" { "EdDSA" } else { name };
    let settings = [("algorithms".to_owned(), jose.to_owned())].into();
    let dialect = countersign_dialects::load("skykit", &settings).map_err(|error| error.to_string())?;
    Ok((guard, Policy::of(vec![Arc::new(dialect)])))
}

/// Whether it was verified; everything is in memory, so the future is ready when it is first asked.
fn judged(guard: &Guard, policy: &Policy, headers: &HeaderMap) -> bool {
    let target = Target::new("https", "api.example.test", "/v1/widgets?limit=10");
    let incoming =
        Incoming { method: "GET", target, headers, body: Body::Empty, client: None, challenge: None };
    let mut judging = pin!(guard.judge(policy, black_box(&incoming)));
    match judging.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(Verdict::Verified(_))) => true,
        Poll::Ready(_) | Poll::Pending => false,
    }
}

fn bearer(token: &str) -> Result<HeaderMap, String> {
    let value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| error.to_string())?;
    Ok(HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]))
}

/// The caller of a turn: all over the registered ones, in no order that a cache could guess, each but once.
fn scattered(turn: u64, size: u64) -> u64 {
    // A multiplier that shares no factor with a thousand or a million.
    (turn * 617_453 + 101) % size
}
