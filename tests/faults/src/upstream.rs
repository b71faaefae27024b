//! Upstreams that answer 200 to everything.
use std::io::{Read, Write};
use std::net::TcpListener;

/// Starts one at an address of this machine; ends with the program. Gives where it is.
pub(crate) fn start(host: &str) -> String {
    answering(host, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n")
}

/// Starts one that closes each connection after its answer, so that every request needs a new one.
pub(crate) fn start_closing(host: &str) -> String {
    answering(host, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nok\n")
}

fn answering(host: &str, answer: &'static str) -> String {
    let listener = TcpListener::bind((host, 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let Ok(mut stream) = stream else { return };
                let mut seen = Vec::new();
                let mut piece = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut piece) {
                    seen.extend_from_slice(&piece[..count]);
                    if seen.ends_with(b"\r\n\r\n") {
                        seen.clear();
                        let written = stream.write_all(answer.as_bytes());
                        if written.is_err() || answer.contains("close") {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}
