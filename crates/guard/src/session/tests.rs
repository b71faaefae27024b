//! The session API driven whole, in process.
