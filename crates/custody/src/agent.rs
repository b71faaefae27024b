//! Keys of an ssh-agent, over its socket (draft-ietf-sshm-ssh-agent): listing them, and having messages signed.
use crate::NoKey;
use crate::held::Held;
use crate::wire::{Reader, padded, string};
use base64ct::{Base64, Encoding};
use countersign_keys::{Algorithm, Fingerprints, KeyError, KeyKind, KeyPair, PublicKey};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest answer taken: a hundred keys of the largest kind fit.
const LONGEST_ANSWER: usize = 256 * 1024;
/// Most keys looked at: ssh itself gives up long before.
const MOST_KEYS: usize = 256;
/// How long it may take: an agent may ask a person first, or wait for a touch.
const PATIENCE: Duration = Duration::from_secs(120);

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// A key that an agent holds.
#[derive(Debug)]
pub struct AgentKey {
    held: Held,
    socket: PathBuf,
    blob: Vec<u8>,
    comment: String,
}

/// The agent's keys that can sign here; others, such as certificates and security keys, are left out.
///
/// # Errors
/// [`NoKey::Holder`] when no agent answers at the socket.
pub fn keys(socket: &Path) -> Result<Vec<AgentKey>, NoKey> {
    let told = |problem: &dyn std::fmt::Display| {
        NoKey::Holder(format!(
            "no ssh-agent answers at {}: {problem}; is one started, and SSH_AUTH_SOCK its socket?",
            socket.display()
        ))
    };
    let answer = ask(socket, &[REQUEST_IDENTITIES], PATIENCE).map_err(|error| told(&error))?;
    let mut reader = Reader(&answer);
    let count = match (reader.byte(), reader.number()) {
        (Some(IDENTITIES_ANSWER), Some(count)) => count,
        _ => return Err(told(&"it told no keys")),
    };
    let mut keys = Vec::new();
    for _ in 0..usize::try_from(count).unwrap_or(MOST_KEYS).min(MOST_KEYS) {
        let (Some(blob), Some(comment)) = (reader.string(), reader.string()) else {
            return Err(told(&"its answer is cut off"));
        };
        let name = String::from_utf8_lossy(Reader(blob).string().unwrap_or_default()).into_owned();
        let line = format!("{name} {}", Base64::encode_string(blob));
        if let Ok(held) = Held::read(&line, "the ssh-agent") {
            let comment = String::from_utf8_lossy(comment).into_owned();
            keys.push(AgentKey { held, socket: socket.to_owned(), blob: blob.to_vec(), comment });
        }
    }
    Ok(keys)
}

/// The one key that a fingerprint in any usual spelling or a comment names; the only one, where nothing is named.
///
/// # Errors
/// [`NoKey`].
pub fn find(socket: &Path, wanted: &str) -> Result<AgentKey, NoKey> {
    let mut all = keys(socket)?;
    let there: Vec<String> =
        all.iter().map(|key| format!("{} {}", key.held.fingerprints.openssh, key.comment)).collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    all.retain(|key| wanted.is_empty() || key.comment == wanted || key.held.fingerprints.matches_kid(wanted));
    match (all.pop(), all.len()) {
        (Some(key), 0) => Ok(key),
        (Some(_), _) => Err(NoKey::Unclear(format!(
            "wanted one key of the ssh-agent, found several that fit {wanted:?}; name one by its fingerprint: {there}"
        ))),
        (None, _) => Err(NoKey::Missing(format!(
            "the ssh-agent holds no key {wanted:?} that signs here; it holds {there} (`ssh-add -l`)"
        ))),
    }
}

impl AgentKey {
    /// The comment that it was added with.
    #[must_use]
    pub fn comment(&self) -> &str {
        &self.comment
    }
}

impl KeyPair for AgentKey {
    fn public_key(&self) -> &Arc<PublicKey> {
        &self.held.public
    }

    fn fingerprints(&self) -> &Fingerprints {
        &self.held.fingerprints
    }

    fn signs(&self, algorithm: Algorithm) -> bool {
        self.held.public.allows(algorithm) && asked_by(algorithm).is_some()
    }

    fn waits(&self) -> bool {
        true
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        if algorithm.kind() != self.kind() {
            return Err(KeyError::Algorithm { algorithm, kind: self.kind() });
        }
        let (flags, name) = asked_by(algorithm).ok_or_else(|| {
            self.held.failed(format!(
                "agents do not sign {}; they do Ed25519, ECDSA, RS256 and RS512",
                algorithm.name()
            ))
        })?;
        let mut request = vec![SIGN_REQUEST];
        string(&self.blob, &mut request);
        string(message, &mut request);
        request.extend_from_slice(&flags.to_be_bytes());
        let answer = ask(&self.socket, &request, PATIENCE).map_err(|error| self.held.failed(error))?;
        let mut reader = Reader(&answer);
        if reader.byte() != Some(SIGN_RESPONSE) {
            return Err(self.held.failed("it refused; it may be locked, or whoever was asked said no"));
        }
        let strange = || self.held.failed("its answer has not the form of a signature");
        let mut signature = Reader(reader.string().ok_or_else(strange)?);
        let (found, bytes) = signature.string().zip(signature.string()).ok_or_else(strange)?;
        if found != name.as_bytes() {
            let found = String::from_utf8_lossy(found).into_owned();
            return Err(self.held.failed(format!("asked for {name}, it signed {found:?}: it is too old")));
        }
        let plain = plain(self.kind(), usize::try_from(self.held.public.bits()).unwrap_or(0), bytes)
            .ok_or_else(strange)?;
        self.held.checked(algorithm, message, plain)
    }
}

/// How an agent is asked for an algorithm: the flags, and the name in its answer (RFC 8332, RFC 5656, RFC 8709).
fn asked_by(algorithm: Algorithm) -> Option<(u32, &'static str)> {
    match algorithm {
        Algorithm::Ed25519 => Some((0, "ssh-ed25519")),
        Algorithm::RsaSha256 => Some((2, "rsa-sha2-256")),
        Algorithm::RsaSha512 => Some((4, "rsa-sha2-512")),
        Algorithm::EcdsaP256Sha256 => Some((0, "ecdsa-sha2-nistp256")),
        Algorithm::EcdsaP384Sha384 => Some((0, "ecdsa-sha2-nistp384")),
        Algorithm::EcdsaP521Sha512 => Some((0, "ecdsa-sha2-nistp521")),
        _ => None,
    }
}

/// The signature without what SSH puts around it.
fn plain(kind: KeyKind, bits: usize, bytes: &[u8]) -> Option<Vec<u8>> {
    match kind {
        KeyKind::Rsa => padded(bytes, bits.div_ceil(8)),
        KeyKind::Ed25519 => Some(bytes.to_vec()),
        _ => {
            let (mut numbers, width) = (Reader(bytes), bits.div_ceil(8));
            let (mut r, s) = (numbers.positive(width)?, numbers.positive(width)?);
            r.extend_from_slice(&s);
            Some(r)
        }
    }
}

/// One question, one answer, on a connection of its own.
#[expect(clippy::disallowed_methods, reason = "it decides nothing but how long an agent is waited for")]
fn ask(socket: &Path, request: &[u8], patience: Duration) -> io::Result<Vec<u8>> {
    let until = Instant::now() + patience;
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(patience))?;
    let mut message = Vec::with_capacity(request.len() + 4);
    string(request, &mut message);
    stream.write_all(&message)?;
    let mut length = [0; 4];
    read_by(until, &mut stream, &mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST_ANSWER {
        return Err(io::Error::other(format!("it announced an answer of {length} bytes")));
    }
    let mut answer = vec![0; length];
    read_by(until, &mut stream, &mut answer)?;
    Ok(answer)
}

/// Fills the buffer, or gives up when the time is over, however the answer comes.
#[expect(clippy::disallowed_methods, reason = "it decides nothing but how long an agent is waited for")]
fn read_by(until: Instant, stream: &mut UnixStream, mut buffer: &mut [u8]) -> io::Result<()> {
    // Each turn takes a byte at least, or ends it.
    while !buffer.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = match stream.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        buffer = buffer.get_mut(read..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn an_agent_that_trickles_is_given_up_as_one_that_is_silent() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for byte in [0, 0, 0, 5, IDENTITIES_ANSWER, 0, 0, 0, 0] {
                std::thread::sleep(Duration::from_millis(200));
                // Whoever asked may have gone.
                let _ = stream.write_all(&[byte]);
            }
            std::thread::sleep(Duration::from_secs(60));
        });
        assert!(ask(&socket, &[REQUEST_IDENTITIES], Duration::from_millis(500)).is_err());
    }
}
