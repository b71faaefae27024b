//! Signatures on answers (RFC 9421 section 2.4): an answer says which server gave it, and to which question.
//!
//! An answer's signature covers its status, what its body is read by, the body's digest, and of the question the method and the address. What
//! the question proved itself by is covered as well, so that an answer to one request is none to another: every component of a message
//! signature, and that signature itself beside them (a signature alone does not say what it was over, section 7.3.7), or `Authorization`.
pub mod judge;
pub mod make;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderName, Method, StatusCode};

/// The tag of an answer whose body is covered, or that can have none.
pub const TAG: &str = "countersign-answer";
/// The tag of an answer whose body is not covered: it was too large to be held, or had no end.
pub const TAG_HEAD: &str = "countersign-answer-head";
/// The tag of the signatures on a directory of keys (draft-meunier-webbotauth-httpsig-protocol).
pub const TAG_DIRECTORY: &str = "http-message-signatures-directory";
/// Where a directory of keys is.
pub const DIRECTORY: &str = "/.well-known/http-message-signatures-directory";
/// What a directory of keys is sent as.
pub const DIRECTORY_TYPE: &str = "application/http-message-signatures-directory+json";

/// The label that an answer's signature gets, where nothing else has it.
const LABEL: &str = "answer";

/// Fields of an answer that are covered where they are there: a body means another thing under another type, and a redirect leads elsewhere.
const FIELDS: [HeaderName; 3] = [CONTENT_TYPE, CONTENT_ENCODING, LOCATION];

/// Parts of the question that are always covered.
const ADDRESS: [&str; 4] = ["@method", "@authority", "@path", "@query"];

/// An answer's body, as far as it can be signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content<'b> {
    /// All of it; may be empty.
    Whole(&'b [u8]),
    /// There is one that is not held.
    Unheld,
    /// This answer can have none ([`has_content`]).
    None,
}

/// Whether an answer to this method with this status can have a body (RFC 9110 section 6.4.1).
#[must_use]
pub fn has_content(method: &str, status: u16) -> bool {
    let bare = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].iter().any(|bare| bare.as_u16() == status);
    method != Method::HEAD.as_str() && !bare && status >= 200
}

#[cfg(test)]
mod tests;
