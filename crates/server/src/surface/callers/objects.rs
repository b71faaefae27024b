//! The objects of the session API and of explain, as they go over the wire.
#![expect(
    dead_code,
    reason = "they describe what guard reads and writes, and are never made; the tests hold the two together"
)]
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Who wants to sign in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct CodeWanted {
    /// The user id, without control and invisible characters; at most 320 bytes.
    user_id: String,
    /// A text that is signed before the code, so that people see what they sign; at most 64 bytes.
    prefix: Option<String>,
    /// A join code: whoever registers with this code joins its organisation. Also taken as `joincode`.
    join_code: Option<String>,
}

/// Who wants to register.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct RegistrationCodeWanted {
    /// The user id, without control and invisible characters; at most 320 bytes.
    user_id: String,
    /// A text that is signed before the code, so that people see what they sign; at most 64 bytes.
    prefix: Option<String>,
    /// A join code: whoever registers with this code joins its organisation. Also taken as `joincode`.
    join_code: Option<String>,
    /// An e-mail address, at most 320 bytes. It is not kept.
    email: Option<String>,
}

/// A code to sign.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Code {
    /// The code; it is answered within `session.challenge_life`, and once.
    auth_code: String,
}

/// A code that a key signed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct SignedCode {
    /// The user id that the code was asked for.
    user_id: String,
    /// The code.
    auth_code: String,
    /// The Ed25519 signature over prefix and code: 128 hexadecimal digits.
    signature: String,
    /// The public key: 32 bytes in standard base64.
    key: String,
    /// `ed25519`, the only one there is.
    #[schema(required = false)]
    scheme: Scheme,
}

/// A code for adding keys that the new key signed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct SignedKeyCode {
    /// The user of the token; it may be left out.
    user_id: Option<String>,
    /// The code.
    auth_code: String,
    /// The new key's Ed25519 signature over the code: 128 hexadecimal digits.
    signature: String,
    /// The new public key: 32 bytes in standard base64.
    key: String,
    /// `ed25519`, the only one there is.
    #[schema(required = false)]
    scheme: Scheme,
}

/// Signature schemes of a session's keys.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum Scheme {
    Ed25519,
}

/// The tokens of a session.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct SessionTokens {
    /// Goes with requests, as `Authorization: Bearer`.
    access_token: String,
    /// Gets the next pair, once.
    refresh_token: String,
    /// When the access token ends, Unix milliseconds.
    access_token_expires: i64,
    /// When the refresh token ends, Unix milliseconds.
    refresh_token_expires: i64,
}

/// The one token of a session that an API key opened.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct SessionToken {
    /// Goes with requests, as `Authorization: Bearer`.
    access_token: String,
    /// When it ends, Unix milliseconds.
    access_token_expires: i64,
}

/// Whose token it is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct TokenHolder {
    /// The user id.
    user_id: String,
    /// The id of the organisation.
    subscription_id: Option<String>,
    /// Always false: this dialect's clients look for it.
    restricted: bool,
    /// Always false: this dialect's clients look for it.
    quota_exceeded: bool,
    /// Always false: this dialect's clients look for it.
    trial: bool,
}

/// A key that a user signs in with.
#[derive(ToSchema)]
pub(super) struct SessionKey {
    /// The public key: 32 bytes in standard base64.
    key: String,
    /// Its scheme.
    scheme: Scheme,
}

/// A user's organisation.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Subscription {
    /// The organisation's id; null: the user is in none.
    subscription_id: Option<String>,
    /// The organisation's name.
    subscription_name: Option<String>,
    /// What the user may do in it: MEMBER, ADMIN or OWNER.
    role: Option<String>,
}

/// Everyone in an organisation.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct SubscriptionUsers {
    /// Roles by user id; members without one stand under their account's name.
    role_map: BTreeMap<String, String>,
}

/// A role, where the query has none.
#[derive(ToSchema)]
pub(super) struct RoleWanted {
    /// MEMBER, ADMIN or OWNER, in whatever case.
    role: Option<String>,
}

/// Why the session API did not do it.
#[derive(ToSchema)]
pub(super) struct SessionRefusal {
    /// The stable code; programs compare this.
    error: String,
    /// What was wanted, in a sentence.
    message: String,
}

/// What strangers are told: no more than sending the request would have told.
#[derive(ToSchema)]
pub(crate) struct Verdict {
    /// When it was judged, Unix milliseconds.
    at: i64,
    /// `verified`, `absent` or `refused`.
    verdict: String,
    /// The outward code, as in the answer to a refused request; null when it holds.
    #[schema(required = true)]
    code: Option<String>,
    /// How to learn more.
    note: String,
}

/// How a request would be judged, step by step, and what likely went wrong.
#[derive(ToSchema)]
pub(crate) struct Explanation {
    /// When it was judged, Unix milliseconds.
    at: i64,
    /// The dialect that was judged.
    #[schema(required = true)]
    dialect: Option<String>,
    /// `verified`, `absent` or `refused`.
    verdict: String,
    /// The reason's code, when refused and of the asker's business.
    #[schema(required = true)]
    reason: Option<String>,
    /// The reason in a sentence.
    #[schema(required = true)]
    text: Option<String>,
    /// What to do next.
    #[schema(required = true)]
    hint: Option<String>,
    /// Whether the signature held.
    proved: bool,
    /// Who, when verified.
    #[schema(required = true)]
    caller: Option<Recognised>,
    /// What was looked at, in order.
    steps: Vec<Step>,
    /// What likely went wrong, the likeliest first; at most four.
    causes: Vec<Cause>,
    /// Seconds by which the caller's clock is ahead of the server's (negative: behind), where the proof tells.
    #[schema(required = true)]
    skew_seconds: Option<i64>,
    /// The bytes that the server expected to be signed.
    #[schema(required = true)]
    expected: Option<SignedText>,
    /// How they differ from those that were signed.
    #[schema(required = true)]
    difference: Option<Difference>,
    /// How many signatures were checked to find out.
    checks: u64,
}

/// Who was recognised.
#[derive(ToSchema)]
pub(super) struct Recognised {
    /// The account's name.
    account: String,
    /// The identifier in the proof.
    identifier: String,
    /// The key's id.
    key: String,
    /// The algorithm.
    algorithm: String,
    /// The user acted for.
    #[schema(required = true)]
    acting_as: Option<String>,
}

/// One thing that was looked at.
#[derive(ToSchema)]
pub(super) struct Step {
    /// The stage of judging.
    stage: String,
    /// What was looked at.
    what: String,
    /// What the dialect wants.
    wanted: String,
    /// What the request has.
    found: String,
    /// Null when it holds, else the reason's code.
    #[schema(required = true)]
    failed: Option<String>,
}

/// What may have gone wrong.
#[derive(ToSchema)]
pub(super) struct Cause {
    /// The cause's code.
    code: String,
    /// What went wrong.
    text: String,
    /// How it is mended.
    fix: String,
    /// What was seen in this request.
    #[schema(required = true)]
    detail: Option<String>,
    /// Whether it is certain.
    sure: bool,
}

/// Bytes that were or should have been signed.
#[derive(ToSchema)]
pub(super) struct SignedText {
    /// How many.
    bytes: u64,
    /// They, in standard base64; of a long text the first 16 KiB.
    base64: String,
    /// The same as text, with escapes for what is none.
    text: String,
}

/// Where two texts part.
#[derive(ToSchema)]
pub(super) struct Difference {
    /// The first byte that differs, counted from 0.
    offset: u64,
    /// Bytes of the expected text.
    expected_bytes: u64,
    /// Bytes of the signed text.
    signed_bytes: u64,
    /// What the expected text has there.
    expected: String,
    /// What the signed text has there.
    signed: String,
    /// What stands before, in both.
    before: String,
}
