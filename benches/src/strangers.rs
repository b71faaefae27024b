//! Whether time tells who exists: unknown accounts, wrong keys, changed signatures and revoked keys beside each other, turn by turn.
use crate::judging::{NOW, bearer, judged};
use crate::measure::{CALLS, Table, turns};
use crate::token::token;
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;
use countersign_guard::clock::FrozenClock;
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::Policy;
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Account, Identifier, KeyRecord, Record};
use countersign_store::registry::Loaded;
use http::HeaderMap;
use std::hint::black_box;
use std::sync::Arc;

/// What a stranger may try, in the order in which the figures stand.
const CLASSES: [&str; 4] = ["unknown account", "wrong key", "changed signature", "revoked key"];
/// Calls of each class in a turn.
const CALLS_A_TURN: usize = 20;
/// Tokens of each class, used in turn: none is measured alone.
const TOKENS: usize = 64;

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    for (jose, algorithm, kind, bits) in [
        ("RS256", Algorithm::RsaSha256, KeyKind::Rsa, 2048),
        ("EdDSA", Algorithm::Ed25519, KeyKind::Ed25519, 0),
        ("ES256", Algorithm::EcdsaP256Sha256, KeyKind::P256, 0),
        ("ES384", Algorithm::EcdsaP384Sha384, KeyKind::P384, 0),
        ("ES512", Algorithm::EcdsaP521Sha512, KeyKind::P521, 0),
    ] {
        let made = || PrivateKey::generate(kind, bits).map_err(|error| error.to_string());
        let (own, other) = (made()?, made()?);
        let (guard, policy) = world(jose, &own, &made()?)?;
        let mut classes = Vec::new();
        for class in CLASSES {
            let requests = (0..TOKENS).map(|number| request(class, jose, algorithm, &own, &other, number));
            classes.push(requests.collect::<Result<Vec<_>, String>>()?);
        }
        for (class, requests) in CLASSES.iter().zip(&classes) {
            for headers in requests {
                if !matches!(judged(&guard, &policy, headers)?, Verdict::Refused(_)) {
                    return Err(format!("{jose}, {class}: wanted a refusal, found another verdict"));
                }
            }
        }
        let mut calls: Vec<Box<dyn FnMut() + '_>> = Vec::new();
        for requests in &classes {
            let (guard, policy) = (&guard, &policy);
            let mut next = requests.iter().cycle();
            calls.push(Box::new(move || {
                if let Some(headers) = next.next() {
                    let _ = black_box(judged(guard, policy, black_box(headers)));
                }
            }));
        }
        let mut cases: Vec<&mut dyn FnMut()> = Vec::new();
        for call in &mut calls {
            cases.push(&mut **call);
        }
        let times = turns(CALLS_A_TURN, &mut cases);
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = times.iter().copied().fold(0.0, f64::max);
        let each: Vec<String> = CLASSES
            .iter()
            .zip(&times)
            .map(|(class, time)| format!("{class} {:.1} us", time / 1000.0))
            .collect();
        let figure = format!("{:.3} x the slowest beside the quickest ({})", most / least, each.join(", "));
        table.add(format!("strangers, {jose}, {} requests a class", CALLS * 20), figure, "at most 1.05 x");
    }
    Ok(())
}

/// One account with a live key, and one whose key is revoked.
fn world(jose: &str, own: &PrivateKey, revoked: &PrivateKey) -> Result<(Guard, Policy), String> {
    let created = Time::from_seconds(NOW - 1000);
    let rows = |number: usize, key: &PrivateKey, life: KeyLife| {
        let account = Account {
            id: format!("acc_{number}"),
            name: format!("caller {number}"),
            organisation: None,
            enabled: true,
            identifiers: vec![Identifier { namespace: "email".to_owned(), value: mail(number) }],
            acts_as: Vec::new(),
            paths: Vec::new(),
            jwks_url: None,
            role: None,
            created,
        };
        let key = KeyRecord {
            id: format!("key_{number}"),
            account: account.id.clone(),
            label: "main".to_owned(),
            spki: key.public_key().spki_der().to_vec(),
            life,
            dialects: vec!["skykit".to_owned()],
            algorithms: Vec::new(),
            methods: Vec::new(),
            paths: Vec::new(),
            networks: Vec::new(),
            created,
            last_used: None,
            last_address: None,
        };
        [Record::Account(account), Record::Key(key)]
    };
    let ended = KeyLife { state: KeyState::Revoked, ..KeyLife::ACTIVE };
    let records = [rows(1, own, KeyLife::ACTIVE), rows(2, revoked, ended)].concat();
    let directory = Directory::load(Loaded { version: 1, records }).map_err(|fault| fault.to_string())?;
    let store = Arc::new(MemoryStore::new([3; 16]));
    let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
    let guard = Guard::new(Arc::new(directory), store.clone(), store, clock);
    let settings = [("algorithms".to_owned(), jose.to_owned())].into_iter().collect();
    let dialect = countersign_dialects::load("skykit", &settings).map_err(|error| error.to_string())?;
    Ok((guard, Policy::of(vec![Arc::new(dialect)])))
}

/// Identifiers of one length, so that nothing but what is measured differs.
fn mail(number: usize) -> String {
    format!("caller-{number}@example.com")
}

fn request(
    class: &str,
    jose: &str,
    algorithm: Algorithm,
    own: &PrivateKey,
    other: &PrivateKey,
    number: usize,
) -> Result<HeaderMap, String> {
    let (issuer, key) = match class {
        "unknown account" => (9, other),
        "wrong key" => (1, other),
        "changed signature" => (1, own),
        _ => (2, other),
    };
    let claims =
        format!(r#"{{"iss":"{}","iat":{NOW},"exp":{},"jti":"{number:04}"}}"#, mail(issuer), NOW + 600);
    let mut token = token(jose, algorithm, key, &claims)?;
    if class == "changed signature" {
        let place = token.len() - 40;
        let letter = if token.get(place..=place) == Some("A") { "B" } else { "A" };
        token.replace_range(place..=place, letter);
    }
    bearer("Bearer", &token)
}
