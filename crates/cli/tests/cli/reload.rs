//! SIGHUP and `countersign reload` to the real program: a new file is taken, a wrong one is told with its line, and neither ends
//! anything.
use crate::run::{Place, Server};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

/// The status of a request without credentials on a connection that is kept.
fn ask(stream: &mut TcpStream, path: &str) -> u16 {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "the connection was closed");
        bytes.extend_from_slice(piece.get(..count).unwrap());
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return head.split(' ').nth(1).unwrap().parse().unwrap();
        }
    }
}

#[test]
fn sighup_takes_the_file_as_it_stands() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut stream = TcpStream::connect(server.public.strip_prefix("http://").unwrap()).unwrap();
    assert_eq!(ask(&mut stream, "/own/"), 401);
    assert_eq!(ask(&mut stream, "/new/"), 404);
    let file = place.path("server.toml");
    let text = fs::read_to_string(&file).unwrap();
    let more = "[[route]]\nname = \"new\"\npath = \"/new/\"\ndialects = [\"skykit\"]\nupstream = \"http://127.0.0.1:9\"\n";
    fs::write(&file, format!("{text}{more}")).unwrap();
    server.signal("HUP");
    for attempt in 0.. {
        if ask(&mut stream, "/new/") == 401 {
            break;
        }
        assert!(attempt < 500, "the new route is not there");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let lines = text.lines().count();
    fs::write(
        &file,
        format!("{text}{more}[server]\nlog = \"warn\"\nlogg = 1\n[limits]\nbody_time = \"soon\"\n"),
    )
    .unwrap();
    server.signal("HUP");
    server.logs(&["the old configuration stays in force", "server.toml:"]);
    fs::write(&file, format!("{text}{more}[limits]\nbody_time = \"soon\"\n")).unwrap();
    server.signal("HUP");
    let line = lines + more.lines().count() + 2;
    server.logs(&[
        "the old configuration stays in force",
        &format!("server.toml:{line}: limits.body_time"),
        "correct the value",
    ]);
    assert_eq!(ask(&mut stream, "/new/"), 401);
    server.signal("TERM");
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn an_operator_reloads_and_is_told_what_changed_or_what_is_wrong() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut stream = TcpStream::connect(server.public.strip_prefix("http://").unwrap()).unwrap();
    let reload = |more: &str| place.run(&format!("reload --server {}{more}", server.manage));
    assert_eq!(reload("").ok().trim(), "Configuration 2 is in force; nothing in it changed.");
    let file = place.path("server.toml");
    let text = fs::read_to_string(&file).unwrap();
    let more = "[[route]]\nname = \"new\"\npath = \"/new/\"\ndialects = [\"skykit\"]\nupstream = \"http://127.0.0.1:9\"\n";
    fs::write(&file, format!("{}{more}", text.replace("drain = \"0s\"", "drain = \"1s\""))).unwrap();
    let reloaded = reload(" --json").json();
    assert_eq!(reloaded["generation"], 3);
    let changes = reloaded["changes"].as_array().unwrap();
    let drain = serde_json::json!({"setting": "server.drain", "before": "0s", "after": "1s"});
    assert!(changes.contains(&drain), "{changes:#?}");
    assert!(
        changes.iter().any(|change| change["setting"] == "route[2].path" && change.get("before").is_none())
    );
    // When the command ends, every new request goes by it.
    assert_eq!(ask(&mut stream, "/new/"), 401);
    fs::write(&file, format!("{text}{more}[limits]\nbody_time = \"soon\"\n")).unwrap();
    let line = text.lines().count() + more.lines().count() + 2;
    reload("").fails(
        2,
        &[
            "the old one stays in force",
            &format!("server.toml:{line}: limits.body_time"),
            "correct the value",
        ],
    );
    fs::write(&file, format!("{text}{}", more.replace("skykit", "skykitt"))).unwrap();
    reload("").fails(2, &["route[2].dialects", "did you mean \"skykit\"?"]);
    assert_eq!(ask(&mut stream, "/new/"), 401);
    // Who asked, and what changed, is in the audit log; what was refused changed nothing.
    let entries = place.run(&format!("audit list --json --server {}", server.manage)).json();
    let entries: Vec<_> = entries
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"] == "configuration.reload")
        .collect();
    assert_eq!(entries.iter().map(|entry| &entry["subject"]).collect::<Vec<_>>(), ["2", "3"]);
    assert!(entries[1]["actor"].as_str().unwrap().starts_with("acc_"), "{entries:?}");
    assert!(entries[1]["detail"].as_str().unwrap().contains("server.drain"), "{entries:?}");
    server.signal("TERM");
    assert_eq!(server.ended(), Some(0));
}
