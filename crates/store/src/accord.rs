//! What all nodes of an installation agree on: words that are changed only from what they were.
use crate::fault::Fault;
use crate::registry::Answer;
use std::collections::BTreeMap;

/// The word of whatever is kept by the store of the registry itself, and no longer where it was before.
pub const ELSEWHERE: &str = "elsewhere";

/// A few short words by name. A store that may forget, or be in two halves that do not know each other, is told apart from its own
/// past by a word that it does not keep itself.
pub trait Accord: Send + Sync {
    /// All words that are said.
    fn words(&self) -> Answer<'_, Result<BTreeMap<String, String>, Fault>>;

    /// Says a word, if what was said is still `before`; `false` when it is not. A word has no spaces.
    fn say<'a>(
        &'a self,
        name: &'a str,
        before: Option<&'a str>,
        word: &'a str,
    ) -> Answer<'a, Result<bool, Fault>>;
}

/// Says of everything whose name begins with `prefix` that it is elsewhere; gives whether anything was not.
///
/// # Errors
/// When the store fails.
pub async fn leave(accord: &dyn Accord, prefix: &str) -> Result<bool, Fault> {
    let mut left = false;
    for (name, word) in accord.words().await? {
        if name.starts_with(prefix) && word != ELSEWHERE {
            left = true;
            if !accord.say(&name, Some(&word), ELSEWHERE).await? {
                return Err(Fault::new(
                    "other nodes still remember elsewhere what was used: stop them, and start this one again",
                ));
            }
        }
    }
    Ok(left)
}
