//! Requests broken as callers break them: each is made from what a client library of its dialect sent, with the cause that explain must name first.
pub mod dialect;
pub mod draft;
pub mod fault;
pub mod faults;
pub mod leak;
pub mod message;
pub mod recorded;
pub mod score;
pub mod sent;
pub mod world;

#[cfg(test)]
mod mangled;
#[cfg(test)]
mod words;
