//! Tasks of this workspace: `cargo xtask test`, `bench`, `fuzz`, `docs`.
fn main() {}
