//! The provider's half: a verifier, and requests as Node hands them over.
use crate::asking::Program;
use crate::judging::Judging;
use crate::outcome::{Answer, Outcome};
use crate::request::{Request, RequestParts};
use countersign_embedded::choice::DialectChoice;
use countersign_embedded::memory::ReplayMemory;
use countersign_embedded::verifying::{Accounts, Verifying, VerifyingOptions};
use napi::{Error, Result};
use napi_derive::napi;
use std::collections::HashMap;
use std::sync::Arc;

/// A dialect with settings.
#[napi(object, object_to_js = false)]
pub struct DialectOptions {
    /// A shipped dialect's name, or the text of a dialect's file.
    pub dialect: String,
    /// Its settings.
    pub settings: Option<HashMap<String, String>>,
}

/// What a verifier is opened with.
#[napi(object, object_to_js = false)]
pub struct VerifierOptions {
    /// The dialects it takes.
    pub dialects: Vec<DialectOptions>,
    /// A description of the accounts; `None`: the program is asked.
    pub accounts: Option<String>,
    /// Where uses are remembered: `none`, `process`, `process-takes-earlier` or `program`.
    pub memory: String,
    /// The address that callers use.
    pub public_url: Option<String>,
    /// Bytes of a body that is read to be judged.
    pub body_limit: Option<u32>,
    /// Names or ids of the accounts that are let in.
    pub admit: Option<Vec<String>>,
    /// What every proof must cover.
    pub require: Option<Vec<String>>,
    /// The same in all processes.
    pub secret: Option<String>,
}

/// Judges requests.
#[napi]
pub struct NativeVerifier {
    verifying: Arc<Verifying>,
}

#[napi]
impl NativeVerifier {
    /// Opens a verifier.
    ///
    /// # Errors
    /// When something it is opened with cannot be, or something is missing.
    #[napi(constructor)]
    pub fn new(options: VerifierOptions) -> Result<Self> {
        let dialect = |one: DialectOptions| DialectChoice {
            dialect: one.dialect,
            settings: one.settings.unwrap_or_default().into_iter().collect(),
        };
        let memory = match options.memory.as_str() {
            "none" => ReplayMemory::None,
            "process" => ReplayMemory::Process { takes_earlier: false },
            "process-takes-earlier" => ReplayMemory::Process { takes_earlier: true },
            "program" => ReplayMemory::Shared(Arc::new(Program)),
            other => return Err(Error::from_reason(format!("there is no replay memory {other:?}"))),
        };
        let options = VerifyingOptions {
            dialects: options.dialects.into_iter().map(dialect).collect(),
            accounts: match options.accounts {
                Some(text) => Accounts::Described(text),
                None => Accounts::Asked(Arc::new(Program)),
            },
            memory,
            public: options.public_url,
            body_limit: options.body_limit.and_then(|limit| usize::try_from(limit).ok()),
            admit: options.admit,
            require: options.require.unwrap_or_default(),
            secret: options.secret.map(|secret| secret.into_bytes().into()),
        };
        let verifying = Verifying::open(options).map_err(|error| Error::from_reason(error.to_string()))?;
        Ok(Self { verifying: Arc::new(verifying) })
    }

    /// Takes another description of the accounts.
    ///
    /// # Errors
    /// When it cannot be read; the one before stays.
    #[napi]
    pub fn describe(&self, accounts: String) -> Result<()> {
        self.verifying.describe(&accounts).map_err(|error| Error::from_reason(error.to_string()))
    }

    /// Whether a dialect signs the body.
    #[napi(getter)]
    pub fn needs_body(&self) -> bool {
        self.verifying.needs_body()
    }

    /// Bytes of a body that is read to be judged.
    #[napi(getter)]
    pub fn body_limit(&self) -> u32 {
        u32::try_from(self.verifying.body_limit()).unwrap_or(u32::MAX)
    }

    /// A judgement of a request; nothing is done yet.
    ///
    /// # Errors
    /// When the request has letters that are no bytes.
    #[napi]
    pub fn judging(&self, request: RequestParts) -> Result<Judging> {
        Ok(Judging::new(Arc::clone(&self.verifying), Request::read(request)?))
    }

    /// The answer to a body that is too large.
    #[napi]
    pub fn too_large(&self) -> Outcome {
        Outcome::of(self.verifying.too_large())
    }

    /// The answer to a fault.
    #[napi]
    pub fn failed(&self) -> Answer {
        Answer::of(&self.verifying.failed())
    }
}
