//! Presets that sign a text: each signs and is recognised, and whatever of it is covered cannot be changed.
use countersign::dialect::Dialect;
use countersign::dialect::settings::Settings;
use countersign::incoming::{Body, Incoming, Target};
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign::write::Signer;
use countersign_guard::clock::FrozenClock;
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::Policy;
use countersign_keys::{KeyKind, PrivateKey};
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Account, Identifier, KeyRecord, Record};
use countersign_store::registry::Loaded;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

const NOW: i64 = 1_800_000_000;

/// Dialect, namespace, identifier.
const PRESETS: [(&str, &str, &str); 19] = [
    ("alipay", "app-id", "2021000000000000"),
    ("amazon-pay", "public-key-id", "LIVE-ABC"),
    ("binance", "api-key", "k1"),
    ("binance-rsa", "api-key", "k2"),
    ("coinswitch", "api-key", "k3"),
    ("discord", "discord-application", "discord"),
    ("draft-cavage-12", "key-name", "caller/1"),
    ("kalshi", "api-key", "k4"),
    ("mastercard", "consumer-key", "abc!def"),
    ("mollie", "client-id", "app_1"),
    ("oci", "oci-key", "ocid1.tenancy.oc1..a/ocid1.user.oc1..b/20:3b:97"),
    ("orderly", "orderly-key", "ed25519:8tm7dnKYkSc3FzgPuJaw1wztr79eeZpN35nHW5pL5XhX"),
    ("revolut-x", "api-key", "k5"),
    ("robinhood", "api-key", "rh-api-1"),
    ("standard-webhooks", "webhook-sender", "webhooks"),
    ("walmart", "consumer", "c-1"),
    ("wechat-pay-v3", "merchant", "1900009191"),
    ("wechat-pay-v3-answer", "certificate-serial", "5157F09E"),
    ("wise-webhook", "webhook-sender", "wise"),
];

struct Keys {
    rsa: PrivateKey,
    ed25519: PrivateKey,
}

static OWN: LazyLock<Keys> = LazyLock::new(Keys::new);
static STRANGER: LazyLock<Keys> = LazyLock::new(Keys::new);

impl Keys {
    fn new() -> Self {
        let make = |kind, bits| PrivateKey::generate(kind, bits).unwrap();
        Self { rsa: make(KeyKind::Rsa, 2048), ed25519: make(KeyKind::Ed25519, 256) }
    }

    fn of(&self, dialect: &Dialect) -> &PrivateKey {
        if dialect.algorithms()[0].kind() == KeyKind::Rsa { &self.rsa } else { &self.ed25519 }
    }
}

fn load(name: &str) -> Arc<Dialect> {
    Arc::new(countersign_dialects::load(name, &Settings::new()).unwrap())
}

fn guard(dialect: &Dialect, namespace: &str, identifier: &str) -> Guard {
    let key = KeyRecord {
        id: "key_1".to_owned(),
        account: "acc_1".to_owned(),
        label: String::new(),
        spki: OWN.of(dialect).public_key().spki_der().to_vec(),
        life: KeyLife::ACTIVE,
        dialects: vec![dialect.name().to_string()],
        algorithms: Vec::new(),
        methods: Vec::new(),
        paths: Vec::new(),
        networks: Vec::new(),
        created: Time::default(),
        last_used: None,
        last_address: None,
    };
    let account = Account {
        id: "acc_1".to_owned(),
        name: "ops".to_owned(),
        organisation: None,
        enabled: true,
        identifiers: vec![Identifier { namespace: namespace.to_owned(), value: identifier.to_owned() }],
        acts_as: Vec::new(),
        paths: Vec::new(),
        jwks_url: None,
        role: None,
        created: Time::default(),
    };
    let records = vec![Record::Account(account), Record::Key(key)];
    let directory = Directory::load(Loaded { version: 1, records }).unwrap();
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
    Guard::new(Arc::new(directory), store.clone(), store, clock)
}

#[derive(Clone, Debug)]
struct Sent {
    method: String,
    authority: String,
    path: String,
    query: Option<String>,
    body: Vec<u8>,
    headers: HeaderMap,
}

impl Sent {
    fn new(method: &str, path: &str, query: Option<&str>, body: &str) -> Self {
        Self {
            method: method.to_owned(),
            authority: "api.example.com".to_owned(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            body: body.as_bytes().to_vec(),
            headers: HeaderMap::new(),
        }
    }

    fn incoming(&self) -> Incoming<'_> {
        Incoming {
            method: &self.method,
            target: Target {
                scheme: "https",
                authority: &self.authority,
                path: &self.path,
                query: self.query.as_deref(),
            },
            headers: &self.headers,
            body: if self.body.is_empty() { Body::Empty } else { Body::Seen(&self.body) },
            client: None,
            challenge: None,
        }
    }

    fn signed(mut self, dialect: &Dialect, identifier: &str, keys: &Keys, random: [u8; 16]) -> Self {
        let signer = Signer {
            key: keys.of(dialect),
            identifier,
            acting_as: None,
            companion: None,
            algorithm: None,
            challenge: None,
        };
        let made = dialect
            .write(&self.incoming(), &signer, Time::from_seconds(NOW), random)
            .unwrap_or_else(|error| panic!("{}: {error}", dialect.name()));
        self.headers.extend(made.headers);
        self.query = made.query.or(self.query);
        self
    }

    fn with(&self, name: &HeaderName, value: &[u8]) -> Self {
        let mut changed = self.clone();
        changed.headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        changed
    }
}

fn judge(guard: &Guard, dialect: &Arc<Dialect>, sent: &Sent) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let policy = Policy::of(vec![dialect.clone()]);
    let incoming = sent.incoming();
    let told = runtime.block_on(guard.explain(&policy, &incoming)).unwrap();
    match runtime.block_on(guard.judge(&policy, &incoming)).unwrap() {
        Verdict::Verified(verified) => {
            assert_eq!(told.verdict, "verified");
            Ok(verified.identifier().to_owned())
        }
        Verdict::Absent(_) => Err("missing-credentials".to_owned()),
        Verdict::Refused(denial) => {
            assert_eq!(told.reason, Some(denial.refusal.reason.code()));
            Err(denial.refusal.reason.code().to_owned())
        }
    }
}

/// A request that suits a preset: those that sign parameters take none in a JSON body.
fn suited(name: &str, sent: Sent) -> Sent {
    match name {
        "binance" | "binance-rsa" | "alipay" => Sent { body: Vec::new(), ..sent },
        "wise-webhook" => Sent { body: [b"{}", sent.body.as_slice()].concat(), ..sent },
        _ => sent,
    }
}

fn requests() -> impl Strategy<Value = Sent> {
    let query =
        proptest::option::of("[a-c]{1,4}=[a-z0-9%20]{0,0}[a-z0-9.~-]{0,5}(&[d-f]{1,4}=[a-z]{0,4}(%20)?)?");
    ("(GET|POST|PUT|DELETE)", "(/[a-z0-9._~-]{1,6}){1,3}", query, "(\\{\"[ -!#-\\[\\]-~ä€]{0,20}\":1\\})?")
        .prop_map(|(method, path, query, body)| Sent::new(&method, &path, query.as_deref(), &body))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_signed_is_recognised(sent in requests(), random: [u8; 16]) {
        for (name, namespace, identifier) in PRESETS {
            let dialect = load(name);
            let guard = guard(&dialect, namespace, identifier);
            let signed = suited(name, sent.clone()).signed(&dialect, identifier, &OWN, random);
            prop_assert_eq!(judge(&guard, &dialect, &signed), Ok(identifier.to_owned()), "{}: {:?}", name, signed);
            let again = judge(&guard, &dialect, &signed);
            prop_assert_eq!(again.is_ok(), !dialect.is_single_use(), "{}", name);
            let by_another = suited(name, sent.clone()).signed(&dialect, identifier, &STRANGER, random);
            prop_assert_eq!(judge(&guard, &dialect, &by_another), Err("bad-signature".to_owned()), "{}", name);
        }
    }

    #[test]
    fn what_is_covered_cannot_be_changed(sent in requests(), random: [u8; 16]) {
        for (name, namespace, identifier) in PRESETS {
            let dialect = load(name);
            let covered = dialect.covered();
            let signed = suited(name, sent.clone()).signed(&dialect, identifier, &OWN, random);
            let mut changed = Vec::new();
            if covered.method {
                for method in ["GET", "POST", "PATCH", "OPTIONS"].iter().filter(|method| **method != signed.method) {
                    changed.push(Sent { method: (*method).to_owned(), ..signed.clone() });
                }
            }
            if covered.authority {
                changed.push(Sent { authority: "elsewhere.example".to_owned(), ..signed.clone() });
            }
            if covered.path {
                changed.push(Sent { path: format!("{}x", signed.path), ..signed.clone() });
                changed.push(Sent { path: format!("/x{}", signed.path), ..signed.clone() });
            }
            if covered.query {
                let query = signed.query.clone().unwrap_or_default();
                changed.push(Sent { query: Some(format!("{query}&zz=1")), ..signed.clone() });
                changed.push(Sent { query: Some(format!("zz=1&{query}")), ..signed.clone() });
                // Where there was no query, its own absence says the same to some.
                if !query.is_empty() {
                    changed.push(Sent { query: None, ..signed.clone() });
                }
            }
            if covered.body {
                changed.push(Sent { body: [signed.body.as_slice(), b" "].concat(), ..signed.clone() });
                changed.push(Sent { body: b"{\"x\":2}".to_vec(), ..signed.clone() });
                if !signed.body.is_empty() {
                    changed.push(Sent { body: Vec::new(), ..signed.clone() });
                }
            }
            for sent in changed {
                let found = judge(&guard(&dialect, namespace, identifier), &dialect, &sent);
                prop_assert!(found.is_err(), "{name}: {sent:?}");
            }
        }
    }

    #[test]
    fn nothing_random_is_recognised(value in "[ -~]{0,60}", query in "[ -~]{0,30}", body: Vec<u8>) {
        for (name, namespace, identifier) in PRESETS {
            let dialect = load(name);
            let mut sent = Sent::new("POST", "/a", Some(&query), "");
            sent.body = body.clone();
            let guard = guard(&dialect, namespace, identifier);
            for header in dialect.carriers() {
                let words = dialect.places().iter().filter_map(|place| place.split_once(' ')).map(|(_, word)| format!("{word} {value}")).next();
                sent.headers.insert(header.clone(), HeaderValue::from_str(words.as_deref().unwrap_or(&value)).unwrap());
            }
            prop_assert!(judge(&guard, &dialect, &sent).is_err());
        }
    }
}

#[test]
fn every_byte_of_a_carrier_counts_where_it_is_signed_or_signs() {
    let mut refused = 0;
    for (name, namespace, identifier) in PRESETS {
        let dialect = load(name);
        let sent = suited(name, Sent::new("POST", "/v1/things", Some("a=1&b=2"), "{\"x\":1}"));
        let signed = sent.signed(&dialect, identifier, &OWN, [7; 16]);
        for header in dialect.carriers() {
            let value = signed.headers.get(header).unwrap().as_bytes().to_vec();
            for place in (0..value.len()).step_by(4) {
                let mut bytes = value.clone();
                // Upper and lower case of hexadecimal digits and of scheme words are the same; other bits are not.
                bytes[place] ^= 1;
                let Ok(_) = HeaderValue::from_bytes(&bytes) else { continue };
                let found =
                    judge(&guard(&dialect, namespace, identifier), &dialect, &signed.with(header, &bytes));
                let text = String::from_utf8_lossy(&bytes).into_owned();
                // What nobody signs, and the README says so.
                let free = match (name, header.as_str()) {
                    ("orderly", "orderly-account-id") => true,
                    ("wechat-pay-v3", _) => {
                        text.contains("serial_no") && found.is_ok() && serial_alone(&value, &bytes)
                    }
                    ("oci" | "draft-cavage-12", _) => found.is_ok() && free_parameter(&text),
                    _ => false,
                };
                assert!(free || found.is_err(), "{name} {header} at {place}: {text}");
                refused += usize::from(found.is_err());
            }
        }
    }
    assert!(refused > 1_000, "{refused}");
}

/// Whether two credentials differ in the serial number alone.
fn serial_alone(one: &[u8], other: &[u8]) -> bool {
    let without = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        text.split(',').filter(|part| !part.starts_with("serial_no=")).collect::<Vec<_>>().join(",")
    };
    without(one) == without(other)
}

/// `version` of OCI and `algorithm` of the draft are read by nobody.
fn free_parameter(text: &str) -> bool {
    let (version, algorithm) = (text.contains("version=\"1\""), text.contains("algorithm=\"hs2019\""));
    !(version || algorithm)
}

#[test]
fn parts_that_stand_side_by_side_do_not_run_together() {
    let refuse = |name: &str, sent: Sent, changed: Sent| {
        let (_, namespace, identifier) = PRESETS.into_iter().find(|(known, ..)| *known == name).unwrap();
        let dialect = load(name);
        let signed = sent.signed(&dialect, identifier, &OWN, [7; 16]);
        let guard = guard(&dialect, namespace, identifier);
        assert!(judge(&guard, &dialect, &signed).is_ok(), "{name}");
        let moved = Sent { headers: signed.headers.clone(), ..changed };
        assert!(judge(&guard, &dialect, &moved).is_err(), "{name}: {moved:?}");
    };
    // The same text, cut at another place.
    refuse("robinhood", Sent::new("POST", "/p", None, ""), Sent::new("ST", "/pPO", None, ""));
    refuse("orderly", Sent::new("GET", "/a", None, "{\"x\":1}"), Sent::new("GET", "/a{\"x\":1}", None, ""));
    refuse("kalshi", Sent::new("GET", "/a", None, ""), Sent::new("GE", "T/a", None, ""));
    refuse("coinswitch", Sent::new("GET", "/a", None, ""), Sent::new("GE", "T/a", None, ""));
    refuse(
        "discord",
        Sent::new("POST", "/a", None, "{\"x\":1}"),
        Sent::new("POST", "/a", None, "0{\"x\":1}"),
    );
}

#[test]
fn a_window_that_is_asked_for_is_taken_up_to_what_the_server_allows() {
    let dialect = load("binance");
    let judged = |query: &str| {
        let sent = Sent::new("GET", "/api/v3/account", Some(query), "");
        let signer = Signer {
            key: OWN.of(&dialect),
            identifier: "k1",
            acting_as: None,
            companion: None,
            algorithm: None,
            challenge: None,
        };
        // Signed by hand, since the signer writes its own time.
        let signature = signer.key.sign(dialect.algorithms()[0], query.as_bytes()).unwrap();
        let base64 = countersign::base64::encode(countersign::base64::Alphabet::Standard, &signature);
        let escaped = base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let mut sent = Sent { query: Some(format!("{query}&signature={escaped}")), ..sent };
        sent.headers.insert("x-mbx-apikey", HeaderValue::from_static("k1"));
        judge(&guard(&dialect, "api-key", "k1"), &dialect, &sent)
    };
    let at = |ahead: i64| NOW * 1000 + ahead;
    assert!(judged(&format!("timestamp={}", at(-5_000))).is_ok());
    assert_eq!(judged(&format!("timestamp={}", at(-5_001))), Err("out-of-window".to_owned()));
    assert!(judged(&format!("timestamp={}", at(1_000))).is_ok());
    assert_eq!(judged(&format!("timestamp={}", at(1_001))), Err("out-of-window".to_owned()));
    assert!(judged(&format!("recvWindow=60000&timestamp={}", at(-60_000))).is_ok());
    assert_eq!(judged(&format!("recvWindow=60001&timestamp={}", at(0))), Err("lifetime-too-long".to_owned()));
    assert_eq!(judged(&format!("recvWindow=-1&timestamp={}", at(0))), Err("malformed-claim".to_owned()));
    assert_eq!(
        judged(&format!("recvWindow=1&recvWindow=60000&timestamp={}", at(-9_000))),
        Err("malformed-claim".to_owned())
    );
    assert_eq!(judged("a=1"), Err("missing-claim".to_owned()));
}

#[test]
fn a_signer_cannot_choose_to_cover_nothing() {
    for (name, lists) in [
        ("oci", ["date", "date (request-target)", "date (request-target) host"]),
        ("draft-cavage-12", ["(created)", "(request-target) host", "(request-target) host (created)"]),
    ] {
        let (_, namespace, identifier) = PRESETS.into_iter().find(|(known, ..)| *known == name).unwrap();
        for list in lists {
            // The file as shipped, made to sign less.
            let folder = countersign_dialects::folder(name).unwrap();
            let file: String = folder
                .file
                .lines()
                .map(|line| {
                    if line.starts_with("list_with_body") {
                        format!("list_with_body = \"{list}\"")
                    } else {
                        line.to_owned()
                    }
                })
                .map(|line| {
                    if line.starts_with("built") {
                        format!("built = \"{{cavage auth.headers: {list}}}\"")
                    } else {
                        line
                    }
                })
                .collect::<Vec<_>>()
                .join("\n");
            let lax = Dialect::parse(&file, &Settings::new()).unwrap();
            let signed = Sent::new("POST", "/a", None, "{}").signed(&lax, identifier, &OWN, [7; 16]);
            let dialect = load(name);
            let found = judge(&guard(&dialect, namespace, identifier), &dialect, &signed);
            assert_eq!(found, Err("missing-claim".to_owned()), "{name} {list}");
        }
        let none =
            countersign_dialects::folder(name).unwrap().file.replace("auth.headers: ", "auth.headers ");
        assert!(Dialect::parse(&none, &Settings::new()).is_err(), "{name}");
    }
}
