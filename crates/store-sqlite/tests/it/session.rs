//! Sessions: written before the answer, swapped once, ended for good.
use crate::{DAY, folder, session, sql};
use countersign::life::session::{Ended, Session};
use countersign::time::Time;
use countersign_store::sessions::Sessions;
use countersign_store_sqlite::SqliteStore;
use std::sync::Arc;

fn rotated(session: &Session, mark: &str) -> Session {
    Session { iteration: mark.into(), previous: Some(session.iteration.clone()), ..session.clone() }
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let folder = folder();
    let now = Time::from_seconds(DAY);
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let (first, second) = (session("s1", "acc_1"), session("s2", "acc_2"));
    Sessions::open(&store, &first).await.unwrap();
    Sessions::open(&store, &second).await.unwrap();
    assert!(Sessions::open(&store, &first).await.is_err());
    let next = rotated(&first, "1");
    assert!(store.replace(&first, &next).await.unwrap());
    assert!(!store.replace(&first, &rotated(&first, "2")).await.unwrap());
    assert!(store.replace(&second, &second.end(Ended::Logout)).await.unwrap());
    store.close().await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    assert_eq!(store.get("s1").await.unwrap().as_deref(), Some(&next));
    assert_eq!(store.get("s2").await.unwrap().unwrap().ended, Some(Ended::Logout));
    assert_eq!(store.list(None, now).await.unwrap(), vec![Arc::new(next.clone())]);
    assert_eq!(store.list(Some("acc_2"), now).await.unwrap(), vec![]);
    assert_eq!(store.sweep(now).await.unwrap(), 1);
    assert_eq!(store.get("s2").await.unwrap(), None);
    store.close().await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    assert_eq!(store.get("s2").await.unwrap(), None);
    assert_eq!(store.sweep(next.ends).await.unwrap(), 1);
    assert_eq!(store.sweep(next.ends).await.unwrap(), 0);
}

#[tokio::test]
async fn a_failing_disk_changes_nothing_but_that_what_was_to_end_stays_ended() {
    let folder = folder();
    let file = folder.path().join("sessions.db");
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let (kept, ended) = (session("s1", "acc_1"), session("s2", "acc_1"));
    Sessions::open(&store, &kept).await.unwrap();
    Sessions::open(&store, &ended).await.unwrap();
    sql(&file, "ALTER TABLE sessions RENAME TO away").await;
    assert!(Sessions::open(&store, &session("s3", "acc_1")).await.is_err());
    assert_eq!(store.get("s3").await.unwrap(), None);
    assert!(store.replace(&kept, &rotated(&kept, "1")).await.is_err());
    assert_eq!(store.get("s1").await.unwrap().as_deref(), Some(&kept));
    let over = ended.end(Ended::Revoked);
    assert!(store.replace(&ended, &over).await.is_err());
    assert_eq!(store.get("s2").await.unwrap().as_deref(), Some(&over));
    sql(&file, "ALTER TABLE away RENAME TO sessions").await;
    // Whatever is written next takes the end with it.
    assert!(store.replace(&kept, &rotated(&kept, "1")).await.unwrap());
    store.close().await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    assert_eq!(store.get("s2").await.unwrap().as_deref(), Some(&over));
    assert_eq!(store.get("s1").await.unwrap().as_deref(), Some(&rotated(&kept, "1")));
    assert_eq!(store.get("s3").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_swaps_exactly_one_wins() {
    let folder = folder();
    let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
    let mut kept = session("s", "acc_1");
    Sessions::open(&*store, &kept).await.unwrap();
    for round in 0..20 {
        let tasks: Vec<_> = (0..64)
            .map(|task| {
                let (store, kept) = (Arc::clone(&store), kept.clone());
                tokio::spawn(async move {
                    let next = rotated(&kept, &format!("{round}-{task}"));
                    store.replace(&kept, &next).await.unwrap().then_some(next)
                })
            })
            .collect();
        let mut won = Vec::new();
        for task in tasks {
            won.extend(task.await.unwrap());
        }
        assert_eq!(won.len(), 1);
        kept = won.remove(0);
    }
    let store = Arc::into_inner(store).unwrap();
    store.close().await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    assert_eq!(store.get("s").await.unwrap().as_deref(), Some(&kept));
}
