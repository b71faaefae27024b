//! Who the database is, and who we are: certificates that are checked, passwords that are not told.
use crate::open;
use countersign_store::registry::Registry;
use countersign_store_postgres::{PostgresStore, Settings};
use countersign_testkit::postgres::Postgres;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;
use zeroize::Zeroizing;

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

async fn told(settings: &Settings) -> String {
    match PostgresStore::open(settings).await {
        Ok(_) => "opened".to_owned(),
        Err(fault) => fault.to_string(),
    }
}

#[tokio::test]
async fn the_certificate_is_checked_by_authority_and_name() {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (ours, others) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (chain, secret) = (file("chain.pem", &certificate.pem()), file("key.pem", &key.serialize_pem()));
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let ca = file("ca.pem", &ours.pem());
    let other = file("other.pem", &others.pem());
    Postgres::give(&secret);
    let chain = format!("ssl_cert_file={}", chain.display());
    let server = Postgres::start(&["ssl=on", &chain, &format!("ssl_key_file={}", secret.display())]);
    let plain = server.database();
    let by_address = format!("{plain}?sslmode=verify-full");
    let by_name = by_address.replace("127.0.0.1", "localhost");
    let with =
        |url: &str, ca: &std::path::Path| Settings { ca_file: Some(ca.to_owned()), ..Settings::new(url) };
    let store = PostgresStore::open(&with(&by_name, &ca)).await.unwrap();
    store.version().await.unwrap();
    let encrypted = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'countersign'";
    assert_eq!(server.sql(&plain, encrypted), "t");
    for wrong in [with(&by_name, &other), Settings::new(&by_name), with(&by_address, &ca)] {
        let told = told(&wrong).await;
        assert!(told.contains("certificate"), "{told}");
    }
    // On this machine nobody stands between, so it may be spoken to in the clear.
    open(&plain).await;
}

#[tokio::test]
async fn a_password_is_used_and_never_told() {
    let server = Postgres::start(&[]);
    let url = server.database();
    let rules = server.data().join("pg_hba.conf");
    let before = fs::read_to_string(&rules).unwrap();
    fs::write(&rules, format!("host all locked 127.0.0.1/32 scram-sha-256\n{before}")).unwrap();
    let name = url.rsplit('/').next().unwrap();
    server.sql(&url, "CREATE ROLE locked LOGIN PASSWORD 'right one'; SELECT pg_reload_conf()");
    server.sql("postgres", &format!("ALTER DATABASE {name} OWNER TO locked"));
    let with = |password: Option<&str>| Settings {
        password: password.map(|password| Zeroizing::new(password.to_owned())),
        ..Settings::new(url.replace("countersign@", "locked@"))
    };
    for _ in 0..100 {
        // The rules are read anew a moment after the order.
        if told(&with(None)).await != "opened" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(told(&with(Some("right one"))).await, "opened");
    let wrong = with(Some("hunter2"));
    let told = told(&wrong).await;
    assert!(told.contains("password authentication failed") && !told.contains("hunter2"), "{told}");
    assert!(!format!("{wrong:?}").contains("hunter2"));
}
