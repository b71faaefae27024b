//! keys: being built.
