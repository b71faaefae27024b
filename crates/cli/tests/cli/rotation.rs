//! Rotation by command alone: under load without a failed request, proved by the old key or one kept for recovery, asked for at a terminal.
use crate::run::{Place, Server};
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

fn registered(place: &Place, server: &Server) -> String {
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    place.run("key new old.pem").ok();
    run("account add alice --identifier user=alice").ok();
    let key = run("--json key register alice --file old.pem.pub -d asymmetric-jwt --label old").json();
    key.get("id").and_then(serde_json::Value::as_str).unwrap().to_owned()
}

#[test]
fn a_key_is_rotated_under_load_and_no_request_fails() {
    let place = Place::new();
    let server = Server::with(
        &place,
        "[[route]]\nname = \"load\"\npath = \"/load/\"\ndialects = [\"asymmetric-jwt\"]\nupstream = \"http://127.0.0.1:9\"\n",
    );
    let old = registered(&place, &server);
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    let (stop, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let file = std::sync::RwLock::new("old.pem");
    let fresh = std::thread::scope(|scope| {
        let load = || {
            let mut after = 0;
            // Whoever calls goes on until it has used the new key a few times.
            while !stop.load(Ordering::Relaxed) || after < 3 {
                let key = *file.read().unwrap();
                let asked =
                    format!("request GET {}/load/x -d asymmetric-jwt -k {key} --as alice", server.public);
                // Verified and passed on, to nobody: 502 is the upstream's, 401 would be ours.
                place.run(&asked).fails(5, &["502"]);
                sent.fetch_add(1, Ordering::Relaxed);
                after += usize::from(stop.load(Ordering::Relaxed));
            }
        };
        let callers = [scope.spawn(load), scope.spawn(load)];
        while sent.load(Ordering::Relaxed) < 4 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let rotated =
            run(&format!("--json key rotate {old} --new next.pem --keep 1h --prove old.pem")).json();
        assert_eq!(rotated["retiring"]["state"], "retiring");
        *file.write().unwrap() = "next.pem";
        stop.store(true, Ordering::Relaxed);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        rotated["key"]["id"].as_str().unwrap().to_owned()
    });
    // Waits until the old key is quiet; meanwhile the uses are written.
    let waited = run("--json key list alice").json();
    assert_eq!(waited.as_array().unwrap().len(), 2);
    let used = |key: &str| {
        let uses = run(&format!("--json key uses {key}")).json();
        uses.as_array()
            .unwrap()
            .first()
            .map(|one| (one["address"].as_str().unwrap().to_owned(), one["at"].as_str().unwrap().to_owned()))
    };
    let mut tries = 0;
    while used(&fresh).is_none() {
        tries += 1;
        assert!(tries < 300, "uses are written every ten seconds");
        std::thread::sleep(Duration::from_millis(100));
    }
    let ((old_from, old_at), (new_from, new_at)) = (used(&old).unwrap(), used(&fresh).unwrap());
    assert_eq!((old_from.as_str(), new_from.as_str()), ("127.0.0.1", "127.0.0.1"));
    assert!(old_at <= new_at, "the old key was used last before the new one: {old_at}, {new_at}");
    let listed = run("key list alice").ok();
    assert_eq!(listed.matches("used by 127.0.0.1, ").count(), 2, "{listed}");
    let audit = run("audit list").ok();
    assert!(audit.contains(&format!("proved by {old}")), "{audit}");
    run(&format!("key revoke {old}")).ok();
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
    assert!(told.contains("is taken from now on") && told.contains(&format!("{bobs} is disabled")), "{told}");
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
        "is taken from now on",
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
