//! The first start by questions and by flags: what is shown, what is made, and that nothing is made by half.
use crate::run::{Place, Server, mode};
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A command at a real pseudo-terminal.
struct Attended {
    child: Child,
    shown: Arc<Mutex<String>>,
}

impl Attended {
    fn start(place: &Place, arguments: &str) -> Self {
        let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_countersign"));
        let home = place.folder.path();
        let mut child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .current_dir(home)
            .env_clear()
            .envs([("HOME", home.as_os_str()), ("PATH", "/usr/bin:/bin".as_ref())])
            .envs([("TERM", "xterm"), ("NO_COLOR", "1")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut out, kept) = (child.stdout.take().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = out.read(&mut part) {
                kept.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(part.get(..length).unwrap_or_default()));
            }
        });
        Self { child, shown }
    }

    /// Waits for words of a question, then types.
    #[track_caller]
    fn answer(&mut self, question: &str, answer: &str) {
        let before = |text: &str| text.rfind(question).map(|at| at + question.len());
        let mut tries = 0;
        let seen = loop {
            if let Some(end) = before(&self.shown.lock().unwrap()) {
                break end;
            }
            tries += 1;
            assert!(tries < 600, "wanted {question:?} in: {}", self.shown.lock().unwrap());
            std::thread::sleep(Duration::from_millis(50));
        };
        // The terminal is switched to single keys just after the question is written.
        std::thread::sleep(Duration::from_millis(300));
        self.shown.lock().unwrap().replace_range(..seen, "");
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(answer.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let shown = self.shown.lock().unwrap().clone();
        (status, shown)
    }
}

#[test]
fn who_sits_at_a_terminal_is_asked_shown_what_is_made_and_told_what_comes_next() {
    let place = Place::new();
    let mut asked = Attended::start(&place, "init");
    asked.answer("Data directory", "\x15data\r");
    asked.answer("Address for callers", "\r");
    asked.answer("How callers spell it", "\r");
    // Two that stand in one place cannot be told apart; the next answer can be used.
    asked.answer("Which may callers use", "\x15skykit, own-session\r");
    asked.answer("nothing tells them apart", "\x15skykit\r");
    asked.answer("Service that gets", "\x15http://127.0.0.1:9\r");
    asked.answer("Address for operators", "\r");
    asked.answer("Web console there", "y\r");
    asked.answer("Name of the first operator", "\x15ada\r");
    assert!(!place.path("data").exists(), "nothing is made before the last question");
    asked.answer("Make it", "y\r");
    let (status, shown) = asked.ended();
    assert!(status.success(), "{shown}");
    for words in ["countersign serve --data data", "console link --key", "account add caller", "key register"]
    {
        assert!(shown.contains(words), "wanted {words:?} in {shown}");
    }
    assert!(!shown.contains("\u{1b}[3"), "no colours under NO_COLOR: {shown}");
    let written = fs::read_to_string(place.path("data/server.toml")).unwrap();
    assert!(written.contains("\"skykit\"") && written.contains("http://127.0.0.1:9\""), "{written}");
    assert_eq!(mode(&place.path("data/operator.key")), 0o600);
    place.run("config check").ok();
    // What was made is what a server runs, and who was named is its owner.
    let free = written.replace("127.0.0.1:8700", "127.0.0.1:0").replace("127.0.0.1:8701", "127.0.0.1:0");
    let server = Server::of(&place, &free);
    let owners = place.run(&format!("operator list --server {}", server.manage)).ok();
    assert!(owners.contains("ada") && owners.contains("owner"), "{owners}");
}

#[test]
fn nothing_is_made_when_it_is_broken_off() {
    let place = Place::new();
    let mut broken = Attended::start(&place, "init --data data --yes=false");
    // A flag that takes no value is a mistake, and asks nothing.
    assert!(!broken.child.wait().unwrap().success());
    let mut broken = Attended::start(&place, "init --data data");
    broken.answer("Address for callers", "\r");
    broken.answer("How callers spell it", "\x03");
    let (status, shown) = broken.ended();
    assert!(!status.success() && !place.path("data").exists(), "{shown}");
    // Answers that flags give are not asked for; and no means no.
    let flags = "--listen 127.0.0.1:0 --public-url http://h --dialect skykit --upstream http://127.0.0.1:9 --manage 127.0.0.1:1 --no-console --operator ada";
    let mut declined = Attended::start(&place, &format!("init --data data {flags}"));
    declined.answer("Make it", "n\r");
    let (status, shown) = declined.ended();
    assert!(!status.success() && shown.contains("nothing was made"), "{shown}");
    assert!(!place.path("data").exists());
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let place = Place::new();
    // As it always was: the owner alone.
    let made = place.run("--json init").json();
    assert!(made["configuration"].is_null() && !place.path("data/server.toml").exists());
    let place = Place::new();
    let made =
        place.run("--json init --yes --operator ada --dialect skykit --upstream http://127.0.0.1:9").json();
    assert_eq!(made["operator"], "ada");
    assert!(made["next"].as_array().unwrap().iter().any(|step| step == "countersign serve"));
    place.run("config check").ok();
    // Made once; nothing that is there is changed.
    let before = fs::read(place.path("data/server.toml")).unwrap();
    place.run("init --yes").fails(7, &["--recover"]);
    place.run("init --dialect skykit").fails(7, &["server.toml", "change it there"]);
    place.run("init --recover --yes").fails(2, &["--recover"]);
    assert_eq!(fs::read(place.path("data/server.toml")).unwrap(), before);
}

#[test]
fn answers_that_cannot_be_used_make_nothing() {
    let place = Place::new();
    for (flags, words) in [
        ("--listen 0.0.0.0:8700", "TLS"),
        ("--dialect skikyt", "skykit"),
        ("--upstream orders", "upstream"),
        ("--listen here", "--listen"),
        ("--tls-certificate a.pem", "--tls-key"),
    ] {
        place.run(&format!("init {flags}")).fails(2, &[words]);
        assert!(!place.path("data").exists(), "{flags}");
    }
    // What was written is taken back where the rest failed: here the store cannot be opened.
    place.write("blocker", "");
    let stands = place.path("blocker").join("store");
    place.run(&format!("init --yes --set store.path={}", stands.display())).fails(1, &[]);
    assert!(!place.path("data/server.toml").exists() && !place.path("data/operator.key").exists());
}
