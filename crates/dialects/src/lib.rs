//! dialects: being built.
