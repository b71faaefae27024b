//! Opening: one program at a time, files for the owner only, no newer or foreign tables; backups and what they lack.
use crate::{DAY, claim, folder, mode, replay_start, session, sql};
use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::model::{AuditDraft, Record, User, Write};
use countersign_store::once::Once;
use countersign_store::registry::Registry;
use countersign_store::sessions::Sessions;
use countersign_store_sqlite::{ReplayStart, Scope, SqliteStore, Term, Terms, backup};
use std::path::Path;

async fn refusal(directory: &Path) -> String {
    SqliteStore::open(directory).await.expect_err("must be refused").to_string()
}

fn user(name: &str) -> Write {
    Write::Put(Record::User(User { name: name.into(), enabled: true, created: Time::from_seconds(DAY) }))
}

#[tokio::test]
async fn everything_is_for_the_owner_only() {
    let folder = folder();
    let directory = folder.path().join("a/data");
    let store = SqliteStore::open(&directory).await.unwrap();
    let (once, recovery) = store.replay_memory(replay_start(DAY)).await.unwrap();
    assert_eq!(recovery.why, None);
    once.claim(claim(1, DAY), Time::from_seconds(DAY)).await.unwrap();
    store.commit(0, &[user("u")], &[]).await.unwrap();
    Sessions::open(&store, &session("s", "a")).await.unwrap();
    let mut seen = 0;
    let mut folders = vec![directory];
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                seen += 1;
            }
        }
    }
    // Two databases with two side files each, the lock, the log.
    assert_eq!(seen, 8);
}

#[tokio::test]
async fn a_directory_has_one_program_at_a_time() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let text = refusal(folder.path()).await;
    assert!(text.contains("in use") && text.contains(&std::process::id().to_string()), "{text}");
    let (once, _) = store.replay_memory(replay_start(DAY)).await.unwrap();
    assert!(store.replay_memory(replay_start(DAY)).await.is_err());
    store.close().await;
    // The replay memory still writes there.
    assert!(refusal(folder.path()).await.contains("in use"));
    drop(once);
    SqliteStore::open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn newer_and_foreign_tables_are_left_alone() {
    let newer = folder();
    SqliteStore::open(newer.path()).await.unwrap().close().await;
    sql(&newer.path().join("registry.db"), "UPDATE schema_version SET version = 7").await;
    let text = refusal(newer.path()).await;
    assert!(text.contains("newer countersign") && text.contains("version 7"), "{text}");

    let foreign = folder();
    sql(&foreign.path().join("registry.db"), "CREATE TABLE shopping (item TEXT)").await;
    let text = refusal(foreign.path()).await;
    assert!(text.contains("another program's tables"), "{text}");

    let junk = folder();
    std::fs::write(junk.path().join("registry.db"), vec![7_u8; 5000]).unwrap();
    let text = refusal(junk.path()).await;
    assert!(text.contains("registry.db"), "{text}");
    assert_eq!(std::fs::read(junk.path().join("registry.db")).unwrap(), vec![7_u8; 5000]);
}

#[tokio::test]
async fn a_backup_starts_without_sessions_and_behind_the_barrier() {
    let folder = folder();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy.db"));
    let store = SqliteStore::open(&data).await.unwrap();
    let (once, _) = store.replay_memory(replay_start(DAY)).await.unwrap();
    let draft = AuditDraft {
        at: Time::from_seconds(DAY),
        actor: "local".into(),
        action: "user.add".into(),
        subject: "u".into(),
        detail: String::new(),
    };
    store.commit(0, &[user("u")], &[draft]).await.unwrap();
    Sessions::open(&store, &session("s", "a")).await.unwrap();
    // Beside the running server, and by it.
    backup(&data, &copy).await.unwrap();
    store.backup(&folder.path().join("other.db")).await.unwrap();
    assert_eq!(mode(&copy), 0o600);
    let text = backup(&data, &copy).await.unwrap_err().to_string();
    assert!(text.contains("never overwrites"), "{text}");
    let text = backup(folder.path(), &folder.path().join("no.db")).await.unwrap_err().to_string();
    assert!(text.contains("no registry") && !folder.path().join("no.db").exists(), "{text}");
    // Used after the copy.
    let used = claim(1, DAY);
    assert_eq!(once.claim(used, used.since).await.unwrap(), Use::First);
    drop(once);
    store.close().await;

    for old_log in [false, true] {
        let restored = if old_log { data.clone() } else { folder.path().join("restored") };
        std::fs::create_dir_all(&restored).unwrap();
        std::fs::copy(&copy, restored.join("registry.db")).unwrap();
        let store = SqliteStore::open(&restored).await.unwrap();
        let loaded = store.load().await.unwrap();
        assert_eq!((loaded.version, loaded.records.len()), (1, 1));
        assert_eq!(store.audit(0, 10).await.unwrap().len(), 1);
        if !old_log {
            assert!(Sessions::get(&store, "s").await.unwrap().is_none());
        }
        let (once, recovery) = store.replay_memory(replay_start(DAY + 5)).await.unwrap();
        assert!(recovery.why.is_some());
        assert_eq!(once.claim(used, Time::from_seconds(DAY + 5)).await.unwrap(), Use::Barred);
        let later = claim(2, DAY + 30);
        assert_eq!(once.claim(later, later.since).await.unwrap(), Use::First);
        drop(once);
        store.close().await;
        // Once begun, it is an installation like any other.
        let store = SqliteStore::open(&restored).await.unwrap();
        let (once, recovery) = store.replay_memory(replay_start(DAY + 31)).await.unwrap();
        assert_eq!(recovery.why, None);
        assert_eq!(once.claim(later, later.since).await.unwrap(), Use::Again);
        store.close().await;
    }
}

#[tokio::test]
async fn an_installation_that_was_set_up_but_never_served_has_no_barrier() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    store.commit(0, &[user("u")], &[]).await.unwrap();
    store.close().await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let (once, recovery) = store.replay_memory(replay_start(DAY)).await.unwrap();
    assert_eq!((recovery.why, recovery.barrier), (None, Time::MIN));
    assert_eq!(once.claim(claim(1, DAY), Time::from_seconds(DAY)).await.unwrap(), Use::First);
    drop(once);
    store.close().await;
    std::fs::remove_dir_all(folder.path().join("replay")).unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let (once, recovery) = store.replay_memory(replay_start(DAY)).await.unwrap();
    assert_eq!(recovery.why.as_deref(), Some("the replay log is missing"));
    assert_eq!(once.claim(claim(1, DAY), Time::from_seconds(DAY)).await.unwrap(), Use::Barred);
}

#[tokio::test]
async fn challenges_have_a_memory_of_their_own_with_its_own_bound() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let few = ReplayStart { most: 2, ..replay_start(DAY) };
    let (challenges, recovery) = store.replay_memory_of(Scope::Challenges, few, &Terms::new()).await.unwrap();
    let (once, _) = store.replay_memory(replay_start(DAY)).await.unwrap();
    assert_eq!((recovery.why, recovery.barrier), (None, Time::MIN));
    let now = Time::from_seconds(DAY);
    // Full of answers: a fault for the next answer, room for every proof.
    let mut answered = 0;
    for number in 0..100 {
        match challenges.claim(claim(number, DAY), now).await {
            Ok(used) => answered += u64::from(used == Use::First),
            Err(fault) => assert!(fault.to_string().contains("all 2 places"), "{fault}"),
        }
        assert_eq!(once.claim(claim(number, DAY), now).await.unwrap(), Use::First);
    }
    assert_eq!(answered, 2);
    drop((challenges, once));
    store.close().await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let (challenges, recovery) = store.replay_memory_of(Scope::Challenges, few, &Terms::new()).await.unwrap();
    let (once, proofs) = store.replay_memory(replay_start(DAY)).await.unwrap();
    assert_eq!((recovery.claims, proofs.claims), (2, 100));
    assert_eq!(challenges.peek(claim(0, DAY), now).await.unwrap(), Use::Again);
    assert_eq!(once.peek(claim(99, DAY), now).await.unwrap(), Use::Again);
}

#[tokio::test]
async fn challenges_of_a_release_that_kept_them_with_the_proofs_are_behind_a_barrier() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    drop(store.replay_memory(replay_start(DAY)).await.unwrap());
    store.close().await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let (challenges, _) =
        store.replay_memory_of(Scope::Challenges, replay_start(DAY + 1), &Terms::new()).await.unwrap();
    let now = Time::from_seconds(DAY + 1);
    assert_eq!(challenges.claim(claim(1, DAY), now).await.unwrap(), Use::Barred);
    drop(challenges);
    store.close().await;
    // And so are those from before a backup that is put back.
    let copy = folder.path().join("copy.db");
    backup(folder.path(), &copy).await.unwrap();
    let other = self::folder();
    std::fs::rename(&copy, other.path().join("registry.db")).unwrap();
    let store = SqliteStore::open(other.path()).await.unwrap();
    let (challenges, _) =
        store.replay_memory_of(Scope::Challenges, replay_start(DAY + 1), &Terms::new()).await.unwrap();
    assert_eq!(challenges.claim(claim(1, DAY), now).await.unwrap(), Use::Barred);
}

#[tokio::test]
async fn what_was_used_elsewhere_is_behind_a_barrier_when_the_log_is_taken_up_again() {
    let term = Term { text: "near:20".into(), window: Span::from_seconds(40) };
    let here = Terms::from([("asymmetric-jwt".to_owned(), term.clone())]);
    let there = Terms::from([("asymmetric-jwt".to_owned(), term.elsewhere())]);
    // With a log that knew of no use before, and with one that knew of one long ago.
    for first in [&there, &here] {
        let folder = folder();
        let start = async |at: i64, terms: &Terms, number: u64| {
            let store = SqliteStore::open(folder.path()).await.unwrap();
            let (once, _) = store.replay_memory_of(Scope::Proofs, replay_start(at), terms).await.unwrap();
            let used = once.claim(claim(number, at), Time::from_seconds(at)).await.unwrap();
            drop(once);
            store.close().await;
            used
        };
        if first == &here {
            assert_eq!(start(DAY, first, 1).await, Use::First);
        }
        let store = SqliteStore::open(folder.path()).await.unwrap();
        drop(store.replay_memory_of(Scope::Proofs, replay_start(DAY + 500), &there).await.unwrap());
        store.close().await;
        // Used elsewhere at that second, or dated then and used a little before.
        assert_eq!(start(DAY + 1000, &here, 2).await, Use::Barred);
        assert_eq!(start(DAY + 1022, &here, 3).await, Use::First, "and no longer than that");
    }
}

/// Opens a folder at a second by terms of dialects, with the window of each in seconds, and claims.
async fn by_terms(folder: &Path, at: i64, terms: &[(&str, i64)], claim: Claim) -> Use {
    let term = |window| Term { text: format!("near:{window}"), window: Span::from_seconds(window) };
    let terms = terms.iter().map(|(dialect, window)| ((*dialect).to_owned(), term(*window))).collect();
    let store = SqliteStore::open(folder).await.unwrap();
    let (once, _) = store.replay_memory_of(Scope::Proofs, replay_start(at), &terms).await.unwrap();
    let used = once.claim(claim, Time::from_seconds(at)).await.unwrap();
    drop(once);
    store.close().await;
    used
}

#[tokio::test]
async fn what_held_by_a_longer_window_stays_used_when_the_log_is_lost_after_it_was_made_shorter() {
    let folder = folder();
    let (path, log) = (folder.path(), folder.path().join("replay"));
    // Used ahead of its time, as it might be by the longer one.
    let early = claim(1, DAY + 500);
    let early = Claim { since: Time::from_seconds(DAY - 100), ..early };
    assert_eq!(by_terms(path, DAY, &[("a", 1200)], early).await, Use::First);
    let by_the_shorter = claim(1, DAY + 500);
    assert_eq!(by_terms(path, DAY + 1, &[("a", 40)], claim(2, DAY + 1)).await, Use::Barred);
    std::fs::remove_dir_all(&log).unwrap();
    assert_eq!(by_terms(path, DAY + 10, &[("a", 40)], by_the_shorter).await, Use::Barred);
    assert_eq!(by_terms(path, DAY + 500, &[("a", 40)], by_the_shorter).await, Use::Barred);
    // And no longer than it could hold.
    assert_eq!(by_terms(path, DAY + 1300, &[("a", 40)], claim(3, DAY + 1300)).await, Use::First);
}

#[tokio::test]
async fn a_dialect_that_has_its_old_name_again_takes_nothing_that_was_used_under_the_other() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(by_terms(path, DAY, &[("a", 20)], claim(1, DAY)).await, Use::First);
    assert_eq!(by_terms(path, DAY + 100, &[("b", 20)], claim(2, DAY + 130)).await, Use::First);
    // The same proof under the other name: another mark.
    assert_eq!(by_terms(path, DAY + 131, &[("a", 20)], claim(3, DAY + 130)).await, Use::Barred);
    assert_eq!(by_terms(path, DAY + 180, &[("a", 20)], claim(4, DAY + 180)).await, Use::First);
}

#[tokio::test]
async fn a_barrier_of_a_clock_that_was_wrong_goes_with_the_log() {
    let folder = folder();
    let (path, far) = (folder.path(), DAY + 400 * 86_400);
    assert_eq!(by_terms(path, DAY, &[("a", 20)], claim(1, DAY)).await, Use::First);
    std::fs::remove_dir_all(path.join("replay")).unwrap();
    assert_eq!(by_terms(path, far, &[("a", 20)], claim(1, DAY)).await, Use::Barred);
    std::fs::remove_dir_all(path.join("replay")).unwrap();
    assert_eq!(by_terms(path, DAY + 10, &[("a", 20)], claim(2, DAY + 10)).await, Use::Barred);
    assert_eq!(by_terms(path, DAY + 60, &[("a", 20)], claim(3, DAY + 60)).await, Use::First);
}
