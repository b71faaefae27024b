//! Rows of the audit log that somebody changed in the database: the first one is named, also while nodes run and write.
use crate::{draft, fresh, open};
use countersign_store::audit::{ChainBreak, Flaw, Head, NotWhole, verify};
use countersign_store::registry::Registry;
use countersign_store_postgres::{AuditTable, Settings};
use countersign_testkit::postgres::Postgres;

/// What is done to a log of six entries, and what is said of it.
const TAMPERED: &[(&str, u64, Flaw)] = &[
    ("UPDATE audit SET at = '1700000000000000001' WHERE number = 3", 3, Flaw::Changed),
    ("UPDATE audit SET at = ' 1700000000000000000' WHERE number = 3", 3, Flaw::Unreadable),
    ("UPDATE audit SET actor = 'acc_2' WHERE number = 1", 1, Flaw::Changed),
    ("UPDATE audit SET action = 'user.delete' WHERE number = 2", 2, Flaw::Changed),
    ("UPDATE audit SET subject = U&'\\FDD0' WHERE number = 4", 4, Flaw::Unreadable),
    ("UPDATE audit SET detail = detail || ' ' WHERE number = 6", 6, Flaw::Changed),
    ("UPDATE audit SET chain = '' WHERE number = 5", 5, Flaw::Changed),
    ("DELETE FROM audit WHERE number = 1", 1, Flaw::Missing),
    ("DELETE FROM audit WHERE number = 5", 5, Flaw::Missing),
    (
        "DELETE FROM audit WHERE number = 3; UPDATE audit SET number = number + 100 WHERE number > 3; \
         UPDATE audit SET number = number - 101 WHERE number > 100",
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
        "INSERT INTO audit SELECT -1, at, actor, action, subject, detail, chain FROM audit WHERE number = 3",
        0,
        Flaw::PutIn,
    ),
];

async fn checked(url: &str, expected: Option<Head>) -> Result<Option<Head>, ChainBreak> {
    let log = AuditTable::open(&Settings::new(url)).await.unwrap();
    let verified = verify(&log, expected).await;
    log.close().await;
    match verified {
        Ok(head) => Ok(head),
        Err(NotWhole::Broken(broken)) => Err(broken),
        Err(NotWhole::Fault(fault)) => panic!("{fault}"),
    }
}

#[tokio::test]
async fn whatever_is_done_to_a_row_of_the_log_is_named() {
    let server = Postgres::shared();
    let (store, url) = fresh().await;
    assert_eq!(checked(&url, None).await, Ok(None));
    let drafts: Vec<_> = (1..=6).map(|number| draft(&format!("number {number}"))).collect();
    store.commit(0, &[], &drafts).await.unwrap();
    let head = store.last_audit().await.unwrap().map(Head::from);
    server.sql(&url, "CREATE TABLE kept AS SELECT * FROM audit");
    for (text, at, flaw) in TAMPERED {
        assert_eq!(checked(&url, head.clone()).await, Ok(head.clone()));
        server.sql(&url, text);
        assert_eq!(checked(&url, None).await, Err(ChainBreak { number: *at, flaw: *flaw }), "{text}");
        server.sql(&url, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
    }
    // What nobody can see in the log alone.
    server.sql(&url, "DELETE FROM audit WHERE number > 4");
    assert_eq!(checked(&url, None).await.unwrap().unwrap().number, 4);
    assert_eq!(checked(&url, head).await, Err(ChainBreak { number: 5, flaw: Flaw::Cut }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_is_whole_while_several_nodes_write_it() {
    let (first, url) = fresh().await;
    let others = [open(&url).await, open(&url).await];
    let writing: Vec<_> = others
        .into_iter()
        .chain([first])
        .map(|node| {
            tokio::spawn(async move {
                for number in 0..20 {
                    let version = node.version().await.unwrap();
                    // Whoever comes second is told so, and its entries are not written.
                    let _ = node.commit(version, &[], &[draft(&number.to_string()), draft("and")]).await;
                }
            })
        })
        .collect();
    let mut known = None;
    while !writing.iter().all(tokio::task::JoinHandle::is_finished) {
        known = checked(&url, known).await.unwrap();
    }
    for node in writing {
        node.await.unwrap();
    }
    let head = checked(&url, known).await.unwrap().unwrap();
    assert!(head.number >= 40, "{head}");
}

#[tokio::test]
async fn a_database_without_an_installation_is_a_fault_and_no_break() {
    let url = Postgres::shared().database();
    let log = AuditTable::open(&Settings::new(&url)).await.unwrap();
    assert!(matches!(verify(&log, None).await, Err(NotWhole::Fault(_))));
    let tables =
        Postgres::shared().sql(&url, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()");
    assert_eq!(tables, "0", "reading makes no tables");
}
