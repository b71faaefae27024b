//! Rows: every kind comes back as it was, units are whole, and only the keys that are meant are unique.
use crate::{DAY, folder, sql};
use countersign::ask::{KeyQuery, Who};
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;
use countersign_keys::PublicKey;
use countersign_store::audit;
use countersign_store::directory::Directory;
use countersign_store::model::{
    Account, AuditDraft, CompanionRecord, Identifier, JoinCode, KeyRecord, Member, Organisation, Record,
    Role, SecretRecord, User, Write,
};
use countersign_store::registry::{LastUse, NotWritten, Registry};
use countersign_store_sqlite::SqliteStore;
use std::sync::Arc;

const ODD: &str = "Zoë\0 \"'; DROP TABLE keys; -- 🦀\n";

fn account(id: &str, name: &str, identifiers: &[&str]) -> Account {
    Account {
        id: id.into(),
        name: name.into(),
        organisation: None,
        enabled: true,
        identifiers: identifiers
            .iter()
            .map(|value| Identifier { namespace: "email".into(), value: (*value).into() })
            .collect(),
        acts_as: Vec::new(),
        paths: Vec::new(),
        jwks_url: None,
        role: None,
        created: Time::from_seconds(DAY),
    }
}

fn key(id: &str, account: &str, state: KeyState) -> KeyRecord {
    KeyRecord {
        id: id.into(),
        account: account.into(),
        label: ODD.into(),
        spki: vec![0, 255, 1, 0],
        life: KeyLife { state, not_before: Some(Time::MIN), expires: Some(Time::MAX) },
        dialects: vec!["skykit".into(), ODD.into()],
        algorithms: vec!["RS256".into()],
        methods: vec!["GET".into()],
        paths: vec!["/a".into()],
        networks: vec!["10.0.0.0/8".into()],
        created: Time::from_nanos(1),
        last_used: Some(Time::from_nanos(-1)),
        last_address: Some("::1".into()),
    }
}

fn everything() -> Vec<Record> {
    let created = Time::from_nanos(1_700_000_000_123_456_789);
    let mut records = vec![
        Record::Account(Account {
            organisation: Some("org_1".into()),
            enabled: false,
            acts_as: vec![ODD.into(), "b".into()],
            paths: vec!["/x".into()],
            jwks_url: Some("https://a/jwks".into()),
            ..account("acc_1", ODD, &["z", "a", ODD])
        }),
        Record::Organisation(Organisation { id: "org_1".into(), name: ODD.into(), approval: true, created }),
        Record::Companion(CompanionRecord {
            id: "cmp_1".into(),
            account: "acc_1".into(),
            dialect: "partner-key".into(),
            label: String::new(),
            digest: "00ff".into(),
            bound: true,
            enabled: false,
            created,
        }),
        Record::User(User { name: ODD.into(), enabled: false, created }),
        Record::Member(Member {
            organisation: "org_1".into(),
            account: "acc_1".into(),
            role: "OWNER".into(),
        }),
        Record::JoinCode(JoinCode {
            digest: "d".into(),
            organisation: "org_1".into(),
            role: "MEMBER".into(),
            expires: Time::MAX,
            once: true,
            created,
        }),
        Record::Secret(SecretRecord {
            name: "signing/1".into(),
            value: vec![0, 1, 2],
            sealed: true,
            created,
            retired: Some(Time::MIN),
        }),
    ];
    for (number, role) in [Role::Auditor, Role::Manager, Role::Owner].into_iter().enumerate() {
        let id = format!("acc_r{number}");
        records.push(Record::Account(Account { role: Some(role), ..account(&id, &id, &[]) }));
    }
    let states = [
        KeyState::Pending,
        KeyState::Active,
        KeyState::Retiring { until: Time::MAX },
        KeyState::Disabled,
        KeyState::Revoked,
    ];
    for (number, state) in states.into_iter().enumerate() {
        records.push(Record::Key(key(&format!("key_{number}"), "acc_1", state)));
    }
    records
}

fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by_key(|record| serde_json::to_string(record).unwrap());
    records
}

fn draft(detail: &str) -> AuditDraft {
    AuditDraft {
        at: Time::from_seconds(DAY),
        actor: "local".into(),
        action: "test".into(),
        subject: ODD.into(),
        detail: detail.into(),
    }
}

async fn commit(store: &SqliteStore, base: u64, writes: &[Write]) -> u64 {
    store.commit(base, writes, &[draft("x")]).await.unwrap()
}

fn put(record: Account) -> Write {
    Write::Put(Record::Account(record))
}

#[tokio::test]
async fn every_kind_comes_back_as_it_was() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let writes: Vec<Write> = everything().into_iter().map(Write::Put).collect();
    assert_eq!(commit(&store, 0, &writes).await, 1);
    store.close().await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.version, 1);
    assert_eq!(sorted(loaded.records), sorted(everything()));
    let writes: Vec<Write> = everything().into_iter().map(Write::Delete).collect();
    assert_eq!(commit(&store, 1, &writes).await, 2);
    assert_eq!(store.load().await.unwrap().records, Vec::new());
}

#[tokio::test]
async fn a_unit_is_written_whole_or_not_at_all() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    commit(&store, 0, &[put(account("acc_1", "one", &["a"]))]).await;
    // The second account takes the first one's identifier: the third row and the audit entry go with it.
    let bad = [put(account("acc_3", "three", &[])), put(account("acc_2", "two", &["a"]))];
    let refused = store.commit(1, &bad, &[draft("bad")]).await;
    assert!(
        matches!(&refused, Err(NotWritten::Fault(fault)) if fault.to_string().contains("taken")),
        "{refused:?}"
    );
    assert!(matches!(store.commit(0, &[], &[draft("late")]).await, Err(NotWritten::Conflict)));
    assert!(matches!(store.commit(2, &[], &[draft("early")]).await, Err(NotWritten::Conflict)));
    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.version, loaded.records), (1, vec![Record::Account(account("acc_1", "one", &["a"]))]));
    assert_eq!((store.version().await.unwrap(), store.audit(0, 10).await.unwrap().len()), (1, 1));
}

#[tokio::test]
async fn a_failing_disk_writes_no_half_unit() {
    let folder = folder();
    let file = folder.path().join("registry.db");
    let store = SqliteStore::open(folder.path()).await.unwrap();
    sql(&file, "ALTER TABLE audit RENAME TO away").await;
    let write = [put(account("acc_1", "one", &["a"]))];
    assert!(matches!(store.commit(0, &write, &[draft("x")]).await, Err(NotWritten::Fault(_))));
    sql(&file, "ALTER TABLE away RENAME TO audit").await;
    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.version, loaded.records), (0, Vec::new()));
    assert_eq!(commit(&store, 0, &write).await, 1);
}

#[tokio::test]
async fn names_and_identifiers_may_change_hands_in_one_unit() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let (one, two) = (account("acc_1", "one", &["a"]), account("acc_2", "two", &["b"]));
    commit(&store, 0, &[put(one), put(two)]).await;
    let (one, two) = (account("acc_1", "two", &["b"]), account("acc_2", "one", &["a"]));
    commit(&store, 1, &[put(one.clone()), put(two.clone())]).await;
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.records, vec![Record::Account(one.clone()), Record::Account(two.clone())]);
    // The last write of a row counts.
    let gone = Write::Delete(Record::Account(two.clone()));
    commit(
        &store,
        2,
        &[put(account("acc_2", "three", &[])), gone, put(account("acc_1", "x", &[])), put(one.clone())],
    )
    .await;
    assert_eq!(store.load().await.unwrap().records, vec![Record::Account(one)]);
}

#[tokio::test]
async fn the_audit_log_is_a_chain() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    for base in 0..10 {
        store.commit(base, &[], &[draft("a"), draft("b")]).await.unwrap();
    }
    let entries = store.audit(0, 100).await.unwrap();
    assert_eq!(entries.len(), 20);
    audit::check(&entries).unwrap();
    assert_eq!(store.audit(15, 3).await.unwrap(), entries[15..18]);
}

#[tokio::test]
async fn last_uses_are_noted_without_a_new_version() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let kept = key("key_1", "acc_1", KeyState::Active);
    commit(&store, 0, &[Write::Put(Record::Key(kept.clone()))]).await;
    let at = Time::from_seconds(DAY + 9);
    let uses = ["key_1", "key_unknown"].map(|key| LastUse {
        key: key.into(),
        at,
        address: Some("192.0.2.1".into()),
    });
    store.touch(&uses).await.unwrap();
    let touched = KeyRecord { last_used: Some(at), last_address: Some("192.0.2.1".into()), ..kept };
    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.version, loaded.records), (1, vec![Record::Key(touched)]));
    assert_eq!(store.audit(0, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writers_with_the_same_base_one_wins() {
    let folder = folder();
    let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
    let tasks: Vec<_> = (0..8)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut done = 0;
                while done < 10 {
                    let base = store.version().await.unwrap();
                    let name = format!("u{writer}-{done}");
                    let user = User { name, enabled: true, created: Time::from_seconds(DAY) };
                    match store.commit(base, &[Write::Put(Record::User(user))], &[draft("x")]).await {
                        Ok(version) => {
                            assert_eq!(version, base + 1);
                            done += 1;
                        }
                        Err(NotWritten::Conflict) => {}
                        Err(NotWritten::Fault(fault)) => panic!("{fault}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.version, loaded.records.len()), (80, 80));
    audit::check(&store.audit(0, 100).await.unwrap()).unwrap();
}

fn readable(number: u8, account: &str) -> KeyRecord {
    let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = head.into_iter().chain([number; 32]).collect();
    let last_used = Some(Time::from_seconds(DAY));
    KeyRecord { spki, last_used, ..key(&format!("key_{number:03}"), account, KeyState::Active) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_directory_read_by_all_cores_is_that_of_the_rows() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let mut rows = everything();
    rows.retain(|row| !matches!(row, Record::Key(_)));
    rows.extend((1..100).map(|number| Record::Key(readable(number, "acc_1"))));
    rows.extend((100..150).map(|number| Record::Key(readable(number, "acc_r1"))));
    let writes: Vec<Write> = rows.into_iter().map(Write::Put).collect();
    commit(&store, 0, &writes).await;
    let whole = Directory::load(store.load().await.unwrap()).unwrap();
    let kid = PublicKey::from_spki_der(&readable(120, "").spki).unwrap().fingerprints().jwk_thumbprint;
    let by_kid = |directory: &Directory| {
        let query =
            KeyQuery { dialect: "skykit", who: Who::Key(&kid), kid: None, companion: None, acting_as: None };
        directory.answer(&query).keys.iter().map(|key| key.id.to_string()).collect::<Vec<_>>()
    };
    let read = store.directory().await.unwrap();
    assert_eq!((read.version(), read.records()), (1, whole.records()));
    assert_eq!(read.key_count(), 149);
    assert_eq!(by_kid(&read), ["key_120"]);
    assert_eq!(read.operators(), whole.operators());
    // The same one again, as long as nobody else has written.
    assert!(Arc::ptr_eq(&read, &store.directory().await.unwrap()));
    // Rows of an older release say nothing of what a key is found by.
    sql(&folder.path().join("registry.db"), "UPDATE keys SET prints = NULL").await;
    commit(&store, 1, &[Write::Delete(Record::Key(readable(1, "acc_1")))]).await;
    let again = store.directory().await.unwrap();
    assert!(!Arc::ptr_eq(&read, &again));
    assert_eq!((again.version(), again.key_count(), by_kid(&again)), (2, 148, vec!["key_120".to_owned()]));
    // What no key has is damage.
    sql(&folder.path().join("registry.db"), "UPDATE keys SET prints = x'00' WHERE id = 'key_002'").await;
    commit(&store, 2, &[]).await;
    let fault = store.directory().await.unwrap_err().to_string();
    assert!(fault.contains("keys.prints should hold 64 bytes"), "{fault}");
}

#[tokio::test]
async fn a_registry_of_an_older_release_is_brought_up_to_date() {
    let folder = folder();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let kept = readable(7, "acc_1");
    commit(&store, 0, &[put(account("acc_1", "one", &["a"])), Write::Put(Record::Key(kept.clone()))]).await;
    store.close().await;
    let file = folder.path().join("registry.db");
    sql(&file, "ALTER TABLE keys DROP COLUMN prints; ALTER TABLE organisations DROP COLUMN approval; DROP TABLE key_uses; UPDATE schema_version SET version = 1").await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let directory = store.directory().await.unwrap();
    assert_eq!(directory.key("key_007"), Some(kept));
}
