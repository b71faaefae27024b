//! Pools of upstreams: who gets a request, what is tried again and what never, who is left out, and TLS and HTTP/2 to them.
use crate::fixture::{Answer, HOST, World};
use countersign_server::echo;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One route to the pool "pool", and one for proofs that work once.
pub(crate) fn pool(upstream: &str, route: &str) -> String {
    format!(
        r#"
[server]
drain = "100ms"
[[listener]]
address = "127.0.0.1:0"
surfaces = ["gateway", "health"]
[[listener]]
address = "127.0.0.1:0"
surfaces = ["metrics"]
[[route]]
name = "bearer"
dialects = ["skykit"]
upstream = "pool"
{route}
[[route]]
name = "once"
path = "/once"
dialects = ["asymmetric-jwt"]
upstream = "pool"
[[upstream]]
name = "pool"
{upstream}
"#
    )
}

pub(crate) fn listed(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(|address| format!("\"http://{address}\"")).collect();
    format!("addresses = [{}]\n", addresses.join(", "))
}

/// An address where nothing listens as long as the socket is held: it has the port and takes no connection.
fn nobody() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// An upstream that does the same with every connection once a request's head came; counts them.
pub(crate) async fn scripted(
    does: impl AsyncFn(TcpStream) + Clone + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            let listener = TcpListener::from_std(listener.into_std().unwrap()).unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let does = does.clone();
                tokio::task::spawn_local(async move {
                    head(&mut stream).await;
                    does(stream).await;
                });
            }
        });
    });
    (address, count)
}

/// Reads up to the end of a head.
pub(crate) async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn post(world: &World, path: &str) -> Answer {
    let proof = world.proof("skykit", "POST", path, b"");
    let head = format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}Content-Length: 5\r\n\r\nhello");
    world.send(head).await
}

async fn metrics(world: &World) -> String {
    let address = world.running.addresses()[1].address;
    crate::fixture::send(address, b"GET /metrics HTTP/1.1\r\nHost: m\r\n\r\n").await.body
}

#[tokio::test]
async fn an_address_that_cannot_be_reached_is_passed_over_and_then_left_out() {
    let (_held, dead) = nobody();
    let live = echo::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let world = World::with(&pool(&listed(&[dead, live.address()]), "")).await;
    for _ in 0..4 {
        assert_eq!(world.get("/", "").await.status, 200);
        // Nothing was sent to anybody, so even this may go elsewhere.
        assert_eq!(post(&world, "/").await.status, 200);
    }
    // Whichever of both comes first to a dead address.
    let world = World::with(&pool(&format!("{}eject_after = 0", listed(&[dead, live.address()])), "")).await;
    for _ in 0..3 {
        assert_eq!(post(&world, "/").await.status, 200);
    }
    let world = World::with(&pool(&listed(&[dead, live.address()]), "")).await;
    for _ in 0..4 {
        assert_eq!(world.get("/", "").await.status, 200);
        assert_eq!(post(&world, "/").await.status, 200);
    }
    let text = metrics(&world).await;
    for line in [
        format!("countersign_upstream_well{{upstream=\"pool\",address=\"{dead}\"}} 0"),
        format!("countersign_upstream_well{{upstream=\"pool\",address=\"{}\"}} 1", live.address()),
        "countersign_upstream_retries_total{upstream=\"pool\",status=\"2xx\"} 3".to_owned(),
        "countersign_upstream_requests_total{upstream=\"pool\",status=\"2xx\"} 8".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }
    let ready = world.send(format!("GET /readyz HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\nupstreams: 1 of 2 addresses well\n"));
}

#[tokio::test]
async fn the_last_address_is_never_left_out() {
    let (_held, dead) = nobody();
    let world = World::with(&pool(&format!("{}eject_after = 1", listed(&[dead])), "")).await;
    for _ in 0..3 {
        let answer = world.get("/", "").await;
        assert_eq!((answer.status, answer.header("retry-after")), (502, Some("1")));
        assert!(answer.body.contains("bad-gateway") && answer.header("www-authenticate").is_none());
    }
    let text = metrics(&world).await;
    assert!(
        text.contains(&format!("countersign_upstream_well{{upstream=\"pool\",address=\"{dead}\"}} 1")),
        "{text}"
    );
}

#[tokio::test]
async fn only_what_can_be_done_twice_is_sent_twice_and_a_proof_is_judged_once() {
    // It takes the request and says nothing.
    let (rude, asked) = scripted(async |stream| drop(stream)).await;
    let live = echo::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let world = World::with(&pool(&listed(&[rude, live.address()]), "")).await;
    let mut refused = 0;
    for _ in 0..4 {
        assert_eq!(world.get("/", "").await.status, 200);
        let answer = post(&world, "/").await;
        refused += usize::from(answer.status == 502);
        assert!(matches!(answer.status, 200 | 502), "{answer:?}");
        let proof = world.proof("asymmetric-jwt", "GET", "/once", b"");
        let request = format!("GET /once HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n");
        let answer = world.send(&request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(world.send(&request).await.status, 401);
    }
    assert!(refused > 0 && asked.load(Ordering::SeqCst) >= refused, "{refused}");
    let world = World::with(&pool(&format!("{}retries = 0", listed(&[rude])), "")).await;
    let before = asked.load(Ordering::SeqCst);
    assert_eq!(world.get("/", "").await.status, 502);
    assert_eq!(asked.load(Ordering::SeqCst), before + 1);
}

#[tokio::test]
async fn retries_end_after_the_configured_number() {
    let (mut rude, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let (address, count) = scripted(async |stream| drop(stream)).await;
        rude.push(address);
        asked.push(count);
    }
    let world = World::with(&pool(&format!("{}retries = 2", listed(&rude)), "")).await;
    assert_eq!(world.get("/", "").await.status, 502);
    let mut asked: Vec<usize> = asked.iter().map(|count| count.load(Ordering::SeqCst)).collect();
    asked.sort_unstable();
    assert_eq!(asked, [0, 1, 1, 1]);
}

#[tokio::test]
async fn nothing_is_sent_again_once_an_answer_began() {
    let (cut, asked) = scripted(async |mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await.unwrap();
    })
    .await;
    let world = World::with(&pool(&listed(&[cut, cut_twin(cut)]), "")).await;
    let answer = world.get("/", "").await;
    // The tests' client gives 0 for a connection that ended before the whole answer came.
    assert_eq!((answer.status, asked.load(Ordering::SeqCst)), (0, 1));
}

/// The same address by another spelling.
fn cut_twin(address: SocketAddr) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 2], address.port()))
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_costs_nobody_an_answer() {
    let (brief, asked) = scripted(async |mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        // It closes without a word, as servers with a short patience do.
    })
    .await;
    let world = World::with(&pool(&listed(&[brief]), "")).await;
    for round in 1..6 {
        // Whether the end was seen in time or not: this can be sent again.
        assert_eq!(world.get("/", "").await.body, "ok");
        // This cannot, once it was sent: then its caller is told, and decides.
        let before = asked.load(Ordering::SeqCst);
        let answer = post(&world, "/").await;
        assert!(answer.body == "ok" || answer.status == 502, "{answer:?}");
        assert!(asked.load(Ordering::SeqCst) - before <= 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_on_a_connection_that_closed_before_goes_out_on_another() {
    let closed = Arc::new(tokio::sync::Semaphore::new(0));
    let closes = Arc::clone(&closed);
    let (brief, asked) = scripted(async move |mut stream| {
        let mut body = [0; 5];
        stream.read_exact(&mut body).await.unwrap();
        assert_eq!(&body, b"hello");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        // The answer goes on its way before the end does.
        tokio::time::sleep(Duration::from_millis(3)).await;
        drop(stream);
        closes.add_permits(1);
    })
    .await;
    let world = World::with(&pool(&listed(&[brief]), "")).await;
    for round in 1..=100 {
        let answer = post(&world, "/").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "round {round}: {answer:?}");
        closed.acquire().await.unwrap().forget();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 100);
}

#[tokio::test]
async fn an_ill_upstream_gets_nothing_until_it_is_well_again() {
    let well = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&well);
    let address = serve(move |request: Request<Incoming>| {
        let ill = request.uri().path() == "/health" && !state.load(Ordering::SeqCst);
        let mut response = Response::new(Full::from("served"));
        if ill {
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        }
        response
    })
    .await;
    let check =
        "health = { path = \"/health\", interval = \"100ms\", timeout = \"1s\", healthy = 1, unhealthy = 2 }";
    let world = World::with(&pool(&format!("{}{check}", listed(&[address])), "")).await;
    assert_eq!(world.get("/", "").await.body, "served");
    well.store(false, Ordering::SeqCst);
    let answer = until(&world, 503).await;
    assert!(answer.body.contains("no-upstream") && answer.header("retry-after") == Some("1"), "{answer:?}");
    assert_eq!(answer.header("www-authenticate"), None);
    well.store(true, Ordering::SeqCst);
    assert_eq!(until(&world, 200).await.body, "served");
}

async fn until(world: &World, status: u16) -> Answer {
    for _ in 0..200 {
        let answer = world.get("/", "").await;
        if answer.status == status {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no {status} in ten seconds");
}

/// An upstream of both HTTP versions.
async fn serve(
    answer: impl Fn(Request<Incoming>) -> Response<Full<bytes::Bytes>> + Clone + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(TokioIo::new(stream), answer.clone()));
        }
    });
    address
}

async fn converse(
    io: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    answer: impl Fn(Request<Incoming>) -> Response<Full<bytes::Bytes>> + Clone + Send + Sync + 'static,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(answer(request)) }
    });
    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
        .serve_connection(io, service)
        .await;
}

/// Tells what it got.
fn mirror(request: Request<Incoming>) -> Response<Full<bytes::Bytes>> {
    let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
    let text = format!(
        "{:?} {} authority={} host={} account={}",
        request.version(),
        request.uri().path_and_query().unwrap(),
        request.uri().authority().map_or("", |authority| authority.as_str()),
        host.unwrap_or_default(),
        request.headers().get("x-countersign-account").map_or("", |value| value.to_str().unwrap()),
    );
    Response::new(Full::from(text))
}

#[tokio::test]
async fn http_2_without_tls_by_prior_knowledge_names_the_callers_host() {
    let address = serve(mirror).await;
    let world = World::with(&pool(&format!("{}protocol = \"http2\"", listed(&[address])), "")).await;
    for _ in 0..2 {
        let answer = world.get("/a%20b?x=1", "").await;
        assert_eq!(answer.body, format!("HTTP/2.0 /a%20b?x=1 authority={HOST} host= account=alice"));
    }
    let named = format!("{}protocol = \"http2\"\nhost = \"orders.internal:81\"", listed(&[address]));
    let world = World::with(&pool(&named, "")).await;
    assert!(world.get("/", "").await.body.contains("authority=orders.internal:81"));
    let world = World::with(&pool(&format!("{}host = \"orders.internal\"", listed(&[address])), "")).await;
    assert_eq!(world.get("/", "").await.body, "HTTP/1.1 / authority= host=orders.internal account=alice");
}

#[tokio::test]
async fn tls_upstreams_are_checked_by_their_own_ca_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["orders.internal".to_owned()]).unwrap().self_signed(&key).unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, certificate.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls_pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    converse(TokioIo::new(stream), mirror).await;
                }
            });
        }
    });
    let over = |tls: &str, more: &str| {
        pool(&format!("addresses = [\"https://{address}\"]\ntls = {{ {tls} }}\n{more}"), "")
    };
    let ours = format!("ca = {:?}, server_name = \"orders.internal\"", ca.display().to_string());
    for (tls, more, wanted) in [
        (ours.as_str(), "", Some("HTTP/2.0")),
        (ours.as_str(), "protocol = \"http1\"", Some("HTTP/1.1")),
        (ours.as_str(), "protocol = \"http2\"", Some("HTTP/2.0")),
        ("server_name = \"orders.internal\"", "", None),
        (&ours.replace("orders", "others"), "", None),
    ] {
        let world = World::with(&over(tls, more)).await;
        let answer = world.get("/", "").await;
        match wanted {
            Some(version) => {
                assert!(answer.body.starts_with(version) && answer.body.contains("alice"), "{answer:?}")
            }
            None => assert_eq!(answer.status, 502, "{answer:?}"),
        }
    }
}

#[tokio::test]
async fn connections_are_kept_within_their_bounds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(converse(TokioIo::new(stream), mirror));
        }
    });
    for (settings, wanted) in
        [("", 1), ("connection_requests = 2", 3), ("idle_connections = 0", 6), ("idle_time = \"0s\"", 6)]
    {
        let world = World::with(&pool(&format!("{}{settings}", listed(&[address])), "")).await;
        let before = opened.load(Ordering::SeqCst);
        for _ in 0..6 {
            assert_eq!(world.get("/", "").await.status, 200);
        }
        assert_eq!(opened.load(Ordering::SeqCst) - before, wanted, "{settings}");
    }
}

#[tokio::test]
async fn both_ways_to_balance_spread_what_is_in_flight() {
    for balance in ["least-requests", "two-choices"] {
        let (slow, held) = scripted(async |_stream| tokio::time::sleep(Duration::from_secs(30)).await).await;
        let live = echo::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let text = pool(&format!("{}balance = \"{balance}\"", listed(&[slow, live.address()])), "");
        let world = Arc::new(World::with(&text).await);
        // The first request that hangs at the slow address keeps the others away from it.
        let asking: Vec<_> = (0..12)
            .map(|_| {
                let world = Arc::clone(&world);
                tokio::spawn(async move { world.get("/", "").await.status })
            })
            .collect();
        for _ in 0..200 {
            if asking.iter().filter(|asked| asked.is_finished()).count() >= 6 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let hanging = held.load(Ordering::SeqCst);
        assert!((1..=6).contains(&hanging), "{balance}: {hanging} of 12 went to the slow one");
        asking.iter().for_each(|asked| asked.abort());
    }
}
