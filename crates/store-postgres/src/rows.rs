//! The rows of the registry as columns: how each record is written, removed and read back.
pub(crate) mod column;
pub(crate) mod fill;
pub(crate) mod read;
pub(crate) mod write;
