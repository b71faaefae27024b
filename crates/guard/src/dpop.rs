//! The second proof on a request whose token is bound to a key: found, checked and judged, but for its first use.
use crate::allowance::Allowance;
use crate::guard::Guard;
use countersign::dpop::{ALGORITHMS, Held, Proof, Wanted, credential, find};
use countersign::incoming::{Incoming, Limits};
use countersign::reason::Reason;
use countersign::time::Time;

/// Seconds from now that a proof may be dated as shipped, on either side (RFC 9449 section 11.1: seconds or minutes).
pub const WINDOW: i64 = 60;

impl Guard {
    /// Judges the proof beside a bound token. `claimed` is the account whose token it is.
    pub(crate) fn prove_possession(
        &self,
        incoming: &Incoming<'_>,
        limits: &Limits,
        now: Time,
        allowance: &dyn Allowance,
        claimed: &str,
    ) -> Result<Held, Reason> {
        let value = find(incoming.headers)?.ok_or(Reason::MissingDpop)?;
        let token = credential(incoming).map(|(token, _)| token);
        let wanted =
            Wanted { method: incoming.method, target: incoming.target, token, window: self.dpop_window };
        let proof = self.read_possession(value, limits, now)?;
        if !allowance.may_check(Some(claimed)) {
            return Err(Reason::TooManyFailures);
        }
        let outcome = countersign_keys::verify(&proof.job());
        proof.finish(&outcome, &wanted, now)
    }

    /// Reads a proof and looks at its nonce: that costs less than the signature, and says nothing about anybody.
    pub(crate) fn read_possession<'h>(
        &self,
        value: &'h [u8],
        limits: &Limits,
        now: Time,
    ) -> Result<Proof<'h>, Reason> {
        let proof = Proof::read(value, limits)?;
        if let Some(nonces) = &self.nonces {
            nonces.admit(proof.nonce(), now).map_err(|_| Reason::DpopNonce)?;
        }
        Ok(proof)
    }

    /// A nonce for the next proof, where nonces are used.
    #[must_use]
    pub fn fresh_nonce(&self, now: Time) -> Option<String> {
        self.nonces.as_ref().map(|nonces| nonces.fresh(now))
    }
}

/// The value of `WWW-Authenticate` for a refusal that is about the proof; `None` for other reasons (RFC 9449 section 7.1).
#[must_use]
pub(crate) fn challenge(reason: Reason) -> Option<String> {
    let error = match reason {
        Reason::MissingDpop | Reason::WrongTokenScheme => "invalid_token",
        Reason::MalformedDpop | Reason::BadDpop | Reason::WrongDpop | Reason::DpopKeyElsewhere => {
            "invalid_dpop_proof"
        }
        Reason::DpopNonce => "use_dpop_nonce",
        _ => return None,
    };
    Some(format!("DPoP error=\"{error}\", algs=\"{}\"", algorithms().join(" ")))
}

/// The names of the algorithms that proofs may be signed with.
#[must_use]
pub fn algorithms() -> Vec<&'static str> {
    ALGORITHMS.iter().flat_map(|algorithm| algorithm.jose_names()).copied().collect()
}
