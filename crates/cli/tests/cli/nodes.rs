//! Several nodes of the real program on one real PostgreSQL: a nonce works once over all of them, a revoked key is refused by each,
//! and while the database is away nobody is blamed.
#![expect(clippy::disallowed_methods, reason = "how long a change takes to arrive is measured and printed")]
use crate::run::{Place, Server};
use countersign_testkit::postgres::{Postgres, Stop};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Nodes of an installation.
pub(crate) const NODES: usize = 3;
/// Proofs that every node is shown at the same time, twice.
pub(crate) const PROOFS: usize = 40;
/// Keys that are revoked one after another.
const REVOKED: usize = 10;

/// An upstream that answers 200 to everything; ends with the test program.
pub(crate) fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let Ok(mut stream) = stream else { return };
                let mut seen = Vec::new();
                let mut piece = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut piece) {
                    seen.extend_from_slice(piece.get(..count).unwrap_or_default());
                    if seen.ends_with(b"\r\n\r\n") {
                        seen.clear();
                        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n").is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}

/// The settings that make a server a node.
pub(crate) fn node(url: &str, upstream: &str) -> String {
    format!(
        "[[route]]\nname = \"once\"\npath = \"/once/\"\ndialects = [\"asymmetric-jwt\"]\nupstream = \"{upstream}\"\n\
         [[route]]\nname = \"often\"\npath = \"/often/\"\ndialects = [\"skykit\"]\nupstream = \"{upstream}\"\n\
         [store]\nurl = \"{url}\"\nstale_after = \"2s\"\n"
    )
}

/// The status, and the whole head in lower case.
pub(crate) fn ask(server: &str, path: &str, authorization: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
    stream.write_all(format!("{head}Authorization: {authorization}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    (text.split(' ').nth(1).unwrap().parse().unwrap(), text)
}

/// Asks until the status is the wanted one; gives how long that took.
#[track_caller]
pub(crate) fn until(wanted: u16, server: &str, path: &str, authorization: &str) -> Duration {
    let begun = Instant::now();
    loop {
        let (status, text) = ask(server, path, authorization);
        if status == wanted {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(180), "wanted {wanted} in the end, found {text}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Nodes that were started together, and the one that made the owner first.
pub(crate) fn nodes(more: &str) -> Vec<(Place, Server)> {
    let starting: Vec<_> = (0..NODES)
        .map(|_| {
            let more = more.to_owned();
            std::thread::spawn(move || {
                let place = Place::new();
                let server = Server::with(&place, &more);
                (place, server)
            })
        })
        .collect();
    let mut nodes: Vec<(Place, Server)> = starting.into_iter().map(|node| node.join().unwrap()).collect();
    let owners = nodes.iter().filter(|(place, _)| place.path("data/operator.key").exists()).count();
    assert_eq!(owners, 1, "one node makes the owner, however many start together");
    nodes.sort_by_key(|(place, _)| !place.path("data/operator.key").exists());
    nodes
}

pub(crate) fn token(place: &Place, key: &str, dialect: &str, who: &str) -> String {
    let token = place.run(&format!("sign -d {dialect} -k {key} --as {who} --token")).ok();
    let scheme = if dialect == "skykit" { "Bearer" } else { "JWT" };
    format!("{scheme} {}", token.trim())
}

#[test]
fn three_nodes_on_one_database_behave_as_one() {
    let url = Postgres::shared().database();
    let upstream = upstream();
    let nodes = nodes(&node(&url, &upstream));
    let (place, first) = nodes.first().unwrap();
    let secrets = Postgres::shared()
        .sql(&url, "SELECT string_agg(split_part(name, '/', 1), ' ' ORDER BY name) FROM secrets");
    assert_eq!(secrets, "challenge signing", "each made by one node, however many start together");
    let run = |line: &str| place.run(&format!("{line} --server {}", first.manage));
    place.run("key new a.pem").ok();
    run("account add alice --identifier user=alice --identifier email=alice@h.example").ok();
    run("key register alice --file a.pem.pub -d asymmetric-jwt").ok();
    for (_, server) in &nodes {
        // By a proof that is not the next one's.
        let waited = until(200, &server.public, "/once/x", &token(place, "a.pem", "asymmetric-jwt", "alice"));
        println!("a new key is taken after {} ms", waited.as_millis());
    }
    shown_at_once(&nodes, || token(place, "a.pem", "asymmetric-jwt", "alice"));
    println!("{PROOFS} proofs, each {} times over {NODES} nodes: {PROOFS} accepted", NODES * 2);
    // A key that is revoked on one node is refused by every other.
    let mut delays = Vec::new();
    let mut own = Vec::new();
    for number in 0..REVOKED {
        place.run(&format!("key new --for skykit --bits 2048 r{number}.pem")).ok();
        let register = format!("--json key register alice --file r{number}.pem.pub -d skykit");
        let id = run(&register).json()["id"].as_str().unwrap().to_owned();
        let token = token(place, &format!("r{number}.pem"), "skykit", "alice@h.example");
        for (_, server) in &nodes {
            until(200, &server.public, "/often/x", &token);
        }
        run(&format!("key revoke {id}")).ok();
        std::thread::scope(|scope| {
            let waits: Vec<_> = nodes
                .iter()
                .map(|(_, server)| scope.spawn(|| until(401, &server.public, "/often/x", &token)))
                .collect();
            let mut waits = waits.into_iter().map(|wait| wait.join().unwrap());
            own.extend(waits.next());
            delays.extend(waits);
        });
    }
    delays.sort();
    own.sort();
    let millis = |delays: &[Duration], part: usize| delays[(delays.len() - 1) * part / 100].as_millis();
    println!(
        "revoked keys are refused, after the order was answered: on the node that took it p50 {} ms, max {} ms; \
         on the others p50 {} ms, p99 {} ms, max {} ms",
        millis(&own, 50),
        millis(&own, 100),
        millis(&delays, 50),
        millis(&delays, 99),
        millis(&delays, 100)
    );
    rotated_under_load(place, &nodes);
    assert!(run("audit check").ok().contains("yes"));
    // The log that all of them wrote is one chain, and a row that somebody changes shows.
    let verified = place.run("audit verify --config server.toml").ok();
    let head = verified.lines().find_map(|line| line.strip_prefix("head ")).unwrap().to_owned();
    assert_eq!(place.run("audit head --config server.toml").ok().trim(), head);
    Postgres::shared().sql(&url, "UPDATE audit SET actor = 'acc_x' WHERE number = 7");
    place.run("audit verify --config server.toml").fails(8, &["audit entry 7", "was changed"]);
    run("audit check").fails(8, &["was changed"]);
    let report = place.run("--json audit verify --config server.toml");
    let told: serde_json::Value = serde_json::from_str(&report.out).unwrap();
    assert_eq!((&told["broken_at"], &told["flaw"]), (&7.into(), &"changed".into()));
}

/// Shows each proof at the same time to every node, twice: it is accepted once. Gives the proofs.
pub(crate) fn shown_at_once(nodes: &[(Place, Server)], made: impl Fn() -> String) -> Vec<String> {
    let proofs: Vec<String> = (0..PROOFS).map(|_| made()).collect();
    let gate = Barrier::new(NODES * 2);
    let statuses: Vec<Vec<u16>> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..NODES * 2)
            .map(|number| {
                let (server, gate, proofs) = (&nodes.get(number % NODES).unwrap().1, &gate, &proofs);
                scope.spawn(move || {
                    let one = |proof: &String| {
                        gate.wait();
                        ask(&server.public, "/once/x", proof).0
                    };
                    proofs.iter().map(one).collect::<Vec<u16>>()
                })
            })
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for proof in 0..PROOFS {
        let told: Vec<u16> = statuses.iter().map(|statuses| *statuses.get(proof).unwrap()).collect();
        let passed = told.iter().filter(|status| **status == 200).count();
        let refused = told.iter().filter(|status| **status == 401).count();
        assert_eq!((passed, refused), (1, NODES * 2 - 1), "proof {proof}: {told:?}");
    }
    proofs
}

/// While a key is rotated by one command, no request fails on any node, with the old key or the new one.
fn rotated_under_load(place: &Place, nodes: &[(Place, Server)]) {
    let run = |line: &str| place.run(&format!("{line} --server {}", nodes.first().unwrap().1.manage));
    for name in ["old", "new"] {
        place.run(&format!("key new --for skykit --bits 2048 {name}.pem")).ok();
    }
    let registered = run("--json key register alice --file old.pem.pub -d skykit").json();
    let id = registered.get("id").unwrap().as_str().unwrap();
    let tokens = ["old.pem", "new.pem"].map(|key| token(place, key, "skykit", "alice@h.example"));
    for (_, server) in nodes {
        until(200, &server.public, "/often/x", &tokens[0]);
    }
    let done = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        let load: Vec<_> = nodes
            .iter()
            .map(|(_, server)| {
                let (done, token) = (&done, &tokens[0]);
                scope.spawn(move || {
                    let mut asked = 0_u64;
                    while !done.load(Ordering::SeqCst) {
                        let (status, text) = ask(&server.public, "/often/x", token);
                        assert_eq!(status, 200, "{text}");
                        asked += 1;
                    }
                    asked
                })
            })
            .collect();
        run(&format!("key rotate {id} --file new.pem.pub --keep 1h")).ok();
        for (_, server) in nodes {
            until(200, &server.public, "/often/x", &tokens[1]);
        }
        done.store(true, Ordering::SeqCst);
        load.into_iter().map(|one| one.join().unwrap()).sum::<u64>()
    });
    println!("a key was rotated under load: {asked} requests on {NODES} nodes, none failed");
}

#[test]
fn while_the_database_is_away_nobody_is_blamed_and_afterwards_all_is_well() {
    let database = Postgres::start(&[]);
    let url = database.database();
    let place = Place::new();
    let server = Server::with(&place, &node(&url, &upstream()));
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    place.run("key new a.pem").ok();
    place.run("key new --for skykit --bits 2048 b.pem").ok();
    run("account add alice --identifier user=alice --identifier email=alice@h.example").ok();
    run("key register alice --file a.pem.pub -d asymmetric-jwt").ok();
    run("key register alice --file b.pem.pub -d skykit").ok();
    let once = || token(&place, "a.pem", "asymmetric-jwt", "alice");
    let often = token(&place, "b.pem", "skykit", "alice@h.example");
    let used = once();
    assert_eq!(ask(&server.public, "/once/x", &used).0, 200);
    assert_eq!(ask(&server.public, "/often/x", &often).0, 200);
    for how in [Stop::Fast, Stop::Crash] {
        let during = once();
        database.stop(how);
        // Proofs that work once need the database; others live on what is known, for a while.
        let (status, text) = ask(&server.public, "/once/x", &during);
        assert!(status == 503 && text.contains("retry-after: 1"), "{text}");
        until(503, &server.public, "/often/x", &often);
        assert!(ask(&server.public, "/often/x", &often).1.contains("retry-after: 1"));
        assert_eq!(ask(&server.public, "/readyz", "").0, 503);
        assert_eq!(ask(&server.public, "/healthz", "").0, 200);
        // Strangers are not told apart meanwhile, and none comes in.
        assert_eq!(ask(&server.public, "/often/x", "Bearer nonsense").0, 503);
        database.begin();
        until(200, &server.public, "/often/x", &often);
        until(200, &server.public, "/readyz", "");
        until(200, &server.public, "/once/x", &once());
        assert_eq!(ask(&server.public, "/once/x", &used).0, 401, "used before the database went away");
    }
    run("account add bob").ok();
}

#[test]
fn an_installation_moves_to_postgresql_and_back_without_losing_a_row() {
    let database = Postgres::shared();
    let (url, other) = (database.database(), database.database());
    let place = Place::new();
    let upstream = upstream();
    let served = Server::with(&place, "");
    let run = |server: &Server, line: &str| place.run(&format!("{line} --server {}", server.manage));
    place.run("key new a.pem").ok();
    place.run("key new s.pem").ok();
    place.run("key new --for skykit --bits 2048 b.pem").ok();
    run(&served, "org add acme").ok();
    run(&served, "user add ada").ok();
    let named = "--identifier user=alice --identifier email=alice@h.example";
    run(&served, &format!("account add alice {named} --organisation acme --acts-as ada")).ok();
    run(&served, "key register alice --file a.pem.pub -d asymmetric-jwt").ok();
    run(&served, "key register alice --file b.pem.pub -d skykit").ok();
    run(&served, "companion add alice -d partner-key --label app").ok();
    run(&served, "org join-code acme").ok();
    let login = format!("login {} -k s.pem --as caller --session-file session.json --token", served.public);
    place.run(&login).ok();
    let copy = format!("--json store copy --to {url}");
    place.run(&copy).fails(1, &["in use by another countersign"]);
    served.signal("TERM");
    served.ended();
    let there = place.run(&copy).json();
    let tables = there["tables"].as_array().unwrap();
    let rows = |name: &str| tables.iter().find(|one| one["table"] == name).unwrap()["rows"].as_u64().unwrap();
    assert_eq!((rows("organisations"), rows("companions"), rows("join codes"), rows("users")), (1, 1, 1, 1));
    assert!(rows("accounts") >= 2 && rows("keys") >= 2 && rows("audit") > 5 && rows("secrets") >= 3);
    assert_eq!(rows("sessions"), 1);
    place.run(&copy).fails(1, &["wanted an empty store"]);
    // Back again, into a folder that is made.
    let back = place.run(&format!("--json store copy --from {url} --to back")).json();
    assert_eq!(back["tables"], there["tables"]);
    // A backup of the database is a file like any other, and fills either kind of store.
    place.write("node.toml", &format!("version = 1\n[store]\nurl = \"{url}\"\n"));
    place.run("store backup copy.db --config node.toml").ok();
    place.run("store backup copy.db --config node.toml").fails(7, &["already"]);
    place.write("other.toml", &format!("version = 1\n[store]\nurl = \"{other}\"\n"));
    let restored = place.run("--json store restore copy.db --config other.toml").json();
    let alike = |table: &str, one: &serde_json::Value| {
        let find = |tables: &serde_json::Value| {
            tables.as_array().unwrap().iter().find(|one| one["table"] == table).unwrap().clone()
        };
        assert_eq!(find(&one["tables"]), find(&there["tables"]), "{table}");
    };
    for table in
        ["organisations", "accounts", "identifiers", "keys", "companions", "users", "secrets", "audit"]
    {
        alike(table, &restored);
    }
    place.run("store restore copy.db --config other.toml").fails(1, &["wanted an empty store"]);
    place.run("store restore nothing.db --config other.toml").fails(6, &["nothing.db"]);
    let migrated = place.run("store migrate --config other.toml").ok();
    assert!(migrated.contains("up to date"), "{migrated}");
    // The installation goes on where it is now, with the same keys; what works once waits out a barrier.
    let moved = Server::with(&place, &node(&url, &upstream));
    let often = token(&place, "b.pem", "skykit", "alice@h.example");
    assert_eq!(ask(&moved.public, "/often/x", &often).0, 200);
    assert_eq!(ask(&moved.public, "/once/x", &token(&place, "a.pem", "asymmetric-jwt", "alice")).0, 401);
    assert_eq!(database.sql(&url, "SELECT count(*) FROM sessions"), "1");
}

#[test]
fn a_newer_releases_tables_are_left_alone() {
    let database = Postgres::shared();
    let url = database.database();
    let place = Place::new();
    drop(Server::with(&place, &node(&url, &upstream())));
    let rows = |part: &str| {
        database.sql(&url, &format!("SELECT count(*) || ' ' || coalesce(max(version), 0) FROM countersign_schema WHERE part = '{part}'"))
    };
    for part in ["registry", "sessions", "changes", "replay"] {
        let known =
            database.sql(&url, &format!("SELECT version FROM countersign_schema WHERE part = '{part}'"));
        database
            .sql(&url, &format!("UPDATE countersign_schema SET version = version + 1 WHERE part = '{part}'"));
        let newer = rows(part);
        for line in ["serve", "store migrate", "init --recover", "store backup copy.db"] {
            let told = ["newer countersign", "use that release", &format!("this one knows {known}")];
            place.run(&format!("{line} --config server.toml")).fails(1, &told);
        }
        assert_eq!(rows(part), newer, "nothing was changed");
        // The log can be checked by any release: it is chained in one way.
        assert!(place.run("audit verify --config server.toml").ok().contains("intact"));
        database
            .sql(&url, &format!("UPDATE countersign_schema SET version = version - 1 WHERE part = '{part}'"));
    }
    place.run("store migrate --config server.toml").ok();
}
