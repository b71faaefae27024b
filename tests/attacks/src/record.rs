//! A recorded attack (or good request) as it stands in the corpus: steps, and what must and must not come of them.
use base64ct::{Base64, Encoding};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What must become of a record or a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// Let in.
    Accept,
    /// Refused.
    Reject,
    /// Both can be defended; `pins.toml` says which it is here.
    Either,
}

/// Where a record is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surface {
    /// Any place that judges requests.
    Verify,
    /// The session API.
    Session,
    /// The reverse proxy.
    Gateway,
    /// The question other proxies ask.
    ForwardAuthRaw,
    /// Bytes on a connection.
    Raw,
    /// The token endpoint.
    Token,
    /// A resource that takes the token endpoint's tokens, with a DPoP proof.
    Dpop,
}

/// One line of the corpus.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// Its name.
    pub id: String,
    /// The dialect, by the corpus's name.
    pub dialect: String,
    /// Where it is sent.
    pub surface: Surface,
    /// What kind of attack it is.
    pub class: String,
    /// What must become of it.
    pub expect: Expect,
    /// Why.
    pub why: String,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// Who must be recognised when it is let in.
    pub identity: Option<String>,
    /// The statuses a refusal may have.
    pub status: Option<Vec<u16>>,
    /// Whether an outgoing connection would be a failure.
    #[serde(default)]
    pub must_not_fetch: bool,
    /// Texts that must never reach the upstream.
    #[serde(default)]
    pub upstream_must_not_see: Vec<String>,
    /// Texts that must not reach the upstream where the header is one we are set to strip.
    #[serde(default)]
    pub upstream_should_not_see: Vec<String>,
    /// Texts that must not stand in a path the upstream gets.
    #[serde(default)]
    pub upstream_path_must_not_contain: Vec<String>,
    /// Paths the upstream may get although the record is an attack.
    pub allow_if_upstream_path_prefix: Option<String>,
    /// An attack may be answered with 200 when nothing of it reached the upstream.
    #[serde(default)]
    pub allow_accept_if_not_seen: bool,
    /// A good request that may also be refused.
    #[serde(default)]
    pub allow_reject: bool,
    /// The upstream must be told who it is.
    #[serde(default)]
    pub upstream_must_see_identity: bool,
    /// All refusals with the same group are byte-equal.
    pub uniform_group: Option<String>,
    /// Milliseconds after which something hangs.
    pub max_ms: Option<u64>,
}

/// One request or hook.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// The method; `RAW`, `SLOW` and `HOOK` are the driver's.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers; names and values, a value being text or `{"$fmt": …}`.
    pub headers: Vec<(String, Value)>,
    /// The body.
    pub body_b64: Option<String>,
    /// The body as JSON with members filled in at run time.
    pub json: Option<Value>,
    /// The bytes of the connection.
    pub raw_b64: Option<String>,
    /// What must become of it.
    pub expect: Expect,
    /// Members of the answer to keep, by variable.
    pub save: Option<BTreeMap<String, String>>,
    /// What an operator or a catastrophe does.
    pub hook: Option<String>,
    /// Which kind of slow client.
    pub mode: Option<String>,
    /// How many at once.
    pub parallel: Option<usize>,
    /// How many of those may be let in.
    pub max_ok: Option<usize>,
    /// How many of those must be.
    pub min_ok: Option<usize>,
    /// How many one after another.
    pub repeat: Option<usize>,
    /// Statuses this step's refusal may have besides the record's.
    pub allow_status: Option<Vec<u16>>,
    /// Where this step is sent, when elsewhere than the record.
    pub surface: Option<Surface>,
    /// Seconds within which the expectation must hold.
    pub eventual_s: Option<u64>,
}

impl Record {
    /// Reads the corpus.
    ///
    /// # Errors
    /// The line that cannot be read, and why.
    pub fn read_all(text: &str) -> Result<Vec<Self>, String> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
        lines
            .map(|(number, line)| {
                let read: Result<Self, _> = serde_json::from_str(line);
                read.map_err(|error| format!("corpus line {}: {error}", number + 1))
            })
            .collect()
    }
}

impl Step {
    /// The body's bytes, when it is given as such.
    ///
    /// # Errors
    /// When it is not base64.
    pub fn body(&self) -> Result<Vec<u8>, String> {
        decode(self.body_b64.as_deref().unwrap_or_default())
    }

    /// The connection's bytes.
    ///
    /// # Errors
    /// When they are not base64.
    pub fn raw(&self) -> Result<Vec<u8>, String> {
        decode(self.raw_b64.as_deref().unwrap_or_default())
    }
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    Base64::decode_vec(text).map_err(|error| format!("a body of the corpus is not base64: {error}"))
}

/// Text of the corpus as the bytes that go over the wire: Latin-1 where it fits, UTF-8 otherwise.
pub fn latin1(text: &str) -> Vec<u8> {
    let narrow: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    narrow.unwrap_or_else(|| text.as_bytes().to_vec())
}
