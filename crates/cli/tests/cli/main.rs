//! The command as people run it: standard output, error stream and exit codes, success and failure.
#![expect(clippy::unwrap_used, reason = "tests may stop at once")]
mod callers;
mod custody;
mod explain;
mod import;
mod import_attacked;
mod init;
mod key_limits;
mod key_owner;
mod manifests;
mod nodes;
mod operators;
mod own_keys;
mod redis;
mod reload;
mod rotation;
mod run;
mod service_manager;
mod shape;
mod sidecar;
mod sidecar_attacked;
mod signed_answers;
mod steps;
mod webhooks;
