//! Opening: many at once, newer and foreign tables, servers that only read, and what happens while the server is away.
use crate::{DAY, draft, fresh, open, user};
use countersign::time::Time;
use countersign_store::registry::{LastUse, NotWritten, Registry};
use countersign_store::sessions::Sessions;
use countersign_store_postgres::{PostgresStore, Settings};
use countersign_testkit::postgres::{Postgres, Stop};

async fn refusal(url: &str) -> String {
    PostgresStore::open(&Settings::new(url)).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_start_together_make_the_tables_once() {
    let server = Postgres::shared();
    let url = server.database();
    let nodes: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { open(&url).await })
        })
        .collect();
    for node in nodes {
        assert_eq!(node.await.unwrap().version().await.unwrap(), 0);
    }
    let steps = server.sql(&url, "SELECT part || ' ' || version FROM countersign_schema ORDER BY part");
    assert!(steps.contains("registry 3") && steps.contains("sessions 1"), "{steps}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_the_database_isolates_by_default_waiting_sees_what_was_waited_for() {
    let server = Postgres::shared();
    for level in ["repeatable read", "serializable"] {
        let url = server.database();
        let name = url.rsplit('/').next().unwrap();
        let sql = format!("ALTER DATABASE {name} SET default_transaction_isolation = '{level}'");
        server.sql("postgres", &sql);
        let nodes: Vec<_> = (0..8)
            .map(|number| {
                let url = url.clone();
                tokio::spawn(async move {
                    let node = open(&url).await;
                    // One of them writes, and the others are told that another did.
                    match node.commit(0, &[user(&number.to_string())], &[draft("")]).await {
                        Ok(version) => version,
                        Err(NotWritten::Conflict) => 0,
                        Err(NotWritten::Fault(fault)) => panic!("{level}: {fault}"),
                    }
                })
            })
            .collect();
        let mut written = 0;
        for node in nodes {
            written += node.await.unwrap();
        }
        assert_eq!(written, 1, "{level}");
    }
}

#[tokio::test]
async fn what_is_newer_or_anothers_is_left_alone() {
    let server = Postgres::shared();
    let (store, newer) = fresh().await;
    store.commit(0, &[user("u")], &[draft("")]).await.unwrap();
    server.sql(&newer, "UPDATE countersign_schema SET version = 70 WHERE part = 'registry'");
    let text = refusal(&newer).await;
    assert!(text.contains("newer countersign") && text.contains("version 70"), "{text}");
    let foreign = server.database();
    server.sql(&foreign, "SET ROLE countersign; CREATE TABLE shopping (item text)");
    let text = refusal(&foreign).await;
    assert!(text.contains("another program's tables"), "{text}");
    // Beside it, in a schema of its own, there is room.
    server.sql(&foreign, "CREATE SCHEMA cs AUTHORIZATION countersign");
    let beside = format!("{foreign}?options=-csearch_path%3Dcs");
    assert_eq!(open(&beside).await.version().await.unwrap(), 0);
    let latin = "CREATE DATABASE latin OWNER countersign ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0";
    server.sql("postgres", latin);
    let text = refusal(&newer.replace(newer.rsplit('/').next().unwrap(), "latin")).await;
    assert!(text.contains("wanted a database in UTF8, found LATIN1"), "{text}");
    let text = refusal(&newer.replace(newer.rsplit('/').next().unwrap(), "nowhere")).await;
    assert!(text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn a_server_that_only_reads_is_no_primary() {
    let server = Postgres::shared();
    let (_, url) = fresh().await;
    let name = url.rsplit('/').next().unwrap();
    server.sql("postgres", &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    let text = refusal(&url).await;
    assert!(text.contains("only reads") && text.contains("name the primary"), "{text}");
}

#[tokio::test]
async fn texts_that_postgresql_has_no_letter_for_come_back() {
    let (store, url) = fresh().await;
    let names = ["a\0b", "a\u{FDD0}0b", "\0"];
    let writes: Vec<_> = names.iter().map(|name| user(name)).collect();
    store.commit(0, &writes, &[draft("\0\u{FDD0}")]).await.unwrap();
    let again = open(&url).await;
    let directory = again.directory().await.unwrap();
    for name in names {
        assert!(directory.user(name).is_some(), "{name:?}");
    }
    assert_eq!(again.audit(0, 10).await.unwrap()[0].entry.detail, "\0\u{FDD0}");
}

#[tokio::test]
async fn the_latest_of_two_nodes_notes_counts() {
    let (store, url) = fresh().await;
    let other = open(&url).await;
    let at = |seconds: i64, key: &str| LastUse {
        key: key.into(),
        at: Time::from_seconds(seconds),
        address: Some(seconds.to_string()),
    };
    for (id, spki) in [("key_1", 1_u8), ("key_2", 2)] {
        let sql = format!(
            "INSERT INTO keys VALUES ('{id}', 'acc', '', '\\x0{spki}', 'active', NULL, NULL, NULL, '[]', '[]', '[]', '[]', '[]', '0')"
        );
        Postgres::shared().sql(&url, &sql);
    }
    store.touch(&[at(DAY + 9, "key_1"), at(DAY, "key_2"), at(DAY, "nobody")]).await.unwrap();
    other.touch(&[at(DAY + 5, "key_1"), at(DAY + 5, "key_2")]).await.unwrap();
    let told = Postgres::shared().sql(&url, "SELECT last_address FROM keys ORDER BY id");
    assert_eq!(told, format!("{}\n{}", DAY + 9, DAY + 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_there_are_faults_and_afterwards_none() {
    let server = Postgres::start(&[]);
    let url = server.database();
    let store = open(&url).await;
    store.listen();
    store.commit(0, &[user("before")], &[draft("")]).await.unwrap();
    for how in [Stop::Fast, Stop::Crash] {
        let version = store.version().await.unwrap();
        server.stop(how);
        for _ in 0..3 {
            let fault = store.version().await.unwrap_err().to_string();
            assert!(fault.contains("PostgreSQL at 127.0.0.1"), "{fault}");
            assert!(store.commit(version, &[user("during")], &[draft("")]).await.is_err());
            assert!(store.get("s").await.is_err());
        }
        assert_eq!(store.hears(), Some(false), "it knows that it hears nothing");
        server.begin();
        // By itself, and with everything that was acknowledged.
        assert_eq!(store.version().await.unwrap(), version);
        assert_eq!(
            store.commit(version, &[user(&format!("after {how:?}"))], &[draft("")]).await.unwrap(),
            version + 1
        );
    }
    let directory = store.directory().await.unwrap();
    assert_eq!((directory.version(), directory.users(None, 10).len()), (3, 3));
    assert!(directory.user("before").is_some() && directory.user("during").is_none());
}
