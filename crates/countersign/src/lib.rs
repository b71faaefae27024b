//! countersign: being built.
