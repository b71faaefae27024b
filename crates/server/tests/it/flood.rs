//! Floods from one address, over real sockets: good callers elsewhere lose nothing, and good ones at the same address little.
use crate::fixture::{Answer, HOST, NOW, ROUTES, World, read, register_for_tests};
use crate::session;
use countersign::ask::{Claim, Use};
use countersign::time::Time;
use countersign_guard::clock::{FrozenClock, SeededEntropy};
use countersign_keys::{KeyKind, PrivateKey};
use countersign_server::config::listener::Surface;
use countersign_server::config::{Config, Sources};
use countersign_server::{Parts, Server, echo};
use countersign_store::fault::Fault;
use countersign_store::memory::MemoryStore;
use countersign_store::once::Once;
use countersign_store::registry::Answer as Answered;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;

/// Few failures, so that a test gets beyond them at once, and none comes back while it runs.
const FEW: &str = "failures_per_address = 1\nfailures_burst = 20";

async fn world(limits: &str) -> World {
    World::with(&format!("{ROUTES}\n[limits]\n{limits}\n")).await
}

/// Connects from one of the loopback network's addresses: 127.0.0.1 is a trusted proxy here, the others are strangers.
async fn from(source: &str, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(format!("{source}:0").parse().unwrap())?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn ask(stream: &mut TcpStream, path: &str, proof: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    read(stream).await
}

/// One request on a connection of its own.
async fn once(source: &str, world: &World, path: &str, proof: &str) -> Answer {
    match from(source, world.address).await {
        Ok(mut stream) => ask(&mut stream, path, proof).await,
        // Turned away before the connecting end had looked.
        Err(_) => Answer { status: 0, head: String::new(), body: String::new() },
    }
}

/// A proof with one letter of its signature changed.
fn forged(proof: &str) -> String {
    let at = proof.trim_end().len() - 30;
    let other = if &proof[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &proof[..at], &proof[at + 1..])
}

/// Spends an address's allowance; its last answer.
async fn spend(source: &str, world: &World, proof: &str) -> Answer {
    for _ in 0..100 {
        let answer = once(source, world, "/", proof).await;
        if answer.status != 401 {
            return answer;
        }
    }
    panic!("100 forgeries were checked");
}

/// As many connections as fit, each sending forgeries as fast as it is answered, until told to stop. Counts 401, 429 and broken connections.
struct Flood {
    ended: Arc<AtomicBool>,
    counts: Arc<[AtomicUsize; 3]>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Flood {
    fn start(source: &'static str, address: SocketAddr, connections: usize, forged: &str) -> Self {
        let (ended, counts) = (Arc::new(AtomicBool::new(false)), Arc::<[AtomicUsize; 3]>::default());
        let task = |_| {
            let (ended, counts, forged) = (Arc::clone(&ended), Arc::clone(&counts), forged.to_owned());
            tokio::spawn(async move {
                let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{forged}\r\n");
                while !ended.load(Ordering::SeqCst) {
                    let Ok(mut stream) = from(source, address).await else { continue };
                    loop {
                        if stream.write_all(request.as_bytes()).await.is_err() {
                            break;
                        }
                        let place = match read(&mut stream).await.status {
                            401 => 0,
                            429 => 1,
                            _ => 2,
                        };
                        counts[place].fetch_add(1, Ordering::SeqCst);
                        if place == 2 || ended.load(Ordering::SeqCst) {
                            break;
                        }
                    }
                }
            })
        };
        let tasks = (0..connections).map(task).collect();
        Self { ended, counts, tasks }
    }

    async fn end(self) -> [usize; 3] {
        self.ended.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        [0, 1, 2].map(|place| self.counts[place].load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_forgeries_from_one_address_costs_good_callers_elsewhere_nothing() {
    let world = world(FEW).await;
    let flood =
        Flood::start("127.0.0.2", world.address, 50, &forged(&world.proof("skykit", "GET", "/", b"")));
    let mut stream = from("127.0.0.3", world.address).await.unwrap();
    for turn in 0..500 {
        // Every proof is checked anew; every tenth comes on a new connection.
        if turn % 10 == 0 {
            stream = from("127.0.0.3", world.address).await.unwrap();
        }
        let answer = ask(&mut stream, "/once", &nonced(&world, turn)).await;
        assert_eq!(answer.status, 200, "{turn} {answer:?}");
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let [checked, refused, broken] = flood.end().await;
    // Those that were checked are a burst and a few seconds' more; nearly all others were not even read.
    assert!((20..200).contains(&checked) && refused > 0, "{checked} {refused} {broken}");
    let metrics = metrics(&world).await;
    assert!(metrics.contains("reason=\"too-many-failures\""), "{metrics}");
    assert!(metrics.contains("countersign_limited_total{limit=\"too-many-failures\"}"), "{metrics}");
}

/// A single-use proof of alice's.
fn nonced(world: &World, number: u32) -> String {
    let mut random = [9; 16];
    random[..4].copy_from_slice(&number.to_be_bytes());
    crate::fixture::proof(&world.running, "alice", "asymmetric-jwt", "GET", "/once", b"", random)
}

async fn metrics(world: &World) -> String {
    let address = world.running.addresses()[1].address;
    let asked = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    crate::fixture::send(address, asked.as_bytes()).await.body
}

#[tokio::test]
async fn a_refused_address_is_told_so_at_once_and_then_not_listened_to() {
    let world = world(FEW).await;
    let bad = forged(&world.proof("skykit", "GET", "/", b""));
    let answer = spend("127.0.0.2", &world, &bad).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")), "{answer:?}");
    assert!(answer.body.contains("too-many-requests") && answer.header("www-authenticate").is_none());
    // The connection stays open; what is sent on it waits.
    let mut stream = from("127.0.0.2", world.address).await.unwrap();
    assert_eq!(ask(&mut stream, "/", &bad).await.status, 429);
    let second = tokio::time::timeout(Duration::from_millis(300), ask(&mut stream, "/", &bad)).await;
    assert!(second.is_err(), "it is read again at once: {second:?}");
    assert!(matches!(read(&mut stream).await.status, 401 | 429));
    // Everybody looks alike from there, whether they exist or not.
    let nobody = world.proof_of("mallory", "skykit", "GET", "/", b"");
    let other = once("127.0.0.2", &world, "/", &nobody).await;
    assert_eq!((other.status, other.body), (429, answer.body));
}

#[tokio::test]
async fn good_callers_behind_one_address_with_a_bad_one_go_on() {
    let world = world(FEW).await;
    let (token, nat) = (world.proof("skykit", "GET", "/", b""), "127.0.0.2");
    let mut own = from(nat, world.address).await.unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&mut own, "/", &token).await.status, 200);
    }
    let bad = forged(&world.proof_of("bob", "skykit", "GET", "/public/x", b""));
    assert_eq!(spend(nat, &world, &bad).await.status, 429);
    // A token whose check is remembered; a new proof on a connection whose proofs held, or of an account that was recognised there.
    assert_eq!(once(nat, &world, "/", &token).await.status, 200);
    assert_eq!(ask(&mut own, "/once", &nonced(&world, 1)).await.status, 200);
    assert_eq!(once(nat, &world, "/once", &nonced(&world, 2)).await.status, 200);
    // Forgeries in its name are answered as all others are, and cost it nothing anywhere else.
    let answer = once(nat, &world, "/", &forged(&token)).await;
    assert_eq!(answer.status, 429);
    assert_eq!(once("127.0.0.3", &world, "/once", &nonced(&world, 3)).await.status, 200);
    // Bob was never recognised there: his good proof waits until the flood is over. Elsewhere it holds.
    let bobs = world.proof_of("bob", "skykit", "GET", "/public/x", b"");
    assert_eq!(once(nat, &world, "/public/x", &bobs).await.status, 429);
    assert_eq!(once("127.0.0.3", &world, "/public/x", &bobs).await.status, 200);
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_callers_own_address_counts() {
    let world = world(FEW).await;
    let original = format!(
        "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: {HOST}\r\nX-Forwarded-Uri: /\r\n"
    );
    let good = world.proof("skykit", "GET", "/", b"");
    let bad = forged(&good);
    let mut proxy = from("127.0.0.1", world.address).await.unwrap();
    let mut statuses = Vec::new();
    for number in 0..30 {
        let more = format!("{original}X-Forwarded-For: 203.0.113.9\r\n{bad}");
        let answer = ask(&mut proxy, "/verify", &more).await;
        statuses.push(answer.status);
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
        }
        // The proxy's connection goes on at once, and for others as if nothing were.
        let more = format!("{original}X-Forwarded-For: 203.0.113.{}\r\n{good}", 10 + number);
        assert_eq!(ask(&mut proxy, "/verify", &more).await.status, 200, "{number}");
    }
    assert_eq!((statuses.first(), statuses.last()), (Some(&401), Some(&429)), "{statuses:?}");
    // A proxy that hides its callers, or tells none: no limit that all of them would share.
    for hidden in ["X-Forwarded-For: unknown\r\n", ""] {
        for _ in 0..40 {
            let answer = ask(&mut proxy, "/verify", &format!("{original}{hidden}{bad}")).await;
            assert_eq!(answer.status, 401);
        }
    }
    // An address whose proofs fail in the header that a caller may write itself.
    for _ in 0..40 {
        let answer = once("127.0.0.4", &world, "/", &format!("X-Forwarded-For: 127.0.0.3\r\n{bad}")).await;
        assert!(matches!(answer.status, 401 | 429), "{answer:?}");
    }
    assert_eq!(once("127.0.0.3", &world, "/once", &nonced(&world, 77)).await.status, 200);
}

#[tokio::test]
async fn a_route_that_does_not_enforce_lets_a_limited_address_pass_as_nobody() {
    let text = ROUTES.replacen("name = \"bearer\"\n", "name = \"bearer\"\nmode = \"shadow\"\n", 1);
    let world = World::with(&format!("{text}\n[limits]\n{FEW}\n")).await;
    let bad = forged(&world.proof("skykit", "GET", "/", b""));
    for _ in 0..40 {
        let answer = once("127.0.0.2", &world, "/", &bad).await;
        assert_eq!(
            (answer.status, answer.seen_header("x-countersign-account").len()),
            (200, 0),
            "{answer:?}"
        );
    }
    // Nor does it change anything else for it: its connections are listened to, new ones are let in, and routes that enforce take its proofs.
    let mut stream = from("127.0.0.2", world.address).await.unwrap();
    let ask_on = async {
        for _ in 0..40 {
            assert_eq!(ask(&mut stream, "/", &bad).await.status, 200);
        }
    };
    // Forty pauses of a second would be far beyond this.
    tokio::time::timeout(Duration::from_secs(20), ask_on).await.unwrap();
    for _ in 0..150 {
        assert_eq!(once("127.0.0.2", &world, "/", &bad).await.status, 200);
    }
    assert_eq!(once("127.0.0.2", &world, "/once", &nonced(&world, 1)).await.status, 200);
}

#[tokio::test]
async fn explain_checks_no_more_for_strangers_than_requests_do() {
    let world = world(FEW).await;
    let bad = forged(&world.proof("skykit", "GET", "/", b""));
    let (name, value) = bad.trim_end().split_once(": ").unwrap();
    let asked =
        serde_json::json!({ "method": "GET", "url": format!("http://{HOST}/"), "headers": [[name, value]] });
    let asked = asked.to_string();
    let mut last = 0;
    for _ in 0..40 {
        let mut stream = from("127.0.0.2", world.address).await.unwrap();
        let head = format!(
            "POST /explain HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n{asked}",
            asked.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        last = read(&mut stream).await.status;
    }
    assert_eq!(last, 429);
    assert_eq!(once("127.0.0.2", &world, "/once", &nonced(&world, 1)).await.status, 429);
}

#[tokio::test]
async fn forged_tokens_cost_the_session_api_no_more_than_a_route() {
    let world = World::with(&format!("{}\n[limits]\n{FEW}\n", session::routes())).await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let pair = session::sign_in(world.address, "newcomer", &key).await;
    let token = format!("Authorization: Bearer {}\r\n", session::text(&pair, "accessToken"));
    let (path, bad) = ("/v1/auth/validtoken", forged(&token));
    assert_eq!(once("127.0.0.3", &world, path, &token).await.status, 200);
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(once("127.0.0.2", &world, path, &bad).await.status);
    }
    assert_eq!((statuses[0], statuses[39]), (401, 429), "{statuses:?}");
    // The allowance is the same one, and others keep theirs.
    assert_eq!(
        once("127.0.0.2", &world, "/", &forged(&world.proof("skykit", "GET", "/", b""))).await.status,
        429
    );
    assert_eq!(once("127.0.0.3", &world, path, &token).await.status, 200);
}

#[tokio::test]
async fn who_proves_itself_between_forgeries_in_other_names_is_limited_as_anybody() {
    let world = world(FEW).await;
    let (token, nat) = (world.proof("skykit", "GET", "/", b""), "127.0.0.2");
    let bad = forged(&world.proof_of("bob", "skykit", "GET", "/public/x", b""));
    let mut stream = from(nat, world.address).await.unwrap();
    let mut statuses = Vec::new();
    for number in 0..40 {
        // Now a token whose check is remembered, now a proof that is checked anew.
        let (path, good) =
            if number % 2 == 0 { ("/", token.clone()) } else { ("/once", nonced(&world, number)) };
        assert_eq!(ask(&mut stream, path, &good).await.status, 200, "{number}");
        statuses.push(ask(&mut stream, "/public/x", &bad).await.status);
        if statuses.last() == Some(&429) {
            // It is not listened to for a second, and goes on then.
            assert_eq!(ask(&mut stream, "/", &token).await.status, 200, "{number}");
            break;
        }
    }
    assert_eq!((statuses.first(), statuses.last()), (Some(&401), Some(&429)), "{statuses:?}");
}

#[tokio::test]
async fn an_address_has_its_own_part_of_the_connections() {
    let world = world("connections = 40\nconnections_per_address = 10").await;
    let mut held = Vec::new();
    let mut lost = 0;
    for _ in 0..100 {
        let Ok(mut stream) = from("127.0.0.2", world.address).await else {
            lost += 1;
            continue;
        };
        match ask(&mut stream, "/", "").await.status {
            401 => held.push(stream),
            _ => lost += 1,
        }
    }
    assert_eq!((held.len(), lost), (10, 90));
    let token = world.proof("skykit", "GET", "/", b"");
    assert_eq!(once("127.0.0.3", &world, "/", &token).await.status, 200);
    // A proxy's are not counted.
    let mut proxied = Vec::new();
    for _ in 0..20 {
        let mut stream = from("127.0.0.1", world.address).await.unwrap();
        assert_eq!(ask(&mut stream, "/", &token).await.status, 200);
        proxied.push(stream);
    }
    // What is closed makes room.
    held.clear();
    for _ in 0..200 {
        if once("127.0.0.2", &world, "/", &token).await.status == 200 {
            assert!(metrics(&world).await.contains("limited_total{limit=\"connections-per-address\"} "));
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no room after all connections were closed");
}

#[tokio::test]
async fn rates_that_the_operator_sets_hold_by_address_and_by_account() {
    let limited = world("requests_per_address = 1").await;
    let token = limited.proof("skykit", "GET", "/", b"");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(once("127.0.0.2", &limited, "/", &token).await.status);
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    assert_eq!(once("127.0.0.3", &limited, "/", &token).await.status, 200);

    let limited = world("requests_per_account = 1").await;
    // Forgeries and replays in her name take nothing of it.
    let bad = forged(&limited.proof("skykit", "GET", "/", b""));
    let used = nonced(&limited, 0);
    assert_eq!(once("127.0.0.2", &limited, "/once", &used).await.status, 200);
    for _ in 0..5 {
        assert_eq!(once("127.0.0.2", &limited, "/", &bad).await.status, 401);
        assert_eq!(once("127.0.0.2", &limited, "/once", &used).await.status, 401);
    }
    let spare = nonced(&limited, 2);
    assert_eq!(once("127.0.0.3", &limited, "/once", &nonced(&limited, 1)).await.status, 200);
    let answer = once("127.0.0.4", &limited, "/once", &spare).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")), "{answer:?}");
    // The proof that was turned away is not used up.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(once("127.0.0.5", &limited, "/once", &spare).await.status, 200);
    let bobs = limited.proof_of("bob", "skykit", "GET", "/public/x", b"");
    assert_eq!(once("127.0.0.4", &limited, "/public/x", &bobs).await.status, 200);
}

/// A replay memory that answers when it is let.
struct Slow(Semaphore);

impl Once for Slow {
    fn claim(&self, _: Claim, _: Time) -> Answered<'_, Result<Use, Fault>> {
        Box::pin(async {
            let permit = self.0.acquire().await.map_err(|error| Fault::new(error.to_string()))?;
            permit.forget();
            Ok(Use::First)
        })
    }

    fn peek(&self, _: Claim, _: Time) -> Answered<'_, Result<Use, Fault>> {
        Box::pin(async { Ok(Use::First) })
    }
}

#[tokio::test]
async fn judgements_that_wait_are_bounded_and_one_address_gets_no_more_than_its_share() {
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    let echo = echo::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let text = format!("{ROUTES}\n[limits]\nwaiting = 16\n")
        .replace("UPSTREAM", &format!("http://{}", echo.address()));
    let sources = Sources { file: Some(("t".to_owned(), text)), ..Sources::default() };
    let slow = Arc::new(Slow(Semaphore::new(0)));
    let parts = Parts {
        clock: Arc::new(FrozenClock::at(Time::from_seconds(NOW))),
        entropy: Arc::new(SeededEntropy::new(1)),
        registry: store.clone(),
        once: slow.clone(),
        challenges: store.clone(),
        sessions: store.clone(),
    };
    let running = Server::start(Config::load(&sources).unwrap(), parts).await.unwrap();
    let address = running.addresses()[0].address;
    let mut number = 0_u8;
    let mut start = |source: &'static str| {
        number += 1;
        let proof =
            crate::fixture::proof(&running, "alice", "asymmetric-jwt", "GET", "/once", b"", [number; 16]);
        tokio::spawn(async move { ask(&mut from(source, address).await.unwrap(), "/once", &proof).await })
    };
    // The greedy one gets half of the places; the others find room still.
    let mut greedy = Vec::new();
    for _ in 0..12 {
        greedy.push(start("127.0.0.2"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut others = Vec::new();
    for source in ["127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"] {
        for _ in 0..2 {
            others.push(start(source));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    // Now all places are taken, and everybody is told so at once.
    let late = start("127.0.0.7").await.unwrap();
    assert_eq!((late.status, late.header("retry-after")), (503, Some("1")), "{late:?}");
    slow.0.add_permits(100);
    let mut ended = Vec::new();
    for task in greedy {
        ended.push(task.await.unwrap().status);
    }
    assert_eq!(ended.iter().filter(|status| **status == 200).count(), 8, "{ended:?}");
    assert_eq!(ended.iter().filter(|status| **status == 503).count(), 4, "{ended:?}");
    for task in others {
        assert_eq!(task.await.unwrap().status, 200);
    }
    assert_eq!(start("127.0.0.7").await.unwrap().status, 200);
    running.shutdown().await;
}

#[tokio::test]
async fn documents_that_anybody_reads_count_like_their_neighbours() {
    let more = "[[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"session\", \"manage\", \"console\"]\n";
    let world = World::with(&format!("{ROUTES}\n{more}\n[limits]\nrequests_per_address = 3\n")).await;
    let address = world.running.address(Surface::Manage).unwrap();
    let paths = [
        "/api/v1/openapi.json",
        "/api/v1/version",
        "/console/api/v1/openapi.json",
        "/v1/auth/openapi.json",
        "/v1/auth/idexists/nobody",
    ];
    for (number, path) in paths.into_iter().enumerate() {
        let source = format!("127.0.1.{}", number + 1);
        let mut seen = Vec::new();
        for _ in 0..7 {
            let mut stream = from(&source, address).await.unwrap();
            let answer = ask(&mut stream, path, "Connection: close\r\n").await;
            if answer.status == 429 {
                assert!(answer.header("retry-after").is_some(), "{path}: {answer:?}");
            }
            seen.push(answer.status);
        }
        assert_eq!(seen, [200, 200, 200, 200, 200, 200, 429], "{path}");
    }
}
