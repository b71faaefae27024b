//! How many checks of a signature an unknown name costs: what decides it is the same in every process, or nothing does.
use crate::memory::ReplayMemory;
use countersign::ask::Decoys;
use countersign_guard::clock::{Entropy, draw};
use countersign_keys::sha256;

/// By a secret.
pub(crate) fn of(secret: &[u8]) -> Decoys {
    let digest = sha256(&[b"countersign embedded decoys\0", secret]);
    Decoys::new(digest.first_chunk().copied().unwrap_or_default())
}

/// By chance, where one process serves. Several would draw several, and numbers that differ from one to the next tell the unknown; so there
/// each name costs one check, as an account with one key does.
pub(crate) fn drawn(memory: &ReplayMemory, entropy: &dyn Entropy) -> Option<Decoys> {
    matches!(memory, ReplayMemory::Process { .. }).then(|| Decoys::new(draw(entropy)))
}
