//! The management API: accounts, keys and all around them, for operators with keys of their own.
mod about;
mod audit;
mod connections;
mod dialects;
mod document;
mod found;
mod gate;
mod input;
mod intake;
mod moment;
mod operator;
mod page;
mod problem;
mod secret;
mod state;
mod views;
