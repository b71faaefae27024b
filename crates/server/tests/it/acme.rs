//! Certificates ordered from a real ACME authority: Debian's pebble, with its own look at our listener.
use crate::fixture::{ROUTES, register_for_tests, send};
use countersign::time::Span;
use countersign_guard::clock::{Clock, FrozenClock, SeededEntropy, SystemClock};
use countersign_server::config::listener::Surface;
use countersign_server::config::{Config, Sources};
use countersign_server::server::{Options, Running, Server};
use countersign_server::{Parts, echo};
use countersign_store::memory::MemoryStore;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const NAME: &str = "api.example.test";

/// Pebble and the name server it asks; both end with the test.
struct Authority {
    programs: Vec<Child>,
    port: u16,
    manage: u16,
    ca: CertificateDer<'static>,
}

impl Drop for Authority {
    fn drop(&mut self) {
        for program in &mut self.programs {
            // It may have ended by itself.
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// A port that nobody listens on now, below those that the system gives to outgoing connections: one of these would take it.
fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 10_000 + u16::try_from(std::process::id() % 20_000).unwrap();
    let mut ports = std::iter::repeat_with(|| start + NEXT.fetch_add(1, Ordering::Relaxed));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

fn run(program: &str, arguments: &[String]) -> Child {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // No sleeping between looks, and every second valid authorization is not used again.
    command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "10").env("PEBBLE_AUTHZREUSE", "0");
    command.spawn().unwrap_or_else(|error| panic!("{program}: {error}; apt-get install pebble"))
}

impl Authority {
    /// Starts one that looks for TLS-ALPN-01 on `look` of this machine.
    async fn start(folder: &Path, look: u16) -> Self {
        Self::looking(folder, look, free()).await
    }

    /// The same, with the port where it looks for HTTP-01.
    async fn looking(folder: &Path, look: u16, http: u16) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let at = |name: &str| folder.join(name).display().to_string();
        std::fs::write(at("ca.pem"), made.cert.pem()).unwrap();
        std::fs::write(at("ca.key"), made.signing_key.serialize_pem()).unwrap();
        let (port, manage, names, control) = (free(), free(), free(), free());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{manage}"),
            "certificate": at("ca.pem"), "privateKey": at("ca.key"),
            "httpPort": http, "tlsPort": look, "ocspResponderURL": "", "externalAccountBindingRequired": false,
        }});
        std::fs::write(at("pebble.json"), config.to_string()).unwrap();
        let names_at = format!("127.0.0.1:{names}");
        let resolver: Vec<String> = [
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
            "-dns01",
            &names_at,
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
            "-management",
            &format!("127.0.0.1:{control}"),
        ]
        .map(str::to_owned)
        .to_vec();
        let pebble =
            ["-config", &at("pebble.json"), "-dnsserver", &names_at, "-strict"].map(str::to_owned).to_vec();
        let programs = vec![run("pebble-challtestsrv", &resolver), run("pebble", &pebble)];
        let authority = Self { programs, port, manage, ca: made.cert.der().clone() };
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok()
                && TcpStream::connect(("127.0.0.1", manage)).await.is_ok()
            {
                return authority;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("pebble does not listen");
    }

    /// The root that it issues under; made anew at each of its starts.
    async fn root(&self) -> CertificateDer<'static> {
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(trusting(&self.ca))
            .https_only()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build::<_, Empty<bytes::Bytes>>(connector);
        let uri = format!("https://localhost:{}/roots/0", self.manage);
        let answer = client.get(uri.parse().unwrap()).await.unwrap();
        let pem = answer.into_body().collect().await.unwrap().to_bytes();
        CertificateDer::from_pem_slice(&pem).unwrap()
    }
}

fn trusting(root: &CertificateDer<'static>) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The certificate that a caller who trusts the root is shown; none when it does not take it.
async fn shown(address: SocketAddr, root: &CertificateDer<'static>) -> Option<CertificateDer<'static>> {
    let stream = TcpStream::connect(address).await.ok()?;
    let name = ServerName::try_from(NAME).unwrap();
    let stream = TlsConnector::from(Arc::new(trusting(root))).connect(name, stream).await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?.first()?.clone())
}

/// Waits for a certificate that is not `but`.
async fn issued(
    running: &Running,
    address: SocketAddr,
    root: &CertificateDer<'static>,
    but: Option<&CertificateDer<'static>>,
) -> CertificateDer<'static> {
    // Seven minutes: an order that fails once, on a machine shared with the other tests, is tried again after five.
    for _ in 0..8400 {
        match shown(address, root).await {
            Some(shown) if Some(&shown) != but => return shown,
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("no certificate came\n{}", metrics(running).await);
}

async fn metrics(running: &Running) -> String {
    let own = running.address(Surface::Metrics).unwrap();
    send(own, b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").await.body
}

async fn serve(folder: &Path, directory: u16, look: u16, clock: &Arc<FrozenClock>) -> Running {
    serve_with(folder, directory, look, clock, "", "").await
}

async fn serve_with(
    folder: &Path,
    directory: u16,
    look: u16,
    clock: &Arc<FrozenClock>,
    acme: &str,
    listener: &str,
) -> Running {
    let echo = echo::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let text = ROUTES.replace("UPSTREAM", &format!("http://{}", echo.address())).replacen(
        "address = \"127.0.0.1:0\"\n",
        &format!(
            "address = \"127.0.0.1:{look}\"\ntls = {{ acme = {{ directory = \"https://localhost:{directory}/dir\", \
             domains = [\"{NAME}\"], contact = [\"mailto:ops@example.test\"], ca_file = {:?}{acme} }} }}\n",
            folder.join("ca.pem")
        ),
        1,
    );
    let text = text.replacen("[identity]", &format!("{listener}[identity]"), 1);
    let sources = Sources { file: Some(("test.toml".to_owned(), text)), ..Sources::default() };
    let store = Arc::new(MemoryStore::new([7; 16]));
    register_for_tests(&store).await;
    let parts = Parts {
        clock: clock.clone(),
        entropy: Arc::new(SeededEntropy::new(1)),
        registry: store.clone(),
        once: store.clone(),
        challenges: store.clone(),
        sessions: store.clone(),
    };
    let options = Options { data: Some(folder.to_owned()), ..Options::default() };
    Server::start_with(Config::load(&sources).unwrap(), parts, options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_ordered_kept_and_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let look = free();
    let address = SocketAddr::from(([127, 0, 0, 1], look));
    let authority = Authority::start(folder.path(), look).await;
    let root = authority.root().await;
    let clock = Arc::new(FrozenClock::at(SystemClock.now()));
    let running = serve(folder.path(), authority.port, look, &clock).await;
    let first = issued(&running, address, &root, None).await;

    // Nobody else on the machine reads the keys.
    let kept: Vec<_> = walk(&folder.path().join("acme"));
    assert_eq!(kept.len(), 2, "{kept:?}");
    for file in &kept {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    let told = metrics(&running).await;
    assert!(told.contains("countersign_certificate_orders_total{outcome=\"issued\"} 1"), "{told}");

    // Half way nothing happens; at its end it is renewed, while the old one is presented.
    let life = ends(&running).await - clock.now().seconds();
    clock.set(clock.now() + Span::from_seconds(life / 2));
    running.refresh_certificates().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(shown(address, &root).await.as_ref(), Some(&first));
    clock.set(clock.now() + Span::from_seconds(life / 5));
    running.refresh_certificates().await;
    let second = issued(&running, address, &root, Some(&first)).await;

    // After a restart it is there at once, though the authority is gone; and while an order fails.
    running.shutdown().await;
    let port = authority.port;
    drop(authority);
    let clock = Arc::new(FrozenClock::at(SystemClock.now()));
    let running = serve(folder.path(), port, look, &clock).await;
    assert_eq!(shown(address, &root).await.as_ref(), Some(&second));
    clock.set(clock.now() + Span::from_seconds(life / 10 * 9));
    running.refresh_certificates().await;
    for _ in 0..500 {
        if metrics(&running).await.contains("countersign_certificate_orders_total{outcome=\"refused\"} 1") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The next try waits, whatever wakes it.
    running.refresh_certificates().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told = metrics(&running).await;
    assert!(told.contains("countersign_certificate_orders_total{outcome=\"refused\"} 1\n"), "{told}");
    assert_eq!(shown(address, &root).await.as_ref(), Some(&second));
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_does_not_find_us_issues_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // It looks where nobody answers.
    let authority = Authority::start(folder.path(), free()).await;
    let root = authority.root().await;
    let look = free();
    let clock = Arc::new(FrozenClock::at(SystemClock.now()));
    let running = serve(folder.path(), authority.port, look, &clock).await;
    for attempt in 0.. {
        if metrics(&running).await.contains("countersign_certificate_orders_total{outcome=\"refused\"} 1") {
            break;
        }
        assert!(attempt < 1000, "no order was refused");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Until there is a certificate, handshakes fail.
    assert_eq!(shown(SocketAddr::from(([127, 0, 0, 1], look)), &root).await, None);
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_shown_by_a_text_where_the_authority_looks_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let (look, http) = (free(), free());
    // Where it would look for a certificate of ours, nobody answers.
    let authority = Authority::looking(folder.path(), free(), http).await;
    let root = authority.root().await;
    let clock = Arc::new(FrozenClock::at(SystemClock.now()));
    let listener = format!("[[listener]]\naddress = \"127.0.0.1:{http}\"\nsurfaces = [\"acme\"]\n");
    let running =
        serve_with(folder.path(), authority.port, look, &clock, ", challenge = \"http-01\"", &listener).await;
    issued(&running, SocketAddr::from(([127, 0, 0, 1], look)), &root, None).await;
    let told = metrics(&running).await;
    assert!(told.contains("countersign_certificate_orders_total{outcome=\"issued\"} 1"), "{told}");
    // Nothing is left there, and nothing else is.
    let plain = SocketAddr::from(([127, 0, 0, 1], http));
    for path in ["/.well-known/acme-challenge/x", "/.well-known/acme-challenge/", "/", "/healthz"] {
        let asked = format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
        assert_eq!(send(plain, asked.as_bytes()).await.status, 404, "{path}");
    }
    let found = "{surface=\"acme\",status=\"2xx\"} ";
    assert!(metrics(&running).await.contains(found), "the authority was told by that surface");
    running.shutdown().await;
}

/// When the ordered certificate ends.
async fn ends(running: &Running) -> i64 {
    running.refresh_certificates().await;
    let told = metrics(running).await;
    let line = told.lines().find(|line| line.starts_with("countersign_certificate_ends{")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}
