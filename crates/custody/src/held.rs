//! What an agent's key and a token's key have in common: a public half that is known, and signatures that are checked.
use countersign_keys::{
    Algorithm, Fingerprints, Job, KeyError, Policy, PublicKey, read_one_public_key, verify,
};
use std::sync::Arc;

/// The public half of a key that somebody else holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) public: Arc<PublicKey>,
    pub(crate) fingerprints: Fingerprints,
    /// Who holds it, for messages.
    pub(crate) holder: String,
}

impl Held {
    /// Reads the public half as its holder wrote it.
    pub(crate) fn read(text: &str, holder: &str) -> Result<Self, KeyError> {
        let mut policy = Policy::default();
        // Who has such a key may sign with it; whether it is taken, a server says.
        policy.allow_other_rsa_sizes = true;
        policy.allow_other_exponents = true;
        let public = read_one_public_key(text.as_bytes(), &policy)?.key;
        let fingerprints = public.fingerprints();
        Ok(Self { public: Arc::new(public), fingerprints, holder: holder.to_owned() })
    }

    pub(crate) fn failed(&self, problem: impl std::fmt::Display) -> KeyError {
        KeyError::Elsewhere { holder: self.holder.clone(), problem: problem.to_string() }
    }

    /// Gives a signature on that holds.
    pub(crate) fn checked(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: Vec<u8>,
    ) -> Result<Vec<u8>, KeyError> {
        let outcome = verify(&Job::new(&self.public, algorithm, message, &signature));
        match outcome.accepted(&signature) {
            Ok(_) => Ok(signature),
            Err(_) => Err(self.failed("what it gave is no signature of this key")),
        }
    }
}
