//! Sign, then verify, in every shipped dialect that signs tokens or forms, each by the key and the settings of its own file.
use super::plain;
use crate::clock::FrozenClock;
use crate::guard::{Guard, Verdict};
use crate::policy::Policy;
use countersign::dialect::Dialect;
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::Time;
use countersign::write::Signer;
use countersign_keys::{KeyKind, PrivateKey};
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::registry::Loaded;
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use std::sync::Arc;

const NOW: i64 = 1_700_000_000;
const IDENTIFIER: &str = "somebody";
const USER: &str = "user@example.com";

/// A key that a dialect takes; kinds that its first algorithm has.
fn key(dialect: &Dialect) -> PrivateKey {
    let kind = dialect.algorithms()[0].kind();
    PrivateKey::generate(kind, if kind == KeyKind::Rsa { 2048 } else { 0 }).unwrap()
}

fn guard(name: &str, namespace: &str, key: &PrivateKey) -> Guard {
    let registry = json!({ "users": [USER], "accounts": [{
        "name": "a", "identifiers": { namespace: IDENTIFIER }, "acts_as": [USER], "companions": ["secret"],
        "keys": [{ "public": key.public_key().to_pem(), "label": IDENTIFIER }],
    }, { "name": "key label", "identifiers": {}, "keys": [] }] });
    let records = plain::records(name, &registry).unwrap();
    let directory = Directory::load(Loaded { version: 1, records }).unwrap();
    let store = Arc::new(MemoryStore::default());
    Guard::new(Arc::new(directory), store.clone(), store, Arc::new(FrozenClock::at(Time::from_seconds(NOW))))
}

#[tokio::test]
async fn what_each_preset_signs_it_recognises_and_nobody_elses() {
    let mut tried = 0;
    for folder in countersign_dialects::FOLDERS {
        let dialect = Arc::new(countersign_dialects::load(folder.name, &Default::default()).unwrap());
        let Some(namespace) = dialect.namespace() else { continue };
        if !dialect.is_token() || folder.name == "partner-key" || folder.name == "atlassian-asap" {
            continue;
        }
        let (own, stranger) = (key(&dialect), key(&dialect));
        let guard = guard(folder.name, namespace, &own);
        let policy = Policy::of(vec![dialect.clone()]);
        for (signer, good) in [(&own, true), (&stranger, false)] {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_static("Basic eDp5"));
            headers.insert("host", HeaderValue::from_static("api.example.com"));
            headers.insert("idempotency-key", HeaderValue::from_static("1"));
            let target = Target::new("https", "api.example.com", "/things?b=1&a=2");
            let sent = b"{\"x\":\"\xff\"}".as_slice();
            let incoming = Incoming {
                method: "POST",
                target,
                headers: &headers,
                body: Body::Seen(sent),
                client: None,
                challenge: None,
            };
            let signer = Signer {
                key: signer,
                identifier: IDENTIFIER,
                acting_as: Some(USER),
                companion: None,
                algorithm: None,
                challenge: None,
            };
            let made = dialect.write(&incoming, &signer, Time::from_seconds(NOW), [7; 16]).unwrap();
            let mut headers = headers.clone();
            for (name, value) in made.headers {
                headers.insert(name, value);
            }
            let body = made.body.map(String::into_bytes).unwrap_or(sent.to_vec());
            let incoming = Incoming { headers: &headers, body: Body::Seen(&body), ..incoming };
            let found = guard.judge(&policy, &incoming).await.unwrap();
            let told = match &found {
                Verdict::Verified(_) => "verified",
                Verdict::Absent(_) => "absent",
                Verdict::Refused(denial) => denial.refusal.reason.code(),
            };
            assert_eq!(told == "verified", good, "{}: {told}", folder.name);
            if good {
                // What its binding says is covered cannot be changed, and what works once does not work again.
                let binding = dialect.binding();
                if binding.covered.once {
                    assert!(!matches!(guard.judge(&policy, &incoming).await.unwrap(), Verdict::Verified(_)));
                }
                let other = Target::new("https", "other.example.com", "/other?c=3");
                let changed = [
                    (binding.covered.method, Incoming { method: "DELETE", ..incoming }),
                    (
                        binding.covered.authority || binding.covered.path || binding.covered.query,
                        Incoming { target: other, ..incoming },
                    ),
                    (binding.covered.body, Incoming { body: Body::Seen(b"other"), ..incoming }),
                ];
                for (covered, incoming) in changed {
                    if covered {
                        let found = guard.judge(&policy, &incoming).await.unwrap();
                        assert!(!matches!(found, Verdict::Verified(_)), "{}", folder.name);
                    }
                }
            }
        }
        tried += 1;
    }
    assert!(tried >= 25, "{tried}");
}
