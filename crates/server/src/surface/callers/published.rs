//! What is published for everybody: the server's public keys, and whether it lives and serves.
use super::call::{Answer, Call, Method, PLAIN, Shape};
use crate::surface::health::{LIVE, READY};
use crate::surface::path::KEY_SET;
use countersign::answer::{DIRECTORY, DIRECTORY_TYPE};

const OPEN: &[&[&str]] = &[&[]];

const fn plain(status: u16, when: &'static str) -> Answer {
    Answer { status, when, body: Some((PLAIN, Shape::Text)), headers: &[] }
}

/// The calls.
pub(super) static CALLS: [Call; 4] = [
    Call {
        method: Method::Get,
        path: KEY_SET,
        id: "get_key_set",
        tag: "published",
        summary: "Read the public keys that the server's tokens and assertions are checked with (RFC 7517).",
        about: "New keys are published before they sign: a copy may be five minutes old.",
        proofs: OPEN,
        parameters: &[],
        body: None,
        answers: &[&[Answer {
            status: 200,
            when: "The keys.",
            body: Some(("application/jwk-set+json", Shape::Object("KeySet"))),
            headers: &["Cache-Control"],
        }]],
    },
    Call {
        method: Method::Get,
        path: DIRECTORY,
        id: "get_key_directory",
        tag: "published",
        summary: "Read the same keys as a directory for HTTP message signatures, signed by each of them.",
        about: "Each key is named by its JWK thumbprint; with `public_url`, the signatures cover its host and the body's digest.",
        proofs: OPEN,
        parameters: &[],
        body: None,
        answers: &[&[Answer {
            status: 200,
            when: "The keys.",
            body: Some((DIRECTORY_TYPE, Shape::Object("KeySet"))),
            headers: &["Cache-Control", "Content-Digest", "Signature-Input", "Signature"],
        }]],
    },
    Call {
        method: Method::Get,
        path: LIVE,
        id: "get_live",
        tag: "published",
        summary: "Ask whether the process lives.",
        about: "",
        proofs: OPEN,
        parameters: &[],
        body: None,
        answers: &[&[plain(200, "It does: `ok`.")]],
    },
    Call {
        method: Method::Get,
        path: READY,
        id: "get_ready",
        tag: "published",
        summary: "Ask whether the server can decide, and means to go on.",
        about: "",
        proofs: OPEN,
        parameters: &[],
        body: None,
        answers: &[&[
            plain(200, "`ready`, and a line for whatever somebody should look at."),
            plain(503, "It cannot, or is about to stop; the text says which."),
        ]],
    },
];
