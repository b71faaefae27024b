//! What the shell says about DPoP proofs: how old they may be, how they may be signed, how a refusal is told.
use countersign::dpop::ALGORITHMS;
use countersign::reason::Reason;

/// Seconds from now that a proof may be dated as shipped, on either side (RFC 9449 section 11.1: seconds or minutes).
pub const WINDOW: i64 = 60;

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
