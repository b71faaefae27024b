//! Every way of getting a request wrong that the corpus knows.
mod carriers;
mod claims;
mod encodings;
mod keys;
mod messages;
mod signatures;
mod texts;
mod times;

use crate::fault::Fault;

/// Every fault, class by class.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    [
        carriers::FAULTS,
        encodings::FAULTS,
        keys::FAULTS,
        messages::FAULTS,
        signatures::FAULTS,
        texts::FAULTS,
        claims::FAULTS,
        times::FAULTS,
    ]
    .into_iter()
    .flatten()
}
