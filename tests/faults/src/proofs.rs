//! Signs what callers show: proofs that work once, tokens that may be shown often, and a stranger's.
use base64ct::{Base64UrlUnpadded, Encoding};
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How the one account is called.
pub(crate) const USER: &str = "alice";
/// And by its e-mail address.
pub(crate) const EMAIL: &str = "alice@h.example";

/// The keys of one caller, and of a stranger who claims to be it.
pub(crate) struct Signer {
    once: PrivateKey,
    often: PrivateKey,
    stranger: PrivateKey,
    drawn: AtomicU64,
}

impl Signer {
    /// Reads the caller's keys from files.
    pub(crate) fn read(once: &Path, often: &Path) -> Self {
        let read = |path: &Path| PrivateKey::read(&std::fs::read(path).unwrap(), None).unwrap();
        let stranger = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
        Self { once: read(once), often: read(often), stranger, drawn: AtomicU64::new(0) }
    }

    /// A proof that works once, dated so many seconds from this machine's time.
    pub(crate) fn once(&self, ahead: i64) -> String {
        self.asymmetric(&self.once, ahead)
    }

    /// The same in the caller's name by another key.
    pub(crate) fn strange(&self, ahead: i64) -> String {
        self.asymmetric(&self.stranger, ahead)
    }

    /// A token that may be shown for an hour.
    pub(crate) fn often(&self, ahead: i64) -> String {
        often(&self.often, ahead)
    }

    fn asymmetric(&self, key: &PrivateKey, ahead: i64) -> String {
        let nonce = self.drawn.fetch_add(1, Ordering::Relaxed);
        let claims = format!(
            "{{\"username\":\"{USER}\",\"time\":{},\"nonce\":\"{}-{nonce}\"}}",
            now() + ahead,
            std::process::id()
        );
        format!(
            "JWT {}",
            token("{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", &claims, |text| {
                key.sign(Algorithm::Ed25519, text).unwrap()
            })
        )
    }
}

/// A token that a key's holder may show for an hour.
pub(crate) fn often(key: &PrivateKey, ahead: i64) -> String {
    let from = now() + ahead;
    let claims = format!("{{\"iss\":\"{EMAIL}\",\"iat\":{from},\"exp\":{}}}", from + 3000);
    let sign = |text: &[u8]| key.sign(Algorithm::RsaSha256, text).unwrap();
    format!("Bearer {}", token("{\"alg\":\"RS256\",\"typ\":\"JWT\"}", &claims, sign))
}

/// This machine's time, Unix seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn token(head: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let text = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    let signed = format!("{}.{}", text(head.as_bytes()), text(claims.as_bytes()));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", text(&signature))
}
