//! keys-lc: being built.
