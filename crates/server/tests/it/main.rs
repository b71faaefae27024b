//! The server as callers and proxies meet it: real listeners on free ports, a store in memory, a clock that stands.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop at once")]
mod acme;
mod console;
mod drain;
mod explain;
mod ext_authz;
mod faults;
mod fixture;
mod flood;
mod forward_auth;
mod frames;
mod gateway;
mod lanes;
mod lines;
mod listeners;
mod modes;
mod policies;
mod raw;
mod reload;
mod session;
mod slow;
mod sockets;
mod streams;
mod tls;
mod two;
mod upstreams;
