//! What every registry does with marks: each changes only from what it was, whoever asks at once, and is found again.
use crate::conformance::must;
use countersign_store::registry::Registry;
use std::sync::Arc;

/// Callers that change a mark at the same time.
const CALLERS: usize = 16;
/// How often they do.
const ROUNDS: usize = 10;

pub(super) async fn a_mark_changes_only_from_what_it_was(
    store: &Arc<dyn Registry>,
    reopen: &impl AsyncFn() -> Arc<dyn Registry>,
) {
    let version = must(store.version().await);
    assert_eq!(must(store.mark("one").await), None);
    assert!(!must(store.swap_mark("one", Some("x"), "y").await), "nothing was marked yet");
    assert!(must(store.swap_mark("one", None, "0").await));
    assert!(!must(store.swap_mark("one", None, "1").await), "something was marked");
    assert!(!must(store.swap_mark("one", Some("1"), "2").await), "something else was marked");
    assert!(must(store.swap_mark("other", None, "'; DROP TABLE meta; -- 5 a").await), "names are apart");
    let mut before = "0".to_owned();
    for round in 0..ROUNDS {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (store, before, after) = (store.clone(), before.clone(), format!("{round} {caller}"));
                tokio::spawn(async move {
                    must(store.swap_mark("one", Some(&before), &after).await).then_some(after)
                })
            })
            .collect();
        let mut won = Vec::new();
        for caller in callers {
            won.extend(must(caller.await));
        }
        assert_eq!(won.len(), 1, "one of all wins");
        before = won.remove(0);
        assert_eq!(must(store.mark("one").await), Some(before.clone()));
    }
    let again = reopen().await;
    assert_eq!(must(again.mark("one").await), Some(before), "it is found again");
    assert_eq!(must(again.mark("other").await).as_deref(), Some("'; DROP TABLE meta; -- 5 a"));
    assert_eq!(must(again.version().await), version, "a mark is no change");
}
