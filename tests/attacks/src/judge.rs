//! Drives records through the guard itself: no network, the clock standing at the corpus's instant.
use crate::installation::{HOST, NOW, rows, settings};
use crate::pins::Pins;
use crate::record::{Expect, Record, Step, latin1};
use countersign::ask::{Claim, Use};
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::Time;
use countersign_guard::clock::FrozenClock;
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::Policy;
use countersign_guard::signing::{SigningKey, SigningKeys};
use countersign_keys::{KeyKind, PrivateKey, Remembered};
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::memory::MemoryStore;
use countersign_store::model::Write;
use countersign_store::once::Once;
use countersign_store::registry::{Answer, Loaded};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What came of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Came {
    Accepted(String),
    Refused {
        status: u16,
        challenge: Option<String>,
        outward: &'static str,
        reason: &'static str,
    },
    /// No HTTP library carries it this far.
    NotHttp,
    Fault(String),
}

/// The guard with the corpus's registry and settings.
pub(crate) struct Inside {
    directory: Arc<Directory>,
    signing: Arc<SigningKeys>,
    policies: BTreeMap<&'static str, Policy>,
    uniform: BTreeMap<String, Came>,
    /// One for all records: what one of them had remembered must open nothing to the next.
    remembered: Arc<Remembered>,
}

/// A replay memory that is gone.
struct Gone;

impl Once for Gone {
    fn claim(&self, _: Claim, _: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async { Err(Fault::new("the replay memory is gone")) })
    }
    fn peek(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        self.claim(claim, now)
    }
}

impl Inside {
    /// Reads the registry and the dialects.
    ///
    /// # Errors
    /// What could not be read.
    pub(crate) fn new(principals: &str) -> Result<Self, String> {
        let directory =
            Directory::load(Loaded { version: 0, records: Vec::new() }).map_err(|fault| fault.to_string())?;
        let writes: Vec<Write> = rows(principals)?.into_iter().map(Write::Put).collect();
        directory.apply(&writes, 1).map_err(|fault| fault.to_string())?;
        let key = PrivateKey::generate(KeyKind::P256, 256).map_err(|error| error.to_string())?;
        let signing =
            SigningKeys::new(vec![SigningKey { kid: "one".to_owned(), key: Arc::new(key), retired: None }]);
        let mut policies = BTreeMap::new();
        // The skykit route takes skillhive too, so that a request with credentials of both is seen as what it is.
        let routes: [(&str, &[&str]); 6] = [
            ("skykit", &["skykit", "skillhive"]),
            ("ajwt", &["asymmetric-jwt"]),
            ("helplightning", &["partner-key"]),
            ("skillhive", &["skillhive"]),
            ("sxt", &["own-session"]),
            ("rfc9421", &["http-signature"]),
        ];
        for (corpus, names) in routes {
            let load = |name: &&str| countersign_dialects::load(name, &settings(name)).map(Arc::new);
            let dialects: Result<_, _> = names.iter().map(load).collect();
            policies.insert(corpus, Policy::of(dialects.map_err(|error| error.to_string())?));
        }
        Ok(Self {
            directory: Arc::new(directory),
            signing: Arc::new(signing.map_err(|fault| fault.to_string())?),
            policies,
            uniform: BTreeMap::new(),
            remembered: Arc::new(Remembered::new([9; 32], 1024)),
        })
    }

    /// Drives one record.
    ///
    /// # Errors
    /// What should have come of it and what did.
    pub(crate) async fn drive(&mut self, record: &Record, pins: &Pins) -> Result<(), String> {
        let policy = self.policies.get(record.dialect.as_str()).ok_or("no policy for its dialect")?;
        let mut store = Arc::new(MemoryStore::new([7; 16]));
        let mut guard = Arc::new(self.guard(&store, None));
        for (number, step) in record.steps.iter().enumerate() {
            match step.hook.as_deref() {
                // The memory store keeps nothing over a restart: its barrier must refuse what it cannot vouch for.
                Some("restart") => {
                    store = Arc::new(MemoryStore::new([7; 16]));
                    store.window().raise_barrier(Time::from_seconds(NOW + 20));
                    guard = Arc::new(self.guard(&store, None));
                }
                Some("drop-nonce-store") => guard = Arc::new(self.guard(&store, Some(Arc::new(Gone)))),
                Some(other) => return Err(format!("no hook {other:?} in process")),
                None => {}
            }
            let came = run(&guard, policy, step).await?;
            let at = format!("step {}", number + 1);
            let last = number + 1 == record.steps.len();
            match (step.parallel, step.max_ok) {
                (Some(_), Some(most)) => {
                    let accepted = came.iter().filter(|came| matches!(came, Came::Accepted(_))).count();
                    let least = step.min_ok.unwrap_or(0);
                    if accepted < least || accepted > most {
                        return Err(format!(
                            "{at}: {accepted} of {} let in, wanted {least} to {most}",
                            came.len()
                        ));
                    }
                }
                _ => {
                    for came in &came {
                        let expect = if last { pins.resolve(&record.id, step.expect)? } else { step.expect };
                        meets(record, step, expect, came).map_err(|why| format!("{at}: {why}"))?;
                    }
                }
            }
            if let (Some(group), Some(first)) = (&record.uniform_group, came.first()) {
                let known = self.uniform.entry(group.clone()).or_insert_with(|| first.clone());
                if outward(known) != outward(first) {
                    return Err(format!("{at}: answers of group {group} differ: {known:?} and {first:?}"));
                }
            }
        }
        Ok(())
    }

    fn guard(&self, store: &Arc<MemoryStore>, once: Option<Arc<dyn Once>>) -> Guard {
        let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
        let once = once.unwrap_or_else(|| store.clone());
        Guard::new(self.directory.clone(), once, store.clone(), clock)
            .with_signing(self.signing.clone())
            .with_remembered(self.remembered.clone())
    }
}

/// What a stranger sees of a refusal.
fn outward(came: &Came) -> (u16, Option<&str>, &str) {
    match came {
        Came::Refused { status, challenge, outward, .. } => (*status, challenge.as_deref(), outward),
        Came::Accepted(_) => (200, None, ""),
        Came::NotHttp => (400, None, ""),
        Came::Fault(_) => (503, None, ""),
    }
}

async fn run(guard: &Arc<Guard>, policy: &Policy, step: &Step) -> Result<Vec<Came>, String> {
    let mut came = Vec::new();
    if let Some(at_once) = step.parallel {
        let tasks: Vec<_> = (0..at_once)
            .map(|_| {
                let (guard, policy, step) = (guard.clone(), policy.clone(), step.clone());
                tokio::spawn(async move { judge(&guard, &policy, &step).await })
            })
            .collect();
        for task in tasks {
            came.push(task.await.map_err(|error| format!("the judgement panicked: {error}"))??);
        }
    } else {
        for _ in 0..step.repeat.unwrap_or(1) {
            came.push(judge(guard, policy, step).await?);
        }
    }
    Ok(came)
}

async fn judge(guard: &Guard, policy: &Policy, step: &Step) -> Result<Came, String> {
    let Some(headers) = headers(step)? else { return Ok(Came::NotHttp) };
    let body = step.body()?;
    let incoming = Incoming {
        method: &step.method,
        target: Target::new("https", HOST, &step.path),
        headers: &headers,
        body: if body.is_empty() { Body::Empty } else { Body::Seen(&body) },
        client: None,
        challenge: None,
    };
    let explained = guard.explain(policy, &incoming).await;
    let came = match guard.judge(policy, &incoming).await {
        Err(fault) => Came::Fault(fault.to_string()),
        Ok(Verdict::Verified(verified)) => Came::Accepted(verified.identifier().to_owned()),
        Ok(Verdict::Absent(reply)) => Came::Refused {
            status: reply.status,
            challenge: reply.challenge.as_deref().map(str::to_owned),
            outward: "missing-credentials",
            reason: "missing-credentials",
        },
        Ok(Verdict::Refused(denial)) => Came::Refused {
            status: denial.reply.status,
            challenge: denial.reply.challenge.as_deref().map(str::to_owned),
            outward: denial.refusal.reason.outward(),
            reason: denial.refusal.reason.code(),
        },
    };
    // Explain tells the same story as the judgement, on everything the corpus has.
    match (&came, explained) {
        (Came::Accepted(_), Ok(told)) if told.verdict == "verified" => {}
        (Came::Refused { reason, .. }, Ok(told)) if told.reason == Some(*reason) => {}
        (Came::Fault(_), _) | (_, Err(_)) => {}
        // Another of the same requests at once may have used the proof up between the two questions.
        (Came::Refused { reason: "replayed", .. }, Ok(_)) if step.parallel.is_some() => {}
        (_, Ok(told)) => {
            return Err(format!("explain says {} {:?}, judge says {came:?}", told.verdict, told.reason));
        }
    }
    Ok(came)
}

/// The headers as an HTTP library would give them; `None` when it would not.
fn headers(step: &Step) -> Result<Option<HeaderMap>, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &step.headers {
        let value = value.as_str().ok_or("a header that is made at run time")?;
        let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(latin1(value).trim_ascii()))
        else {
            return Ok(None);
        };
        headers.append(name, value);
    }
    Ok(Some(headers))
}

fn meets(record: &Record, step: &Step, expect: Expect, came: &Came) -> Result<(), String> {
    match (expect, came) {
        (Expect::Accept, Came::Accepted(identifier)) => match &record.identity {
            Some(wanted) if wanted != identifier => Err(format!("let in as {identifier}, wanted {wanted}")),
            _ => Ok(()),
        },
        (Expect::Accept, other) => Err(format!("a good request was refused: {other:?} ({})", record.why)),
        (Expect::Either, Came::Fault(fault)) => Err(format!("a fault of ours: {fault}")),
        (Expect::Either, _) | (Expect::Reject, Came::NotHttp) => Ok(()),
        (Expect::Reject, Came::Accepted(identifier)) => {
            Err(format!("an attack was let in as {identifier} ({})", record.why))
        }
        (Expect::Reject, Came::Fault(_)) if step.hook.as_deref() == Some("drop-nonce-store") => Ok(()),
        (Expect::Reject, Came::Fault(fault)) => Err(format!("a fault of ours: {fault}")),
        (Expect::Reject, Came::Refused { status, .. }) => {
            let allowed = record.status.as_ref().is_none_or(|statuses| statuses.contains(status));
            let step_allows = step.allow_status.as_ref().is_some_and(|statuses| statuses.contains(status));
            let good = allowed || step_allows;
            if good {
                Ok(())
            } else {
                Err(format!("refused with {status}, wanted one of {:?}", record.status))
            }
        }
    }
}
