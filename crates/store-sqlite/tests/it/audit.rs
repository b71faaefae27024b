//! Rows of the audit log that somebody changed in the file: the first one is named, also beside a store that is open.
use crate::{DAY, folder, sql};
use countersign::time::Time;
use countersign_store::audit::{ChainBreak, Flaw, Head, NotWhole, verify};
use countersign_store::model::AuditDraft;
use countersign_store::registry::Registry;
use countersign_store_sqlite::{AuditFile, SqliteStore, backup};
use std::path::Path;

/// What is done to a log of six entries, and what is said of it.
const TAMPERED: &[(&str, u64, Flaw)] = &[
    ("UPDATE audit SET at = '1700000000000000001' WHERE number = 3", 3, Flaw::Changed),
    ("UPDATE audit SET at = '01700000000000000000' WHERE number = 3", 3, Flaw::Unreadable),
    ("UPDATE audit SET at = 'yesterday' WHERE number = 3", 3, Flaw::Unreadable),
    ("UPDATE audit SET actor = 'acc_2' WHERE number = 1", 1, Flaw::Changed),
    ("UPDATE audit SET action = 'user.delete' WHERE number = 2", 2, Flaw::Changed),
    ("UPDATE audit SET subject = 'v' WHERE number = 4", 4, Flaw::Changed),
    ("UPDATE audit SET detail = '' WHERE number = 6", 6, Flaw::Changed),
    ("UPDATE audit SET chain = upper(chain) WHERE number = 5", 5, Flaw::Changed),
    ("DELETE FROM audit WHERE number = 1", 1, Flaw::Missing),
    ("DELETE FROM audit WHERE number = 5", 5, Flaw::Missing),
    ("UPDATE audit SET number = 9 WHERE number = 6", 6, Flaw::Missing),
    (
        "DELETE FROM audit WHERE number = 3; UPDATE audit SET number = number - 1 WHERE number > 3",
        3,
        Flaw::Changed,
    ),
    (
        "UPDATE audit SET number = 99 WHERE number = 3; UPDATE audit SET number = 3 WHERE number = 4; \
         UPDATE audit SET number = 4 WHERE number = 99",
        3,
        Flaw::PutIn,
    ),
    (
        "UPDATE audit SET number = number + 100 WHERE number >= 4; UPDATE audit SET number = number - 99 WHERE number > 100; \
         INSERT INTO audit SELECT 4, at, 'acc_9', action, subject, detail, chain FROM audit WHERE number = 3",
        4,
        Flaw::PutIn,
    ),
    (
        "INSERT INTO audit SELECT 0, at, actor, action, subject, detail, chain FROM audit WHERE number = 3",
        0,
        Flaw::PutIn,
    ),
    (
        "INSERT INTO audit SELECT -7, at, actor, action, subject, detail, chain FROM audit WHERE number = 3",
        0,
        Flaw::PutIn,
    ),
];

fn drafts() -> Vec<AuditDraft> {
    let draft = |number: usize| AuditDraft {
        at: Time::from_seconds(DAY),
        actor: "local".into(),
        action: "user.add".into(),
        subject: "u".into(),
        detail: format!("number {number}"),
    };
    (1..=6).map(draft).collect()
}

async fn checked(file: &Path, expected: Option<Head>) -> Result<Option<Head>, ChainBreak> {
    let log = AuditFile::open(file).await.unwrap();
    let verified = verify(&log, expected).await;
    log.close().await.unwrap();
    match verified {
        Ok(head) => Ok(head),
        Err(NotWhole::Broken(broken)) => Err(broken),
        Err(NotWhole::Fault(fault)) => panic!("{fault}"),
    }
}

#[tokio::test]
async fn whatever_is_done_to_a_row_of_the_log_is_named() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let first = folder.path().join("registry.db");
    assert_eq!(checked(&first, None).await, Ok(None));
    store.commit(0, &[], &drafts()).await.unwrap();
    let head = store.last_audit().await.unwrap().map(Head::from);
    assert_eq!(checked(&first, head.clone()).await, Ok(head.clone()), "beside a store that is open");
    for (number, (text, at, flaw)) in TAMPERED.iter().enumerate() {
        let copy = folder.path().join(format!("copy{number}.db"));
        backup(folder.path(), &copy).await.unwrap();
        let before = std::fs::read(&copy).unwrap();
        assert_eq!(checked(&copy, head.clone()).await, Ok(head.clone()), "a backup has the chain");
        assert_eq!(std::fs::read(&copy).unwrap(), before, "checking writes nothing");
        sql(&copy, text).await;
        assert_eq!(checked(&copy, None).await, Err(ChainBreak { number: *at, flaw: *flaw }), "{text}");
    }
    // What nobody can see in the log alone.
    let copy = folder.path().join("cut.db");
    backup(folder.path(), &copy).await.unwrap();
    sql(&copy, "DELETE FROM audit WHERE number > 4").await;
    assert_eq!(checked(&copy, None).await.unwrap().unwrap().number, 4);
    assert_eq!(checked(&copy, head).await, Err(ChainBreak { number: 5, flaw: Flaw::Cut }));
    store.close().await;
}

#[tokio::test]
async fn a_file_that_is_no_registry_is_a_fault_and_no_break() {
    let folder = folder();
    let file = folder.path().join("registry.db");
    sql(&file, "CREATE TABLE shopping (item TEXT)").await;
    let log = AuditFile::open(&file).await.unwrap();
    let Err(NotWhole::Fault(fault)) = verify(&log, None).await else { panic!("taken for a log") };
    assert!(fault.to_string().contains("audit log"), "{fault}");
}
