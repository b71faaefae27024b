//! A caller: signs requests that are given in parts, and learns how far its clock is off.
use crate::choice::DialectChoice;
use crate::plain::headers;
use crate::unusable::Unusable;
use countersign_client::offset::{ClockOffset, Lesson, TooFar};
use countersign_client::signer::{NotSigned, RequestSigner};
use countersign_guard::clock::{Clock, Entropy, SystemClock, SystemEntropy, draw};
use countersign_keys::{Algorithm, PrivateKey};
use http::StatusCode;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// Bytes of a key file; the largest key, RSA-8192 as PEM, has 7 KiB.
const LONGEST_KEY: u64 = 64 * 1024;

/// Where a private key is.
#[derive(Clone, Debug)]
pub enum KeyFrom {
    /// Its text or bytes, in any form that `countersign` takes: PKCS#8, PKCS#1, SEC1 or OpenSSH, or a bare Ed25519 key.
    Bytes(Zeroizing<Vec<u8>>),
    /// The file that has them.
    File(PathBuf),
}

/// What a signer is opened with.
#[derive(Clone, Debug)]
pub struct SigningOptions {
    /// The dialect.
    pub dialect: DialectChoice,
    /// The private key.
    pub key: KeyFrom,
    /// Opens a key that is kept under a passphrase.
    pub passphrase: Option<Zeroizing<String>>,
    /// The name as registered (an e-mail, a user, a connection id, a site's number).
    pub identifier: String,
    /// The user to act for.
    pub acting_as: Option<String>,
    /// The API key that some dialects want beside the proof.
    pub companion: Option<Zeroizing<String>>,
    /// The algorithm, by its name in the table of algorithms or in JOSE; none: the dialect's first that fits and is not weak.
    pub algorithm: Option<String>,
}

/// Signs requests. All threads may use one at once.
pub struct Signing {
    signer: RequestSigner,
    offset: Mutex<ClockOffset>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What to change on a request before it is sent; nothing else may change afterwards.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// Headers to set: each takes the place of all that have its name, however they are spelled.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The address to send to: the one that was given, unless the dialect puts the proof into the query.
    pub url: String,
    /// The body to send in place of the one that was given, for dialects whose proof stands there.
    pub body: Option<Vec<u8>>,
}

/// Why a request was not signed.
#[derive(Debug)]
pub enum SigningError {
    /// The request, dialect or key does not fit.
    NotSigned(NotSigned),
    /// A header is none that HTTP knows.
    Header(String),
}

impl Signing {
    /// Opens a signer: the key is read now, once.
    ///
    /// # Errors
    /// [`Unusable`] when the dialect or key cannot be read, or they do not fit each other.
    pub fn open(options: SigningOptions) -> Result<Self, Unusable> {
        Self::open_with(options, Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// The same with another clock and source of random bytes, which nobody may be able to guess.
    ///
    /// # Errors
    /// As [`Signing::open`].
    pub fn open_with(
        options: SigningOptions,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Unusable> {
        let dialect = options.dialect.read()?;
        let passphrase = options.passphrase.as_ref().map(|text| text.as_bytes());
        let key = PrivateKey::read(&read(&options.key)?, passphrase)
            .map_err(|error| Unusable::new(format!("the private key: {error}")))?;
        let mut signer = RequestSigner::new(dialect, Arc::new(key), &options.identifier);
        if let Some(user) = &options.acting_as {
            signer = signer.acting_as(user);
        }
        if let Some(secret) = options.companion {
            signer = signer.companion(secret);
        }
        if let Some(name) = &options.algorithm {
            let found = Algorithm::from_name(name).or_else(|| Algorithm::from_jose(name));
            let found = found.ok_or_else(|| {
                Unusable::new(format!("wanted the name of an algorithm such as RS256, found {name:?}"))
            })?;
            signer = signer.algorithm(found);
        }
        Ok(Self { signer, offset: Mutex::default(), clock, entropy })
    }

    /// Signs a request that is ready to be sent. `url` is the absolute address as the server knows itself.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn sign(
        &self,
        method: &str,
        url: &str,
        given: &[(&[u8], &[u8])],
        body: &[u8],
    ) -> Result<Signed, SigningError> {
        let headers = headers(given).map_err(SigningError::Header)?;
        let now = self.offset.lock().unwrap_or_else(PoisonError::into_inner).correct(self.clock.now());
        let random = draw(&*self.entropy);
        let made = self.signer.make(method, url, &headers, body, now, random);
        let made = made.map_err(SigningError::NotSigned)?;
        let url = match &made.query {
            None => url.to_owned(),
            Some(query) => {
                let sent = url.split_once('#').map_or(url, |(before, _)| before);
                format!("{}?{query}", sent.split_once('?').map_or(sent, |(before, _)| before))
            }
        };
        let headers = made.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        Ok(Signed { headers: headers.collect(), url, body: made.body.map(String::into_bytes) })
    }

    /// Reads an answer that may have refused a proof because of this machine's clock. `true`: a correction was learned, so sign anew
    /// and ask once more; `false`: asking again would change nothing.
    ///
    /// # Errors
    /// [`TooFar`] when the clocks are more than a day apart.
    pub fn learn(&self, status: u16, given: &[(&[u8], &[u8])], body: &[u8]) -> Result<bool, TooFar> {
        let (Ok(status), Ok(headers)) = (StatusCode::from_u16(status), headers(given)) else {
            return Ok(false);
        };
        let mut offset = self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        match offset.learn(status, &headers, body, self.clock.now())? {
            Lesson::Nothing => Ok(false),
            Lesson::Learned(learned) => {
                *offset = learned;
                Ok(true)
            }
        }
    }

    /// Whether the dialect signs the body, so that it must be there when a request is signed.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        self.signer.dialect().needs_body()
    }

    /// The dialect's name.
    #[must_use]
    pub fn dialect(&self) -> &str {
        self.signer.dialect().name()
    }

    /// Public half of the key, as PEM: what a provider registers.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.signer.key().public_key().to_pem()
    }
}

fn read(key: &KeyFrom) -> Result<Zeroizing<Vec<u8>>, Unusable> {
    match key {
        KeyFrom::Bytes(bytes) => Ok(bytes.clone()),
        KeyFrom::File(path) => {
            let trouble = |error| Unusable::new(format!("the private key {}: {error}", path.display()));
            let size = std::fs::metadata(path).map_err(trouble)?.len();
            if size > LONGEST_KEY {
                return Err(Unusable::new(format!(
                    "the private key {}: wanted at most {LONGEST_KEY} bytes, found {size}",
                    path.display()
                )));
            }
            std::fs::read(path).map(Zeroizing::new).map_err(trouble)
        }
    }
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signing").field(&self.signer).finish()
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be credentials, and so may the query.
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Signed").field("headers", &names).finish_non_exhaustive()
    }
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSigned(error) => error.fmt(f),
            Self::Header(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for SigningError {}
