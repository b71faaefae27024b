//! Directories of keys for message signatures: a key in one counts when its holder signed the directory for the host that serves it.
use super::*;
use countersign::answer::make::{Signing, sign_directory};
use std::sync::atomic::{AtomicUsize, Ordering};

const DIRECTORY_URL: &str = "https://agent.example/.well-known/http-message-signatures-directory";
const BOT: &str = "web-bot-auth";

/// A directory whose keys sign it anew for each fetch.
struct Signed {
    keys: Vec<PrivateKey>,
    /// Those of the keys that sign.
    signers: Vec<usize>,
    /// The host that they sign for.
    host: &'static str,
    at: Mutex<i64>,
    /// How long each of them signs (seconds).
    lives: Mutex<Vec<i64>>,
    fetched: AtomicUsize,
    /// Each fetch waits for one.
    permits: Semaphore,
}

impl Signed {
    fn text(&self) -> String {
        let jwks: Vec<_> =
            self.keys.iter().map(|key| serde_json::to_value(key.public_key().to_jwk()).unwrap()).collect();
        serde_json::json!({ "keys": jwks }).to_string()
    }
}

impl Fetch for Signed {
    fn fetch<'a>(&'a self, _url: &'a str) -> Answer<'a, Result<Fetched, String>> {
        Box::pin(async {
            self.fetched.fetch_add(1, Ordering::SeqCst);
            self.permits.acquire().await.unwrap().forget();
            let (body, nothing) = (self.text().into_bytes(), HeaderMap::new());
            let question = Incoming {
                method: "GET",
                target: Target::new("https", self.host, DIRECTORY),
                headers: &nothing,
                body: Body::Empty,
                client: None,
                challenge: None,
            };
            let mut headers = HeaderMap::new();
            let now = Time::from_seconds(*self.at.lock().unwrap());
            let lives = self.lives.lock().unwrap().clone();
            for (key, life) in self.signers.iter().map(|at| &self.keys[*at]).zip(lives) {
                let signing = Signing { key, algorithm: key.kind().usual_algorithm(), now };
                sign_directory(&question, &mut headers, &body, Span::from_seconds(life), &signing).unwrap();
            }
            Ok(Fetched { body, headers })
        })
    }
}

fn signed(signers: &[usize], host: &'static str) -> (Arc<Signed>, Arc<Jwks>) {
    let keys = [KeyKind::Ed25519, KeyKind::P256, KeyKind::Ed25519]
        .map(|kind| PrivateKey::generate(kind, 256).unwrap());
    let directory = Arc::new(Signed {
        keys: keys.into(),
        signers: signers.to_vec(),
        host,
        at: Mutex::new(0),
        lives: Mutex::new(vec![600; 3]),
        fetched: AtomicUsize::new(0),
        permits: Semaphore::new(100),
    });
    let jwks = Jwks::new(directory.clone(), Times::default(), Policy::default(), &[BOT.to_owned()]);
    (directory, Arc::new(jwks))
}

async fn found(jwks: &Arc<Jwks>, key: &PrivateKey, second: i64) -> usize {
    let kid = key.fingerprints().jwk_thumbprint.clone();
    jwks.keys("acc_1", DIRECTORY_URL, BOT, Some(&kid), Time::from_seconds(second)).await.len()
}

#[tokio::test]
async fn a_key_counts_by_its_thumbprint_when_its_holder_signed_for_this_host() {
    let (directory, jwks) = signed(&[0, 1], "agent.example");
    for (at, count) in [(0, 1), (1, 1), (2, 0)] {
        assert_eq!(found(&jwks, &directory.keys[at], 1).await, count, "{at}");
    }
    // Copied from another host, with its signatures; and not signed at all.
    for (signers, host) in [(&[0, 1, 2][..], "other.example"), (&[], "agent.example")] {
        let (directory, jwks) = signed(signers, host);
        assert_eq!(found(&jwks, &directory.keys[0], 1).await, 0, "{host}");
    }
    // As a plain key set the same document needs no signature.
    let (directory, jwks) = signed(&[], "agent.example");
    let kid = directory.keys[0].fingerprints().jwk_thumbprint.clone();
    let plain = jwks.keys("acc_1", URL, BOT, Some(&kid), Time::from_seconds(1)).await;
    assert!(plain.is_empty(), "its keys have no names there");
}

#[tokio::test]
async fn signatures_that_ended_end_the_keys_though_the_directory_is_the_same() {
    let (directory, jwks) = signed(&[0], "agent.example");
    assert_eq!(found(&jwks, &directory.keys[0], 1).await, 1);
    // Signed once, 600 seconds ago, and never again: the next reading takes the keys away.
    let stranger = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    assert_eq!(found(&jwks, &stranger, 700).await, 0);
    assert_eq!(found(&jwks, &directory.keys[0], 701).await, 0);
    *directory.at.lock().unwrap() = 800;
    assert_eq!(found(&jwks, &directory.keys[0], 800).await, 1);
    assert_eq!(directory.fetched.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_directory_counts_no_longer_than_the_first_of_its_signatures() {
    let (directory, jwks) = signed(&[0, 1], "agent.example");
    *directory.lives.lock().unwrap() = vec![20, 6];
    assert_eq!(found(&jwks, &directory.keys[0], 0).await, 1);
    assert_eq!(found(&jwks, &directory.keys[0], 5).await, 1);
    // Nobody may ask so soon again, and nobody says that it is still so.
    for second in [6, 7, 29] {
        assert_eq!(found(&jwks, &directory.keys[0], second).await, 0, "{second}");
    }
    *directory.at.lock().unwrap() = 30;
    assert_eq!(found(&jwks, &directory.keys[0], 30).await, 1, "read again, and waited for");
    assert_eq!(directory.fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_directory_is_read_again_before_its_signatures_end() {
    let (directory, jwks) = signed(&[0], "agent.example");
    *directory.lives.lock().unwrap() = vec![100];
    assert_eq!(found(&jwks, &directory.keys[0], 0).await, 1);
    *directory.at.lock().unwrap() = 60;
    assert_eq!(found(&jwks, &directory.keys[0], 49).await, 1);
    assert_eq!(directory.fetched.load(Ordering::SeqCst), 1);
    assert_eq!(found(&jwks, &directory.keys[0], 60).await, 1);
    settled(&jwks, 60).await;
    assert_eq!(found(&jwks, &directory.keys[0], 130).await, 1);
}

#[tokio::test]
async fn a_strange_key_under_a_known_agent_is_judged_without_waiting() {
    let (directory, jwks) = signed(&[0], "agent.example");
    assert_eq!(found(&jwks, &directory.keys[0], 0).await, 1);
    let all = directory.permits.available_permits();
    directory.permits.forget_permits(all);
    // No fetch ends: whoever waited for one would wait for ever.
    let stranger = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let waits = std::time::Duration::from_secs(30);
    for second in [40, 41] {
        let found = tokio::time::timeout(waits, found(&jwks, &stranger, second)).await;
        assert_eq!(found.expect("nobody waits"), 0);
    }
    // It was a hint all the same: a key that its owner has put there meanwhile counts once the directory has been read.
    directory.permits.add_permits(1);
    settled(&jwks, 40).await;
    assert_eq!(directory.fetched.load(Ordering::SeqCst), 2);
}

/// Waits until the set that was asked for at this second has come.
async fn settled(jwks: &Jwks, second: i64) {
    for _ in 0..2000 {
        if jwks.sets.get("acc_1").is_some_and(|entry| entry.fetched == Some(Time::from_seconds(second))) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it was not read at {second}");
}
