//! The one table of reasons why a request is refused: code, class, what strangers see, status, text and what to do next.
use std::fmt;

/// Who can do something about a refusal, and how much of it strangers may know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Class {
    /// No proof came.
    Absent,
    /// The proof cannot be read.
    Malformed,
    /// Who is it? Unknown account, wrong key, bad signature: one answer for all.
    Identity,
    /// The signature holds, but the proof does not fit the dialect's rules.
    Claims,
    /// The signature holds, but it is not the time for it.
    Time,
    /// The signature holds, but it was used before.
    Replay,
    /// The proof holds, but this is not allowed.
    Policy,
    /// Too much came from there: nothing is said about the proof.
    Limit,
}

impl Class {
    /// The word for it in metrics and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Malformed => "malformed",
            Self::Identity => "identity",
            Self::Claims => "claims",
            Self::Time => "time",
            Self::Replay => "replay",
            Self::Policy => "policy",
            Self::Limit => "limit",
        }
    }
}

macro_rules! reasons {
    ($($name:ident $code:literal $class:ident $outward:literal $status:literal $vector:literal: $text:literal, $hint:literal;)*) => {
        /// Why a request was refused. Codes are only ever added.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[non_exhaustive]
        pub enum Reason { $(#[doc = $text] $name,)* }

        impl Reason {
            /// Every reason, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code, for logs, metrics, explain and documents.
            #[must_use]
            pub fn code(self) -> &'static str { match self { $(Self::$name => $code,)* } }
            /// Its class.
            #[must_use]
            pub fn class(self) -> Class { match self { $(Self::$name => Class::$class,)* } }
            /// The coarser code that strangers see.
            #[must_use]
            pub fn outward(self) -> &'static str { match self { $(Self::$name => $outward,)* } }
            /// The HTTP status unless the dialect says otherwise.
            #[must_use]
            pub fn status(self) -> u16 { match self { $(Self::$name => $status,)* } }
            /// The name that known-answer vectors use for it.
            #[must_use]
            pub fn vector_name(self) -> &'static str { match self { $(Self::$name => $vector,)* } }
            /// What happened, in one sentence.
            #[must_use]
            pub fn text(self) -> &'static str { match self { $(Self::$name => $text,)* } }
            /// What the caller can do next.
            #[must_use]
            pub fn hint(self) -> &'static str { match self { $(Self::$name => $hint,)* } }
        }
    };
}

reasons! {
    MissingCredentials "missing-credentials" Absent "missing-credentials" 401 "missing_credentials":
        "The request carries no proof of the dialect this route takes.",
        "Sign the request; `countersign sign --dialect …` prints the headers.";
    AmbiguousCredentials "ambiguous-credentials" Malformed "malformed" 401 "malformed":
        "The request carries the same credential twice, or credentials of two dialects.",
        "Send exactly one credential.";
    MalformedCredential "malformed-credential" Malformed "malformed" 401 "malformed":
        "The credential does not have the shape its dialect wants.",
        "Compare it with what `countersign sign` prints.";
    TooLarge "too-large" Malformed "malformed" 401 "malformed":
        "The credential is larger than any real one.",
        "Send a credential of at most 16 KiB.";
    MalformedEncoding "malformed-encoding" Malformed "malformed" 401 "malformed":
        "A part is not in the encoding its dialect wants (base64url without padding, base64 or hex, one canonical spelling).",
        "Use the library's encoder for that alphabet and do not wrap or pad.";
    MalformedJson "malformed-json" Malformed "malformed" 401 "malformed":
        "A part is not one strict JSON object: unique members, UTF-8, no NaN, bounded depth.",
        "Encode with a JSON library and send one object.";
    UnsupportedAlgorithm "unsupported-algorithm" Malformed "malformed" 401 "unsupported_alg":
        "The algorithm named is not one this dialect takes.",
        "Sign with one of the dialect's algorithms; `countersign dialect show` lists them.";
    UnsupportedCritical "unsupported-critical" Malformed "malformed" 401 "unsupported_crit":
        "The token demands an extension (`crit`) that is not understood.",
        "Remove `crit`.";
    UnsupportedHeader "unsupported-header" Malformed "malformed" 401 "malformed":
        "The token's header says it is encrypted, compressed, nested or of another kind.",
        "Send a plain signed token without `zip`, `b64`, `cty` or `enc` and with `typ` JWT or none.";
    MissingIdentity "missing-identity" Malformed "malformed" 401 "missing_claim":
        "The proof does not say who made it.",
        "Add the claim or header that names the account.";
    MalformedIdentity "malformed-identity" Malformed "malformed" 401 "malformed_claim":
        "The claim or header that names the account has the wrong type or form.",
        "Write the identifier as text, exactly as registered.";
    BodyUnseen "body-unseen" Malformed "body-unseen" 401 "body_unseen":
        "This dialect signs the body, and the body does not reach the verifier here.",
        "Use the gateway, or a proxy that passes the body on.";
    BodyNotText "body-not-text" Malformed "malformed" 401 "body_not_utf8":
        "The body is not UTF-8, so no text of it can have been signed.",
        "Send text, or sign with a dialect that covers bytes.";
    BodyTooLarge "body-too-large" Malformed "malformed" 413 "body_too_large":
        "The body is larger than the verifier is set to read.",
        "Send less, or raise the limit of the route.";
    UnknownAccount "unknown-account" Identity "refused" 401 "unknown_principal":
        "No account has this identifier.",
        "Check the identifier byte for byte, or register it.";
    AccountDisabled "account-disabled" Identity "refused" 401 "key_disabled":
        "The account is switched off.",
        "Ask the operator.";
    KeyNotLive "key-not-live" Identity "refused" 401 "key_disabled":
        "The key is pending, disabled, retired, revoked, expired or not yet valid.",
        "Sign with a live key; `countersign key list` shows their states.";
    KeyNotForDialect "key-not-for-dialect" Identity "refused" 401 "bad_signature":
        "The account has no key registered for this dialect and algorithm.",
        "Register the key for this dialect.";
    KeyElsewhere "key-elsewhere" Identity "refused" 401 "bad_signature":
        "The key hint names a key of another account.",
        "Send the hint of your own key, or none.";
    KeyHintUnknown "key-hint-unknown" Identity "refused" 401 "bad_signature":
        "The key hint names no live key of this account.",
        "Send the hint of a live key, or none.";
    BadSignature "bad-signature" Identity "refused" 401 "bad_signature":
        "The signature does not hold under any of the account's keys.",
        "Compare the bytes you signed with those `countersign explain` shows.";
    MissingCompanion "missing-companion" Identity "refused" 401 "missing_api_key":
        "The API key that this dialect wants beside the proof is missing.",
        "Send the API key header as well.";
    UnknownCompanion "unknown-companion" Identity "refused" 401 "unknown_api_key":
        "Nobody has this API key.",
        "Check the API key.";
    CompanionDisabled "companion-disabled" Identity "refused" 401 "api_key_disabled":
        "The API key is switched off.",
        "Ask for a new one.";
    CompanionElsewhere "companion-elsewhere" Identity "refused" 401 "api_key_of_another":
        "The API key belongs to another account than the proof.",
        "Use the API key and the private key of the same account.";
    UnknownUser "unknown-user" Identity "refused" 401 "unknown_user":
        "The user to act for does not exist.",
        "Check the user's name byte for byte.";
    UserNotDelegated "user-not-delegated" Identity "refused" 401 "user_not_delegated":
        "This account may not act for that user.",
        "Ask the operator for a delegation.";
    MissingClaim "missing-claim" Claims "claims" 401 "missing_claim":
        "A claim that the dialect wants is missing or empty.",
        "Add the claim before signing.";
    MalformedClaim "malformed-claim" Claims "claims" 401 "malformed_claim":
        "A claim has the wrong type or an impossible value.",
        "Write times as numbers of seconds and names as text.";
    WrongIssuer "wrong-issuer" Claims "claims" 401 "wrong_issuer":
        "The issuer is not the one this dialect wants.",
        "Set `iss` as the provider says.";
    WrongAudience "wrong-audience" Claims "claims" 401 "wrong_audience":
        "The proof was made for another audience.",
        "Set `aud` as the provider says, or leave it out where the dialect has none.";
    WrongClaim "wrong-claim" Claims "claims" 401 "wrong_claim":
        "A claim does not have the value this dialect wants.",
        "Set the claim as the provider says.";
    WrongTokenType "wrong-token-type" Claims "claims" 401 "wrong_token_type":
        "The token is of another kind than this place takes.",
        "Send the access token here and the refresh token to the refresh call.";
    LifetimeTooLong "lifetime-too-long" Claims "lifetime-too-long" 401 "lifetime_too_long":
        "The proof would live longer than the dialect allows.",
        "Set `exp` nearer.";
    NotYetValid "not-yet-valid" Time "not-yet-valid" 401 "not_yet_valid":
        "The proof is dated in the future.",
        "Set the caller's clock; the answer's Date header has ours.";
    Expired "expired" Time "expired" 401 "expired":
        "The proof has expired.",
        "Sign again just before sending; the answer's Date header has our time.";
    OutOfWindow "out-of-window" Time "out-of-window" 401 "time_out_of_window":
        "The proof's time is too far from ours.",
        "Set the caller's clock; the answer's Date header has ours.";
    Replayed "replayed" Replay "replayed" 401 "replay":
        "This proof was used before; it works once.",
        "Sign every request anew, with a new nonce.";
    BeforeRestart "before-restart" Replay "try-again" 401 "before_restart":
        "The proof is dated before what the replay memory can vouch for (a restart or a step of the clock).",
        "Sign again now.";
    UnknownChallenge "unknown-challenge" Claims "refused" 401 "unknown_challenge":
        "The challenge was not issued here for this user and purpose.",
        "Ask for a challenge and sign that one.";
    ChallengeExpired "challenge-expired" Time "refused" 401 "expired":
        "The challenge is too old.",
        "Ask for a new challenge and answer at once.";
    SessionUnknown "session-unknown" Identity "refused" 401 "session_ended":
        "There is no such session.",
        "Sign in again.";
    SessionEnded "session-ended" Identity "refused" 401 "session_ended":
        "The session has ended.",
        "Sign in again.";
    NotPermitted "not-permitted" Policy "not-permitted" 403 "not_permitted":
        "The proof holds, but this key or account may not do this here (method, path or network).",
        "Ask the operator, or use another key.";
    NotAdmitted "not-admitted" Policy "not-permitted" 403 "not_admitted":
        "The proof holds, but the route does not admit this account.",
        "Ask the operator.";
    NotCovered "not-covered" Policy "not-permitted" 403 "not_covered":
        "The proof holds, but it binds less of the request than the route wants.",
        "Sign in a dialect of this route that binds more, or ask the operator.";
    ComponentUnknown "component-unknown" Malformed "malformed" 401 "malformed":
        "The signature covers something under a name or with parameters that have no meaning here, or covers one thing twice.",
        "Cover each component once, with names in lower case and the parameters of RFC 9421 (`sf`, `bs`, `key`, `name`).";
    ComponentAbsent "component-absent" Malformed "malformed" 401 "malformed":
        "The signature covers something that this request does not have, or that can be read in more than one way.",
        "Cover what the request has when it arrives; a proxy between may have removed or changed it.";
    ComponentMissing "component-missing" Claims "component-missing" 401 "component_missing":
        "The signature does not cover all that this dialect wants covered.",
        "Cover the components that Accept-Signature lists; `countersign explain` names the one that is lacking.";
    DigestUnusable "digest-unusable" Claims "digest-mismatch" 401 "digest_mismatch":
        "The signed digest field has no digest that counts.",
        "Send Content-Digest with sha-256 or sha-512, in the form `sha-256=:…:`.";
    DigestMismatch "digest-mismatch" Claims "digest-mismatch" 401 "digest_mismatch":
        "The body is not the one whose digest was signed.",
        "Make the digest of the very bytes that are sent; a proxy or a library between may have written them anew.";
    PathNotPlain "path-not-plain" Malformed "malformed" 400 "path_not_plain":
        "The path has dot segments, doubled or encoded slashes or other spellings that two servers may read differently.",
        "Send the plain path.";
    MissingDpop "missing-dpop" Claims "invalid-dpop" 401 "missing_dpop":
        "The token is bound to a key, and no DPoP proof of that key came with it.",
        "Send the token as `Authorization: DPoP …` and a proof in the DPoP header.";
    MalformedDpop "malformed-dpop" Claims "invalid-dpop" 401 "malformed_dpop":
        "The DPoP header is no proof: a signed `dpop+jwt` with its public key (`jwk`), `jti`, `htm`, `htu` and `iat`.",
        "Make the proof with a DPoP library and an Ed25519 or elliptic-curve key.";
    BadDpop "bad-dpop" Claims "invalid-dpop" 401 "bad_dpop":
        "The DPoP proof's signature does not hold under the key that it brings along.",
        "Sign the proof with the private half of its `jwk`.";
    WrongDpop "wrong-dpop" Claims "invalid-dpop" 401 "wrong_dpop":
        "The DPoP proof was made for another method, address or token.",
        "Make a proof for each request: `htm` is its method, `htu` its address without query, `ath` the digest of the token.";
    DpopKeyElsewhere "dpop-key-elsewhere" Claims "invalid-dpop" 401 "dpop_key_elsewhere":
        "The DPoP proof is of another key than the token is bound to.",
        "Prove with the key that was there when the token was fetched.";
    DpopNonce "dpop-nonce" Claims "use-dpop-nonce" 401 "dpop_nonce":
        "The DPoP proof has no nonce of ours, or one that is too old.",
        "Put the value of the answer's DPoP-Nonce header into the proof's `nonce`, and send it again.";
    WrongTokenScheme "wrong-token-scheme" Claims "claims" 401 "wrong_token_scheme":
        "A token that is bound to a key came as Bearer, or one that is not came as DPoP.",
        "Send a bound token as `Authorization: DPoP …` and any other as `Authorization: Bearer …`.";
    TooManyFailures "too-many-failures" Limit "too-many-requests" 429 "too_many_requests":
        "So many proofs from this address failed that no further one is checked for now.",
        "Mend what fails at this address, and try again after the time in Retry-After.";
    TooManyRequests "too-many-requests" Limit "too-many-requests" 429 "too_many_requests":
        "This address or account sends more requests than the operator allows.",
        "Send fewer, and try again after the time in Retry-After.";
}

/// The caller's fault: why, where, and in which dialect. Carries no text of the caller's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// At which stage of judging.
    pub stage: Stage,
}

/// The stages a proof goes through, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Stage {
    /// Finding and reading the proof.
    Read,
    /// Finding the keys.
    Keys,
    /// Checking the signature.
    Signature,
    /// The dialect's rules.
    Rules,
    /// First use or not.
    Once,
    /// What the route and key allow.
    Policy,
}

impl Stage {
    /// The word for it in traces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Keys => "keys",
            Self::Signature => "signature",
            Self::Rules => "rules",
            Self::Once => "once",
            Self::Policy => "policy",
        }
    }
}

impl Refusal {
    /// A refusal at a stage.
    #[must_use]
    pub fn new(reason: Reason, stage: Stage) -> Self {
        Self { reason, stage }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.code(), self.reason.text())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_tell_strangers_nothing_of_identity() {
        let codes: HashSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            if reason.class() == Class::Identity {
                assert_eq!((reason.outward(), reason.status()), ("refused", 401), "{reason}");
            }
            assert!(!reason.hint().is_empty() && reason.text().ends_with('.'));
        }
    }
}
