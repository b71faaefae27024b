//! A request as Node hands it over, and with parts of its own.
use crate::latin1::{bytes, pairs};
use napi::Result;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use std::net::IpAddr;

/// A request as it arrived.
#[napi(object, object_to_js = false)]
pub struct RequestParts {
    /// The method.
    pub method: String,
    /// Path and query as sent, one letter a byte.
    pub target: String,
    /// Names and values in turn.
    pub headers: Vec<String>,
    /// All of the body; `None`: it was not read.
    pub body: Option<Buffer>,
    /// The client's address.
    pub client: Option<String>,
}

/// A request that holds its own parts.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: Option<String>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) client: Option<IpAddr>,
}

impl Request {
    /// Takes the parts.
    ///
    /// # Errors
    /// When it has letters that are no bytes.
    pub(crate) fn read(parts: RequestParts) -> Result<Self> {
        Ok(Self {
            method: parts.method,
            // A target that is no text cannot be signed, and is judged as one that is not known.
            target: String::from_utf8(bytes(&parts.target)?).ok(),
            headers: pairs(&parts.headers)?,
            // Copied: the program may write into its buffer meanwhile.
            body: parts.body.map(|body| body.to_vec()),
            client: parts.client.and_then(|client| client.parse().ok()),
        })
    }
}
