//! Structured field values (RFC 9651): read strictly and mostly without copying, written in their one canonical spelling.
//!
//! Stricter than the RFC in two places, since a verifier and whoever stands behind it must read the same: a key that comes twice in one
//! dictionary or parameter list is refused (the RFC keeps the last), and byte sequences have one spelling (no missing padding, no bits to spare).
mod read;
mod value;
pub(crate) mod write;

pub use read::{dictionary, item, list};
pub use value::{
    Bare, Dictionary, InnerList, Item, MOST_ITEMS, MOST_MEMBERS, MOST_PARAMETERS, Member, NotStructured,
    Parameter, Parameters,
};

#[cfg(test)]
mod tests;
