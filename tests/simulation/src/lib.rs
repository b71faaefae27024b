//! Several nodes over a faulty network and clocks, in simulated time.
//!
//! The nodes are the real server: its registrar and directory, its guard and session API, its bound on what it could not confirm.
//! What they share is simulated: a database whose steps are those of the store on PostgreSQL, and the way to it.
//!
//! A plain scheduler does for this. `turmoil` simulates hosts that speak over sockets and `madsim` replaces tokio as a whole; here
//! every way to the outside is one of three traits of the store, or the clock, so that one thread of tokio with paused time and
//! draws from a seed give the same run each time, and the code that runs is the code that ships.
pub mod callers;
pub mod chance;
pub mod checker;
pub mod database;
pub mod family;
pub mod flaw;
pub mod link;
pub mod nemesis;
pub mod node;
pub mod operator;
pub mod pool;
pub mod run;
pub mod watch;
pub mod world;

#[cfg(test)]
mod tests;
