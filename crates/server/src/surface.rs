//! The parts of the server that answer requests.
pub(crate) mod acme;
pub(crate) mod callers;
pub(crate) mod console;
pub(crate) mod explain;
pub(crate) mod ext_authz;
pub(crate) mod forward_auth;
pub(crate) mod gateway;
pub(crate) mod health;
pub(crate) mod jwks;
pub(crate) mod lenient;
pub(crate) mod manage;
pub(crate) mod origin;
pub(crate) mod path;
pub(crate) mod posted;
pub(crate) mod session;
