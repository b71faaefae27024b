//! Judging beside the bare signature check of the crypto library on the same bytes.
use crate::measure::{Table, turns};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use countersign::base64::{Alphabet, encode};
use countersign::incoming::{Body, Incoming, Target};
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign_guard::clock::FrozenClock;
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::Policy;
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Account, Identifier, KeyRecord, Record};
use countersign_store::registry::Loaded;
use http::{HeaderMap, HeaderValue};
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub(crate) const NOW: i64 = 1_767_225_600;

/// A kind of key with everything both sides need.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) jose: &'static str,
    algorithm: Algorithm,
    key: PrivateKey,
    pub(crate) raw: &'static dyn VerificationAlgorithm,
    pub(crate) bound: &'static str,
}

impl Case {
    pub(crate) fn key(&self) -> &PrivateKey {
        &self.key
    }
}

/// Measures all of it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    for case in cases()? {
        reusable(&case, table)?;
    }
    for case in cases()?.into_iter().take(2) {
        single_use(&case, table)?;
    }
    refusals(table)
}

pub(crate) fn cases() -> Result<Vec<Case>, String> {
    let made = |kind, bits| PrivateKey::generate(kind, bits).map_err(|error| error.to_string());
    Ok(vec![
        Case {
            name: "RS256",
            jose: "RS256",
            algorithm: Algorithm::RsaSha256,
            key: made(KeyKind::Rsa, 2048)?,
            raw: &RSA_PKCS1_2048_8192_SHA256,
            bound: "1.10",
        },
        Case {
            name: "Ed25519",
            jose: "EdDSA",
            algorithm: Algorithm::Ed25519,
            key: made(KeyKind::Ed25519, 256)?,
            raw: &ED25519,
            bound: "1.05",
        },
        Case {
            name: "ES256",
            jose: "ES256",
            algorithm: Algorithm::EcdsaP256Sha256,
            key: made(KeyKind::P256, 256)?,
            raw: &ECDSA_P256_SHA256_FIXED,
            bound: "1.05",
        },
    ])
}

/// A token that can be used again: read, look-up, signature, rules.
fn reusable(case: &Case, table: &mut Table) -> Result<(), String> {
    let (guard, policy) = world("skykit", &[("algorithms", case.jose)], case)?;
    let claims = format!(r#"{{"iss":"caller@example.com","iat":{NOW},"exp":{}}}"#, NOW + 600);
    let token = token(case, &claims)?;
    let headers = bearer("Bearer", &token)?;
    let (input, signature) = parts(&token)?;
    let raw = ParsedPublicKey::new(case.raw, raw_key(case)).map_err(|error| error.to_string())?;
    raw.verify_sig(input, &signature).map_err(|_| "the bare check refuses the token".to_owned())?;
    if !matches!(judged(&guard, &policy, &headers)?, Verdict::Verified(_)) {
        return Err(format!("{}: the token is refused", case.name));
    }
    let mut bare = || {
        let _ = black_box(raw.verify_sig(black_box(input), black_box(&signature)));
    };
    let mut whole = || {
        let _ = black_box(judged(&guard, &policy, black_box(&headers)));
    };
    let times = turns(20, &mut [&mut bare, &mut whole]);
    if let [bare, whole] = times.as_slice() {
        let figure = format!("{:.3} x raw ({bare:.0} ns, + {:.0} ns)", whole / bare, whole - bare);
        table.add(
            format!("judging a reusable {} token, key known", case.name),
            figure,
            format!("at most {}", case.bound),
        );
    }
    Ok(())
}

/// A token that works once: the same and the claim in memory.
fn single_use(case: &Case, table: &mut Table) -> Result<(), String> {
    let (guard, policy) = world("asymmetric-jwt", &[("algorithms", case.jose)], case)?;
    // More than all blocks use up.
    let requests = (0..6300).map(|number| {
        let claims = format!(r#"{{"username":"caller","time":{NOW},"nonce":"n-{number}"}}"#);
        bearer("JWT", &token(case, &claims)?)
    });
    let requests: Vec<HeaderMap> = requests.collect::<Result<_, String>>()?;
    let text =
        requests.first().and_then(|headers| headers.get("authorization")?.to_str().ok()).unwrap_or_default();
    let token = text.strip_prefix("JWT ").unwrap_or_default().to_owned();
    let (input, signature) = parts(&token)?;
    let raw = ParsedPublicKey::new(case.raw, raw_key(case)).map_err(|error| error.to_string())?;
    let mut left = requests.iter();
    let mut refused = 0_usize;
    let mut bare = || {
        let _ = black_box(raw.verify_sig(black_box(input), black_box(&signature)));
    };
    let mut whole = || {
        let verdict = left.next().map(|headers| judged(&guard, &policy, headers));
        refused += usize::from(!matches!(black_box(verdict), Some(Ok(Verdict::Verified(_)))));
    };
    let times = turns(20, &mut [&mut bare, &mut whole]);
    if refused > 0 {
        return Err(format!("{}: {refused} single-use tokens were refused", case.name));
    }
    if let [bare, whole] = times.as_slice() {
        let figure = format!("raw + {:.2} us ({:.3} x)", (whole - bare) / 1000.0, whole / bare);
        table.add(
            format!("judging a single-use {} token, claim in memory", case.name),
            figure,
            "at most raw + 2.5 us",
        );
    }
    Ok(())
}

/// What is refused before any signature is looked at.
fn refusals(table: &mut Table) -> Result<(), String> {
    let cases = cases()?;
    let case = cases.first().ok_or("no case")?;
    let (guard, policy) = world("skykit", &[], case)?;
    let none = HeaderMap::new();
    let malformed = bearer("Bearer", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJhIn0.")?;
    let times = turns(
        200,
        &mut [
            &mut || {
                let _ = black_box(judged(&guard, &policy, black_box(&none)));
            },
            &mut || {
                let _ = black_box(judged(&guard, &policy, black_box(&malformed)));
            },
        ],
    );
    for (name, time) in ["no credential", "alg none"].iter().zip(times) {
        table.add(format!("refusing in process: {name}"), format!("{time:.0} ns"), "");
    }
    Ok(())
}

/// A guard that knows one caller with one key.
pub(crate) fn world(
    dialect: &str,
    settings: &[(&str, &str)],
    case: &Case,
) -> Result<(Guard, Policy), String> {
    let created = Time::from_seconds(NOW - 1000);
    let identifier = |namespace: &str, value: &str| Identifier {
        namespace: namespace.to_owned(),
        value: value.to_owned(),
    };
    let account = Account {
        id: "acc_1".to_owned(),
        name: "caller".to_owned(),
        organisation: None,
        enabled: true,
        identifiers: vec![identifier("email", "caller@example.com"), identifier("user", "caller")],
        acts_as: Vec::new(),
        paths: Vec::new(),
        jwks_url: None,
        role: None,
        created,
    };
    let key = KeyRecord {
        id: "key_1".to_owned(),
        account: "acc_1".to_owned(),
        label: "bench".to_owned(),
        spki: case.key.public_key().spki_der().to_vec(),
        life: KeyLife::ACTIVE,
        dialects: vec![dialect.to_owned()],
        algorithms: Vec::new(),
        methods: Vec::new(),
        paths: Vec::new(),
        networks: Vec::new(),
        created,
        last_used: None,
        last_address: None,
    };
    let records = vec![Record::Account(account), Record::Key(key)];
    let directory = Directory::load(Loaded { version: 1, records }).map_err(|fault| fault.to_string())?;
    let store = Arc::new(MemoryStore::new([3; 16]));
    let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
    let guard = Guard::new(Arc::new(directory), store.clone(), store, clock);
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let dialect = countersign_dialects::load(dialect, &settings).map_err(|error| error.to_string())?;
    Ok((guard, Policy::of(vec![Arc::new(dialect)])))
}

pub(crate) fn token(case: &Case, claims: &str) -> Result<String, String> {
    let head = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, case.jose);
    let input =
        format!("{}.{}", encode(Alphabet::Url, head.as_bytes()), encode(Alphabet::Url, claims.as_bytes()));
    let signature = case.key.sign(case.algorithm, input.as_bytes()).map_err(|error| error.to_string())?;
    Ok(format!("{input}.{}", encode(Alphabet::Url, &signature)))
}

pub(crate) fn parts(token: &str) -> Result<(&[u8], Vec<u8>), String> {
    let (input, signature) = token.rsplit_once('.').ok_or("no token")?;
    let mut bytes = Vec::new();
    countersign::base64::decode(Alphabet::Url, signature.as_bytes(), &mut bytes)
        .map_err(|_| "not base64url")?;
    Ok((input.as_bytes(), bytes))
}

pub(crate) fn bearer(scheme: &str, token: &str) -> Result<HeaderMap, String> {
    let value = HeaderValue::try_from(format!("{scheme} {token}")).map_err(|error| error.to_string())?;
    Ok(HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]))
}

pub(crate) fn raw_key(case: &Case) -> &[u8] {
    case.key.public_key().spki_der()
}

/// Everything is in memory, so the future is ready when it is first asked.
pub(crate) fn judged(guard: &Guard, policy: &Policy, headers: &HeaderMap) -> Result<Verdict, String> {
    let target = Target::new("https", "api.example.test", "/v1/widgets?limit=10");
    let incoming =
        Incoming { method: "GET", target, headers, body: Body::Empty, client: None, challenge: None };
    let mut judging = pin!(guard.judge(policy, &incoming));
    match judging.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(verdict) => verdict.map_err(|fault| fault.to_string()),
        Poll::Pending => Err("a judgement in memory waited".to_owned()),
    }
}
