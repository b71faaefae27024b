//! Envoy's `ext_authz`: what Envoy tells about a request, read as strictly as a request of our own, and the answers it obeys.
//!
//! [`service`] takes a gRPC call apart and answers it, [`original`] makes the original request of a [`wire::CheckRequest`], and
//! [`answer`] makes a [`wire::CheckResponse`] of a verdict. Envoy's HTTP checks need [`body`] and [`original::apart`] only.
pub mod answer;
pub mod body;
pub mod original;
pub mod service;
pub mod wire;
