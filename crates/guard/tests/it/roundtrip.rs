//! Sign, then verify, as a property of every dialect; and whatever is changed on the way is refused.
use crate::installation::{API_KEY, DIALECTS, NOW, USER, dialect, guard, policy, rsa, stranger};
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::Time;
use countersign::write::Signer;
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::Policy;
use countersign_keys::PrivateKey;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
    headers: HeaderMap,
}

impl Request {
    fn incoming(&self) -> Incoming<'_> {
        Incoming {
            method: &self.method,
            target: Target::new("https", "api.example.com", &self.path),
            headers: &self.headers,
            body: if self.body.is_empty() { Body::Empty } else { Body::Seen(&self.body) },
            client: None,
            challenge: None,
        }
    }

    fn signed(mut self, name: &str, identifier: &str, key: &PrivateKey, random: [u8; 16]) -> Self {
        let signer = Signer {
            key,
            identifier,
            acting_as: Some(USER),
            companion: Some(API_KEY),
            algorithm: None,
            challenge: None,
        };
        let made = dialect(name).write(&self.incoming(), &signer, Time::from_seconds(NOW), random).unwrap();
        for (name, value) in made.headers {
            self.headers.insert(name, value);
        }
        self
    }
}

fn judge(guard: &Guard, policy: &Policy, request: &Request) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let incoming = request.incoming();
    // Explain first: it must say the same and use nothing up.
    let told = runtime.block_on(guard.explain(policy, &incoming)).unwrap();
    let judged = runtime.block_on(guard.judge(policy, &incoming)).unwrap();
    let (verdict, reason, out) = match judged {
        Verdict::Verified(verified) => ("verified", None, Ok(verified.identifier().to_owned())),
        Verdict::Absent(_) => ("absent", Some("missing-credentials"), Err("missing-credentials".to_owned())),
        Verdict::Refused(denial) => {
            let code = denial.refusal.reason.code();
            ("refused", Some(code), Err(code.to_owned()))
        }
    };
    if told.reason != Some("missing-credentials") {
        assert_eq!((told.verdict, told.reason), (verdict, reason), "explain and judge differ");
    }
    out
}

fn requests() -> impl Strategy<Value = Request> {
    let path = "(/[a-zäé0-9%._~-]{0,6}){1,3}(\\?[a-z\\[\\]=&%0-9ü]{0,8})?";
    ("(GET|POST|PUT|DELETE)", path, "[ -~äöü€😀\n\t\"\\\\/]{0,40}").prop_map(|(method, path, body)| Request {
        method,
        path,
        body: body.into_bytes(),
        headers: HeaderMap::new(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_signed_is_recognised(request in requests(), random: [u8; 16]) {
        for (name, _, identifier) in DIALECTS {
            let guard = guard();
            let policy = policy(name);
            let signed = request.clone().signed(name, identifier, rsa(), random);
            let found = judge(&guard, &policy, &signed);
            prop_assert!(found.is_ok(), "{name}: {found:?}");
            let again = judge(&guard, &policy, &signed);
            if policy.dialects[0].is_single_use() {
                prop_assert_eq!(again, Err("replayed".to_owned()));
            } else {
                prop_assert!(again.is_ok());
            }
        }
    }

    #[test]
    fn two_proofs_of_one_moment_are_two(request in requests(), one: [u8; 16], other: [u8; 16]) {
        prop_assume!(one != other);
        for (name, _, identifier) in DIALECTS {
            let (guard, policy) = (guard(), policy(name));
            for random in [one, other] {
                let signed = request.clone().signed(name, identifier, rsa(), random);
                let found = judge(&guard, &policy, &signed);
                prop_assert!(found.is_ok(), "{name}: {found:?}");
            }
        }
    }

    #[test]
    fn what_a_stranger_signs_is_refused(request in requests(), random: [u8; 16]) {
        for (name, _, identifier) in DIALECTS {
            let signed = request.clone().signed(name, identifier, stranger(), random);
            let found = judge(&guard(), &policy(name), &signed);
            prop_assert!(found.is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_covered_cannot_be_changed(request in requests(), random: [u8; 16], junk in "[a-z]{1,4}") {
        for (name, _, identifier) in DIALECTS {
            let policy = policy(name);
            let covered = policy.dialects[0].covered();
            let signed = request.clone().signed(name, identifier, rsa(), random);
            let mut changed = Vec::new();
            if covered.path {
                changed.push(Request { path: format!("{}{junk}", signed.path), ..signed.clone() });
            }
            if covered.body {
                let body = [signed.body.as_slice(), junk.as_bytes()].concat();
                changed.push(Request { body, ..signed.clone() });
            }
            if covered.method {
                changed.push(Request { method: format!("{}X", signed.method), ..signed.clone() });
            }
            for header in policy.dialects[0].carriers() {
                let Some(value) = signed.headers.get(header) else { continue };
                let mut headers = signed.headers.clone();
                let value = [value.as_bytes(), b"A"].concat();
                headers.insert(header, HeaderValue::from_bytes(&value).unwrap());
                changed.push(Request { headers, ..signed.clone() });
            }
            for request in changed {
                prop_assert!(judge(&guard(), &policy, &request).is_err(), "{name}: {request:?}");
            }
        }
    }

    #[test]
    fn nothing_panics_and_nothing_random_is_recognised(value in "[ -~]{0,80}", body: Vec<u8>) {
        for (name, ..) in DIALECTS {
            let policy = policy(name);
            let mut headers = HeaderMap::new();
            for header in policy.dialects[0].carriers() {
                headers.insert(header.clone(), HeaderValue::from_str(&value).unwrap());
            }
            let request = Request { method: "GET".into(), path: "/".into(), body: body.clone(), headers };
            prop_assert!(judge(&guard(), &policy, &request).is_err());
        }
    }
}
