//! The calls of the session API about signing in, sessions and a user's own keys.
use super::answers::{BY_API_KEY, KEY_STATE, MALFORMED, PACED, POSTED, REFUSED, WAITS, empty, good};
use super::call::Method::{Get, Post};
use super::call::{Asked, Call, JSON, Parameter, Place, Shape};

const OPEN: &[&[&str]] = &[&[]];
const ACCESS: &[&[&str]] = &[&["access-token"]];
const SIGN_IN: &str = "signing in";
const SESSION: &str = "session";
const KEYS: &str = "own keys";

const fn body(object: &'static str) -> Option<Asked> {
    Some(Asked { media: JSON, object, required: true })
}

/// The calls.
pub(super) static CALLS: [Call; 11] = [
    Call {
        method: Get,
        path: "auth/idexists/{userId}",
        id: "user_exists",
        tag: SIGN_IN,
        summary: "Ask whether a user id is registered.",
        about: "",
        proofs: OPEN,
        parameters: &[Parameter {
            name: "userId",
            place: Place::Path,
            required: true,
            about: "The user id: all that follows, slashes too.",
        }],
        body: None,
        answers: &[&[good("Whether it is.", Shape::Truth), PACED], POSTED],
    },
    Call {
        method: Post,
        path: "auth/code",
        id: "ask_code",
        tag: SIGN_IN,
        summary: "Ask for a code to sign in with.",
        about: "Known and unknown users get the same, and nothing is stored.",
        proofs: OPEN,
        parameters: &[],
        body: body("CodeWanted"),
        answers: &[&[good("The code.", Shape::Object("Code")), MALFORMED, PACED], POSTED],
    },
    Call {
        method: Post,
        path: "auth/code-register",
        id: "ask_code_to_register",
        tag: SIGN_IN,
        summary: "Ask for a code to register with.",
        about: "The code is used as one for signing in is.",
        proofs: OPEN,
        parameters: &[],
        body: body("RegistrationCodeWanted"),
        answers: &[&[good("The code.", Shape::Object("Code")), MALFORMED, PACED], POSTED],
    },
    Call {
        method: Post,
        path: "auth/token",
        id: "open_session",
        tag: SIGN_IN,
        summary: "Open a session by a signed code.",
        about: "The proof stands in the body, in the dialect `spacetime`: the signature is over the prefix of the code, if it has one, and the code. \
                Each code works once. An unknown user is registered with its key, where `session.self_registration` lets it.",
        proofs: OPEN,
        parameters: &[],
        body: body("SignedCode"),
        answers: &[
            &[good("The session's tokens.", Shape::Object("SessionTokens")), MALFORMED, PACED, WAITS],
            REFUSED,
            POSTED,
        ],
    },
    Call {
        method: Post,
        path: "auth/refresh",
        id: "refresh_session",
        tag: SESSION,
        summary: "Get new tokens for a refresh token.",
        about: "Each refresh token works once; one that comes again ends the session, but for `session.refresh_grace`.",
        proofs: &[&["refresh-token"]],
        parameters: &[],
        body: None,
        answers: &[&[good("The new tokens.", Shape::Object("SessionTokens"))], REFUSED, POSTED],
    },
    Call {
        method: Post,
        path: "auth/logout",
        id: "end_session",
        tag: SESSION,
        summary: "End the session.",
        about: "",
        proofs: &[&["refresh-token"], &["access-token"]],
        parameters: &[],
        body: None,
        answers: &[&[empty(204, "It has ended.")], REFUSED, POSTED],
    },
    Call {
        method: Get,
        path: "auth/validtoken",
        id: "check_token",
        tag: SESSION,
        summary: "Ask whether an access token counts, and whose it is.",
        about: "",
        proofs: ACCESS,
        parameters: &[],
        body: None,
        answers: &[&[good("It does.", Shape::Object("TokenHolder"))], REFUSED, POSTED],
    },
    Call {
        method: Get,
        path: "auth/keys",
        id: "list_session_keys",
        tag: KEYS,
        summary: "List the live keys that the user may sign in with.",
        about: "",
        proofs: ACCESS,
        parameters: &[],
        body: None,
        answers: &[&[good("The keys.", Shape::List("SessionKey"))], REFUSED, POSTED],
    },
    Call {
        method: Post,
        path: "auth/keys",
        id: "add_session_key",
        tag: KEYS,
        summary: "Add a key by a code that it signed.",
        about: "The code is one for adding keys. The key may do no more, and counts no longer, than the one that opened the session; where the organisation \
                approves keys it waits. One that the user has already is answered as if it had been added.",
        proofs: ACCESS,
        parameters: &[],
        body: body("SignedKeyCode"),
        answers: &[
            &[good("The key.", Shape::Object("SessionKey")), MALFORMED, BY_API_KEY, KEY_STATE],
            REFUSED,
            POSTED,
        ],
    },
    Call {
        method: Post,
        path: "auth/keys/code",
        id: "ask_code_for_key",
        tag: KEYS,
        summary: "Ask for a code to add a key with.",
        about: "It is good for nothing else.",
        proofs: ACCESS,
        parameters: &[],
        body: None,
        answers: &[&[good("The code.", Shape::Object("Code")), BY_API_KEY], REFUSED, POSTED],
    },
    Call {
        method: Post,
        path: "auth/apikey",
        id: "open_session_by_api_key",
        tag: SIGN_IN,
        summary: "Get an access token for an API key.",
        about: "For programs that cannot sign: the session ends with its one token and changes nothing about the account.",
        proofs: &[&["api-key"]],
        parameters: &[],
        body: None,
        answers: &[&[good("The token.", Shape::Object("SessionToken")), PACED], REFUSED, POSTED],
    },
];
