//! The answers that many calls have in common.
use super::call::{Answer, JSON, PROBLEM, Shape};

/// Names the refusal in the log.
const REJECT: &str = "countersign-reject";
const RETRY: &str = "Retry-After";
const CHALLENGE: &str = "WWW-Authenticate";

const fn no(status: u16, when: &'static str, headers: &'static [&'static str]) -> Answer {
    Answer { status, when, body: Some((JSON, Shape::Object("SessionRefusal"))), headers }
}

const fn problem(status: u16, when: &'static str, headers: &'static [&'static str]) -> Answer {
    Answer { status, when, body: Some((PROBLEM, Shape::Object("Problem"))), headers }
}

const fn oauth(status: u16, when: &'static str, headers: &'static [&'static str]) -> Answer {
    Answer { status, when, body: Some((JSON, Shape::Object("TokenRefusal"))), headers }
}

/// A good answer in JSON.
pub(super) const fn good(when: &'static str, shape: Shape) -> Answer {
    Answer { status: 200, when, body: Some((JSON, shape)), headers: &[] }
}

/// A good answer without a body.
pub(super) const fn empty(status: u16, when: &'static str) -> Answer {
    Answer { status, when, body: None, headers: &[] }
}

/// What every call of the session API and of the token endpoint may be answered.
pub(super) const POSTED: &[Answer] = &[
    problem(
        400,
        "`bad-request`: the body is longer than any call needs, broke off or did not arrive in time, or what a proxy says of the caller cannot be read.",
        &[],
    ),
    problem(
        429,
        "`too-many-requests`: too many requests, or too many that failed, from this address.",
        &[RETRY, REJECT],
    ),
    FAULT,
];
const FAULT: Answer =
    problem(503, "`unavailable`: the server cannot decide now; nothing was done.", &[RETRY]);

/// A body that cannot be read, or a member or parameter that has not the form it needs.
pub(super) const MALFORMED: Answer =
    no(400, "`malformed`: the body or a parameter has not the form that the call wants.", &[]);
/// What a rule of the registry says of a text that is sent.
pub(super) const INVALID: Answer = no(
    400,
    "A code of its own, such as `bad-join-code` or `invalid-name`: a text cannot be taken for what it should be.",
    &[],
);
/// Calls that strangers may make are paced.
pub(super) const PACED: Answer =
    no(429, "`too-many-requests`: more of these calls than `session.rate` allows.", &[RETRY]);
/// A proof or token that does not hold.
pub(super) const REFUSED: &[Answer] = &[
    no(
        401,
        "The proof or token is missing or does not hold; an unknown user, a wrong key, a bad signature and a session that has ended are one answer, `refused`.",
        &[CHALLENGE, REJECT],
    ),
    no(403, "`not-permitted`: it holds, but its key or account may not do this.", &[REJECT]),
];
/// What a newcomer is told whose key waits.
pub(super) const WAITS: Answer = no(
    403,
    "`not-permitted`: the key is registered and waits until a manager of this server approves it; told once.",
    &[],
);
/// For sessions that an API key opened.
pub(super) const BY_API_KEY: Answer =
    no(403, "`not-permitted`: a session that an API key opened may not do this.", &[]);
/// For members whose role does not reach.
pub(super) const ROLE: Answer =
    no(403, "`not-permitted`: the role in the organisation does not reach for this.", &[]);
/// There is no such user.
pub(super) const NO_FELLOW: Answer =
    no(404, "`member-not-found`: there is no such user in the organisation.", &[]);
/// Without an organisation.
pub(super) const NO_ORGANISATION: Answer = no(409, "`no-subscription`: the user is in no organisation.", &[]);
/// A name that is taken.
pub(super) const NAME_TAKEN: Answer = no(409, "`name-taken`: another organisation has this name.", &[]);
/// Nobody would be left who could manage it.
pub(super) const LAST_OWNER: Answer =
    no(409, "`last-owner`: it is the last owner while others are members.", &[]);
/// Too many invitations.
pub(super) const TOO_MANY_CODES: Answer = no(409, "`too-many-join-codes`: as many are open as may be.", &[]);
/// In an organisation already.
pub(super) const MEMBER_ALREADY: Answer =
    no(409, "`already-member`: the user is in an organisation; let it leave that first.", &[]);
/// What stands in the way of a further key.
pub(super) const KEY_STATE: Answer = no(
    409,
    "`key-taken`: the account has this key, which does not count now; `too-many-keys`: it has as many as may be.",
    &[],
);

/// An error of OAuth.
pub(super) const OAUTH: Answer = oauth(
    400,
    "An error of RFC 6749 section 5.2 and its like: `invalid_request`, `invalid_client` and those named above.",
    &[REJECT],
);
/// An error that a nonce may come with.
pub(super) const OAUTH_DPOP: Answer = oauth(
    400,
    "An error of RFC 6749 section 5.2 and its like; with `use_dpop_nonce` comes the nonce that the next proof wants.",
    &[REJECT, "DPoP-Nonce"],
);
/// Whoever asks about a token has not proved who it is.
pub(super) const NO_CLIENT: Answer =
    oauth(401, "`invalid_client`: the client assertion is missing or does not hold.", &[CHALLENGE, REJECT]);

/// What a question to explain may be answered.
pub(super) const EXPLAIN: &[Answer] = &[
    problem(
        400,
        "`bad-request`: the description cannot be read, or no route is configured for its address.",
        &[],
    ),
    problem(408, "`too-slow`: the body did not arrive in time.", &[]),
    problem(413, "`too-large`: the body has more than 2 MiB.", &[]),
    problem(
        429,
        "`too-many-requests`: too many requests from this address, too many that failed, or too many questions of this account.",
        &[RETRY, REJECT],
    ),
    FAULT,
];
