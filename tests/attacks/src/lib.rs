//! Recorded attacks and what drives them: in process through the guard, and over TCP against a real server.
#![cfg_attr(
    feature = "served",
    expect(clippy::indexing_slicing, clippy::panic, reason = "a test program may stop at once")
)]
pub mod installation;
pub mod record;

#[cfg(feature = "served")]
mod dpop;
#[cfg(feature = "served")]
mod fill;
#[cfg(feature = "served")]
mod judge;
#[cfg(feature = "served")]
mod nodes;
#[cfg(feature = "served")]
mod number;
#[cfg(feature = "served")]
mod outside;
#[cfg(feature = "served")]
mod pins;
#[cfg(feature = "served")]
mod register;
#[cfg(feature = "served")]
mod run;
#[cfg(feature = "served")]
mod served;
#[cfg(feature = "served")]
mod slow;
#[cfg(feature = "served")]
mod tally;
#[cfg(feature = "served")]
mod trap;
#[cfg(feature = "served")]
mod upstream;
#[cfg(feature = "served")]
mod wire;

#[cfg(feature = "served")]
pub use run::run;
