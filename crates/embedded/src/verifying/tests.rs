//! Requests signed by one half of the crate and judged by the other.
use super::*;
use crate::held_key::HeldKey;
use crate::holders::{Asked, Holder};
use crate::memory::SharedMemory;
use crate::signing::{KeyFrom, Signed, Signing, SigningOptions};
use countersign::time::Span;
use countersign_guard::clock::FrozenClock;
use countersign_keys::{KeyKind, PrivateKey};
use countersign_store::registry::Answer;
use std::collections::HashSet;
use std::sync::Mutex;

const PUBLIC: &str = "https://api.example";
const URL: &str = "https://api.example/v1/things?page=2";
const TARGET: &str = "/v1/things?page=2";

/// RSA of 1024 bits.
const WEAK: &str = "\
    -----BEGIN PUBLIC KEY-----\n\
    MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCxn0EWwJK5gWqhQSKBUa/odhfm\n\
    MOkzlTYxejoZJzwqfqeyaAf+CrzLG6jGDERM2pXSzdmWBA1INzEidtLJyhVs7IBd\n\
    OEXa7Pke08lgVycakfSbp7HPIZDC88MK5Tb6rEWsABBye0CO9l2M8fIrcoDBF83I\n\
    PPhPf5ruQqE10M8ONQIDAQAB\n\
    -----END PUBLIC KEY-----\n\
    ";

/// A caller and a provider with one clock.
struct Pair {
    signing: Signing,
    public: String,
    clock: Arc<FrozenClock>,
}

fn pair(dialect: &str, kind: KeyKind, bits: u32, identifier: &str) -> Pair {
    let key = PrivateKey::generate(kind, bits).unwrap();
    let clock = Arc::new(FrozenClock::at(Time::from_seconds(1_800_000_000)));
    let options = SigningOptions {
        dialect: DialectChoice::of(dialect),
        key: KeyFrom::Bytes(key.to_pkcs8_pem().as_bytes().to_vec().into()),
        passphrase: None,
        identifier: identifier.to_owned(),
        acting_as: (dialect == "skillhive").then(|| "u@h".to_owned()),
        companion: (dialect == "partner-key").then(|| "api-key".to_owned().into()),
        algorithm: None,
    };
    let signing = Signing::open_with(options, clock.clone(), Arc::new(SystemEntropy)).unwrap();
    Pair { public: signing.public_key(), signing, clock }
}

impl Pair {
    fn provider(&self, dialect: &str, accounts: Accounts, memory: ReplayMemory) -> Verifying {
        let options = VerifyingOptions {
            dialects: vec![DialectChoice::of(dialect)],
            accounts,
            memory,
            public: Some(PUBLIC.to_owned()),
            body_limit: Some(64),
            admit: None,
            require: Vec::new(),
            secret: None,
        };
        Verifying::open_with(options, self.clock.clone(), Arc::new(SystemEntropy)).unwrap()
    }

    fn described(&self, dialect: &str, namespace: &str, identifier: &str) -> String {
        let digest = encode_hex(&countersign_keys::sha256(&[b"api-key"]));
        format!(
            "[[user]]\nname = \"u@h\"\n[[account]]\nname = \"acme\"\nacts_as = [\"u@h\"]\n\
             identifiers = {{ {namespace} = \"{identifier}\" }}\n[[account.key]]\nlabel = \"k\"\n\
             dialects = [\"{dialect}\"]\npublic = '''{}'''\n[[account.companion]]\nlabel = \"c\"\n\
             dialect = \"{dialect}\"\ndigest = \"{digest}\"\n",
            self.public
        )
    }

    fn sign(&self, method: &str, body: &[u8]) -> Signed {
        self.signing.sign(method, URL, &[], body).unwrap()
    }
}

fn judge(verifying: &Verifying, method: &str, target: &str, signed: &Signed, body: &[u8]) -> Judgement {
    let headers: Vec<(&[u8], &[u8])> =
        signed.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect();
    let arrived = Arrived { method, target: Some(target), headers: &headers, body: Some(body), client: None };
    verifying.judge_now(&arrived).unwrap()
}

fn reason(judgement: &Judgement) -> &'static str {
    match judgement {
        Judgement::Recognised(_) => "recognised",
        Judgement::Refused(refused) => refused.reason(),
    }
}

const HERE: ReplayMemory = ReplayMemory::Process { takes_earlier: true };

#[test]
fn several_dialects_go_there_and_back() {
    for (dialect, namespace, kind, bits, body) in [
        ("asymmetric-jwt", "user", KeyKind::Ed25519, 256, &b""[..]),
        ("skillhive", "email", KeyKind::Rsa, 2048, b""),
        ("partner-key", "connection", KeyKind::Rsa, 2048, b""),
        ("skykit", "email", KeyKind::Rsa, 2048, b""),
        ("http-signature", "user", KeyKind::Ed25519, 256, b"{\"a\":1}"),
    ] {
        let namespace = match countersign_dialects::load(dialect, &Default::default()).unwrap().namespace() {
            Some(own) => own.to_owned(),
            None => namespace.to_owned(),
        };
        let pair = pair(dialect, kind, bits, "54344");
        let accounts = Accounts::Described(pair.described(dialect, &namespace, "54344"));
        let provider = pair.provider(dialect, accounts, HERE);
        let signed = pair.sign("POST", body);
        match judge(&provider, "POST", TARGET, &signed, body) {
            Judgement::Recognised(who) => {
                assert_eq!((who.account(), who.dialect()), ("acme", dialect));
                assert!(who.fingerprint().starts_with("SHA256:") && !who.algorithm().is_empty());
            }
            Judgement::Refused(refused) => panic!("{dialect}: {refused}"),
        }
        assert!(!provider.carriers().is_empty() && provider.carriers() == provider.carriers_of(dialect));
        assert!(provider.carriers_of("another").is_empty());
    }
}

#[test]
fn what_was_changed_used_or_is_too_old_is_refused_with_its_reason() {
    let pair = pair("http-signature", KeyKind::Ed25519, 256, "guido");
    let accounts = Accounts::Described(pair.described("http-signature", "user", "guido"));
    let provider = pair.provider("http-signature", accounts, HERE);
    let body = b"{\"a\":1}";
    let signed = pair.sign("POST", body);
    assert_eq!(reason(&judge(&provider, "POST", TARGET, &signed, b"{\"a\":2}")), "digest-mismatch");
    assert_eq!(reason(&judge(&provider, "POST", "/v1/other", &signed, body)), "bad-signature");
    assert_eq!(reason(&judge(&provider, "PUT", TARGET, &signed, body)), "bad-signature");
    assert_eq!(reason(&judge(&provider, "POST", TARGET, &signed, body)), "recognised");
    assert_eq!(reason(&judge(&provider, "POST", TARGET, &signed, body)), "replayed");
    let late = pair.sign("POST", body);
    pair.clock.advance(Span::from_seconds(3600));
    let expired = judge(&provider, "POST", TARGET, &late, body);
    assert_eq!(reason(&expired), "out-of-window");
    let Judgement::Refused(expired) = expired else { panic!("refused") };
    let answer = expired.answer();
    assert_eq!(answer.status, 401);
    let told =
        |name: &str| answer.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    assert_eq!(told("countersign-reject"), Some(expired.reject()));
    assert_eq!(told("countersign-time"), Some("1800003600000"));
    assert!(told("accept-signature").is_some() && told("cache-control") == Some("no-store"));
    assert_eq!(
        reason(&judge(&provider, "POST", TARGET, &pair.sign("POST", &[b'x'; 65]), &[b'x'; 65])),
        "body-too-large"
    );
    let nothing = Signed { headers: Vec::new(), url: URL.to_owned(), body: None };
    assert_eq!(reason(&judge(&provider, "GET", TARGET, &nothing, b"")), "missing-credentials");
}

#[test]
fn a_clock_that_is_off_is_learned_from_the_refusal() {
    let pair = pair("skykit", KeyKind::Rsa, 2048, "a@b.example");
    let answer: &[(&[u8], &[u8])] = &[(b"countersign-time", b"1800000600000")];
    assert!(!pair.signing.learn(200, answer, b"").unwrap());
    assert!(pair.signing.learn(401, answer, b"").unwrap());
    assert!(!pair.signing.learn(401, answer, b"").unwrap(), "nothing new");
    assert!(pair.signing.learn(401, &[(b"countersign-time", b"1900000600000")], b"").is_err());
}

struct Rows(Vec<Holder>, Mutex<Vec<String>>);

impl Holders for Rows {
    fn find<'a>(&'a self, asked: Asked<'a>) -> Answer<'a, Result<Option<Holder>, Fault>> {
        Box::pin(async move {
            self.1.lock().unwrap().push(format!("{} {}", asked.namespace.unwrap_or("key"), asked.identifier));
            if asked.identifier == "broken" {
                return Err(Fault::new("the database is away"));
            }
            Ok(self.0.iter().find(|row| row.account == asked.identifier).cloned())
        })
    }
    fn unusable(&self, account: &str, problem: &str) {
        self.1.lock().unwrap().push(format!("unusable {account}: {problem}"));
    }
}

#[derive(Default)]
struct Cache(Mutex<HashSet<[u8; 32]>>, bool);

impl SharedMemory for Cache {
    fn claim<'a>(&'a self, digest: &'a [u8; 32], expires: i64) -> Answer<'a, Result<bool, Fault>> {
        assert!(expires > 1_800_000_000);
        Box::pin(async move {
            if self.1 {
                Err(Fault::new("the cache is away"))
            } else {
                Ok(self.0.lock().unwrap().insert(*digest))
            }
        })
    }
}

#[test]
fn the_program_is_asked_for_keys_and_uses() {
    let pair = pair("asymmetric-jwt", KeyKind::Rsa, 2048, "guido");
    let other = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap().public_key().to_openssh("laptop");
    let held = |public: &str| HeldKey { public: public.to_owned(), ..HeldKey::default() };
    let holder = |account: &str, keys: &[&str]| Holder {
        account: account.to_owned(),
        keys: keys.iter().map(|key| held(key)).collect(),
        ..Holder::default()
    };
    let rows = |rows: Vec<Holder>| Arc::new(Rows(rows, Mutex::default()));
    let cache = Arc::new(Cache::default());
    let asked = rows(vec![holder("guido", &["no key", &other, &pair.public])]);
    let provider = || {
        pair.provider("asymmetric-jwt", Accounts::Asked(asked.clone()), ReplayMemory::Shared(cache.clone()))
    };
    let (first, second) = (provider(), provider());
    let signed = pair.sign("GET", b"");
    assert_eq!(reason(&judge(&first, "GET", TARGET, &signed, b"")), "recognised");
    assert_eq!(
        reason(&judge(&second, "GET", TARGET, &signed, b"")),
        "replayed",
        "another process, one memory"
    );
    assert_eq!(asked.1.lock().unwrap().first().unwrap(), "user guido");
    assert!(first.describe("").is_err());

    let refused = |holders: Vec<Holder>| {
        let provider = pair.provider("asymmetric-jwt", Accounts::Asked(rows(holders)), HERE);
        reason(&judge(&provider, "GET", TARGET, &pair.sign("GET", b""), b""))
    };
    assert_eq!(refused(vec![]), "unknown-account");
    assert_eq!(refused(vec![holder("guido", &[&other])]), "key-not-for-dialect");
    assert_eq!(
        refused(vec![Holder { disabled: true, ..holder("guido", &[&pair.public]) }]),
        "account-disabled"
    );
    let expired = HeldKey { expires: Some(1_700_000_000), ..held(&pair.public) };
    assert_eq!(refused(vec![Holder { keys: vec![expired], ..holder("guido", &[]) }]), "key-not-live");
    let confined = |paths: &[&str]| Holder {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..holder("guido", &[&pair.public])
    };
    assert_eq!(refused(vec![confined(&["/v2"])]), "not-permitted");
    assert_eq!(refused(vec![confined(&["/v1"])]), "recognised");
    let provider = pair.provider("asymmetric-jwt", Accounts::Asked(rows(vec![confined(&["/v1"])])), HERE);
    let around = judge(&provider, "GET", "/v1/../v2", &pair.sign("GET", b""), b"");
    assert_eq!(reason(&around), "not-permitted");
}

#[test]
fn what_fails_on_our_side_is_a_fault() {
    let fault = |identifier: &str, keys: &[&str], cache: bool, target: Option<&str>| {
        let pair = pair("asymmetric-jwt", KeyKind::Ed25519, 256, identifier);
        let keys = keys.iter().map(|key| if key.is_empty() { pair.public.as_str() } else { key });
        let keys = keys.map(|key| HeldKey { public: key.to_owned(), ..HeldKey::default() }).collect();
        let rows = vec![Holder { account: identifier.to_owned(), keys, ..Holder::default() }];
        let memory = ReplayMemory::Shared(Arc::new(Cache(Mutex::default(), cache)));
        let accounts = Accounts::Asked(Arc::new(Rows(rows, Mutex::default())));
        let provider = pair.provider("asymmetric-jwt", accounts, memory);
        let signed = pair.sign("GET", b"");
        let headers: Vec<(&[u8], &[u8])> =
            signed.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect();
        let arrived = Arrived { method: "GET", target, headers: &headers, body: None, client: None };
        assert_eq!(provider.failed().status, 503);
        provider.judge_now(&arrived).map(|judged| reason(&judged)).map_err(|fault| fault.to_string())
    };
    assert!(fault("broken", &[""], false, Some("/")).unwrap_err().contains("database"));
    assert!(fault("guido", &[""], true, Some("/")).unwrap_err().contains("cache"));
    assert_eq!(fault("guido", &[""], false, None), Ok("recognised"), "this dialect looks at no path");

    let pair = pair("http-signature", KeyKind::Ed25519, 256, "guido");
    let accounts = Accounts::Described(pair.described("http-signature", "user", "guido"));
    let provider = pair.provider("http-signature", accounts, HERE);
    assert!(provider.needs_target() && provider.needs_body());
    let decoded = Arrived { method: "GET", ..Arrived::default() };
    assert!(provider.judge_now(&decoded).unwrap_err().to_string().contains("decoded"));
}

#[test]
fn uses_stay_used_when_the_description_is_read_again_in_another_order() {
    let pair = pair("asymmetric-jwt", KeyKind::Ed25519, 256, "guido");
    let described = pair.described("asymmetric-jwt", "user", "guido");
    let provider = pair.provider("asymmetric-jwt", Accounts::Described(described.clone()), HERE);
    let signed = pair.sign("GET", b"");
    assert_eq!(reason(&judge(&provider, "GET", TARGET, &signed, b"")), "recognised");
    provider.describe(&format!("[[account]]\nname = \"aaa\"\n{described}")).unwrap();
    assert_eq!(reason(&judge(&provider, "GET", TARGET, &signed, b"")), "replayed");
    provider.describe("{\"account\": []}").unwrap();
    assert_eq!(reason(&judge(&provider, "GET", TARGET, &pair.sign("GET", b""), b"")), "unknown-account");
    assert!(provider.describe("[[account]]\nnam = 1").is_err());
}

#[test]
fn a_file_of_accounts_names_other_files() {
    let pair = pair("partner-key", KeyKind::Rsa, 2048, "54344");
    let folder = std::env::temp_dir().join(format!("countersign-embedded-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("k.pub.pem"), &pair.public).unwrap();
    std::fs::write(folder.join("api-key"), "api-key\n").unwrap();
    let file = folder.join("accounts.toml");
    let namespace = countersign_dialects::load("partner-key", &Default::default()).unwrap();
    let described = |enabled: bool| {
        let namespace = namespace.namespace().unwrap();
        format!(
            "[[account]]\nname = \"acme\"\nidentifiers = {{ {namespace} = \"54344\" }}\n[[account.key]]\nlabel = \"k\"\n\
             dialects = [\"partner-key\"]\nfile = \"k.pub.pem\"\nenabled = {enabled}\nexpires = 2030-01-01T00:00:00Z\n\
             [[account.companion]]\nlabel = \"c\"\ndialect = \"partner-key\"\nsecret_file = \"api-key\"\n"
        )
    };
    std::fs::write(&file, described(true)).unwrap();
    let provider = pair.provider("partner-key", Accounts::File(file.clone()), HERE);
    assert_eq!(reason(&judge(&provider, "GET", TARGET, &pair.sign("GET", b""), b"")), "recognised");
    std::fs::write(&file, described(false)).unwrap();
    provider.reload().unwrap();
    assert_ne!(reason(&judge(&provider, "GET", TARGET, &pair.sign("GET", b""), b"")), "recognised");
    std::fs::write(&file, described(true).replace("k.pub", "none")).unwrap();
    assert!(provider.reload().unwrap_err().to_string().contains("none.pem"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_memory_that_begins_empty_takes_no_proof_of_before() {
    let pair = pair("asymmetric-jwt", KeyKind::Ed25519, 256, "guido");
    let described = Accounts::Described(pair.described("asymmetric-jwt", "user", "guido"));
    let provider = pair.provider("asymmetric-jwt", described, ReplayMemory::Process { takes_earlier: false });
    assert!(provider.remembers_here());
    let refused = judge(&provider, "GET", TARGET, &pair.sign("GET", b""), b"");
    assert_eq!(reason(&refused), "before-restart");
    pair.clock.advance(Span::from_seconds(60));
    assert_eq!(reason(&judge(&provider, "GET", TARGET, &pair.sign("GET", b""), b"")), "recognised");
}

#[test]
fn what_cannot_be_opened_says_why() {
    let open = |dialect: &str, memory, public: Option<&str>, require: &[&str]| {
        let options = VerifyingOptions {
            dialects: vec![DialectChoice::of(dialect)],
            accounts: Accounts::Described(String::new()),
            memory,
            public: public.map(str::to_owned),
            body_limit: None,
            admit: None,
            require: require.iter().map(|name| (*name).to_owned()).collect(),
            secret: None,
        };
        Verifying::open(options).map(|_| ()).map_err(|error| error.to_string())
    };
    assert!(open("asymmetric-jwt", ReplayMemory::None, None, &[]).unwrap_err().contains("replay memory"));
    assert!(open("http-signature", HERE, None, &[]).unwrap_err().contains("public address"));
    assert!(open("http-signature", HERE, Some("api.example"), &[]).unwrap_err().contains("api.example"));
    assert!(open("own-session", HERE, None, &[]).unwrap_err().contains("session"));
    assert!(open("spacetime", HERE, None, &[]).unwrap_err().contains("session"));
    assert!(open("no-such", HERE, None, &[]).unwrap_err().contains("no-such"));
    assert!(open("skykit", HERE, Some(PUBLIC), &["bdy"]).unwrap_err().contains("bdy"));
    let options = |require: &[&str]| VerifyingOptions {
        dialects: vec![DialectChoice::of("web-bot-auth")],
        accounts: Accounts::Described(String::new()),
        memory: HERE,
        public: Some(PUBLIC.to_owned()),
        body_limit: None,
        admit: None,
        require: require.iter().map(|name| (*name).to_owned()).collect(),
        secret: None,
    };
    assert!(!Verifying::open(options(&[])).unwrap().needs_body());
    assert!(Verifying::open(options(&["body"])).unwrap().needs_body());
    let text = countersign_dialects::folder("asymmetric-jwt").unwrap().file;
    assert_eq!(open(text, HERE, None, &["once"]), Ok(()));
}

#[test]
fn an_account_without_a_usable_key_looks_like_no_account_and_its_keeper_is_told() {
    let pair = pair("asymmetric-jwt", KeyKind::Rsa, 2048, "guido");
    let holder = |public: &str, disabled: bool| Holder {
        account: "guido".to_owned(),
        disabled,
        keys: vec![HeldKey { public: public.to_owned(), label: "old".to_owned(), ..HeldKey::default() }],
        ..Holder::default()
    };
    let judged = |rows: Vec<Holder>| {
        let rows = Arc::new(Rows(rows, Mutex::default()));
        let provider = pair.provider("asymmetric-jwt", Accounts::Asked(rows.clone()), HERE);
        let Judgement::Refused(refused) = judge(&provider, "GET", TARGET, &pair.sign("GET", b""), b"") else {
            panic!("refused");
        };
        let answer = refused.answer();
        let headers = answer.headers.iter().filter(|(name, _)| name != "countersign-reject").cloned();
        let told =
            rows.1.lock().unwrap().iter().filter(|line| line.starts_with("unusable")).cloned().collect();
        (answer.status, headers.collect::<Vec<_>>(), answer.body.clone(), told)
    };
    let unknown = judged(vec![]);
    assert_eq!((unknown.0, &unknown.3), (401, &Vec::<String>::new()));
    for (public, disabled) in [("no key", false), (WEAK, false), (WEAK, true), (pair.public.as_str(), true)] {
        let known = judged(vec![holder(public, disabled)]);
        assert_eq!((known.0, &known.1, &known.2), (unknown.0, &unknown.1, &unknown.2), "{public} {disabled}");
        let told = known.3.iter().all(|line: &String| line.starts_with("unusable guido: key \"old\""));
        assert!(told && known.3.len() == usize::from(public != pair.public), "{:?}", known.3);
    }
}

#[test]
fn an_answer_that_would_widen_what_an_account_may_do_is_a_fault() {
    let pair = pair("asymmetric-jwt", KeyKind::Ed25519, 256, "guido");
    let keys = vec![HeldKey { public: pair.public.clone(), ..HeldKey::default() }];
    let judged = |account: &str, paths: &[&str]| {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let holder = Holder { account: account.to_owned(), keys: keys.clone(), paths, ..Holder::default() };
        let provider = pair.provider("asymmetric-jwt", Accounts::Asked(Arc::new(One(holder))), HERE);
        let signed = pair.sign("GET", b"");
        let headers: Vec<(&[u8], &[u8])> =
            signed.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect();
        let arrived =
            Arrived { method: "GET", target: Some(TARGET), headers: &headers, body: None, client: None };
        provider.judge_now(&arrived).map(|judged| reason(&judged)).map_err(|fault| fault.to_string())
    };
    assert_eq!(judged("guido", &["/v1"]), Ok("recognised"));
    assert_eq!(judged("guido", &["/"]), Ok("recognised"));
    assert!(judged("guido", &["/v1", "v2"]).unwrap_err().contains("\"v2\""));
    assert!(judged("guido", &[""]).unwrap_err().contains("slash"));
    assert!(judged("", &[]).unwrap_err().contains("empty"));
}

/// A program that finds the same account whatever is asked.
struct One(Holder);

impl Holders for One {
    fn find<'a>(&'a self, _: Asked<'a>) -> Answer<'a, Result<Option<Holder>, Fault>> {
        Box::pin(async move { Ok(Some(self.0.clone())) })
    }
    fn unusable(&self, account: &str, problem: &str) {
        panic!("{account}: {problem}");
    }
}

#[test]
fn unknown_names_cost_the_same_in_all_processes_that_can_know_how() {
    let pair = pair("skykit", KeyKind::Rsa, 2048, "a@b.example");
    let asked = || Accounts::Asked(Arc::new(Rows(Vec::new(), Mutex::default())));
    let open = |accounts: Accounts, memory: ReplayMemory, secret: Option<&str>| {
        let options = VerifyingOptions {
            dialects: vec![DialectChoice::of("skykit")],
            accounts,
            memory,
            public: Some(PUBLIC.to_owned()),
            body_limit: None,
            admit: None,
            require: Vec::new(),
            secret: secret.map(|secret| secret.as_bytes().to_vec().into()),
        };
        Verifying::open(options).unwrap().decoys
    };
    let described = || Accounts::Described(pair.described("skykit", "email", "a@b.example"));
    let shared = || ReplayMemory::Shared(Arc::new(Cache::default()));
    assert!(open(described(), HERE, None).is_some());
    assert!(open(described(), HERE, None) == open(described(), shared(), None));
    assert!(open(described(), HERE, None) != open(Accounts::Described(String::new()), HERE, None));
    assert!(open(described(), HERE, Some("s")) == open(asked(), shared(), Some("s")));
    assert!(open(asked(), shared(), Some("s")) != open(asked(), shared(), Some("t")));
    assert!(open(asked(), HERE, None).is_some() && open(asked(), shared(), None).is_none());
}

#[test]
fn a_switch_that_is_none_and_a_file_that_is_none_are_not_passed_over() {
    let folder = std::env::temp_dir().join(format!("countersign-embedded-switch-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("accounts.toml");
    for (line, words) in [
        ("enabled = \"false\"", "enabled of a key: wanted true or false, found \"false\""),
        ("enabled = 0", "found 0"),
        ("file = 7", "file of a key: wanted the name of a file, found 7"),
    ] {
        std::fs::write(&file, format!("[[account]]\nname = \"a\"\n[[account.key]]\nlabel = \"k\"\n{line}\n"))
            .unwrap();
        let error = account_file::read(&file).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
