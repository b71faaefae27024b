//! Who the server is, and who we are: certificates that are checked, passwords that are not told, and the least that a user needs.
use crate::{alone, claimed, clock, join, settings, terms, words};
use countersign::ask::Use;
use countersign_store_redis::{Bus, Settings};
use countersign_testkit::redis::Redis;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::fs;
use tempfile::TempDir;
use zeroize::Zeroizing;

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

async fn told(settings: &Settings) -> String {
    match join(settings, &words(), clock(), terms("a")).await {
        Ok(_) => "opened".to_owned(),
        Err(fault) => fault.to_string(),
    }
}

#[tokio::test]
async fn the_certificate_is_checked_by_authority_and_name() {
    let folder = TempDir::new().unwrap();
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
    let (ca, other) = (file("ca.pem", &ours.pem()), file("other.pem", &others.pem()));
    let server = Redis::secure(&chain, &secret, &ca);
    let with =
        |url: String, ca: &std::path::Path| Settings { ca_file: Some(ca.to_owned()), ..settings(&url) };
    let by_name = format!("rediss://localhost:{}", server.port());
    let by_address = format!("rediss://127.0.0.1:{}", server.port());
    assert_eq!(told(&with(by_name.clone(), &ca)).await, "opened");
    for wrong in [with(by_name.clone(), &other), settings(&by_name), with(by_address, &ca)] {
        let told = told(&wrong).await;
        assert!(told.contains("cannot speak TLS") && told.contains("certificate"), "{told}");
    }
    let plain = told(&settings(&server.url())).await;
    assert!(plain.contains("Redis at 127.0.0.1"), "{plain}");
    let none = told(&with(by_name, &folder.path().join("missing.pem"))).await;
    assert!(none.contains("missing.pem"), "{none}");
}

/// What the page on stores says a user needs.
const RIGHTS: &[&str] = &[
    "resetkeys",
    "~t*",
    "resetchannels",
    "&t*",
    "nocommands",
    "+evalsha",
    "+script|load",
    "+info",
    "+time",
    "+zadd",
    "+zrem",
    "+zrange",
    "+zscore",
    "+zcard",
    "+zcount",
    "+zremrangebyrank",
    "+publish",
    "+subscribe",
    "+ping",
];

#[tokio::test]
async fn a_password_is_used_and_never_told_and_a_user_needs_little() {
    let server = alone();
    let mut rules = vec!["ACL", "SETUSER", "countersign", "on", ">right one"];
    rules.extend(RIGHTS);
    server.run(&rules);
    let url = server.url().replace("//", "//countersign@");
    let with =
        |password: &str| Settings { password: Some(Zeroizing::new(password.to_owned())), ..settings(&url) };
    let right = with("right one");
    let (once, recovery) = join(&right, &words(), clock(), terms("a")).await.unwrap();
    let start = recovery.barrier.seconds() + 1;
    assert_eq!(claimed(&once, 1, start).await.unwrap(), Use::First);
    assert_eq!(claimed(&once, 1, start).await.unwrap(), Use::Again);
    let (one, other) = (Bus::start(&right).unwrap(), Bus::start(&right).unwrap());
    // Each wakes when it begins to listen.
    one.announced().await;
    other.announced().await;
    one.announce(7).await.unwrap();
    other.announced().await;
    let wrong = told(&with("wrong one")).await;
    assert!(wrong.contains("Redis at") && !wrong.contains("wrong one"), "{wrong}");
    server.run(&["ACL", "SETUSER", "countersign", "-script"]);
    let less = told(&with("right one")).await;
    assert!(less.contains("the user may not"), "{less}");
}
