//! What a countersign store must do, the rows it keeps, and the store in memory.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop at once")
)]
pub mod audit;
pub mod denied;
pub mod desired;
pub mod directory;
pub mod draft;
pub mod fault;
pub mod memory;
pub mod model;
pub mod once;
pub mod plan;
pub mod registrar;
pub mod registry;
pub mod sessions;
pub mod stamp;
pub mod window;
