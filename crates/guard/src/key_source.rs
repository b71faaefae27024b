//! Keys that somebody else keeps: asked for each proof, instead of the registry in memory.
use countersign::ask::{KeyQuery, Keys};
use countersign_store::fault::Fault;
use countersign_store::registry::Answer;

/// Answers the first question, which keys, from wherever a program keeps its accounts.
pub trait KeySource: Send + Sync {
    /// Who might have made this proof. Nothing in the query is believed yet; nobody found is an answer, and no fault.
    fn answer<'a>(&'a self, query: &'a KeyQuery<'a>) -> Answer<'a, Result<Keys, Fault>>;
}
