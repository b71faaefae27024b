//! Callers look after their own keys by command, signed in with one of them: no more than the console lets them, and nobody else's.
#![expect(clippy::indexing_slicing, reason = "tests may stop at once")]
use crate::nodes::upstream;
use crate::run::{Place, Server};
use serde_json::Value;

/// A server whose console answers beside the management API, and alice with one key.
struct Bench {
    place: Place,
    server: Server,
    alice: String,
}

impl Bench {
    fn new() -> Self {
        Self::with("")
    }

    fn with(more: &str) -> Self {
        let place = Place::new();
        let upstream = upstream();
        let server = Server::of(
            &place,
            &format!(
                "version = 1\n[server]\ndrain = \"0s\"\n\
                 [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"gateway\", \"health\"]\n\
                 [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"manage\", \"console\"]\n\
                 [[route]]\nname = \"in\"\npath = \"/in/\"\ndialects = [\"asymmetric-jwt\"]\nupstream = \"{upstream}\"\n{more}"
            ),
        );
        let bench = Self { place, server, alice: String::new() };
        let alice = bench.account("alice", "current.pem", "");
        Self { alice, ..bench }
    }

    /// By an operator.
    fn run(&self, line: &str) -> crate::run::Ran {
        self.place.run(&format!("{line} --server {}", self.server.manage))
    }

    /// By the owner of a key, on a machine that has nothing of an operator's.
    fn own(&self, line: &str, key: &str) -> crate::run::Ran {
        let line = format!("{line} --key {key} --server {}", self.server.manage);
        let mut command = self.place.command(&line.split(' ').collect::<Vec<_>>());
        command.env("COUNTERSIGN_DATA", "/nonexistent");
        crate::run::Ran::of(command.stdin(std::process::Stdio::null()).output().unwrap())
    }

    /// An account with one key; gives the key's id.
    fn account(&self, name: &str, file: &str, more: &str) -> String {
        self.place.run(&format!("key new {file}")).ok();
        self.run(&format!("account add {name} --identifier user={name}")).ok();
        let line =
            format!("--json key register {name} --file {file}.pub -d asymmetric-jwt --label {name}{more}");
        self.run(&line).json()["id"].as_str().unwrap().to_owned()
    }

    fn code(&self, key: &str, name: &str) -> i32 {
        let line = format!("request GET {}/in/x -d asymmetric-jwt -k {key} --as {name}", self.server.public);
        self.place.run(&line).code
    }
}

fn id(key: &Value) -> String {
    key["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_caller_rotates_by_three_lines_of_cron() {
    let bench = Bench::new();
    let listed = bench.own("--json key list", "current.pem").json();
    assert_eq!((listed.as_array().unwrap().len(), id(&listed[0])), (1, bench.alice.clone()));
    assert!(bench.own("key list", "current.pem").ok().contains("EXPIRES"));
    // What the book's page for callers has.
    let rotated = bench.own("--json key rotate --new next.pem --keep 1h", "current.pem").json();
    assert_eq!(
        (rotated["retiring"]["id"].as_str(), rotated["key"]["state"].as_str()),
        (Some(&*bench.alice), Some("active"))
    );
    assert_eq!((bench.code("current.pem", "alice"), bench.code("next.pem", "alice")), (0, 0));
    for (from, to) in [("next.pem", "current.pem"), ("next.pem.pub", "current.pem.pub")] {
        std::fs::rename(bench.place.path(from), bench.place.path(to)).unwrap();
    }
    // The next round goes on by the new key alone, and waits until the one before is quiet.
    let told = bench.own("key rotate --new next.pem --keep 1h --wait --quiet 2s", "current.pem").ok();
    assert!(told.contains("is taken from now on") && told.contains("is quiet"), "{told}");
    let audit = bench.run("audit list").ok();
    assert!(audit.contains("key.rotate") && audit.contains(&format!("proved by {}", bench.alice)), "{audit}");
    // A key for another time, proved, and what is no longer wanted ended.
    bench.place.run("key new spare.pem").ok();
    bench.own("key register --file spare.pem.pub", "next.pem").fails(2, &["--prove KEYFILE"]);
    let spare = bench
        .own("--json key register --file spare.pem.pub --prove spare.pem --label spare", "next.pem")
        .json();
    assert_eq!(
        (spare["state"].as_str(), spare["dialects"][0].as_str()),
        (Some("active"), Some("asymmetric-jwt"))
    );
    let ended = bench.own(&format!("--json key revoke {}", bench.alice), "next.pem").json();
    assert_eq!(ended["state"], "revoked");
    assert!(bench.own(&format!("key uses {}", id(&spare)), "next.pem").ok().contains("not used yet"));
    // An id is wanted of an operator alone.
    bench.run("key rotate --new other.pem").fails(2, &["required"]);
}

#[test]
fn where_keys_are_approved_a_caller_is_told_that_its_key_waits() {
    let bench = Bench::new();
    bench.run("org add acme --approval").ok();
    bench.run("org member add acme alice").ok();
    let ran = bench.own("--json key rotate --new next.pem --keep 1h", "current.pem");
    assert_eq!(ran.code, 9, "{}", ran.err);
    let done: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (done["key"]["state"].as_str(), done["retiring"]["state"].as_str()),
        (Some("pending"), Some("active"))
    );
    let told: Value = serde_json::from_str(ran.err.lines().last().unwrap()).unwrap();
    assert_eq!(told["error"], "awaiting");
    assert!(
        told["next"].as_str().unwrap().contains(&format!("countersign key enable {}", id(&done["key"]))),
        "{told}"
    );
    assert!(bench.place.path("next.pem").exists(), "it is registered, and counts later");
    // It signs nobody in and proves nothing before an operator says so; nor can its owner say so.
    let waiting = id(&done["key"]);
    bench.own("key list", "next.pem").fails(4, &["does not take this key", "waits for approval"]);
    assert_eq!((bench.code("current.pem", "alice"), bench.code("next.pem", "alice")), (0, 3));
    let refused = bench.own(&format!("key enable {waiting}"), "current.pem");
    assert!(refused.code != 0 && refused.err.contains("operator"), "{}", refused.err);
    bench.own(&format!("key rotate {waiting} --new third.pem"), "current.pem").fails(7, &["is pending"]);
    bench.place.run("key new more.pem").ok();
    bench
        .own("key register --file more.pem.pub --prove more.pem", "current.pem")
        .fails(9, &["waits for an operator's approval", "key enable"]);
    bench.run(&format!("key enable {waiting}")).ok();
    assert_eq!(bench.code("next.pem", "alice"), 0);
    bench.own(&format!("key revoke {}", bench.alice), "next.pem").ok();
    assert_eq!(bench.code("current.pem", "alice"), 3);
}

#[test]
fn a_stolen_key_reaches_no_further_by_command_than_in_the_console() {
    let bench = Bench::new();
    // One that lies where few are trusted: for one path, for a day.
    bench.place.run("key new narrow.pem").ok();
    let narrow = bench.run("--json key register alice --file narrow.pem.pub -d asymmetric-jwt --path /in/reports --method GET --expires 1d").json();
    let end = narrow["expires"].as_str().unwrap().to_owned();
    for action in ["revoke", "disable"] {
        bench.own(&format!("key {action} {}", bench.alice), "narrow.pem").fails(4, &["narrowed"]);
    }
    bench
        .own(&format!("key rotate {} --new x.pem --keep 0s", bench.alice), "narrow.pem")
        .fails(2, &["The old key's own proof is wanted"]);
    assert!(!bench.place.path("x.pem").exists());
    bench
        .own(&format!("key rotate {} --new x.pem --keep 0s --prove narrow.pem", bench.alice), "narrow.pem")
        .fails(2, &["proof of rotation"]);
    bench.place.run("key new wide.pem").ok();
    for more in ["--path /", "--expires 9999d", "--recovery", "--algorithm ed25519"] {
        let line = format!("key register --file wide.pem.pub --prove wide.pem {more}");
        bench.own(&line, "narrow.pem").fails(2, &["which an operator gives"]);
    }
    let wide = bench.own("--json key register --file wide.pem.pub --prove wide.pem", "narrow.pem").json();
    assert_eq!(
        (&wide["limits"], wide["expires"].as_str()),
        (&narrow["limits"], Some(&*end)),
        "no wider and no longer"
    );
    let next = bench.own("--json key rotate --new y.pem --keep 0s", "narrow.pem").json();
    assert_eq!((&next["key"]["limits"], next["key"]["expires"].as_str()), (&narrow["limits"], Some(&*end)));
    // What has ended, was revoked, or is kept for recovery signs nobody in.
    bench.own("key list", "narrow.pem").fails(4, &["does not take this key"]);
    bench.place.run("key new spare.pem").ok();
    bench.run("key register alice --file spare.pem.pub -d asymmetric-jwt --recovery").ok();
    bench.own("key list", "spare.pem").fails(4, &["is kept for recovery"]);
    // It proves a rotation beside a key that does, also of one that was lost.
    let recovered = bench
        .own(&format!("--json key rotate {} --new z.pem --keep 0s --prove spare.pem", bench.alice), "y.pem")
        .json();
    assert_eq!(recovered["retiring"]["id"], *bench.alice);
    // Another account's keys are not there, and no proof of one's own is one of theirs.
    let mallory = bench.account("mallory", "mallory.pem", "");
    let unknown = |line: &str| bench.own(line, "mallory.pem");
    for id in [&*bench.alice, "key_nobody"] {
        unknown(&format!("key revoke {id}")).fails(6, &["key"]);
        unknown(&format!("key show {id}")).fails(6, &["there is no key of this account"]);
        unknown(&format!("key rotate {id} --new q.pem --prove mallory.pem"))
            .fails(6, &["there is no key of this account"]);
    }
    let seen = unknown("--json key list alice");
    assert_eq!(seen.code, 4, "signed in as somebody else: {}", seen.out);
    assert_eq!(id(&unknown("--json key list").json()[0]), mallory);
    bench.place.run("key new nobody.pem").ok();
    bench.own("key list", "nobody.pem").fails(4, &["does not take this key"]);
    // Calls of operators stay theirs.
    bench
        .place
        .command(&["key", "limit", &*mallory, "--method", "GET", "--key", "mallory.pem"])
        .output()
        .unwrap();
    assert_eq!(
        bench.run(&format!("--json key show {mallory}")).json()["limits"]["methods"],
        serde_json::json!([])
    );
}

#[test]
fn a_session_is_opened_where_nobody_listens_in_and_ends_with_the_command() {
    let bench = Bench::new();
    for _ in 0..3 {
        bench.own("key list", "current.pem").ok();
    }
    let open = bench.run("--json account show alice").json();
    let account = id(&open);
    let sessions = operator_get(&bench, &format!("/sessions?account={account}"));
    assert_eq!(sessions["items"].as_array().unwrap().len(), 0, "{sessions}");
    let away = bench.place.run("key list --key current.pem --server http://keys.example:8701");
    away.fails(2, &["https://", "take the session"]);
    bench.place.run("key list --key current.pem --server http://127.0.0.1.example").fails(2, &["https://"]);
    let public = format!("key list --key current.pem --server {}", bench.server.public);
    bench.place.run(&public).fails(5, &["surface `console`"]);
    bench.place.run("key list --key nothing.pem").fails(6, &["nothing.pem"]);
    bench.place.run("key list --passphrase-file nothing.pem").fails(2, &["--key"]);
}

fn operator_get(bench: &Bench, path: &str) -> Value {
    crate::rotation::operated(&bench.place, &bench.server, path, None).1
}
