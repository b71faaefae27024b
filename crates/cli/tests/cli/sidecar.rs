//! The sidecar between a real curl and a real server: what it signs, what it takes off, and whom it does not sign for.
use crate::run::{Place, Server};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A sidecar that ends with the test.
pub(crate) struct Sidecar {
    child: Child,
    /// `http://127.0.0.1:PORT`, or `unix:PATH`.
    pub(crate) address: String,
    lines: Receiver<String>,
}

/// What a curl got.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) own: String,
    pub(crate) text: String,
}

impl Sidecar {
    pub(crate) fn start(place: &Place, line: &str) -> Self {
        Self::within(place, line, &[])
    }

    fn within(place: &Place, line: &str, variables: &[(&str, &str)]) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let mut child = place
            .command(&[&["--json", "sidecar", "--listen"], words.as_slice()].concat())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let told: serde_json::Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
        let (give, take) = channel();
        std::thread::spawn(move || lines.try_for_each(|line| give.send(line)));
        Self {
            child,
            address: told.get("listening").and_then(serde_json::Value::as_str).unwrap().to_owned(),
            lines: take,
        }
    }

    /// Asks with curl; the path is sent as it is written.
    pub(crate) fn curl(&self, path: &str, more: &[&str]) -> Got {
        let mut curl = Command::new("curl");
        curl.env_clear().args([
            "-sS",
            "-m",
            "20",
            "--path-as-is",
            "--globoff",
            "-w",
            "\n%{http_code} %header{countersign-sidecar}",
        ]);
        curl.args(more);
        match self.address.strip_prefix("unix:") {
            Some(socket) => curl.args(["--unix-socket", socket]).arg(format!("http://localhost{path}")),
            None => curl.arg(format!("{}{path}", self.address)),
        };
        let output = curl.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let (text, end) = printed.rsplit_once('\n').unwrap();
        let (status, own) = end.split_once(' ').unwrap();
        Got { status: status.parse().unwrap(), own: own.to_owned(), text: text.to_owned() }
    }

    fn line(&self) -> serde_json::Value {
        serde_json::from_str(&self.lines.recv_timeout(Duration::from_secs(20)).unwrap()).unwrap()
    }

    fn signal(&self, name: &str) {
        assert!(
            Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Got {
    /// The header as the upstream saw it.
    fn saw(&self, name: &str) -> Option<String> {
        let echo: serde_json::Value = serde_json::from_str(&self.text).unwrap();
        let headers = echo.get("headers").and_then(serde_json::Value::as_array).unwrap();
        headers.iter().find(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap().to_owned())
    }
}

/// A server whose routes lead to an echo, and a caller `me` with an Ed25519 key.
fn stage(place: &Place) -> Server {
    let echo = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = echo.local_addr().unwrap();
    drop(echo);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let _echo = countersign_server::echo::start(address).await.unwrap();
            std::future::pending::<()>().await;
        });
    });
    let server = Server::with(
        place,
        &format!(
            "[[route]]\nname = \"open\"\npath = \"/open/\"\ndialects = [\"asymmetric-jwt\"]\nupstream = \"http://{address}\"\nforward_credentials = true\n\
             [[route]]\nname = \"hive\"\npath = \"/hive/\"\ndialects = [\"skillhive\"]\nupstream = \"http://{address}\"\n"
        ),
    );
    place.run("key new a.pem").ok();
    place.run("key new hive.pem --for skillhive --bits 2048").ok();
    place.write(
        "accounts.toml",
        "[[user]]\nname = \"ada\"\n[[account]]\nname = \"me\"\nacts_as = [\"ada\"]\n\
         identifiers = { user = \"me\", connection = \"c1\" }\n\
         [[account.key]]\nlabel = \"jwt\"\nfile = \"a.pem.pub\"\ndialects = [\"asymmetric-jwt\"]\n\
         [[account.key]]\nfile = \"hive.pem.pub\"\ndialects = [\"skillhive\"]\n",
    );
    place.run(&format!("apply accounts.toml --server {}", server.manage)).ok();
    server
}

#[test]
fn a_tool_without_a_key_is_let_in_and_its_own_credentials_stay_behind() {
    let place = Place::new();
    let server = stage(&place);
    let sidecar = Sidecar::start(
        &place,
        &format!("127.0.0.1:0 --to {} -d asymmetric-jwt -k a.pem --as me", server.public),
    );
    let path = "/open/it's/x%20y?q=%7B&r='a'|b";
    let got = sidecar.curl(
        path,
        &[
            "-H",
            "Authorization: Bearer mine",
            "-H",
            "Cookie: a=b",
            "-H",
            "Connection: close, X-Hop",
            "-H",
            "X-Hop: 1",
            "-d",
            "body",
        ],
    );
    assert_eq!((got.status, got.own.as_str()), (200, ""), "{}", got.text);
    let echo: serde_json::Value = serde_json::from_str(&got.text).unwrap();
    assert_eq!(
        (echo["method"].as_str(), echo["target"].as_str(), echo["body_b64"].as_str()),
        (Some("POST"), Some(path), Some("Ym9keQ=="))
    );
    assert!(got.saw("authorization").unwrap().starts_with("JWT "));
    assert_eq!((got.saw("cookie"), got.saw("x-hop")), (None, None));
    let line = sidecar.line();
    assert_eq!(
        (line["status"].as_u64(), line["tries"].as_u64(), line["path"].as_str()),
        (Some(200), Some(1), Some("/open/it's/x%20y"))
    );
    // The server's refusals are its own, and come as they are.
    let lost = sidecar.curl("/own/x", &[]);
    assert_eq!((lost.status, lost.own.as_str()), (401, ""));
    let kept = Sidecar::start(
        &place,
        &format!("127.0.0.1:0 --to {} -d asymmetric-jwt -k a.pem --as me --keep-credentials", server.public),
    );
    let got = kept.curl("/open/x", &["-H", "Authorization: Bearer mine", "-H", "Cookie: a=b"]);
    assert_eq!((got.status, got.saw("cookie").as_deref()), (200, Some("a=b")));
    assert!(got.saw("authorization").unwrap().starts_with("JWT "));
}

#[test]
fn signed_bodies_have_a_limit_and_others_stream() {
    let place = Place::new();
    let server = stage(&place);
    let hive = Sidecar::start(
        &place,
        &format!(
            "127.0.0.1:0 --to {} -d skillhive -k hive.pem --as c1 --acting-as ada --limit 1000 --public-url {}",
            server.public, server.public
        ),
    );
    let small = hive.curl("/hive/x?a=1", &["-d", "{\"a\":1}", "-H", "Content-Type: application/json"]);
    assert_eq!(small.status, 200, "{}", small.text);
    assert_eq!(small.saw("x-countersign-acting-as").as_deref(), Some("ada"));
    place.write("big", &"x".repeat(3_000_000));
    let big = format!("@{}", place.path("big").display());
    let refused = hive.curl("/hive/x", &["--data-binary", &big]);
    assert_eq!((refused.status, refused.own.as_str()), (413, "body-too-large"), "{}", refused.text);
    let chunked =
        hive.curl("/hive/x", &["--data-binary", &big, "-H", "Transfer-Encoding: chunked", "-H", "Expect:"]);
    assert_eq!((chunked.status, chunked.own.as_str()), (413, "body-too-large"), "{}", chunked.text);
    let open = Sidecar::start(
        &place,
        &format!("127.0.0.1:0 --to {} -d asymmetric-jwt -k a.pem --as me --limit 1000", server.public),
    );
    for more in [&[][..], &["-H", "Transfer-Encoding: chunked"]] {
        let got = open.curl("/open/x", &[&["-X", "PUT", "--data-binary", &big], more].concat());
        assert_eq!(got.status, 200, "{}", got.text);
        assert!(got.text.contains("\"body_sha256\""), "{}", got.text);
    }
}

#[test]
fn only_tools_that_know_it_by_its_own_names_are_signed_for() {
    let place = Place::new();
    let server = stage(&place);
    let start = |more: &str| {
        Sidecar::start(
            &place,
            &format!("127.0.0.1:0 --to {} -d asymmetric-jwt -k a.pem --as me{more}", server.public),
        )
    };
    let sidecar = start(" --name sidecar.internal");
    let port = sidecar.address.rsplit(':').next().unwrap();
    let authority = server.public.strip_prefix("http://").unwrap();
    for (header, status, own) in [
        (format!("Host: localhost:{port}"), 200, ""),
        (format!("Host: LOCALHOST:{port}"), 200, ""),
        (format!("Host: [::1]:{port}"), 200, ""),
        (format!("Host: sidecar.internal:{port}"), 200, ""),
        ("Host: sidecar.internal".to_owned(), 200, ""),
        // Another name that points here: DNS rebinding.
        (format!("Host: evil.example:{port}"), 421, "host"),
        (format!("Host: localhost.evil.example:{port}"), 421, "host"),
        ("Host: localhost:1".to_owned(), 421, "host"),
        (format!("Host: {authority}"), 421, "host"),
        // A page that sends a simple request to the right name.
        ("Origin: https://evil.example".to_owned(), 403, "page"),
        ("Origin: null".to_owned(), 403, "page"),
        ("Sec-Fetch-Site: cross-site".to_owned(), 403, "page"),
        ("Sec-Fetch-Site: same-site".to_owned(), 403, "page"),
        ("Sec-Fetch-Site: none".to_owned(), 200, ""),
        (format!("Origin: http://127.0.0.1:{port}"), 200, ""),
        ("Upgrade: websocket".to_owned(), 501, "upgrade"),
    ] {
        let got = sidecar.curl("/open/x", &["-H", &header]);
        assert_eq!((got.status, got.own.as_str()), (status, own), "{header}: {}", got.text);
        assert_eq!(sidecar.line()["own"].as_str(), if own.is_empty() { None } else { Some(own) });
    }
    for (head, wanted) in [
        (format!("GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"), " 421 "),
        (format!("GET http://{authority}/open/x HTTP/1.1\r\nHost: {authority}\r\n"), " 421 "),
        (format!("GET http://127.0.0.1:{port}/open/x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"), " 200 "),
        (format!("CONNECT {authority} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"), " 400 "),
        (format!("OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"), " 400 "),
        (format!("GET /open/x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n"), " 421 "),
        ("GET /open/x HTTP/1.0\r\n".to_owned(), " 421 "),
    ] {
        let mut stream = TcpStream::connect(sidecar.address.strip_prefix("http://").unwrap()).unwrap();
        write!(stream, "{head}Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.lines().next().unwrap().contains(wanted), "{head}: {answer}");
    }
    place.write("token", "correct-horse\n");
    let guarded = start(" --local-token-file token");
    for (more, status) in [
        (&[][..], 401),
        (&["-H", "countersign-local: wrong"], 401),
        (&["-H", "countersign-local: correct-horse"], 200),
        (&["-H", "Authorization: Bearer correct-horse"], 200),
        (&["-H", "Authorization: bearer wrong"], 401),
        (&["-u", "anybody:correct-horse"], 200),
        (&["-u", "correct-horse:"], 401),
    ] {
        let got = guarded.curl("/open/x", more);
        assert_eq!(got.status, status, "{more:?} {}", got.text);
        assert!(!got.text.contains("correct-horse"), "the token stays here: {}", got.text);
    }
}

#[test]
fn a_socket_file_is_its_owners_alone_and_goes_with_the_sidecar() {
    let place = Place::new();
    let server = stage(&place);
    let line = format!(
        "unix:{} --to {} -d asymmetric-jwt -k a.pem --as me",
        place.path("api.sock").display(),
        server.public
    );
    let sidecar = Sidecar::start(&place, &line);
    let socket = place.path("api.sock");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(sidecar.curl("/open/x", &[]).status, 200);
    assert_eq!(sidecar.curl("/open/x", &["-H", "Host: evil.example"]).status, 421);
    place.run(&format!("sidecar --listen {line}")).fails(7, &["already"]);
    sidecar.signal("TERM");
    assert_eq!(sidecar.ended(), Some(0));
    assert!(!socket.exists());
    let crashed = Sidecar::start(&place, &line);
    crashed.signal("KILL");
    crashed.ended();
    assert!(socket.exists());
    let again = Sidecar::start(&place, &line);
    drop(again);
    place.write("file", "mine");
    place.run(&format!("sidecar --listen {}", line.replace("api.sock", "file"))).fails(7, &["no socket"]);
    assert_eq!(fs::read_to_string(place.path("file")).unwrap(), "mine");
}

#[test]
fn a_wrong_clock_is_corrected_and_a_request_under_way_is_finished() {
    let place = Place::new();
    let server = stage(&place);
    let library = fs::read_dir("/usr/lib")
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    let library = library.into_iter().find(|path| path.exists()).unwrap();
    let late = Sidecar::within(
        &place,
        &format!("127.0.0.1:0 --to {} -d asymmetric-jwt -k a.pem --as me", server.public),
        &[
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAKETIME", "-15m"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ],
    );
    for tries in [2, 1] {
        let got = late.curl("/open/x", &["-d", "kept for the second try"]);
        assert_eq!(got.status, 200, "{}", got.text);
        assert_eq!(late.line()["tries"].as_u64(), Some(tries));
    }
    // A request whose body is still on its way when the signal comes.
    let mut stream = TcpStream::connect(late.address.strip_prefix("http://").unwrap()).unwrap();
    let host = late.address.strip_prefix("http://").unwrap();
    write!(stream, "POST /open/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n\r\nab").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    late.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(TcpStream::connect(host).is_err(), "nothing new is taken");
    write!(stream, "cd").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 200 ") && answer.contains("YWJjZA=="), "{answer}");
    assert_eq!(late.ended(), Some(0));
}

#[test]
fn what_would_let_others_sign_is_not_started() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    place.write("token", "t");
    place.write("ca.pem", "nothing");
    let caller = "-d asymmetric-jwt -k a.pem --as me";
    for (line, words) in [
        ("--listen 0.0.0.0:0 --to https://h", &["--expose"][..]),
        ("--listen 0.0.0.0:0 --to https://h --expose", &["--local-token-file"]),
        ("--listen nowhere --to https://h", &["127.0.0.1:7070", "unix:"]),
        ("--listen 127.0.0.1:0 --to http://api.example", &["--insecure-http"]),
        ("--listen 127.0.0.1:0 --to http://127.0.0.1.evil.example", &["--insecure-http"]),
        ("--listen 127.0.0.1:0 --to https://h/base", &["without a path"]),
        ("--listen 127.0.0.1:0 --to https://u:p@h", &["without a path"]),
        ("--listen 127.0.0.1:0 --to api.example", &["https://api.example"]),
        ("--listen 127.0.0.1:0 --to https://h --ca ca.pem", &["ca.pem", "PEM"]),
    ] {
        place.run(&format!("sidecar {line} {caller}")).fails(2, words);
    }
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap();
    place.run(&format!("sidecar --listen {taken} --to https://h {caller}")).fails(7, &["--listen"]);
    let gone = Sidecar::start(&place, &format!("127.0.0.1:0 --to http://127.0.0.1:9 {caller}"));
    let got = gone.curl("/x", &[]);
    assert_eq!((got.status, got.own.as_str()), (502, "unreachable"));
    assert!(got.text.to_lowercase().contains("refused"), "{}", got.text);
}
