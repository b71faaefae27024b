//! store: being built.
