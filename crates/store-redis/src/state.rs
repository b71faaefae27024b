//! What a memory says about itself: the last member of the very set that the uses are in, so that they are lost together.
//!
//! A use is a member of 32 bytes, its mark, at the score of the second until which it is kept; the state is JSON at infinity.
use countersign_store::fault::Fault;
use countersign_store::replay::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Before all times that are told: the scripts count in doubles, which hold whole numbers up to 2^53.
const NEVER: i64 = -9_007_199_254_740_991;

/// The state as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Drawn anew with every state that nodes must know of.
    pub(crate) token: String,
    /// The word that the registry has for it.
    pub(crate) word: String,
    place: String,
    generation: i64,
    barrier: i64,
    pub(crate) forgotten: i64,
    keep: i64,
    /// By which terms the uses of each dialect are remembered.
    pub(crate) terms: BTreeMap<String, String>,
}

impl Kept {
    /// What stands for a memory that knows nothing.
    pub(crate) fn nothing() -> Self {
        Self {
            token: String::new(),
            word: String::new(),
            place: String::new(),
            generation: 0,
            barrier: NEVER,
            forgotten: NEVER,
            keep: 0,
            terms: BTreeMap::new(),
        }
    }

    pub(crate) fn state(&self) -> State {
        State {
            place: self.place.clone(),
            generation: self.generation,
            barrier: self.barrier,
            forgotten: self.forgotten,
            keep: self.keep,
        }
    }

    /// This with another word and state.
    pub(crate) fn with(self, word: String, state: State) -> Self {
        let State { place, generation, barrier, forgotten, keep } = state;
        Self { word, place, generation, barrier, forgotten, keep, ..self }
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        serde_json::from_str(text).map_err(|error| {
            Fault::caused("the state of a replay memory in Redis cannot be read: delete its key", error)
        })
    }

    pub(crate) fn written(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(|error| Fault::caused("cannot write a state as JSON", error))
    }
}
