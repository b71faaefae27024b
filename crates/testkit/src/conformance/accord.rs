//! What every keeper of words does: a word changes only from what it was, whoever asks at once, and is found again.
use crate::conformance::must;
use countersign_store::accord::{Accord, ELSEWHERE, leave};
use std::sync::Arc;

/// Callers that say a word at the same time.
const CALLERS: usize = 16;

/// Runs the suite over a keeper in which nothing is said, with `rounds` races.
pub async fn accord(store: Arc<dyn Accord>, rounds: u32) {
    assert!(must(store.words().await).is_empty());
    assert!(!must(store.say("proofs/0", Some("x"), "y").await), "nothing was said yet");
    assert!(must(store.say("proofs/0", None, "a").await));
    assert!(!must(store.say("proofs/0", None, "b").await), "something was said");
    assert!(!must(store.say("proofs/0", Some("b"), "c").await), "something else was said");
    assert!(must(store.say("proofs/0", Some("a"), "b").await));
    assert!(must(store.say("challenges/0", None, "z").await));
    let words = must(store.words().await);
    let told: Vec<(&str, &str)> = words.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
    assert_eq!(told, [("challenges/0", "z"), ("proofs/0", "b")]);
    let mut before = "b".to_owned();
    for round in 0..rounds {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (store, before, word) = (store.clone(), before.clone(), format!("{round}-{caller}"));
                tokio::spawn(async move {
                    must(store.say("proofs/0", Some(&before), &word).await).then_some(word)
                })
            })
            .collect();
        let mut won = Vec::new();
        for caller in callers {
            won.extend(must(caller.await));
        }
        assert_eq!(won.len(), 1, "one of all wins");
        before = won.remove(0);
        assert_eq!(must(store.words().await).get("proofs/0"), Some(&before));
    }
    assert!(must(leave(&*store, "proofs/").await));
    assert!(!must(leave(&*store, "proofs/").await), "it is elsewhere already");
    let words = must(store.words().await);
    assert_eq!(words.get("proofs/0").map(String::as_str), Some(ELSEWHERE));
    assert_eq!(words.get("challenges/0").map(String::as_str), Some("z"));
}
