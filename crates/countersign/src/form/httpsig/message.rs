//! What is signed: a request, or the answer to one.
use crate::incoming::Incoming;
use http::HeaderMap;

/// What is signed: a request, or the answer to one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'m> {
    pub(crate) request: &'m Incoming<'m>,
    pub(crate) answer: Option<Answer<'m>>,
}

/// An answer, as far as it can be signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'m> {
    pub(crate) status: u16,
    pub(crate) headers: &'m HeaderMap,
}
