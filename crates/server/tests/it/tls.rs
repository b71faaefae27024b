//! Listeners that speak TLS: the certificate fits the name, changes with its files, and survives broken ones.
use crate::fixture::{ROUTES, World, send};
use countersign_server::config::listener::Surface;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Writes a certificate for a name and its key; gives the certificate.
fn made(folder: &Path, file: &str, name: &str) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    std::fs::write(folder.join(format!("{file}.pem")), made.cert.pem()).unwrap();
    std::fs::write(folder.join(format!("{file}.key")), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// Connects as somebody who trusts these certificates.
async fn connect(
    address: SocketAddr,
    name: &str,
    trusted: &[&CertificateDer<'static>],
    protocol: &'static rustls::SupportedProtocolVersion,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    for one in trusted {
        roots.add((*one).clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[protocol])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

async fn shown(
    address: SocketAddr,
    name: &str,
    trusted: &[&CertificateDer<'static>],
) -> std::io::Result<CertificateDer<'static>> {
    let stream = connect(address, name, trusted, &rustls::version::TLS13, &["h2"]).await?;
    let (_, connection) = stream.get_ref();
    assert_eq!(connection.alpn_protocol(), Some(b"h2".as_slice()));
    Ok(connection.peer_certificates().unwrap()[0].clone())
}

/// A world whose second listener speaks TLS.
async fn secure(tls: &str) -> (World, SocketAddr) {
    let own = "surfaces = [\"metrics\", \"health\"]";
    let first = "\"jwks\", \"health\"]";
    let text = ROUTES.replace(own, &format!("{own}\ntls = {tls}\n"));
    let world = World::with(&text.replace(first, "\"jwks\", \"health\", \"metrics\"]")).await;
    let address = world.running.addresses()[1].address;
    (world, address)
}

async fn metrics(world: &World) -> String {
    let own = world.running.address(Surface::Metrics).unwrap();
    send(own, b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").await.body
}

#[tokio::test]
async fn the_name_chooses_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let a = made(folder.path(), "a", "a.test");
    let b = made(folder.path(), "b", "*.b.test");
    let tls = format!(
        "{{ certificate = {:?}, key = {:?}, others = [{{ certificate = {:?}, key = {:?} }}] }}",
        at("a.pem"),
        at("a.key"),
        at("b.pem"),
        at("b.key")
    );
    let (_world, address) = secure(&tls).await;
    assert_eq!(shown(address, "a.test", &[&a]).await.unwrap(), a);
    assert_eq!(shown(address, "www.b.test", &[&b]).await.unwrap(), b);
    // No name at all, or one that fits none: the first, which such a caller does not take.
    assert!(shown(address, "127.0.0.1", &[&a, &b]).await.is_err());
    assert!(shown(address, "b.test", &[&a, &b]).await.is_err());
    for (protocol, alpn, wanted) in [
        (&rustls::version::TLS12, &["http/1.1"][..], Some(&b"http/1.1"[..])),
        (&rustls::version::TLS13, &["http/1.1", "h2"], Some(b"h2")),
        (&rustls::version::TLS13, &[], None),
    ] {
        let stream = connect(address, "a.test", &[&a], protocol, alpn).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), wanted);
    }
    assert!(connect(address, "a.test", &[&a], &rustls::version::TLS13, &["acme-tls/1"]).await.is_err());
}

#[tokio::test]
async fn a_changed_certificate_is_presented_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = made(folder.path(), "a", "a.test");
    let files = format!(
        "{{ certificate = {:?}, key = {:?} }}",
        folder.path().join("a.pem"),
        folder.path().join("a.key")
    );
    let (world, address) = secure(&files).await;
    let told = metrics(&world).await;
    // The end of what rcgen makes by default: the year 4096.
    assert!(told.contains("a.pem\"} 67090118400\n"), "{told}");
    let mut kept = connect(address, "a.test", &[&first], &rustls::version::TLS13, &[]).await.unwrap();
    let second = made(folder.path(), "a", "a.test");
    assert_eq!(shown(address, "a.test", &[&first, &second]).await.unwrap(), first, "nobody looked yet");
    world.running.refresh_certificates().await;
    assert_eq!(shown(address, "a.test", &[&first, &second]).await.unwrap(), second);
    // The key of another.
    let third = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap();
    std::fs::write(folder.path().join("a.pem"), third.cert.pem()).unwrap();
    world.running.refresh_certificates().await;
    assert_eq!(shown(address, "a.test", &[&second]).await.unwrap(), second);
    assert!(metrics(&world).await.contains("countersign_certificates_broken 1"));
    // Now its own key follows, but the certificate has ended already.
    let mut over = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    over.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let over = over.self_signed(&third.signing_key).unwrap();
    std::fs::write(folder.path().join("a.pem"), over.pem()).unwrap();
    std::fs::write(folder.path().join("a.key"), third.signing_key.serialize_pem()).unwrap();
    world.running.refresh_certificates().await;
    assert_eq!(shown(address, "a.test", &[&second]).await.unwrap(), second);
    // A reload reads them as well.
    let fourth = made(folder.path(), "a", "a.test");
    let config = world.running.app().config.clone();
    world.running.reload(config).await.unwrap();
    assert_eq!(shown(address, "a.test", &[&fourth]).await.unwrap(), fourth);
    assert!(metrics(&world).await.contains("countersign_certificates_broken 0"));
    std::fs::write(folder.path().join("a.pem"), "nothing").unwrap();
    let config = world.running.app().config.clone();
    let told = world.running.reload(config).await.unwrap_err().to_string();
    assert!(told.contains("a.pem: wanted PEM certificates, found none"), "{told}");
    assert_eq!(shown(address, "a.test", &[&fourth]).await.unwrap(), fourth);
    // Connections outlive it all.
    tokio::io::AsyncWriteExt::write_all(&mut kept, b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        .await
        .unwrap();
    let mut bytes = [0; 15];
    kept.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path(), "a", "a.test");
    let tls = format!(
        "{{ certificate = {:?}, key = {:?} }}\n[limits]\nheader_time = \"200ms\"",
        folder.path().join("a.pem"),
        folder.path().join("a.key")
    );
    let (_world, address) = secure(&tls).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), silent.read_to_end(&mut bytes)).await;
    assert_eq!(ended.unwrap().unwrap(), 0);
}
