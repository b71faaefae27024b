//! What opening a store takes and gives, whatever the store is.
use crate::shared::Parts;
use countersign::time::Span;
use countersign_store::registry::Registry;
use std::sync::Arc;

/// The stores of an installation, opened.
pub struct Opened {
    /// What a server is started with.
    pub parts: Parts,
    /// The registry, for whoever reads it as a whole.
    pub store: Arc<dyn Registry>,
}

/// What is remembered, and how.
pub(super) struct Memories {
    /// How long an answered challenge counts.
    pub(super) life: Span,
    /// How far from the clock an accepted one-time proof may be dated, over all dialects.
    pub(super) horizon: Span,
    /// Of answered challenges.
    pub(super) codes: Vec<Remembering>,
    /// Of one-time proofs.
    pub(super) proofs: Vec<Remembering>,
}

/// By which terms each use of one dialect's proofs is remembered.
pub(super) struct Remembering {
    pub(super) dialect: String,
    /// Spelt so that any change shows.
    pub(super) text: String,
    /// How far from the clock such a proof may be dated.
    pub(super) window: Span,
}
