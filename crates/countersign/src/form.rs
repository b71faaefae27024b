//! The shapes of what is signed; each is read and written by the same file.
pub(crate) mod built;
pub(crate) mod fields;
pub(crate) mod httpsig;
pub(crate) mod jws;
pub(crate) mod listed;
pub(crate) mod make;
pub(crate) mod oauth;
pub(crate) mod parameters;
pub(crate) mod part;
pub(crate) mod signature;
pub(crate) mod text;
