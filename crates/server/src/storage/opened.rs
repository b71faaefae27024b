//! What opening a store takes and gives, whatever the store is.
use crate::shared::Parts;
use countersign::time::Span;
use countersign_store::registry::Registry;
use countersign_store::replay::Terms;
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
    /// How far ahead of this clock a use may stand.
    pub(super) horizon: Span,
    /// Of answered challenges.
    pub(super) codes: Terms,
    /// Of one-time proofs.
    pub(super) proofs: Terms,
}
