//! Drives the vector file of the spacetime dialect: calls of the session API in order, with what earlier ones answered.
use super::{CaseReport, VectorError, headers, registry};
use crate::clock::{FrozenClock, SeededEntropy};
use crate::guard::{Guard, Verdict};
use crate::policy::Policy;
use crate::session::challenges::{Preset, PresetCode, Stateless};
use crate::session::settings::SessionSettings;
use crate::session::{SessionApi, SessionParts};
use crate::signing::{SigningKey, SigningKeys};
use bytes::Bytes;
use countersign::base64::{Alphabet, decode, decode_hex, encode, encode_hex};
use countersign::dialect::settings::Settings;
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::{Span, Time};
use countersign_keys::{Algorithm, Job, KeyKind, MacKey, PrivateKey, sha256, verify};
use countersign_store::memory::MemoryStore;
use countersign_store::model::{CompanionRecord, JoinCode, Member, Organisation, Record, Write};
use countersign_store::registrar::Registrar;
use countersign_store::registry::Registry;
use http::{HeaderMap, Request};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A vector file whose steps are calls.
#[derive(Deserialize)]
pub struct FlowFile {
    format: String,
    dialect: String,
    config: Value,
    registry: Value,
    signature_kat: Vec<KnownSignature>,
    cases: Vec<Flow>,
}

#[derive(Deserialize)]
struct KnownSignature {
    seed_b64: String,
    message: String,
    key: String,
    signature_hex: String,
}

#[derive(Deserialize)]
struct Flow {
    id: String,
    #[serde(default)]
    preset_challenges: Vec<Given>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    user_id: String,
    auth_code: String,
    issued: i64,
    prefix: Option<String>,
}

#[derive(Deserialize)]
struct Step {
    now: i64,
    http: Sent,
    expect: Expected,
    #[serde(default)]
    capture: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Sent {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    json: Option<Value>,
}

#[derive(Deserialize)]
struct Expected {
    status: Vec<u16>,
    #[serde(default)]
    has: Vec<String>,
    equals: Option<Value>,
}

/// The keys that the file's steps sign with, by name: the first two test keys of RFC 8032 section 7.1.
const KEYS: [(&str, &str); 2] = [
    ("ed_a", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
    ("ed_b", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
];

/// One server for a case.
struct Bench {
    api: SessionApi,
    guard: Arc<Guard>,
    clock: Arc<FrozenClock>,
    protected: Policy,
    captured: BTreeMap<String, String>,
}

impl FlowFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`VectorError`] when it is not in the format.
    pub fn read(text: &str) -> Result<Self, VectorError> {
        let file: Self = serde_json::from_str(text)
            .map_err(|error| VectorError(format!("not a vector file of calls: {error}")))?;
        if file.format != "seed-dialect-vectors/1" || file.dialect != "spacetime" {
            let found = format!("{} for {}", file.format, file.dialect);
            return Err(VectorError(format!("wanted seed-dialect-vectors/1 for spacetime, found {found}")));
        }
        Ok(file)
    }

    /// Drives every case, and checks every known signature.
    ///
    /// # Errors
    /// [`VectorError`] when the file cannot be judged at all.
    pub async fn run(&self) -> Result<Vec<CaseReport>, VectorError> {
        let mut reports = Vec::new();
        for case in &self.cases {
            let mut bench = self.bench(case).await?;
            let mut failed = None;
            for (number, step) in case.steps.iter().enumerate() {
                if let Err(why) = bench.step(step).await? {
                    failed = Some(format!("step {}: {why}", number + 1));
                    break;
                }
            }
            reports.push(CaseReport { id: case.id.clone(), failed });
        }
        for (number, known) in self.signature_kat.iter().enumerate() {
            let failed = known.check()?;
            reports.push(CaseReport { id: format!("known-signature-{}", number + 1), failed });
        }
        Ok(reports)
    }

    async fn bench(&self, case: &Flow) -> Result<Bench, VectorError> {
        let store = Arc::new(MemoryStore::default());
        let writes: Vec<Write> = self.records()?.into_iter().map(Write::Put).collect();
        store.commit(0, &writes, &[]).await.map_err(|error| VectorError(format!("{error:?}")))?;
        let registrar = Registrar::open(store.clone(), store.clone()).await.map_err(told)?;
        let registrar = Arc::new(registrar);
        let clock = Arc::new(FrozenClock::at(Time::default()));
        let key = PrivateKey::generate(KeyKind::P256, 256).map_err(told)?;
        let kid = "00000000-0000-4000-8000-000000000001".to_owned();
        let signing = Arc::new(
            SigningKeys::new(vec![SigningKey { kid, key: Arc::new(key), retired: None }]).map_err(told)?,
        );
        let guard = Guard::new(registrar.directory().clone(), store.clone(), store, clock.clone());
        let guard = Arc::new(guard.with_signing(signing.clone()));
        let given = case.preset_challenges.iter().map(|given| PresetCode {
            user: given.user_id.clone(),
            code: given.auth_code.clone(),
            issued: Time::from_seconds(given.issued),
            prefix: given.prefix.clone(),
        });
        let challenges = Preset::new(Stateless::new(MacKey::new(&[7; 32])), given.collect());
        let parts = SessionParts {
            guard: guard.clone(),
            registrar,
            signing,
            challenges: Arc::new(challenges),
            once: guard.once().clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
        };
        let api = SessionApi::new(parts, self.settings()?).map_err(told)?;
        let own = countersign_dialects::load("own-session", &Settings::new()).map_err(told)?;
        Ok(Bench { api, guard, clock, protected: Policy::of(vec![Arc::new(own)]), captured: BTreeMap::new() })
    }

    fn settings(&self) -> Result<SessionSettings, VectorError> {
        let mut settings = SessionSettings { rate: None, ..SessionSettings::default() };
        for (name, value) in
            self.config.as_object().into_iter().flat_map(|groups| groups.values()).flat_map(members)
        {
            match (name.as_str(), value.as_i64()) {
                ("challenge_ttl_s", Some(seconds)) => settings.challenge_life = Span::from_seconds(seconds),
                _ => return Err(VectorError(format!("the setting {name} means nothing for spacetime"))),
            }
        }
        Ok(settings)
    }

    /// The rows that the file's registry asks for, through the same doors as the other dialects'.
    fn records(&self) -> Result<Vec<Record>, VectorError> {
        let group = self.registry.get("sxt").unwrap_or(&Value::Null);
        let mut records = registry::records("spacetime", &self.registry, &self.config)?;
        let mut more = Vec::new();
        for record in &mut records {
            let Record::Account(account) = record else { continue };
            let user = group.get("users").and_then(|users| users.get(&account.name));
            if let Some(organisation) = user.and_then(|user| user.get("sub")).and_then(Value::as_str) {
                account.organisation = Some(organisation.to_owned());
                more.push(Record::Organisation(named(organisation)));
                more.push(Record::Member(Member {
                    organisation: organisation.to_owned(),
                    account: account.id.clone(),
                    role: "MEMBER".to_owned(),
                }));
            }
            for (secret, owner) in group.get("api_keys").into_iter().flat_map(members) {
                if owner.as_str() == Some(account.name.as_str()) {
                    more.push(Record::Companion(CompanionRecord {
                        id: format!("cmp_{}", account.id),
                        account: account.id.clone(),
                        dialect: "spacetime".to_owned(),
                        label: String::new(),
                        digest: digest(secret),
                        bound: false,
                        enabled: true,
                        created: Time::default(),
                    }));
                }
            }
        }
        for (code, organisation) in group.get("join_codes").into_iter().flat_map(members) {
            let organisation = organisation.as_str().unwrap_or_default();
            more.push(Record::Organisation(named(organisation)));
            more.push(Record::JoinCode(JoinCode {
                digest: digest(code),
                organisation: organisation.to_owned(),
                role: "MEMBER".to_owned(),
                expires: Time::MAX,
                once: false,
                created: Time::default(),
            }));
        }
        records.extend(more);
        Ok(records)
    }
}

impl KnownSignature {
    fn check(&self) -> Result<Option<String>, VectorError> {
        let mut seed = Vec::new();
        decode(Alphabet::Standard, self.seed_b64.as_bytes(), &mut seed)
            .map_err(|_| VectorError("seed_b64 is not base64".to_owned()))?;
        let key = private(&seed)?;
        let public = key.public_key();
        let shown = public.ed25519_bytes().map(|raw| encode(Alphabet::Standard, &raw));
        if shown.as_deref() != Some(&self.key) {
            return Ok(Some(format!("wanted the key {}, found {shown:?}", self.key)));
        }
        let signature = key.sign(Algorithm::Ed25519, self.message.as_bytes()).map_err(told)?;
        if encode_hex(&signature) != self.signature_hex {
            return Ok(Some(format!("another signature over {:?}", self.message)));
        }
        let outcome = verify(&Job::new(public, Algorithm::Ed25519, self.message.as_bytes(), &signature));
        Ok(outcome.accepted(&signature).err().map(|_| "the signature does not hold".to_owned()))
    }
}

impl Bench {
    /// `Err` inside when the answer is not the known one.
    async fn step(&mut self, step: &Step) -> Result<Result<(), String>, VectorError> {
        self.clock.set(Time::from_seconds(step.now));
        let sent: Result<Vec<_>, _> = step
            .http
            .headers
            .iter()
            .map(|(name, value)| Ok::<_, VectorError>((name.clone(), self.filled(value)?)))
            .collect();
        let headers =
            headers(&sent?).ok_or_else(|| VectorError("a header that no server lets through".to_owned()))?;
        let body = match &step.http.json {
            Some(body) => self.filled_in(body)?.to_string(),
            None => String::new(),
        };
        let (status, answer) = if step.http.path == "/protected" {
            (self.protected(&step.http, &headers, &body).await?, Value::Null)
        } else {
            let mut request = Request::new(Bytes::from(body));
            *request.method_mut() = step.http.method.parse().map_err(told)?;
            *request.uri_mut() = step.http.path.parse().map_err(told)?;
            *request.headers_mut() = headers;
            let response = self.api.call(&request, None).await.map_err(told)?;
            let answer = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
            (response.status().as_u16(), answer)
        };
        for (name, member) in &step.capture {
            if let Some(text) = answer.get(member).and_then(Value::as_str) {
                self.captured.insert(name.clone(), text.to_owned());
            }
        }
        Ok(step.expect.compare(status, &answer))
    }

    async fn protected(&self, sent: &Sent, headers: &HeaderMap, body: &str) -> Result<u16, VectorError> {
        let incoming = Incoming {
            method: &sent.method,
            target: Target::new("https", "api.example.test", &sent.path),
            headers,
            body: if body.is_empty() { Body::Empty } else { Body::Seen(body.as_bytes()) },
            client: None,
            challenge: None,
        };
        Ok(match self.guard.judge(&self.protected, &incoming).await.map_err(told)? {
            Verdict::Verified(_) => 200,
            Verdict::Absent(reply) => reply.status,
            Verdict::Refused(denial) => denial.reply.status,
        })
    }

    fn filled_in(&self, value: &Value) -> Result<Value, VectorError> {
        Ok(match value {
            Value::String(text) => json!(self.filled(text)?),
            Value::Object(list) => {
                let filled = list.iter().map(|(name, value)| Ok((name.clone(), self.filled_in(value)?)));
                Value::Object(filled.collect::<Result<_, VectorError>>()?)
            }
            other => other.clone(),
        })
    }

    /// The text with `{{x}}` and `{{sign:key:x}}` filled in; one of them at most in any text of these files.
    fn filled(&self, text: &str) -> Result<String, VectorError> {
        let Some((before, rest)) = text.split_once("{{") else { return Ok(text.to_owned()) };
        let (name, after) =
            rest.split_once("}}").ok_or_else(|| VectorError(format!("an open {{{{ in {text}")))?;
        let value = |name: &str| {
            self.captured.get(name).ok_or_else(|| VectorError(format!("nothing was captured as {name}")))
        };
        let filled = match name.strip_prefix("sign:").and_then(|rest| rest.split_once(':')) {
            Some((key, name)) => {
                let seed = KEYS.iter().find(|(known, _)| *known == key);
                let seed = seed.ok_or_else(|| VectorError(format!("no key is called {key}")))?.1;
                let mut bytes = Vec::new();
                decode_hex(seed.as_bytes(), &mut bytes)
                    .map_err(|_| VectorError("a seed is no hex".to_owned()))?;
                let signed = private(&bytes)?.sign(Algorithm::Ed25519, value(name)?.as_bytes());
                encode_hex(&signed.map_err(told)?)
            }
            None => value(name)?.clone(),
        };
        Ok(format!("{before}{filled}{after}"))
    }
}

impl Expected {
    fn compare(&self, status: u16, answer: &Value) -> Result<(), String> {
        if !self.status.contains(&status) {
            return Err(format!("wanted status {:?}, found {status} {answer}", self.status));
        }
        if let Some(missing) = self.has.iter().find(|name| answer.get(name.as_str()).is_none()) {
            return Err(format!("wanted the member {missing}, found {answer}"));
        }
        let same = match &self.equals {
            None => true,
            Some(Value::Object(wanted)) => wanted.iter().all(|(name, value)| answer.get(name) == Some(value)),
            Some(wanted) => wanted == answer,
        };
        if same { Ok(()) } else { Err(format!("wanted {:?}, found {answer}", self.equals)) }
    }
}

fn private(seed: &[u8]) -> Result<PrivateKey, VectorError> {
    // RFC 8410 section 7: the key information of an Ed25519 key is fixed but for the seed.
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend_from_slice(seed);
    PrivateKey::from_pkcs8_der(&der).map_err(told)
}

fn named(organisation: &str) -> Organisation {
    Organisation {
        id: organisation.to_owned(),
        name: organisation.to_owned(),
        approval: false,
        created: Time::default(),
    }
}

fn digest(secret: &str) -> String {
    encode_hex(&sha256(&[secret.as_bytes()]))
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn told(error: impl std::fmt::Display) -> VectorError {
    VectorError(error.to_string())
}

#[cfg(test)]
mod tests;
