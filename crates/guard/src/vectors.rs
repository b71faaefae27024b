//! Judges vector files: known requests with known answers, each case against a fresh server state and its own clock.
pub mod plain;
pub mod registry;
pub mod spacetime;

use crate::clock::FrozenClock;
use crate::guard::{Guard, Verdict};
use crate::policy::Policy;
use countersign::dialect::Dialect;
use countersign::incoming::{Body, Incoming, Target};
use countersign::reason::Reason;
use countersign::time::Time;
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::Record;
use countersign_store::registry::Loaded;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The format that says everything in the words of dialect files and of the registry.
const PLAIN: &str = "dialect-vectors/2";
/// The format of the first five dialects, with words of its own for each.
const SEED: &str = "seed-dialect-vectors/1";

/// A vector file (`dialect-vectors/2`, or `seed-dialect-vectors/1`).
#[derive(Deserialize)]
pub struct VectorFile {
    format: String,
    /// The dialect's name.
    pub dialect: String,
    config: Value,
    registry: Value,
    /// The registry's rows, made once: taking a key in checks it thoroughly.
    #[serde(skip)]
    records: OnceLock<Vec<Record>>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case: steps in order against one fresh state.
#[derive(Deserialize)]
pub struct Case {
    /// Its name.
    pub id: String,
    config: Option<Value>,
    /// The steps.
    pub steps: Vec<RequestStep>,
}

/// One request with its answer.
#[derive(Deserialize, Clone)]
pub struct RequestStep {
    /// The clock, Unix seconds.
    pub now: i64,
    /// The request.
    pub request: CapturedRequest,
    /// The answer.
    pub expect: Expect,
}

/// A request as captured.
#[derive(Deserialize, Clone)]
pub struct CapturedRequest {
    /// The method.
    pub method: String,
    /// The absolute address.
    pub url: String,
    /// Headers in order, repeats kept.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: Option<String>,
    /// The body in base64.
    pub body_b64: Option<String>,
}

/// What should come out.
#[derive(Deserialize, Clone)]
pub struct Expect {
    /// `accept` or `reject`.
    pub result: String,
    /// The status.
    pub status: u16,
    /// The reason, by the vectors' names.
    pub reason: Option<String>,
    /// Who, by the vectors' names.
    pub principal: Option<Value>,
}

/// How one case went.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// The case's name.
    pub id: String,
    /// `None` when it passed, else what was wanted and found.
    pub failed: Option<String>,
}

/// A vector file that cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorError(pub String);

impl std::fmt::Display for VectorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for VectorError {}

/// One fresh server for a case.
pub struct Bench {
    /// It judges.
    pub guard: Guard,
    /// Its clock.
    pub clock: Arc<FrozenClock>,
    /// What its one route takes.
    pub policy: Policy,
}

impl VectorFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`VectorError`] when it is not in the format.
    pub fn read(text: &str) -> Result<Self, VectorError> {
        let file: Self =
            serde_json::from_str(text).map_err(|error| VectorError(format!("not a vector file: {error}")))?;
        if file.format != SEED && file.format != PLAIN {
            return Err(VectorError(format!("wanted the format {PLAIN} or {SEED}, found {}", file.format)));
        }
        Ok(file)
    }

    /// A fresh server for a case.
    ///
    /// # Errors
    /// [`VectorError`] when the file's registry or settings have no sense.
    pub fn bench(&self, case: &Case) -> Result<Bench, VectorError> {
        let config = case.config.as_ref().unwrap_or(&self.config);
        let is_plain = self.format == PLAIN;
        let settings =
            if is_plain { plain::settings(config)? } else { registry::settings(&self.dialect, config)? };
        let dialect = countersign_dialects::load(&self.dialect, &settings)
            .map_err(|error| VectorError(error.to_string()))?;
        let records = match self.records.get() {
            Some(records) => records.clone(),
            None => {
                let records = if is_plain {
                    plain::records(&self.dialect, &self.registry)?
                } else {
                    registry::records(&self.dialect, &self.registry, &self.config)?
                };
                self.records.get_or_init(|| records).clone()
            }
        };
        let directory = Directory::load(Loaded { version: 1, records })
            .map_err(|fault| VectorError(fault.to_string()))?;
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(FrozenClock::at(Time::from_seconds(0)));
        let guard = Guard::new(Arc::new(directory), store.clone(), store, clock.clone());
        Ok(Bench { guard, clock, policy: Policy::of(vec![Arc::new(dialect)]) })
    }

    /// Judges every case.
    ///
    /// # Errors
    /// [`VectorError`] when the file cannot be judged at all.
    pub async fn run(&self) -> Result<Vec<CaseReport>, VectorError> {
        let mut names = Names::default();
        let mut reports = Vec::new();
        for case in &self.cases {
            let bench = self.bench(case)?;
            let mut failed = None;
            for (number, step) in case.steps.iter().enumerate() {
                bench.clock.set(Time::from_seconds(step.now));
                let found = bench.judge(&step.request).await?;
                if let Err(why) = found.compare(&step.expect, &mut names) {
                    failed = Some(format!("step {}: {why}", number + 1));
                    break;
                }
            }
            reports.push(CaseReport { id: case.id.clone(), failed });
        }
        Ok(reports)
    }
}

/// What came out of a step.
pub struct Found {
    status: u16,
    reason: Option<Reason>,
    named: Option<(String, Option<String>)>,
}

impl Bench {
    /// Judges one captured request.
    ///
    /// # Errors
    /// [`VectorError`] when the address is none, or the store failed.
    pub async fn judge(&self, request: &CapturedRequest) -> Result<Found, VectorError> {
        let target = Target::from_url(&request.url)
            .ok_or_else(|| VectorError(format!("{} is no http address", request.url)))?;
        let Some(headers) = headers(&request.headers) else {
            // No HTTP server lets such a header through; it is malformed before any dialect sees it.
            return Ok(Found {
                status: self.policy.reply(Reason::MalformedCredential).status,
                reason: Some(Reason::MalformedCredential),
                named: None,
            });
        };
        let bytes = body(request)?;
        let incoming = Incoming {
            method: &request.method,
            target,
            headers: &headers,
            body: if bytes.is_empty() { Body::Empty } else { Body::Seen(&bytes) },
            client: None,
            challenge: None,
        };
        let verdict = self
            .guard
            .judge(&self.policy, &incoming)
            .await
            .map_err(|fault| VectorError(fault.to_string()))?;
        Ok(match verdict {
            Verdict::Absent(reply) => {
                Found { status: reply.status, reason: Some(Reason::MissingCredentials), named: None }
            }
            Verdict::Refused(denial) => {
                Found { status: denial.reply.status, reason: Some(denial.refusal.reason), named: None }
            }
            Verdict::Verified(verified) => Found {
                status: 200,
                reason: None,
                named: Some((verified.named().to_owned(), verified.acting_as().map(str::to_owned))),
            },
        })
    }

    /// The dialect under test.
    #[must_use]
    pub fn dialect(&self) -> Option<&Arc<Dialect>> {
        self.policy.dialects.first()
    }
}

/// Which of the file's reasons each of ours stands for: one of ours may not stand for two of the file's.
#[derive(Default)]
struct Names(BTreeMap<&'static str, String>);

impl Found {
    /// Whether it was accepted.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.reason.is_none()
    }

    /// Why it was refused.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    fn compare(&self, expect: &Expect, names: &mut Names) -> Result<(), String> {
        let told = || match self.reason {
            None => "accepted".to_owned(),
            Some(reason) => format!("refused ({})", reason.code()),
        };
        let wanted_accept = expect.result == "accept";
        if wanted_accept != self.accepted() {
            let reason = expect.reason.as_deref().unwrap_or("");
            return Err(format!("wanted {} {reason}, found {}", expect.result, told()));
        }
        if self.status != expect.status {
            return Err(format!("wanted status {}, found {} ({})", expect.status, self.status, told()));
        }
        if let (Some(ours), Some(theirs)) = (self.reason, &expect.reason) {
            let known = names.0.entry(ours.code()).or_insert_with(|| theirs.clone());
            if known != theirs {
                return Err(format!("{} stands for {known} in this file, and now for {theirs}", ours.code()));
            }
        }
        match (&self.named, &expect.principal) {
            (Some((named, acting_as)), Some(principal)) => {
                let same = match principal {
                    Value::String(text) => text == named,
                    other => {
                        other.get("api_id").and_then(Value::as_str) == Some(named)
                            && other.get("user").and_then(Value::as_str) == acting_as.as_deref()
                    }
                };
                if same { Ok(()) } else { Err(format!("wanted the principal {principal}, found {named}")) }
            }
            _ => Ok(()),
        }
    }
}

/// The headers as a server would hold them; `None` when no server would.
#[must_use]
pub fn headers(list: &[(String, String)]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        // White space around a value is not part of it (RFC 9110 section 5.5).
        let value = value.trim_matches([' ', '\t']);
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(headers)
}

fn body(request: &CapturedRequest) -> Result<Vec<u8>, VectorError> {
    match (&request.body, &request.body_b64) {
        (Some(text), _) => Ok(text.as_bytes().to_vec()),
        (None, Some(base64)) => {
            let mut bytes = Vec::new();
            countersign::base64::decode(
                countersign::base64::Alphabet::Standard,
                base64.as_bytes(),
                &mut bytes,
            )
            .map_err(|_| VectorError("body_b64 is not base64".to_owned()))?;
            Ok(bytes)
        }
        (None, None) => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod presets;
#[cfg(test)]
mod tests;
