//! What a countersign store must do, the rows it keeps, and the store in memory.
pub mod fault;
pub mod model;
pub mod once;
pub mod registry;
pub mod sessions;
