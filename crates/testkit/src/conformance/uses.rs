//! What every registry keeps of the uses of keys: the newest addresses of each, whoever tells them.
use crate::conformance::must;

use countersign::time::Time;
use countersign_store::model::{Record, Write};
use countersign_store::registry::{LastUse, MOST_ADDRESSES, Registry};
use std::sync::Arc;

/// Of more addresses than are kept the newest stay, in the order of time; keys that end take their uses along.
pub(super) async fn the_newest_addresses_of_a_key_are_kept(
    store: &dyn Registry,
    reopen: &impl AsyncFn() -> Arc<dyn Registry>,
) {
    let used = |key: &str, address: String, seconds: i64| LastUse::in_seconds(key, &address, seconds);
    let ids = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<String>>();
    let key = ids(&["key_1"]);
    let base = 1_800_000_000;
    // One batch with more addresses than are kept, not in the order of time, and a key that is not there.
    let mut told: Vec<LastUse> =
        (0..12).map(|n| used("key_1", format!("10.0.0.{n}"), base + (n * 5) % 12)).collect();
    told.push(used("key_unknown", "10.0.0.1".to_owned(), base));
    must(store.touch(&told).await);
    let found = must(store.uses(&key).await);
    assert_eq!(found.len(), MOST_ADDRESSES, "{found:?}");
    let times: Vec<i64> = found.iter().map(|one| one.at.seconds() - base).collect();
    assert_eq!(times, [11, 10, 9, 8, 7, 6, 5, 4], "the newest, newest first");
    assert!(must(store.uses(&ids(&["key_unknown"])).await).is_empty(), "a key that is not there has no uses");
    // Another node tells an older use of a known address, and a newer one of another.
    must(
        store
            .touch(&[
                used("key_1", "10.0.0.7".to_owned(), base),
                used("key_1", "10.0.0.4".to_owned(), base + 50),
            ])
            .await,
    );
    let again = must(reopen().await.uses(&ids(&["key_1", "key_unknown"])).await);
    assert_eq!(again.len(), MOST_ADDRESSES);
    assert_eq!(again.first(), Some(&used("key_1", "10.0.0.4".to_owned(), base + 50)));
    assert!(
        again.contains(&used("key_1", "10.0.0.7".to_owned(), base + 11)),
        "the later use stays: {again:?}"
    );
    let row = |records: Vec<Record>| {
        records.into_iter().find_map(|row| match row {
            Record::Key(row) if row.id == "key_1" => Some(row),
            _ => None,
        })
    };
    let Some(known) = row(must(store.load().await).records) else { panic!("wanted the key") };
    assert_eq!(
        (known.last_used, known.last_address.as_deref()),
        (Some(Time::from_seconds(base + 50)), Some("10.0.0.4"))
    );
    // A change of the key keeps its uses, its end does not.
    let version = must(store.version().await);
    let version = must(store.commit(version, &[Write::Put(Record::Key(known.clone()))], &[]).await);
    assert_eq!(must(store.uses(&key).await), again);
    let version = must(store.commit(version, &[Write::Delete(Record::Key(known.clone()))], &[]).await);
    assert!(must(store.uses(&key).await).is_empty());
    must(store.commit(version, &[Write::Put(Record::Key(known))], &[]).await);
    assert!(must(store.uses(&key).await).is_empty(), "a key that comes back was not used before");
}
