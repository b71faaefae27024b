//! The calls of the token endpoint: OAuth 2.0 for clients that prove themselves by their keys.
use super::answers::{NO_CLIENT, OAUTH, OAUTH_DPOP, POSTED, empty, good};
use super::call::Method::{Get, Post};
use super::call::{Answer, Asked, Call, FORM, JSON, Shape};

const TAG: &str = "tokens";
const NONE: &[&[&str]] = &[&[]];

const fn form(object: &'static str) -> Option<Asked> {
    Some(Asked { media: FORM, object, required: true })
}

/// The calls, in the order of the paths in the configuration.
pub(super) static CALLS: [Call; 5] = [
    Call {
        method: Post,
        path: "/oauth2/token",
        id: "get_token",
        tag: TAG,
        summary: "Get an access token by a client assertion, an assertion or a refresh token.",
        about: "The grants client_credentials (RFC 6749 section 4.4), jwt-bearer (RFC 7523) and, where `token.refresh_tokens` is on, refresh_token. \
                With a DPoP proof the token is bound to its key (RFC 9449). Errors beside `invalid_request` and `invalid_client`: `invalid_grant`, `invalid_scope`, \
                `invalid_target` (RFC 8707), `unsupported_grant_type`, `invalid_dpop_proof` and `use_dpop_nonce`.",
        proofs: &[&[], &["dpop-proof"]],
        parameters: &[],
        body: form("TokenRequest"),
        answers: &[
            &[
                Answer {
                    status: 200,
                    when: "The token (RFC 6749 section 5.1). A nonce for the next DPoP proof comes with it, where one was sent and nonces are on.",
                    body: Some((JSON, Shape::Object("TokenGranted"))),
                    headers: &["DPoP-Nonce"],
                },
                OAUTH_DPOP,
            ],
            POSTED,
        ],
    },
    Call {
        method: Post,
        path: "/oauth2/introspect",
        id: "introspect_token",
        tag: TAG,
        summary: "Ask whether a token counts (RFC 7662).",
        about: "For the client that has the token, and for resource servers (`introspects`). What is none, has ended or is none of the asker's business is one answer.",
        proofs: NONE,
        parameters: &[],
        body: form("TokenQuestion"),
        answers: &[&[good("What the token is.", Shape::Object("TokenStatus")), OAUTH, NO_CLIENT], POSTED],
    },
    Call {
        method: Post,
        path: "/oauth2/revoke",
        id: "revoke_token",
        tag: TAG,
        summary: "End the session of a token (RFC 7009).",
        about: "For the client that has it; the token of another is `unauthorized_client`.",
        proofs: NONE,
        parameters: &[],
        body: form("TokenQuestion"),
        answers: &[&[empty(200, "It counts no longer, or never did."), OAUTH], POSTED],
    },
    Call {
        method: Get,
        path: "/.well-known/oauth-authorization-server",
        id: "get_server_metadata",
        tag: TAG,
        summary: "Read what the authorization server says of itself (RFC 8414).",
        about: "Where the issuer has a path, it follows this one.",
        proofs: NONE,
        parameters: &[],
        body: None,
        answers: &[&[good("The metadata.", Shape::Object("ServerMetadata"))], POSTED],
    },
    Call {
        method: Get,
        path: "/.well-known/oauth-protected-resource",
        id: "get_resource_metadata",
        tag: TAG,
        summary: "Read what the protected resource says of itself (RFC 9728).",
        about: "Where the first resource has a path, it follows this one.",
        proofs: NONE,
        parameters: &[],
        body: None,
        answers: &[&[good("The metadata.", Shape::Object("ResourceMetadata"))], POSTED],
    },
];
