//! The call that tells why a request would be refused.
use super::answers::{EXPLAIN, good};
use super::call::{Asked, Call, JSON, Method, Shape};
use crate::surface::explain;

/// The call.
pub(super) static CALLS: [Call; 1] = [Call {
    method: Method::Post,
    path: explain::PATH,
    id: "explain_request",
    tag: "explain",
    summary: "Ask why a request would be refused.",
    about: "The request is described and not sent; nothing is used up. Whoever proves a live key of an account with the three headers is told everything about that account's requests, and anybody \
            about a request whose signature holds; to others it is one word. Operators ask the same on their own listener, signed in the dialect `operator`.",
    proofs: &[&[], &["explain-key", "explain-time", "explain-signature"]],
    parameters: &[],
    body: Some(Asked { media: JSON, object: "Described", required: true }),
    answers: &[
        &[good(
            "How it would be judged, as far as whoever asks may know.",
            Shape::Either("Explanation", "Verdict"),
        )],
        EXPLAIN,
    ],
}];
