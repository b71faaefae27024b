//! The second proof on a request whose token is bound to a key: found, checked and judged, but for its first use.
use crate::allowance::Allowance;
use crate::guard::Guard;
use countersign::dpop::{Held, Proof, Wanted, credential, find};
use countersign::incoming::{Incoming, Limits};
use countersign::reason::Reason;
use countersign::time::Time;

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
        let (token, _) = credential(incoming).ok_or(Reason::WrongTokenScheme)?;
        let wanted = Wanted {
            method: incoming.method,
            target: incoming.target,
            token: Some(token),
            window: self.dpop_window,
        };
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
