//! The caller's half: a signer, and the task that makes one proof.
use crate::latin1::{borrowed, pairs, text};
use countersign_embedded::choice::DialectChoice;
use countersign_embedded::signing::{KeyFrom, Signed, Signing, SigningOptions};
use napi::bindgen_prelude::{AsyncTask, Buffer, Either, Task};
use napi::{Env, Error, Result};
use napi_derive::napi;
use std::collections::HashMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Who signs, and how.
#[napi(object, object_to_js = false)]
pub struct SignerOptions {
    /// A shipped dialect's name, or the text of a dialect's file.
    pub dialect: String,
    /// The dialect's settings.
    pub settings: Option<HashMap<String, String>>,
    /// The private key: its text or bytes.
    pub key: Option<Either<String, Buffer>>,
    /// The file that has it.
    pub key_file: Option<String>,
    /// Opens a key under a passphrase.
    pub passphrase: Option<String>,
    /// The name as registered.
    pub identifier: String,
    /// The user to act for.
    pub acting_as: Option<String>,
    /// The API key beside the proof.
    pub companion: Option<String>,
    /// The algorithm.
    pub algorithm: Option<String>,
}

/// Signs requests.
#[napi]
pub struct NativeSigner {
    signing: Arc<Signing>,
}

/// What to change on a request before it is sent.
#[napi(object, object_from_js = false)]
pub struct Proved {
    /// Names and values.
    pub headers: Vec<Vec<String>>,
    /// The address to send to.
    pub url: String,
    /// The body to send in place of the one that was given.
    pub body: Option<Buffer>,
}

#[napi]
impl NativeSigner {
    /// Reads dialect and key, here and now: once at the start of a program.
    ///
    /// # Errors
    /// When they cannot be read or do not fit each other.
    #[napi(constructor)]
    pub fn new(options: SignerOptions) -> Result<Self> {
        let key = match (options.key, options.key_file) {
            (Some(Either::A(text)), None) => KeyFrom::Bytes(Zeroizing::new(text.into_bytes())),
            (Some(Either::B(bytes)), None) => KeyFrom::Bytes(Zeroizing::new(bytes.to_vec())),
            (None, Some(path)) => KeyFrom::File(path.into()),
            _ => {
                return Err(Error::from_reason(
                    "wanted the private key as `key` or as `keyFile`, one of both",
                ));
            }
        };
        let settings = options.settings.unwrap_or_default().into_iter().collect();
        let options = SigningOptions {
            dialect: DialectChoice { dialect: options.dialect, settings },
            key,
            passphrase: options.passphrase.map(Zeroizing::new),
            identifier: options.identifier,
            acting_as: options.acting_as,
            companion: options.companion.map(Zeroizing::new),
            algorithm: options.algorithm,
        };
        let signing = Signing::open(options).map_err(|error| Error::from_reason(error.to_string()))?;
        Ok(Self { signing: Arc::new(signing) })
    }

    /// The dialect's name.
    #[napi(getter)]
    pub fn dialect(&self) -> String {
        self.signing.dialect().to_owned()
    }

    /// Whether the proof covers the body.
    #[napi(getter)]
    pub fn covers_body(&self) -> bool {
        self.signing.needs_body()
    }

    /// Public half of the key, as PEM.
    #[napi(getter)]
    pub fn public_key(&self) -> String {
        self.signing.public_key()
    }

    /// Makes a proof on another thread: an RSA signature takes a millisecond and more.
    ///
    /// # Errors
    /// When a header has letters that are no bytes.
    #[napi]
    pub fn prove(
        &self,
        method: String,
        url: String,
        headers: Vec<String>,
        body: Buffer,
    ) -> Result<AsyncTask<Proof>> {
        // Copied: the program may write into its buffer meanwhile.
        let body = body.to_vec();
        let headers = pairs(&headers)?;
        Ok(AsyncTask::new(Proof { signing: Arc::clone(&self.signing), method, url, headers, body }))
    }

    /// Reads an answer that may have refused a proof for its time. `true`: sign anew and ask once more.
    ///
    /// # Errors
    /// When the clocks are more than a day apart.
    #[napi]
    pub fn learn(&self, status: u16, headers: Vec<String>, body: Buffer) -> Result<bool> {
        let headers = pairs(&headers)?;
        let learned = self.signing.learn(status, &borrowed(&headers), &body);
        learned.map_err(|error| Error::from_reason(error.to_string()))
    }
}

/// One proof to make.
pub struct Proof {
    signing: Arc<Signing>,
    method: String,
    url: String,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Task for Proof {
    type Output = Signed;
    type JsValue = Proved;

    fn compute(&mut self) -> Result<Signed> {
        let signed = self.signing.sign(&self.method, &self.url, &borrowed(&self.headers), &self.body);
        signed.map_err(|error| Error::from_reason(error.to_string()))
    }

    fn resolve(&mut self, _: Env, signed: Signed) -> Result<Proved> {
        let headers = signed.headers.iter().map(|(name, value)| vec![name.clone(), text(value)]);
        Ok(Proved { headers: headers.collect(), url: signed.url, body: signed.body.map(Buffer::from) })
    }
}
