//! A new configuration while requests are answered: in force at once, nothing dropped, and refused whole when anything is wrong.
use crate::fixture::{HOST, ROUTES, World, proof, read, send};
use countersign_server::config::listener::Surface;
use countersign_server::config::{Config, Sources};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The fixture's configuration, changed.
fn changed(world: &World, change: impl Fn(String) -> String) -> Config {
    let text = change(ROUTES.replace("UPSTREAM", &format!("http://{}", world.echo.address())));
    let sources = Sources { file: Some(("test.toml".to_owned(), text)), ..Sources::default() };
    Config::load(&sources).unwrap_or_else(|errors| panic!("{errors}"))
}

async fn told(world: &World, config: Config) -> String {
    world.running.reload(config).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_over_twenty_reloads_under_load() {
    let world = World::new().await;
    let header = proof(&world.running, "alice", "skykit", "GET", "/", b"", [0; 16]);
    let (ended, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut callers = JoinSet::new();
    for two in [false, false, false, true, true] {
        callers.spawn(call(world.address, header.clone(), two, Arc::clone(&ended), Arc::clone(&answered)));
    }
    for round in 0..20 {
        let before = answered.load(Ordering::SeqCst);
        let config = changed(&world, |text| {
            let text = text.replace("body_limit = 1000", &format!("body_limit = {}", 1000 + round));
            format!("{text}\n[limits]\nconnections = {}\n", 100 + (round % 3) * 50)
        });
        assert_eq!(world.running.reload(config).await.unwrap(), round + 2);
        while answered.load(Ordering::SeqCst) < before + 10 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    ended.store(true, Ordering::SeqCst);
    while let Some(caller) = callers.join_next().await {
        assert_eq!(caller.unwrap().unwrap(), 1, "a kept connection was closed");
    }
    assert_eq!(world.running.app().generation, 21);
    let own = world.running.address(Surface::Metrics).unwrap();
    let metrics = send(own, b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").await.body;
    assert!(metrics.contains("countersign_config_generation 21"), "{metrics}");
    assert!(metrics.contains("countersign_config_loads_total{outcome=\"taken\"} 21"), "{metrics}");
}

/// Calls until told to end; gives the number of connections it took.
async fn call(
    address: SocketAddr,
    header: String,
    two: bool,
    ended: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
) -> Result<usize, String> {
    let connections = Arc::new(AtomicU64::new(0));
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .http2_only(two)
        .build_http::<Empty<bytes::Bytes>>();
    let (name, value) = header.trim_end().split_once(": ").unwrap();
    let mut seen = std::collections::BTreeSet::new();
    while !ended.load(Ordering::SeqCst) {
        let request = http::Request::get(format!("http://{address}/")).header(name, value);
        let mut request = request.body(Empty::new()).unwrap();
        let info = hyper_util::client::legacy::connect::capture_connection(&mut request);
        let answer = client.request(request).await.map_err(|error| format!("{error:?}"))?;
        if let Some(connected) = &*info.connection_metadata() {
            let mut extras = http::Extensions::new();
            connected.get_extras(&mut extras);
            let local = extras.get::<hyper_util::client::legacy::connect::HttpInfo>().unwrap().local_addr();
            seen.insert(local);
        }
        if answer.status() != 200 || answer.headers().contains_key("connection") {
            return Err(format!("{answer:?}"));
        }
        answer.into_body().collect().await.map_err(|error| format!("cut short: {error}"))?;
        answered.fetch_add(1, Ordering::SeqCst);
        connections.store(u64::try_from(seen.len()).unwrap(), Ordering::SeqCst);
    }
    Ok(seen.len())
}

#[tokio::test]
async fn what_changed_holds_for_the_next_request_of_a_kept_connection() {
    let world = World::new().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let header = proof(&world.running, "alice", "skykit", "GET", "/", b"", [0; 16]);
    let mut ask = async |more: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{header}{more}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        read(&mut stream).await
    };
    let first = ask("X-Forwarded-Host: other.test\r\n").await;
    assert_eq!(first.seen_header("x-countersign-account"), ["alice"]);
    assert_eq!(first.seen_header("x-forwarded-host"), ["other.test"]);
    // Identity, trusted proxies.
    let config = changed(&world, |text| {
        text.replace("[identity]", "[identity]\nheader_prefix = \"X-Who-\"")
            .replace("trusted_proxies = [\"127.0.0.1\"]", "trusted_proxies = [\"10.0.0.1\"]")
    });
    world.running.reload(config).await.unwrap();
    let second = ask("X-Forwarded-Host: other.test\r\n").await;
    assert_eq!(second.seen_header("x-who-account"), ["alice"]);
    assert!(second.seen_header("x-countersign-account").is_empty());
    assert_eq!(second.seen_header("x-forwarded-host"), [HOST]);
    // Whom a route admits.
    let admitting = |who: &str| {
        let route = format!("name = \"bearer\"\nadmit = [\"{who}\"]");
        changed(&world, |text| text.replace("name = \"bearer\"", &route))
    };
    world.running.reload(admitting("bob")).await.unwrap();
    assert_eq!(ask("").await.status, 403);
    world.running.reload(admitting("alice")).await.unwrap();
    assert_eq!(ask("").await.status, 200);
    // A dialect's settings.
    let config = changed(&world, |text| format!("{text}\n[dialect.skykit]\nlifetime = \"1s\"\n"));
    world.running.reload(config).await.unwrap();
    assert_eq!(ask("").await.status, 401);
    // Limits: these headers are too many now.
    let config = changed(&world, |text| format!("{text}\n[limits]\nheader_fields = 10\n"));
    world.running.reload(config).await.unwrap();
    assert_eq!(ask(&"X-A: b\r\n".repeat(12)).await.status, 431);
}

#[tokio::test]
async fn a_request_in_flight_ends_under_the_configuration_it_began_with() {
    let world = World::new().await;
    let header = proof(&world.running, "alice", "skykit", "POST", "/", b"", [0; 16]);
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{header}Content-Length: 5\r\n\r\nhe");
    stream.write_all(head.as_bytes()).await.unwrap();
    // It is judged once the upstream has its head.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let old = Arc::downgrade(&world.running.app());
    let config = changed(&world, |text| text.split("[[route]]").next().unwrap().to_owned());
    world.running.reload(config).await.unwrap();
    assert_eq!(world.get("/", "").await.status, 404);
    assert!(old.upgrade().is_some(), "the old configuration went while it was needed");
    stream.write_all(b"llo").await.unwrap();
    assert_eq!(read(&mut stream).await.seen()["body_b64"], "aGVsbG8=");
    // Nothing keeps the old one once nobody needs it.
    for _ in 0..100 {
        if old.upgrade().is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the old configuration is still held");
}

#[tokio::test]
async fn a_wrong_configuration_changes_nothing_and_is_told() {
    let world = World::new().await;
    let header = proof(&world.running, "alice", "skykit", "GET", "/", b"", [0; 16]);
    let ask = async || {
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{header}\r\n");
        send(world.address, request.as_bytes()).await.status
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let _holding = std::net::TcpListener::bind(taken);
    for (config, wanted) in [
        (
            changed(&world, |text| text.replace("\"skillhive\"", "\"skillhvie\"")),
            "did you mean \"skillhive\"?",
        ),
        (
            changed(&world, |text| text.replacen("127.0.0.1:0", &taken.to_string(), 1)),
            "choose another address",
        ),
        (
            changed(&world, |text| {
                text.replacen(
                    "\"127.0.0.1:0\"\n",
                    "\"127.0.0.2:0\"\ntls = { certificate = \"/nowhere/chain.pem\", key = \"/nowhere/key.pem\" }\n",
                    1,
                )
            }),
            "/nowhere/chain.pem",
        ),
    ] {
        let told = told(&world, config).await;
        assert!(told.contains(wanted), "{told}");
        assert_eq!(ask().await, 200);
        assert_eq!(world.running.app().generation, 1);
    }
    let own = world.running.address(Surface::Metrics).unwrap();
    let get =
        async |path: &str| send(own, format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).await.body;
    assert!(get("/metrics").await.contains("countersign_config_reload_failed 1"));
    assert_eq!(get("/readyz").await, "ready\nthe last reload of the configuration failed\n");
    world.running.reload(changed(&world, |text| text)).await.unwrap();
    assert!(get("/metrics").await.contains("countersign_config_reload_failed 0"));
    assert_eq!(get("/readyz").await, "ready\n");
}

#[tokio::test]
async fn what_only_a_restart_changes_is_named() {
    let world = World::new().await;
    let told = told(
        &world,
        changed(&world, |text| {
            let text = text.replace("[server]", "[server]\nlog_format = \"json\"");
            format!(
                "{text}\n[store]\npath = \"/elsewhere\"\n[session]\nprefix = \"/v2\"\nchallenge_life = \"1h\"\n\
                 [dialect.asymmetric-jwt]\ntolerance = \"60s\"\n"
            )
        }),
    )
    .await;
    for wanted in [
        "server.log_format (file, line 3)",
        "store.path (file, line ",
        "session.prefix (file, line ",
        "session.challenge_life (file, line ",
        "dialect.asymmetric-jwt",
        "restart the server",
    ] {
        assert!(told.contains(wanted), "{wanted}\n{told}");
    }
    // Each by its own name.
    let told = self::told(
        &world,
        changed(&world, |text| format!("{text}\n[store]\nconnections = 9\nstale_after = \"9s\"\n")),
    )
    .await;
    for (name, named) in [("connections", true), ("stale_after", true), ("path", false), ("url", false)] {
        assert_eq!(told.contains(&format!("store.{name}")), named, "{name}\n{told}");
    }
    assert_eq!(world.running.app().generation, 1);
    // Shorter ones neither: a restart with the longer one would not know that uses were forgotten sooner.
    for (setting, other) in [
        ("session.challenge_life", "[session]\nchallenge_life = \"1m\""),
        ("token.dpop_window", "[token]\ndpop_window = \"5s\""),
        ("token.dpop_window", "[token]\ndpop_window = \"4m\""),
        ("dialect.asymmetric-jwt", "[dialect.asymmetric-jwt]\ntolerance = \"5s\""),
    ] {
        let told = self::told(&world, changed(&world, |text| format!("{text}\n{other}\n"))).await;
        assert!(told.contains("restart the server") && told.contains(setting), "{told}");
    }
}

#[tokio::test]
async fn listeners_come_and_go_without_a_dropped_request() {
    let world = World::new().await;
    let own = world.running.address(Surface::Metrics).unwrap();
    let mut kept = TcpStream::connect(own).await.unwrap();
    let mut ask = async || {
        kept.write_all(b"GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        read(&mut kept).await
    };
    assert_eq!(ask().await.status, 200);
    // The second listener moves to another address, and the first answers for metrics too.
    let config = changed(&world, |text| {
        text.replace(
            "address = \"127.0.0.1:0\"\nsurfaces = [\"metrics\", \"health\"]",
            "address = \"127.0.0.2:0\"\nsurfaces = [\"health\"]",
        )
        .replace("\"jwks\", \"health\"]", "\"jwks\", \"health\", \"metrics\"]")
    });
    world.running.reload(config).await.unwrap();
    let bound = world.running.addresses();
    assert_eq!((bound.len(), bound[0].address), (2, world.address));
    assert_eq!(bound[1].address.ip().to_string(), "127.0.0.2");
    let get = async |address, path: &str| {
        send(address, format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).await.status
    };
    assert_eq!(get(bound[1].address, "/healthz").await, 200);
    assert_eq!(get(world.address, "/metrics").await, 200);
    // Who is connected to the old address is answered and told to go; new callers are served until it closes.
    let last = ask().await;
    assert_eq!((last.status, last.header("connection")), (200, Some("close")), "{last:?}");
    for _ in 0..200 {
        if TcpStream::connect(own).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still listening on {own}");
}

#[tokio::test]
async fn a_listener_that_leaves_goes_by_every_further_configuration() {
    let more = "[[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"gateway\"]\n\n[identity]";
    let drain = |text: &str| text.replace("300ms", "30s");
    let world = World::with(&drain(ROUTES).replace("[identity]", more)).await;
    let address = world.running.addresses()[2].address;
    let header = proof(&world.running, "alice", "skykit", "GET", "/", b"", [0; 16]);
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{header}\r\n");
    world.running.reload(changed(&world, |text| drain(&text))).await.unwrap();
    assert_eq!(send(address, request.as_bytes()).await.status, 200);
    let config = changed(&world, |text| drain(text.split("[[route]]").next().unwrap()));
    world.running.reload(config).await.unwrap();
    assert_eq!(send(address, request.as_bytes()).await.status, 404);
}
