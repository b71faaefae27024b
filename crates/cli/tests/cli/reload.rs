//! SIGHUP to the real program: a new file is taken, a wrong one is told with its line, and neither ends anything.
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
