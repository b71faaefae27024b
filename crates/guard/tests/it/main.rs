//! What is signed is recognised, in every dialect; explain says what judge says; the layer lets nobody else through.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop at once")]
mod advisories;
mod decoys;
mod installation;
mod layer;
mod remembered;
mod roundtrip;
mod texts;
