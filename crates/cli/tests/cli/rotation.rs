//! Rotation by command alone: under load without a failed request, proved by the old key or one kept for recovery, asked for at a terminal.
#![expect(clippy::indexing_slicing, reason = "tests may stop at once")]
use crate::nodes::upstream;
use crate::run::{Place, Server};
use countersign_client::ambient::Ambient;
use countersign_client::http::Client;
use countersign_client::signer::RequestSigner;
use countersign_guard::clock::{Clock, SystemClock, SystemEntropy, draw};
use countersign_keys::PrivateKey;
use countersign_testkit::postgres::Postgres;
use serde_json::Value;
use std::fs;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

fn registered(place: &Place, server: &Server) -> String {
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    place.run("key new old.pem").ok();
    run("account add alice --identifier user=alice").ok();
    let key = run("--json key register alice --file old.pem.pub -d asymmetric-jwt --label old").json();
    key.get("id").and_then(Value::as_str).unwrap().to_owned()
}

/// A route that asks for the dialect of these tests, before whoever answers at `upstream`.
fn route(upstream: &str) -> String {
    format!(
        "[[route]]\nname = \"load\"\npath = \"/load/\"\ndialects = [\"asymmetric-jwt\"]\nupstream = \"{upstream}\"\n"
    )
}

/// A client that signs with one key and comes from one address.
fn client(place: &Place, key: &str, from: [u8; 4]) -> Client {
    let dialect = countersign_dialects::load("asymmetric-jwt", &Default::default()).unwrap();
    let text = fs::read_to_string(place.path(key)).unwrap();
    let key = PrivateKey::read(text.as_bytes(), None).unwrap();
    let signer = RequestSigner::new(Arc::new(dialect), Arc::new(key), "alice");
    let ambient = Ambient::new(|| SystemClock.now(), || draw(&SystemEntropy));
    let http = reqwest::Client::builder().no_proxy().local_address(IpAddr::from(from)).build().unwrap();
    Client::signing(signer, ambient).unwrap().over(http)
}

/// How far callers are to go, and how many requests each of them got through.
struct Load {
    url: String,
    passed: [AtomicUsize; 2],
    last: [AtomicI64; 2],
    done: [AtomicBool; 2],
}

impl Load {
    /// Signs and sends until it is told to stop; every single request must pass.
    async fn go(self: Arc<Self>, client: Arc<Client>, key: usize) {
        while !self.done[key].load(Ordering::SeqCst) {
            let request = http::Request::get(&self.url).body(bytes::Bytes::new()).unwrap();
            let answer = client.send(request, 4096).await.unwrap().response;
            let body = String::from_utf8_lossy(answer.body()).into_owned();
            assert_eq!((answer.status().as_u16(), body.as_str()), (200, "ok\n"), "with key {key}");
            self.last[key].fetch_max(SystemClock.now().seconds(), Ordering::SeqCst);
            self.passed[key].fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits until so many more requests passed with a key.
    async fn more(&self, key: usize, many: usize) {
        let wanted = self.passed[key].load(Ordering::SeqCst) + many;
        let mut before = (0, 0);
        while self.passed[key].load(Ordering::SeqCst) < wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let passed = self.passed[key].load(Ordering::SeqCst);
            before = if passed == before.0 { (passed, before.1 + 1) } else { (passed, 0) };
            assert!(before.1 < 3000, "requests with key {key} stopped at {passed}");
        }
    }
}

#[test]
fn a_key_is_rotated_under_load_and_no_request_fails() {
    const CALLERS: usize = 3;
    let place = Place::new();
    let postgres = Postgres::shared();
    let database = postgres.database();
    let store = format!("{}[store]\nurl = \"{database}\"\n", route(&upstream()));
    let server = Server::with(&place, &store);
    let old = registered(&place, &server);
    // Every row that is written of keys and their uses is counted by the database itself.
    postgres.sql(
        &database,
        "CREATE TABLE counted (what text); CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \
         'BEGIN INSERT INTO public.counted VALUES (TG_TABLE_NAME || txid_current()); RETURN NULL; END'; \
         CREATE TRIGGER counting AFTER INSERT OR UPDATE ON keys FOR EACH ROW EXECUTE FUNCTION count_it(); \
         CREATE TRIGGER counting AFTER INSERT OR UPDATE ON key_uses FOR EACH ROW EXECUTE FUNCTION count_it()",
    );
    let begun = SystemClock.now().seconds();
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    let load = Arc::new(Load {
        url: format!("{}/load/x", server.public),
        passed: Default::default(),
        last: Default::default(),
        done: Default::default(),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let fresh = runtime.block_on(async {
        let mut callers = Vec::new();
        let mut spawn = |file: &str, from, key| {
            let client = Arc::new(client(&place, file, from));
            for _ in 0..CALLERS {
                callers.push(tokio::spawn(Arc::clone(&load).go(Arc::clone(&client), key)));
            }
        };
        spawn("old.pem", [127, 0, 0, 2], 0);
        load.more(0, 300).await;
        let line = format!("--json key rotate {old} --new next.pem --keep 1h --prove old.pem");
        let rotated = tokio::task::block_in_place(|| run(&line).json());
        assert_eq!(rotated["retiring"]["state"], "retiring");
        // Both are used at once: nobody changes all callers in one moment.
        spawn("next.pem", [127, 0, 0, 3], 1);
        load.more(0, 1000).await;
        load.more(1, 1000).await;
        load.done[0].store(true, Ordering::SeqCst);
        load.more(1, 300).await;
        let fresh = rotated["key"]["id"].as_str().unwrap().to_owned();
        // Of the old key everything is known, since it rests; then it is ended while the new one is used.
        let stopped = callers.drain(..CALLERS).collect::<Vec<_>>();
        for caller in stopped {
            caller.await.unwrap();
        }
        let uses = tokio::task::block_in_place(|| run(&format!("--json key uses {old}")).json());
        let told = (uses[0]["address"].as_str().unwrap(), seconds(&uses[0]["at"]));
        let last = load.last[0].load(Ordering::SeqCst);
        assert_eq!(uses.as_array().unwrap().len(), 1, "{uses}");
        assert!(
            told.0 == "127.0.0.2" && (last - 5..=last).contains(&told.1),
            "{told:?}, the last was at {last}"
        );
        tokio::task::block_in_place(|| run(&format!("key revoke {old}")).ok());
        load.more(1, 300).await;
        load.done[1].store(true, Ordering::SeqCst);
        for caller in callers {
            caller.await.unwrap();
        }
        fresh
    });
    let passed: Vec<usize> = load.passed.iter().map(|many| many.load(Ordering::SeqCst)).collect();
    let all: usize = passed.iter().sum();
    let listed = run("--json key list alice").json();
    let of = |id: &str| listed.as_array().unwrap().iter().find(|key| key["id"] == id).cloned().unwrap();
    for (key, id, from) in [(0, &old, "127.0.0.2"), (1, &fresh, "127.0.0.3")] {
        let (listed, last) = (of(id), load.last[key].load(Ordering::SeqCst));
        let at = seconds(&listed["last_used"]);
        assert_eq!(listed["last_address"], from, "{listed}");
        assert!((last - 5..=last).contains(&at), "{id}: told {at}, the last was at {last}");
    }
    // One writing of uses in ten seconds, with two rows a key and address; and the commands above.
    let count = |what: &str| -> usize {
        postgres.sql(&database, &format!("SELECT count({what}) FROM counted")).trim().parse().unwrap()
    };
    let (rows, units) = (count("*"), count("DISTINCT what"));
    let writings = usize::try_from((SystemClock.now().seconds() - begun) / 10 + 2).unwrap();
    println!(
        "rotated under load: {passed:?} requests, none failed; {rows} rows of uses and keys in {units} units"
    );
    assert!(all > 3000 && passed.iter().all(|many| *many > 1000), "{passed:?}");
    assert!(
        rows > 0 && units <= 2 * writings + 6 && rows <= 4 * writings + 10,
        "{rows} rows in {units} units for {all} requests"
    );
    assert!(run("audit list").ok().contains(&format!("proved by {old}")));
}

fn seconds(instant: &Value) -> i64 {
    instant.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

#[test]
fn nobody_is_told_that_a_key_is_quiet_while_it_is_used() {
    let place = Place::new();
    let server = Server::with(&place, &route(&upstream()));
    let old = registered(&place, &server);
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    let client = client(&place, "old.pem", [127, 0, 0, 2]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let call = || {
        let request =
            http::Request::get(format!("{}/load/x", server.public)).body(bytes::Bytes::new()).unwrap();
        assert_eq!(runtime.block_on(client.send(request, 4096)).unwrap().response.status(), 200);
    };
    call();
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Longer than the longest pause between two calls, and shorter than that between two writings.
        let line = format!("key rotate {old} --new next.pem --keep 1h --wait --quiet 7s --patience 16s");
        let stopped = &stopped;
        let waiting = scope.spawn(move || {
            let ran = run(&line);
            stopped.store(true, Ordering::SeqCst);
            ran
        });
        let mut calls = 0;
        while !stopped.load(Ordering::SeqCst) {
            call();
            calls += 1;
            std::thread::sleep(Duration::from_secs(3));
        }
        assert!(calls > 3, "{calls}");
        waiting.join().unwrap().fails(7, &["is not quiet yet: used by 127.0.0.2", "next: look again with"]);
    });
    // A use is known at once, before it is written, and a caller that hung up before the answer used the key all the same.
    let before = run(&format!("--json key uses {old}")).json();
    call();
    let after = run(&format!("--json key uses {old}")).json();
    assert!(seconds(&after[0]["at"]) > seconds(&before[0]["at"]), "{before} {after}");
}

#[test]
fn what_another_node_sees_keeps_a_key_from_being_called_quiet() {
    let database = Postgres::shared().database();
    let more = format!("{}[store]\nurl = \"{database}\"\n", route(&upstream()));
    let (place, other) = (Place::new(), Place::new());
    let server = Server::with(&place, &more);
    let old = registered(&place, &server);
    let node = Server::with(&other, &more);
    let client = client(&place, "old.pem", [127, 0, 0, 2]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (stopped, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let ran =
                run(&format!("key rotate {old} --new next.pem --keep 1h --wait --quiet 6s --patience 40s"));
            stopped.store(true, Ordering::SeqCst);
            ran
        });
        while !stopped.load(Ordering::SeqCst) {
            let request =
                http::Request::get(format!("{}/load/x", node.public)).body(bytes::Bytes::new()).unwrap();
            assert_eq!(runtime.block_on(client.send(request, 4096)).unwrap().response.status(), 200);
            calls.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_secs(2));
        }
        waiting.join().unwrap().fails(7, &["is not quiet yet: used by 127.0.0.2"]);
    });
    assert!(calls.load(Ordering::SeqCst) > 5);
}

#[test]
fn a_key_is_replaced_once_and_what_was_made_for_nothing_is_taken_away() {
    let place = Place::new();
    let server = Server::start(&place);
    let old = registered(&place, &server);
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    let rotated = run(&format!("--json key rotate {old} --new next.pem --keep 30s")).json();
    let until = rotated["retiring"]["until"].as_str().unwrap().to_owned();
    for more in ["", " --prove old.pem"] {
        run(&format!("key rotate {old} --new third.pem --keep 1h{more}")).fails(
            7,
            &[&format!("retires until {until} already"), "next: rotate the key that came after it"],
        );
    }
    place.run("key new third.pem").ok();
    // The same from the server itself, whichever command asks.
    let body = serde_json::json!({ "new": { "public": fs::read_to_string(place.path("third.pem.pub")).unwrap() }, "overlap": "1h" });
    let (status, told) = operated(
        &place,
        &server,
        &format!("/accounts/{}/keys/{old}/rotate", rotated["key"]["account"].as_str().unwrap()),
        Some(&body),
    );
    assert_eq!((status, told["code"].as_str()), (409, Some("key-retiring")), "{told}");
    let listed = run("--json key list alice").json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "no third key");
    let of = |id: &str| listed.as_array().unwrap().iter().find(|key| key["id"] == id).cloned().unwrap();
    assert_eq!(of(&old)["until"], until.as_str(), "the end is as it was told");
    // Refused by the server: the pair that was made for it is gone; one that was there already stays.
    let fresh = rotated["key"]["id"].as_str().unwrap();
    run(&format!("key rotate {fresh} --new fourth.pem --keep 900d")).fails(2, &["0s to 366d"]);
    assert!(!place.path("fourth.pem").exists() && !place.path("fourth.pem.pub").exists());
    run(&format!("key rotate {fresh} --pair next.pem --keep 1h")).fails(7, &["is registered as"]);
    assert!(place.path("next.pem").exists());
    // Where nobody knows what became of it, the pair stays and the way on is told.
    let gone = format!("key rotate {fresh} --new fifth.pem --server http://127.0.0.1:9");
    place.run(&gone).fails(5, &["does not answer"]);
    assert!(!place.path("fifth.pem").exists(), "nothing was made yet");
    run(&format!("key rotate {fresh} --pair third.pem --keep 1h")).ok();
}

/// A call of the management API that no command makes.
pub(crate) fn operated(place: &Place, server: &Server, path: &str, body: Option<&Value>) -> (u16, Value) {
    let dialect = countersign_dialects::load("operator", &Default::default()).unwrap();
    let text = fs::read_to_string(place.path("data").join("operator.key")).unwrap();
    let signer =
        RequestSigner::new(Arc::new(dialect), Arc::new(PrivateKey::read(text.as_bytes(), None).unwrap()), "");
    let ambient = Ambient::new(|| SystemClock.now(), || draw(&SystemEntropy));
    let client = Client::signing(signer, ambient).unwrap();
    let method = if body.is_some() { "POST" } else { "GET" };
    let request = http::Request::builder().method(method).uri(format!("{}/api/v1{path}", server.manage));
    let request = request.header("content-type", "application/json");
    let request = request.body(body.map(Value::to_string).unwrap_or_default().into()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(client.send(request, 1 << 20)).unwrap().response;
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
}

#[test]
fn the_end_that_is_told_is_the_one_that_comes() {
    let place = Place::new();
    let server = Server::start(&place);
    let old = registered(&place, &server);
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    run(&format!("key limit {old} --expires 2d")).ok();
    let expires = run(&format!("--json key show {old}")).json()["expires"].as_str().unwrap().to_owned();
    let told = run(&format!("key rotate {old} --new next.pem --keep 7d")).ok();
    assert!(
        told.contains(&format!("{old} until {expires}, when it expires; that is before the 7d are over")),
        "{told}"
    );
    let listed = run("key list alice").ok();
    assert!(
        listed.contains("EXPIRES") && listed.contains("retiring until ") && listed.contains(&expires),
        "{listed}"
    );
    // What was switched off when the key was lost stays so, and that is said.
    place.run("key new lost.pem").ok();
    place.run("key new spare.pem").ok();
    let lost = run("--json key register alice --file lost.pem.pub -d asymmetric-jwt").json();
    let lost = lost["id"].as_str().unwrap();
    run("key register alice --file spare.pem.pub -d asymmetric-jwt --recovery").ok();
    run(&format!("key disable {lost}")).ok();
    let told = run(&format!("key rotate {lost} --new found.pem --prove spare.pem")).ok();
    assert!(told.contains(&format!("{lost} stays disabled")), "{told}");
}

#[test]
fn a_lost_key_is_replaced_on_the_word_of_the_one_kept_for_recovery() {
    let place = Place::new();
    let server = Server::start(&place);
    let lost = registered(&place, &server);
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    place.run("key new spare.pem").ok();
    place.run("key new other.pem").ok();
    let spare =
        run("--json key register alice --file spare.pem.pub -d asymmetric-jwt --label spare --recovery")
            .json();
    assert_eq!((spare["state"].as_str(), spare["live"].as_bool()), (Some("recovery"), Some(false)));
    let rotate = format!("--json key rotate {lost} --keep 0s --new");
    run(&format!("{rotate} one.pem --prove other.pem")).fails(6, &["kept for recovery", "key list"]);
    let done = run(&format!("{rotate} two.pem --prove spare.pem")).json();
    assert_eq!(done["key"]["state"], "active");
    assert!(run("audit list").ok().contains("key.recover"));
    // It is good for this alone.
    place
        .run(&format!("request GET {}/own/x -d asymmetric-jwt -k spare.pem --as alice", server.public))
        .fails(3, &["401"]);
}

/// The whole of one lost laptop, with the real program over TCP: every key that signs is gone, the one put away brings one key back, and does
/// nothing else.
#[test]
fn an_account_without_a_key_left_comes_back_by_its_recovery_key_alone() {
    let place = Place::new();
    let text = "version = 1\n[server]\ndrain = \"0s\"\n\
                [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"gateway\", \"session\", \"health\"]\n\
                [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"manage\", \"console\"]\n\
                [[route]]\nname = \"jwt\"\npath = \"/jwt/\"\ndialects = [\"asymmetric-jwt\"]\nupstream = \"http://127.0.0.1:9\"\n";
    let server = Server::of(&place, text);
    let first = registered(&place, &server);
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    let asks = |key: &str| {
        place.run(&format!("request GET {}/jwt/x -d asymmetric-jwt -k {key} --as alice", server.public))
    };
    for name in ["second", "spare", "bobs"] {
        place.run(&format!("key new {name}.pem")).ok();
    }
    let id = |line: &str| run(line).json()["id"].as_str().unwrap().to_owned();
    let second = id("--json key register alice --file second.pem.pub -d asymmetric-jwt --label second");
    let spare = id(
        "--json key register alice --file spare.pem.pub -d asymmetric-jwt -d operator -d spacetime --label spare --recovery",
    );
    run("account add bob --identifier user=bob").ok();
    let bobs = id("--json key register bob --file bobs.pem.pub -d asymmetric-jwt");
    asks("old.pem").fails(5, &["502"]);
    for lost in [&first, &second] {
        run(&format!("key revoke {lost}")).ok();
    }
    for gone in ["old.pem", "second.pem"] {
        asks(gone).fails(3, &["401"]);
    }
    // The key that was put away lets nobody in: as a request, an operator, a session, on the console, or for another account.
    asks("spare.pem").fails(3, &["401"]);
    run("account list --operator-key spare.pem").fails(4, &["401"]);
    place.run(&format!("login {} -k spare.pem --as alice", server.public)).fails(3, &["401"]);
    place.run(&format!("console link -k spare.pem --server {}", server.manage)).fails(3, &[]);
    run(&format!("key rotate {bobs} --new no.pem --keep 0s --prove spare.pem"))
        .fails(6, &["kept for recovery"]);
    run(&format!("key rotate {spare} --new no2.pem --keep 0s --prove spare.pem")).fails(7, &["for recovery"]);
    // Neither does one that was revoked: it vouches for nothing.
    run(&format!("key rotate {first} --new no3.pem --keep 0s --prove second.pem"))
        .fails(2, &["proof of rotation"]);
    let done = run(&format!("--json key rotate {first} --new next.pem --keep 7d --prove spare.pem")).json();
    assert_eq!((&done["key"]["state"], &done["retiring"]["state"]), (&"active".into(), &"revoked".into()));
    asks("next.pem").fails(5, &["502"]);
    for gone in ["old.pem", "second.pem", "spare.pem"] {
        asks(gone).fails(3, &["401"]);
    }
    let audit = run("audit list").ok();
    assert!(
        audit.contains("key.recover") && audit.contains(&format!("proved by the recovery key {spare}")),
        "{audit}"
    );
    // Found, it is revoked like any other; then it brings nothing back.
    run(&format!("key revoke {spare}")).ok();
    run(&format!("key rotate {second} --new no4.pem --keep 0s --prove spare.pem"))
        .fails(2, &["proof of rotation"]);
    // A key that was switched off when it was lost stays so, and the command says so.
    place.run("key new aside.pem").ok();
    let disabled = id("--json key register bob --file aside.pem.pub -d asymmetric-jwt --recovery");
    run(&format!("key disable {bobs}")).ok();
    let told = run(&format!("key rotate {bobs} --new bobs-next.pem --keep 1h --prove aside.pem")).ok();
    assert!(
        told.contains("is taken from now on") && told.contains(&format!("{bobs} stays disabled")),
        "{told}"
    );
    assert!(!disabled.is_empty());
}

#[test]
fn who_sits_at_a_terminal_is_asked_and_shown_how_it_goes() {
    let place = Place::new();
    let server = Server::start(&place);
    let old = registered(&place, &server);
    let program = env!("CARGO_BIN_EXE_countersign");
    let (data, home) = (place.path("data"), place.folder.path());
    let command = format!("{program} key rotate {old} --quiet 3s --server {}", server.manage);
    // A real pseudo-terminal; the answers are the default for the file, and yes to waiting.
    let mut child = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env("COUNTERSIGN_DATA", &data)
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    {
        use std::io::Write;
        let mut input = child.stdin.take().unwrap();
        for answer in ["\r", "y\r"] {
            std::thread::sleep(Duration::from_millis(1500));
            input.write_all(answer.as_bytes()).unwrap();
            input.flush().unwrap();
        }
        std::thread::sleep(Duration::from_secs(6));
    }
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}");
    for words in [
        "private key goes into",
        "is taken from now on; ",
        "Wait until nobody uses",
        "no use for",
        "is quiet",
        "key revoke",
    ] {
        assert!(shown.contains(words), "wanted {words:?} in {shown}");
    }
    assert!(!shown.contains("\u{1b}[3"), "no colours under NO_COLOR: {shown}");
    assert!(fs::read_to_string(place.path("next.pem")).unwrap().contains("PRIVATE KEY"));
}

#[test]
fn a_key_that_everybody_has_is_refused_with_its_source() {
    let place = Place::new();
    place.write("rfc.pem", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n");
    place.run("key check rfc.pem").fails(2, &["RFC 9421, appendix B.1.4", "make a key pair of your own"]);
    place.run("key new mine.pem").ok();
    assert!(place.run("key check mine.pem.pub").ok().starts_with("good: Ed25519"));
    let print =
        place.run("--json key show mine.pem.pub").json()["spki_sha256_hex"].as_str().unwrap().to_owned();
    place.write("blocked.txt", &format!("# ours\n{print} lost in a train\n"));
    place.run("key check mine.pem.pub --blocked blocked.txt").fails(2, &["block list"]);
    place.write("blocked.txt", "nonsense\n");
    place.run("key check mine.pem.pub --blocked blocked.txt").fails(2, &["line 1", "64 hexadecimal digits"]);
    // The server reads its list with the configuration.
    place.write("blocked.txt", &format!("{print}\n"));
    let list = place.path("blocked.txt");
    let server = Server::with(&place, &format!("[keys]\nblocked_file = \"{}\"\n", list.display()));
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    run("account add alice --identifier user=alice").ok();
    run("key register alice --file mine.pem.pub -d asymmetric-jwt").fails(2, &["block list"]);
    run("key register alice --file rfc.pem -d asymmetric-jwt").fails(2, &["RFC 9421"]);
    place.write("blocked.txt", "# empty\n");
    run("reload").ok();
    run("key register alice --file mine.pem.pub -d asymmetric-jwt").ok();
}
