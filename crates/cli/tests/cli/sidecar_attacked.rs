//! The sidecar between a hostile page or tool and a hostile server: what it will not sign, not send and not believe.
use crate::run::Place;
use crate::sidecar::Sidecar;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// A server that answers what the path asks for, and tells what it was sent: a head and as much body as came with it.
struct Hostile {
    origin: String,
    sent: Receiver<String>,
}

impl Hostile {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (give, sent) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let give = give.clone();
                std::thread::spawn(move || answer(stream, &give));
            }
        });
        Self { origin, sent }
    }

    fn sent(&self) -> String {
        self.sent.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

/// Answers request after request; whatever comes before a pause is one.
fn answer(mut stream: TcpStream, give: &Sender<String>) {
    let mut part = [0; 4096];
    loop {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut seen = Vec::new();
        while let Ok(length @ 1..) = stream.read(&mut part) {
            seen.extend_from_slice(part.get(..length).unwrap());
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        }
        if seen.is_empty() {
            return;
        }
        let seen = String::from_utf8(seen).unwrap();
        let path = seen.split(' ').nth(1).unwrap_or_default().to_owned();
        // The test may be over.
        let _ = give.send(seen);
        if path == "/slow" {
            // Longer than clocks may be apart without being told.
            std::thread::sleep(Duration::from_millis(2500));
            let date = Command::new("date")
                .args(["-u", "+%a, %d %b %Y %H:%M:%S GMT"])
                .env("LC_ALL", "C")
                .output()
                .unwrap();
            let date = String::from_utf8(date.stdout).unwrap();
            let _ = write!(stream, "HTTP/1.1 403 No\r\nDate: {}\r\nContent-Length: 2\r\n\r\nno", date.trim());
            continue;
        }
        let text = match path.as_str() {
            "/stall" => "HTTP/1.1 401 No\r\nContent-Length: 10\r\n\r\nab",
            "/claims" => {
                "HTTP/1.1 403 No\r\nCountersign-Sidecar: page\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nno"
            }
            "/moved" => "HTTP/1.1 307 There\r\nLocation: http://127.0.0.1:9/x\r\nContent-Length: 0\r\n\r\n",
            "/switch" => "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        };
        // The sidecar may have given up.
        let _ = stream.write_all(text.as_bytes());
    }
}

fn stage() -> (Place, Hostile) {
    let place = Place::new();
    place.run("key new a.pem").ok();
    (place, Hostile::start())
}

fn start(place: &Place, server: &Hostile, more: &str) -> Sidecar {
    Sidecar::start(
        place,
        &format!("127.0.0.1:0 --to {} --as me -k a.pem -d asymmetric-jwt{more}", server.origin),
    )
}

/// Writes bytes to the sidecar as they are; gives its answers until it closes.
fn raw(sidecar: &Sidecar, text: &str) -> String {
    let mut stream = TcpStream::connect(sidecar.address.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a_server_that_stalls_in_its_refusal_is_given_up() {
    let (place, server) = stage();
    let sidecar = start(&place, &server, " --patience 1");
    let got = sidecar.curl("/stall", &[]);
    assert_eq!((got.status, got.own.as_str()), (504, "timeout"), "{}", got.text);
}

#[test]
fn what_a_slow_server_refused_is_not_sent_twice() {
    let (place, server) = stage();
    let sidecar = start(&place, &server, "");
    let got = sidecar.curl("/slow", &["-d", "pay"]);
    assert_eq!((got.status, got.own.as_str()), (403, ""), "{}", got.text);
    server.sent();
    assert!(
        server.sent.recv_timeout(Duration::from_secs(1)).is_err(),
        "the clocks agree, so nothing was learned"
    );
}

#[test]
fn a_server_cannot_speak_as_the_sidecar_nor_have_its_proof_carried_elsewhere() {
    let (place, server) = stage();
    let sidecar = start(&place, &server, "");
    let got = sidecar.curl("/claims", &["-i"]);
    assert_eq!((got.status, got.own.as_str()), (403, ""), "{}", got.text);
    assert!(!got.text.to_lowercase().contains("x-hop"), "{}", got.text);
    let moved = sidecar.curl("/moved", &["-X", "POST", "-d", "x"]);
    assert_eq!((moved.status, moved.own.as_str()), (307, ""), "a redirect is the tool's to follow");
    let switched = sidecar.curl("/switch", &[]);
    assert_ne!(switched.status, 101, "nothing was asked to be switched");
}

#[test]
fn a_page_in_a_browser_that_tells_nothing_of_itself_is_known_by_the_browsers_name() {
    let (place, server) = stage();
    // Browsers leave Sec-Fetch-Site out towards names that are not this machine's own, and old ones always.
    let sidecar = start(&place, &server, " --name sidecar.internal");
    let firefox = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    for (more, status) in [
        (&["-H", "Host: sidecar.internal"][..], 403),
        (&[], 403),
        (&["-H", "Sec-Fetch-Site: none"], 200),
        // What no page can add without asking first.
        (&["-H", "countersign-local: a tool"], 200),
    ] {
        let got = sidecar.curl("/x", &[&["-H", firefox], more].concat());
        assert_eq!(got.status, status, "{more:?} {}", got.text);
        assert_eq!(got.own, if status == 403 { "page" } else { "" });
    }
}

#[test]
fn what_two_servers_could_read_as_two_requests_goes_on_as_one_or_not_at_all() {
    let (place, server) = stage();
    let sidecar = start(&place, &server, "");
    let host = sidecar.address.strip_prefix("http://").unwrap().to_owned();
    let inner = "GET /inner HTTP/1.1\r\nHost: x\r\n\r\n";
    for (what, head, body) in [
        ("both lengths", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", format!("0\r\n\r\n{inner}")),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 34\r\n", inner.to_owned()),
        ("a coding besides", "Transfer-Encoding: chunked, identity\r\n", format!("0\r\n\r\n{inner}")),
        ("a strange coding", "Transfer-Encoding: xchunked\r\n", format!("0\r\n\r\n{inner}")),
        ("a length with a sign", "Content-Length: +34\r\n", inner.to_owned()),
        ("space before the colon", "Content-Length : 34\r\n", inner.to_owned()),
        (
            "a trailer that proves",
            "Transfer-Encoding: chunked\r\nTrailer: Authorization\r\nTE: trailers\r\n",
            "1\r\na\r\n0\r\nAuthorization: JWT smuggled\r\n\r\n".to_owned(),
        ),
        ("a bare line feed", "X-A: b\nAuthorization: JWT smuggled\r\nContent-Length: 0\r\n", String::new()),
        (
            "a hop that names the proof",
            "Connection: close, Authorization, Content-Length\r\nContent-Length: 1\r\n",
            "a".to_owned(),
        ),
    ] {
        let answer = raw(
            &sidecar,
            &format!("POST /outer HTTP/1.1\r\nHost: {host}\r\n{head}Connection: close\r\n\r\n{body}"),
        );
        let first = answer.lines().next().unwrap_or_default();
        if !first.contains(" 200 ") {
            assert!(first.is_empty() || first.contains(" 400 "), "{what}: {answer}");
            continue;
        }
        let sent = server.sent();
        assert!(!sent.contains("smuggled"), "{what}: {sent}");
        assert_eq!(sent.matches("authorization: JWT ").count(), 1, "{what}: {sent}");
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("/inner") && head.matches("content-length").count() <= 1, "{what}: {sent}");
        assert!(!body.contains("/inner"), "{what}: {sent}");
    }
    // Without a path only a query is left.
    let answer = raw(
        &sidecar,
        &format!("GET {}?x=1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", sidecar.address),
    );
    assert!(answer.contains(" 200 "), "{answer}");
    assert!(server.sent().starts_with("GET /?x=1 HTTP/1.1\r\n"));
    for target in ["@evil.example/x", "http:evil", "evil.example:80", "\\\\evil/x", "/x#@evil"] {
        let answer =
            raw(&sidecar, &format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        if answer.contains(" 200 ") {
            assert!(server.sent().starts_with("GET /x HTTP/1.1\r\n"), "{target}");
        } else {
            assert!(answer.contains(" 400 ") || answer.contains(" 421 "), "{target}: {answer}");
        }
    }
}

#[test]
fn a_proof_in_the_query_is_made_and_stands_there_alone() {
    let (place, server) = stage();
    let sidecar = Sidecar::start(
        &place,
        &format!("127.0.0.1:0 --to {} --as api-key -k a.pem -d binance", server.origin),
    );
    let got = sidecar.curl("/api/v3/order?symbol=BTC", &[]);
    assert_eq!((got.status, got.own.as_str()), (200, ""), "{}", got.text);
    let sent = server.sent();
    let line = sent.lines().next().unwrap();
    assert!(
        line.starts_with("GET /api/v3/order?symbol=BTC&timestamp=") && line.contains("&signature="),
        "{line}"
    );
    for query in ["signature=mine", "symbol=A&timestamp=1", "a=b&%73ignature=x"] {
        let got = sidecar.curl(&format!("/api/v3/order?{query}"), &[]);
        assert_eq!((got.status, got.own.as_str()), (500, "not-signed"), "{query}: {}", got.text);
        assert!(got.text.contains("already"), "{}", got.text);
    }
}

#[test]
fn the_session_is_opened_over_tls_too_unless_told_otherwise() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    let caller = "--listen 127.0.0.1:0 -d spacetime -k a.pem --as me";
    place
        .run(&format!("sidecar {caller} --to https://api.example --session-server http://auth.example"))
        .fails(2, &["--session-server", "--insecure-http"]);
    place
        .run(&format!("sidecar {caller} --to https://api.example --session-server https://u:p@auth.example"))
        .fails(2, &["--session-server", "without a user"]);
    // This machine by its other address wants no such word.
    let here = Sidecar::start(&place, "127.0.0.1:0 -d asymmetric-jwt -k a.pem --as me --to http://[::1]");
    assert!(here.address.starts_with("http://127.0.0.1:"));
}

/// A TLS server of openssl's, with a certificate for this name that the returned authority made.
fn tls_server(place: &Place, name: &str) -> (std::process::Child, u16) {
    let run = |line: &str| {
        let ended =
            Command::new("openssl").current_dir(place.folder.path()).args(line.split(' ')).output().unwrap();
        assert!(ended.status.success(), "{line}: {}", String::from_utf8_lossy(&ended.stderr));
    };
    let leaf = format!("{name}.pem");
    place.write("extensions", &format!("subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n"));
    run("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2");
    run(&format!("req -new -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"));
    run(&format!(
        "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {leaf} -days 2 -extfile extensions"
    ));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("openssl")
        .current_dir(place.folder.path())
        .args([
            "s_server",
            "-quiet",
            "-www",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-cert",
            &leaf,
            "-key",
            &format!("{name}.key"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Until it listens.
    for _ in 0..500 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    (child, port)
}

#[test]
fn only_the_server_that_the_authority_vouches_for_is_asked() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    let status = |port: u16, more: &str| {
        let line =
            format!("127.0.0.1:0 --to https://localhost:{port} -d asymmetric-jwt -k a.pem --as me{more}");
        let got = Sidecar::start(&place, &line).curl("/x", &[]);
        (got.status, got.own)
    };
    let no = (502, "unreachable".to_owned());
    let (mut other, port) = tls_server(&place, "other.example");
    assert_eq!(status(port, " --ca ca.pem"), no, "the certificate is another name's");
    let (mut right, port) = tls_server(&place, "localhost");
    assert_eq!(status(port, " --ca ca.pem"), (200, String::new()));
    assert_eq!(status(port, ""), no, "the machine does not know this authority");
    std::fs::rename(place.path("ca.pem"), place.path("first.pem")).unwrap();
    let (mut last, _) = tls_server(&place, "localhost");
    assert_eq!(status(port, " --ca ca.pem"), no, "another authority of the same name");
    for server in [&mut other, &mut right, &mut last] {
        server.kill().unwrap();
        server.wait().unwrap();
    }
}
