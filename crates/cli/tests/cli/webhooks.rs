//! Webhooks over several nodes of the real program on one real PostgreSQL: each event once, and none lost with a node that is killed.
use crate::nodes::{NODES, node, nodes, upstream};
use crate::run::{Place, Server};
use countersign::base64::{Alphabet, decode};
use countersign_testkit::postgres::Postgres;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keys that are registered before a node is killed, and after.
const KEYS: usize = 6;

/// A receiver that notes the ids of what it takes, and takes nothing while it is told so.
struct Receiver {
    address: String,
    taken: Arc<Mutex<Vec<String>>>,
    takes: Arc<AtomicBool>,
    /// Pushes it did not take.
    refused: Arc<AtomicBool>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (taken, takes) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(true)));
        let refused = Arc::new(AtomicBool::new(false));
        let receiver = Self {
            address,
            taken: Arc::clone(&taken),
            takes: Arc::clone(&takes),
            refused: Arc::clone(&refused),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut seen = Vec::new();
                let mut piece = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut piece) {
                    seen.extend_from_slice(piece.get(..count).unwrap());
                    let text = String::from_utf8_lossy(&seen).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head.to_ascii_lowercase();
                    let length = length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
                    if body.len() < length.unwrap().parse().unwrap() {
                        continue;
                    }
                    let takes = takes.load(Ordering::SeqCst);
                    if takes {
                        taken.lock().unwrap().push(id(body));
                    } else {
                        refused.store(true, Ordering::SeqCst);
                    }
                    let status = if takes { "202 Accepted" } else { "503 No" };
                    let answer =
                        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    let _ = stream.write_all(answer.as_bytes());
                    break;
                }
            }
        });
        receiver
    }

    /// What was taken, once it is so much.
    fn taken(&self, wanted: usize) -> Vec<String> {
        for _ in 0..1200 {
            if self.taken.lock().unwrap().len() >= wanted {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        // What comes twice comes soon.
        std::thread::sleep(Duration::from_secs(2));
        self.taken.lock().unwrap().clone()
    }
}

/// The id of a token: every attempt signs anew, so that the token itself is another one.
fn id(token: &str) -> String {
    let mut claims = Vec::new();
    decode(Alphabet::Url, token.split('.').nth(1).unwrap().as_bytes(), &mut claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    claims.get("jti").unwrap().as_str().unwrap().to_owned()
}

#[test]
fn nodes_on_one_database_tell_each_event_once_and_a_killed_one_loses_none() {
    let url = Postgres::shared().database();
    let receiver = Receiver::start();
    let more = format!(
        "[webhooks]\nurl = \"http://{}/\"\nevents = [\"key.registered\"]\nallow_http = true\nallow_private_networks = true\n",
        receiver.address
    );
    let settings = format!("{}{more}", node(&url, &upstream()));
    let mut nodes = nodes(&settings);
    let sql = |sql: &str| Postgres::shared().sql(&url, sql);
    for _ in 0..300 {
        if !sql("SELECT value FROM meta WHERE name = 'mark/webhooks'").is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let before = receiver.taken(0).len();
    let register = |nodes: &[(Place, Server)], from: usize| {
        let place = &nodes.first().unwrap().0;
        for number in from..from + KEYS {
            let server = &nodes.get(number % nodes.len()).unwrap().1.manage;
            place.run(&format!("key new w{number}.pem")).ok();
            if number == 0 {
                place.run(&format!("account add alice --identifier user=alice --server {server}")).ok();
            }
            let line =
                format!("key register alice --file w{number}.pem.pub -d asymmetric-jwt --server {server}");
            place.run(&line).ok();
        }
    };
    register(&nodes, 0);
    let taken = receiver.taken(before + KEYS);
    assert_eq!(taken.len(), before + KEYS, "each once");
    // The receiver takes nothing, so that a node holds the deliveries; that one is killed.
    receiver.takes.store(false, Ordering::SeqCst);
    register(&nodes, KEYS);
    for _ in 0..300 {
        if receiver.refused.load(Ordering::SeqCst) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    // Whoever it is, they are all killed, and another node goes on in the place of the first.
    let (place, server) = nodes.remove(0);
    for server in nodes.iter().map(|(_, server)| server).chain([&server]) {
        server.signal("KILL");
    }
    drop((nodes, server));
    receiver.takes.store(true, Ordering::SeqCst);
    let next = Server::with(&place, &settings);
    let taken = receiver.taken(before + 2 * KEYS);
    let different: BTreeSet<&String> = taken.iter().collect();
    println!("{} events over {NODES} nodes, {} pushes taken", before + 2 * KEYS, taken.len());
    assert_eq!(different.len(), before + 2 * KEYS, "nothing is lost, and nothing came that is not there");
    let mark = sql("SELECT value FROM meta WHERE name = 'mark/webhooks'");
    assert!(mark.contains(" - "), "nobody holds what is done: {mark}");
    drop(next);
}
