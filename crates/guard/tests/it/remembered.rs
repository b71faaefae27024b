//! A guard that remembers signature checks judges as one that does not, whatever changes in between.
use crate::installation::{API_KEY, NOW, dialect, records, rsa, stranger};
use countersign::dialect::settings::Settings;
use countersign::incoming::{Body, Incoming, Target};
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::{Span, Time};
use countersign::write::Signer;
use countersign_guard::clock::FrozenClock;
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::Policy;
use countersign_keys::Remembered;
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Record, Write};
use countersign_store::registry::Loaded;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use std::sync::Arc;

/// Two guards over one installation, and what they judge by.
struct World {
    plain: Guard,
    remembering: Guard,
    memory: Arc<Remembered>,
    directory: Arc<Directory>,
    clock: Arc<FrozenClock>,
    records: Vec<Record>,
    policies: Vec<Policy>,
    tokens: Vec<HeaderMap>,
    runtime: tokio::runtime::Runtime,
}

/// A request that can be sent again.
#[derive(Clone, Copy, Debug)]
struct Sent {
    policy: usize,
    token: usize,
    /// Bit of the credential that is turned over.
    flipped: Option<usize>,
    companion: usize,
    client: usize,
    path: usize,
}

/// Something an operator does, or time does.
#[derive(Clone, Debug)]
enum Change {
    Account(bool),
    Paths(usize),
    Key(usize),
    Networks(usize),
    OtherKey(bool),
    Companion(bool),
    Holder(bool),
    Dialects(bool),
    Clock(i64),
}

#[derive(Clone, Debug)]
enum Event {
    Send(Sent),
    Change(Change),
}

const CLIENTS: [Option<&str>; 3] = [None, Some("10.1.2.3"), Some("192.0.2.1")];
const PATHS: [&str; 2] = ["/v1/a", "/v2/a"];
const COMPANIONS: [Option<&str>; 3] = [Some(API_KEY), Some("another"), None];
const STATES: [KeyState; 4] = [KeyState::Active, KeyState::Pending, KeyState::Disabled, KeyState::Revoked];
const GOOD: Sent = Sent { policy: 0, token: 0, flipped: None, companion: 0, client: 1, path: 0 };

impl World {
    fn new() -> Self {
        let records = records();
        let directory = Arc::new(Directory::load(Loaded { version: 1, records: records.clone() }).unwrap());
        let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
        let guard = || {
            let store = Arc::new(MemoryStore::default());
            Guard::new(directory.clone(), store.clone(), store, clock.clone())
        };
        // So few places that tokens drive each other out.
        let memory = Arc::new(Remembered::new([5; 32], 4));
        let other = |name: &str, setting: &str, value: &str| {
            let settings: Settings = [(setting.to_owned(), value.to_owned())].into();
            Policy::of(vec![Arc::new(countersign_dialects::load(name, &settings).unwrap())])
        };
        let policies = vec![
            Policy::of(vec![dialect("skykit")]),
            other("skykit", "lifetime", "5m"),
            other("skykit", "algorithms", "RS384"),
            Policy { admit: Some(vec!["somebody else".to_owned()]), ..Policy::of(vec![dialect("skykit")]) },
            Policy::of(vec![dialect("partner-key")]),
            other("partner-key", "audience", "Elsewhere"),
            Policy::of(vec![dialect("asymmetric-jwt")]),
        ];
        let plain = guard();
        let remembering = guard().with_remembered(memory.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let tokens = tokens();
        Self { plain, remembering, memory, directory, clock, records, policies, tokens, runtime }
    }

    /// Judges with both guards and explains; all three say the same.
    fn send(&self, sent: Sent) -> Result<String, String> {
        let mut headers = self.tokens[sent.token].clone();
        if let Some(bit) = sent.flipped {
            let value = headers.get_mut("authorization").unwrap();
            let mut bytes = value.as_bytes().to_vec();
            // Behind the scheme word, so that the credential stays one of its dialect.
            let at = 7 + bit / 8 % (bytes.len() - 7);
            bytes[at] ^= 1 << (bit % 7);
            let Ok(changed) = HeaderValue::from_bytes(&bytes) else { return Err("no header".to_owned()) };
            *value = changed;
        }
        if let Some(companion) = COMPANIONS[sent.companion] {
            headers.insert("x-helplightning-api-key", HeaderValue::from_static(companion));
        }
        let incoming = Incoming {
            method: "GET",
            target: Target::new("https", "api.example.com", PATHS[sent.path]),
            headers: &headers,
            body: Body::Empty,
            client: CLIENTS[sent.client].map(|text| text.parse().unwrap()),
            challenge: None,
        };
        let policy = &self.policies[sent.policy];
        let told = self.runtime.block_on(self.remembering.explain(policy, &incoming)).unwrap();
        let plain = said(self.runtime.block_on(self.plain.judge(policy, &incoming)).unwrap());
        let remembered = said(self.runtime.block_on(self.remembering.judge(policy, &incoming)).unwrap());
        assert_eq!(plain, remembered, "remembering changed the verdict of {sent:?}");
        assert_eq!(told.reason.map(str::to_owned), plain.clone().err(), "explain differs for {sent:?}");
        plain
    }

    fn change(&mut self, change: &Change) {
        if let Change::Clock(seconds) = change {
            return self.clock.advance(Span::from_seconds(*seconds));
        }
        for record in &mut self.records {
            match (record, change) {
                (Record::Account(account), Change::Account(enabled)) => account.enabled = *enabled,
                (Record::Account(account), Change::Paths(at)) => {
                    account.paths = PATHS.get(*at).map(|path| path[..3].to_owned()).into_iter().collect();
                }
                (Record::Account(account), Change::Holder(own)) => {
                    let name = if *own { "ops@example.com" } else { "gone@example.com" };
                    let email = account.identifiers.iter_mut().find(|own| own.namespace == "email");
                    email.unwrap().value = name.to_owned();
                }
                (Record::Key(key), Change::Key(state)) => {
                    key.life = KeyLife { state: STATES[*state], ..KeyLife::ACTIVE };
                }
                (Record::Key(key), Change::Networks(at)) => {
                    key.networks = [vec![], vec!["10.0.0.0/8".to_owned()]][*at].clone();
                }
                (Record::Key(key), Change::OtherKey(own)) => {
                    let holder = if *own { rsa() } else { stranger() };
                    key.spki = holder.public_key().spki_der().to_vec();
                }
                (Record::Key(key), Change::Dialects(all)) => {
                    let names: &[&str] =
                        if *all { &["skykit", "partner-key", "asymmetric-jwt"] } else { &["operator"] };
                    key.dialects = names.iter().map(|name| (*name).to_owned()).collect();
                }
                (Record::Companion(row), Change::Companion(enabled)) => row.enabled = *enabled,
                _ => {}
            }
        }
        let writes: Vec<Write> = self.records.iter().cloned().map(Write::Put).collect();
        self.directory.apply(&writes, self.directory.version() + 1).unwrap();
    }
}

/// Two tokens of each reusable dialect, one of a stranger, and one that works once.
fn tokens() -> Vec<HeaderMap> {
    let made = |name: &str, identifier: &str, key, at: i64| {
        let signer = Signer {
            key,
            identifier,
            acting_as: None,
            companion: Some(API_KEY),
            algorithm: None,
            challenge: None,
        };
        let none = HeaderMap::new();
        let incoming = Incoming {
            method: "GET",
            target: Target::new("https", "api.example.com", "/"),
            headers: &none,
            body: Body::Empty,
            client: None,
            challenge: None,
        };
        let made = dialect(name).write(&incoming, &signer, Time::from_seconds(at), [7; 16]).unwrap();
        let (name, value) = made.headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        HeaderMap::from_iter([(name.clone(), value.clone())])
    };
    vec![
        made("skykit", "ops@example.com", rsa(), NOW),
        made("skykit", "ops@example.com", rsa(), NOW + 5),
        made("skykit", "ops@example.com", stranger(), NOW),
        made("partner-key", "54344", rsa(), NOW),
        made("partner-key", "54344", rsa(), NOW + 5),
        made("asymmetric-jwt", "guido", rsa(), NOW),
    ]
}

fn said(verdict: Verdict) -> Result<String, String> {
    match verdict {
        Verdict::Absent(_) => Err("missing-credentials".to_owned()),
        Verdict::Refused(denial) => Err(denial.refusal.reason.code().to_owned()),
        Verdict::Verified(verified) => Ok(format!(
            "{} {} {} {} {:?}",
            verified.dialect(),
            verified.identifier(),
            verified.key().id,
            verified.at(),
            verified.until()
        )),
    }
}

/// A world in which the token is remembered.
fn remembered(sent: Sent) -> World {
    let world = World::new();
    for _ in 0..3 {
        assert!(world.send(sent).is_ok());
    }
    assert_eq!(world.memory.count(), 1);
    world
}

fn after(sent: Sent, change: Change, again: Sent) -> Result<String, String> {
    let mut world = remembered(sent);
    world.change(&change);
    let found = world.send(again);
    assert_eq!(world.memory.count(), 1);
    found
}

#[test]
fn whatever_ends_a_token_ends_it_at_the_next_request() {
    let refused = |change, wanted: &str| assert_eq!(after(GOOD, change, GOOD), Err(wanted.to_owned()));
    refused(Change::Key(3), "key-not-live");
    refused(Change::Key(2), "key-not-live");
    refused(Change::Account(false), "account-disabled");
    refused(Change::OtherKey(false), "bad-signature");
    refused(Change::Holder(false), "unknown-account");
    refused(Change::Dialects(false), "key-not-for-dialect");
    refused(Change::Paths(1), "not-permitted");
    refused(Change::Clock(600), "expired");
    refused(Change::Clock(-31), "not-yet-valid");
}

#[test]
fn another_network_companion_or_configuration_is_judged_as_such() {
    let away = Sent { client: 2, ..GOOD };
    assert_eq!(after(GOOD, Change::Networks(1), away), Err("not-permitted".to_owned()));
    assert!(after(GOOD, Change::Networks(1), GOOD).is_ok());
    let partner = Sent { policy: 4, token: 3, ..GOOD };
    assert_eq!(after(partner, Change::Companion(false), partner), Err("companion-disabled".to_owned()));
    for (companion, wanted) in [(1, "unknown-companion"), (2, "missing-companion")] {
        let found = remembered(partner).send(Sent { companion, ..partner });
        assert_eq!(found, Err(wanted.to_owned()));
    }
    for (policy, wanted) in [(1, "lifetime-too-long"), (2, "unsupported-algorithm"), (3, "not-admitted")] {
        assert_eq!(remembered(GOOD).send(Sent { policy, ..GOOD }), Err(wanted.to_owned()));
    }
    assert_eq!(remembered(partner).send(Sent { policy: 5, ..partner }), Err("wrong-audience".to_owned()));
}

#[test]
fn no_changed_token_is_taken_for_the_one_that_is_remembered() {
    let world = remembered(GOOD);
    let bits = (world.tokens[0]["authorization"].len() - 7) * 8;
    for bit in 0..bits {
        assert!(world.send(Sent { flipped: Some(bit), ..GOOD }).is_err(), "bit {bit}");
    }
    assert_eq!(world.memory.count(), 1);
    assert!(world.send(GOOD).is_ok());
}

#[test]
fn what_works_once_is_not_remembered() {
    let world = World::new();
    let once = Sent { policy: 6, token: 5, ..GOOD };
    assert!(world.send(once).is_ok());
    for _ in 0..3 {
        assert_eq!(world.send(once), Err("replayed".to_owned()));
    }
    assert_eq!(world.memory.count(), 0);
}

#[test]
fn who_is_refused_for_who_it_is_pays_for_a_check_each_time() {
    let partner = Sent { policy: 4, token: 3, ..GOOD };
    let cases = [
        (GOOD, Some(Change::Key(3))),
        (GOOD, Some(Change::Account(false))),
        (partner, Some(Change::Companion(false))),
        (Sent { companion: 1, ..partner }, None),
        (Sent { companion: 2, ..partner }, None),
    ];
    for (sent, change) in cases {
        let mut world = World::new();
        change.iter().for_each(|change| world.change(change));
        for _ in 0..3 {
            assert!(world.send(sent).is_err());
        }
        assert_eq!(
            world.memory.count(),
            0,
            "{sent:?} {change:?}: the signature holds, and that must not show"
        );
    }
}

fn sends() -> impl Strategy<Value = Sent> {
    let flipped = prop_oneof![5 => Just(None), 1 => (0_usize..6000).prop_map(Some)];
    // Most requests are such as pass where nothing changed: only those can be remembered.
    let pair = prop_oneof![
        6 => Just((0, 0)), 4 => Just((0, 1)), 4 => Just((4, 3)), 3 => Just((4, 4)), 1 => Just((6, 5)),
        2 => (0_usize..7, 0_usize..6),
    ];
    let often = |most: usize| prop_oneof![4 => Just(0), 1 => 0..most];
    (pair, flipped, often(3), often(3), often(2)).prop_map(
        |((policy, token), flipped, companion, client, path)| Sent {
            policy,
            token,
            flipped,
            companion,
            client,
            path,
        },
    )
}

fn changes() -> impl Strategy<Value = Change> {
    // Back to what is good as often as away from it.
    let at = |most: usize| prop_oneof![1 => Just(0), 1 => 0..most];
    prop_oneof![
        any::<bool>().prop_map(Change::Account),
        (0_usize..3).prop_map(Change::Paths),
        at(4).prop_map(Change::Key),
        at(2).prop_map(Change::Networks),
        any::<bool>().prop_map(Change::OtherKey),
        any::<bool>().prop_map(Change::Companion),
        any::<bool>().prop_map(Change::Holder),
        any::<bool>().prop_map(Change::Dialects),
        (-40_i64..40).prop_map(Change::Clock),
        Just(Change::Clock(300)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn remembering_changes_no_verdict(
        events in prop::collection::vec(
            prop_oneof![4 => sends().prop_map(Event::Send), 1 => changes().prop_map(Event::Change)], 1..60,
        ),
    ) {
        let mut world = World::new();
        for event in &events {
            match event {
                Event::Send(sent) => { let _ = world.send(*sent); }
                Event::Change(change) => world.change(change),
            }
        }
    }
}
