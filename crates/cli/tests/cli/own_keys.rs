//! The server's own keys changed under load, on two real nodes over one real PostgreSQL: the key that signs tokens, and the one that seals it.
//! No token is refused, whichever node made it and whichever judges it.
use crate::nodes::{ask, until, upstream};
use crate::run::{Place, Server};
use countersign_testkit::postgres::Postgres;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Tokens that are asked with, newest last: enough to have some of each key.
type Tokens = Mutex<Vec<String>>;

struct Node {
    place: Place,
    server: Server,
}

/// Everything a node has beside its sealing keys.
fn settings(url: &str, upstream: &str) -> String {
    format!(
        "[[route]]\nname = \"in\"\npath = \"/in/\"\ndialects = [\"own-session\"]\nupstream = \"{upstream}\"\n\
         [store]\nurl = \"{url}\"\nstale_after = \"2s\"\n"
    )
}

/// Gives a running node other sealing keys; answers when they are in force.
fn sealed_under(node: &Node, operator: &Place, current: &str, others: &[&str]) {
    let file = node.place.path("server.toml");
    let text = fs::read_to_string(&file).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.contains("key_encryption")).collect();
    let path = |name: &str| format!("{:?}", operator.path(name));
    let others: Vec<String> = others.iter().map(|name| path(name)).collect();
    let keys = format!(
        "key_encryption_key_file = {}\nother_key_encryption_key_files = [{}]",
        path(current),
        others.join(", ")
    );
    fs::write(&file, format!("{}\n{keys}\n", kept.join("\n"))).unwrap();
    operator.run(&format!("reload --server {}", node.server.manage)).ok();
}

/// Opens a session at a node and gives its access token.
fn opened(operator: &Place, node: &Node, number: u64) -> String {
    let line = format!(
        "login {} -k caller.pem --as caller --session-file session{number}.json --token",
        node.server.public
    );
    format!("Bearer {}", operator.run(&line).ok().trim())
}

/// The ids of the keys that secrets are sealed under.
fn sealing(url: &str) -> String {
    let sql = "SELECT string_agg(DISTINCT encode(substr(value, 2, 8), 'hex'), ' ') FROM secrets WHERE sealed";
    Postgres::shared().sql(url, sql)
}

#[test]
fn own_keys_are_changed_under_load_and_no_token_is_refused() {
    let url = Postgres::shared().database();
    let upstream = upstream();
    let operator = Place::new();
    operator.write("old", &"07".repeat(32));
    operator.write("new", &"08".repeat(32));
    operator.run("key new --for spacetime caller.pem").ok();
    let keyed = |place: &Place| {
        let more =
            format!("{}key_encryption_key_file = {:?}\n", settings(&url, &upstream), operator.path("old"));
        Server::with(place, &more)
    };
    let first = Node { server: keyed(&operator), place: operator };
    let operator = &first.place;
    let place = Place::new();
    let server = Server::with(
        &place,
        &format!("{}key_encryption_key_file = {:?}\n", settings(&url, &upstream), operator.path("old")),
    );
    let second = Node { place, server };
    let nodes = [&first, &second];
    let tokens: Tokens = Mutex::new(vec![opened(operator, &first, 0)]);
    // The account and its key are news of their own.
    for node in nodes {
        until(200, &node.server.public, "/in/x", &tokens.lock().unwrap()[0]);
    }
    let (done, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let load: Vec<_> = nodes
            .iter()
            .map(|node| {
                let (tokens, done, asked) = (&tokens, &done, &asked);
                scope.spawn(move || {
                    let mut turn = 0;
                    while !done.load(Ordering::SeqCst) {
                        let (at, token) = {
                            let all = tokens.lock().unwrap();
                            // The newest every other time, and each of the others.
                            let at = if turn % 2 == 0 { all.len() - 1 } else { turn / 2 % all.len() };
                            (at, all[at].clone())
                        };
                        turn += 1;
                        let (status, text) = ask(&node.server.public, "/in/x", &token);
                        assert_eq!(status, 200, "turn {turn}, token {at}: {text}");
                        asked.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let mut number = 0;
        let mut more = |rounds: u64| {
            for _ in 0..rounds {
                for node in nodes {
                    number += 1;
                    let token = opened(operator, node, number);
                    tokens.lock().unwrap().push(token);
                }
            }
        };
        more(2);
        let line = |words: &str| operator.run(&format!("--json {words} --server {}", first.server.manage));
        // The signing key.
        let made = line("signing-key rotate --at-once").json();
        let kid = made["kid"].as_str().unwrap().to_owned();
        assert_eq!(made["state"], "next");
        let state = |kid: &str| {
            let listed = line("signing-key list").json();
            let found = listed.as_array().unwrap().iter().find(|key| key["kid"] == *kid).cloned();
            found.map(|key| key["state"].as_str().unwrap().to_owned())
        };
        for _ in 0..300 {
            more(1);
            if state(&kid).as_deref() == Some("signing") {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(state(&kid).as_deref(), Some("signing"));
        more(2);
        // The key that seals: first every node can open under the new one, then each seals under it, then the old one goes.
        let before = sealing(&url);
        for node in nodes {
            sealed_under(node, operator, "old", &["new"]);
        }
        assert_eq!(sealing(&url), before);
        for node in nodes {
            sealed_under(node, operator, "new", &["old"]);
            more(1);
            // What is sealed anew is opened by both.
            line("signing-key rotate").json();
        }
        assert_ne!(sealing(&url), before);
        assert!(!sealing(&url).contains(' '), "all under one key");
        for node in nodes {
            sealed_under(node, operator, "new", &[]);
        }
        more(1);
        done.store(true, Ordering::SeqCst);
        load.into_iter().for_each(|one| one.join().unwrap());
    });
    let (asked, opened) = (asked.load(Ordering::SeqCst), tokens.lock().unwrap().len());
    println!(
        "own keys were changed under load: {asked} requests with {opened} tokens on two nodes, none refused"
    );
    assert!(asked > 100, "{asked}");
    // A leaked key's tokens end when it is removed.
    let listed = operator.run(&format!("--json signing-key list --server {}", first.server.manage)).json();
    let old = listed.as_array().unwrap().iter().find(|key| key["state"] == "retired").unwrap().clone();
    let line =
        format!("signing-key remove {} --server {}", old["kid"].as_str().unwrap(), first.server.manage);
    operator.run(&line).ok();
    operator.run(&line).fails(6, &[]);
    let oldest = tokens.lock().unwrap()[0].clone();
    for node in nodes {
        until(401, &node.server.public, "/in/x", &oldest);
    }
    // A start with the old key alone says which key it wants, and one with the new one alone serves.
    drop(second.server);
    let wrong = format!("--set store.key_encryption_key_file={}", operator.path("old").display());
    second
        .place
        .run(&format!("serve --config server.toml {wrong}"))
        .fails(1, &["is sealed under key", "put the right file back"]);
    let again = second.place.run("audit verify --config server.toml");
    assert!(again.ok().contains("intact"));
}
