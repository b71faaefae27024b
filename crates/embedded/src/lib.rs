//! Countersign inside a program of another language: signing and judging in plain texts, numbers and bytes.
//!
//! - [`signing::Signing`] is a caller: it signs one request after another.
//! - [`verifying::Verifying`] is a provider: it judges requests by a file of accounts or by asking a [`holders::Holders`].
//! - [`memory::ReplayMemory`] says where uses are remembered: in this process, or where all processes see them.
//! - [`judgement::Judgement`] is what it finds. Who was [recognised](judgement::Recognised) only comes out of a judgement.
//!
//! A refusal is the caller's fault and a [`Fault`] is ours; whatever fails in a function that was handed in is a fault, never a
//! refusal and never an acceptance.
mod account_file;
mod accounts;
pub mod arrived;
mod checks;
pub mod choice;
pub mod held_key;
pub mod holders;
pub mod judgement;
pub mod memory;
mod plain;
pub mod signing;
mod taken;
pub mod unusable;
pub mod verifying;

pub use countersign_guard::clock;
pub use countersign_store::fault::Fault;
pub use countersign_store::registry::Answer;
