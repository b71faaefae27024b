//! The shapes of what is signed; each is read and written by the same file.
pub(crate) mod httpsig;
pub(crate) mod jws;
pub(crate) mod make;
pub(crate) mod text;
