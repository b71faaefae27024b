//! The compiled part of the npm package `countersign`: the facade for other languages, in Node's types.
//!
//! Nothing here is called by programs: `lib/` of the package is, and this crate says as little as it can. What takes more than some
//! microseconds (signing, checking signatures, reading keys) is a task for libuv's threads, so the event loop goes on meanwhile.
mod asking;
mod judging;
mod latin1;
mod outcome;
mod request;
mod signer;
mod verifier;
