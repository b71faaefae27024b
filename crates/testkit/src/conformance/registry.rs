//! What every registry does: units whole or not at all, versions without gaps, a chained audit, rows as they were written.
use crate::conformance::{marks, must, uses};
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;
use countersign_store::audit;
use countersign_store::model::{
    Account, AuditDraft, CompanionRecord, Identifier, JoinCode, KeyRecord, Member, Organisation, Record,
    Role, SecretRecord, User, Write,
};
use countersign_store::registry::{LastUse, Loaded, NotWritten, Registry};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Runs the suite. `store` is empty; `reopen` closes it, as far as it can be closed, and opens the same rows again.
pub async fn registry(store: Arc<dyn Registry>, reopen: impl AsyncFn() -> Arc<dyn Registry>) {
    starts_empty(&*store).await;
    rows_come_back_as_they_were(&*store, &reopen).await;
    a_unit_with_an_old_base_writes_nothing(&*store).await;
    a_row_is_replaced_and_removed(&*store, &reopen).await;
    uses_are_no_change(&*store, &reopen).await;
    uses::the_newest_addresses_of_a_key_are_kept(&*store, &reopen).await;
    of_many_writers_one_wins_each_version(&store).await;
    the_audit_is_a_chain_without_gaps(&*store, &reopen).await;
    marks::a_mark_changes_only_from_what_it_was(&store, &reopen).await;
}

/// Runs the suite of filling over an empty store: what another store had is there whole, once, and goes on.
pub async fn fill(store: Arc<dyn Registry>, reopen: impl AsyncFn() -> Arc<dyn Registry>) {
    let mut entries = Vec::new();
    for detail in ["0", "'; DROP TABLE audit; -- \u{0}", "2"] {
        entries.push(audit::link(entries.last(), draft("before", detail)));
    }
    let loaded = Loaded { version: 41, records: every_kind() };
    match store.fill(&loaded, &entries).await {
        Ok(()) => {}
        Err(error) => panic!("wanted an empty store filled, found {error:?}"),
    }
    let again = reopen().await;
    let found = must(again.load().await);
    assert_eq!(found.version, 41, "at the version of the other store");
    same_rows(&found.records, &every_kind());
    assert_eq!(must(again.audit(0, 10).await), entries);
    match again.fill(&loaded, &entries).await {
        Err(NotWritten::Conflict) => {}
        other => panic!("wanted a conflict in a store that has rows, found {other:?}"),
    }
    assert_eq!(written(again.commit(41, &[], &[draft("after", "")]).await), 42);
    assert_eq!(audit::check(&must(again.audit(0, 10).await)), Ok(()), "the chain goes on");
}

async fn starts_empty(store: &dyn Registry) {
    let loaded = must(store.load().await);
    assert_eq!((loaded.version, loaded.records.len()), (0, 0), "a new store is empty and at version 0");
    assert_eq!(must(store.version().await), 0);
    assert!(must(store.audit(0, 10).await).is_empty());
}

async fn rows_come_back_as_they_were(store: &dyn Registry, reopen: &impl AsyncFn() -> Arc<dyn Registry>) {
    let writes: Vec<Write> = every_kind().into_iter().map(Write::Put).collect();
    let version = written(store.commit(0, &writes, &[draft("all", "0"), draft("all", "1")]).await);
    assert_eq!(version, 1, "the first unit makes version 1");
    assert_eq!(must(store.version().await), 1);
    same_rows(&must(store.load().await).records, &every_kind());
    let again = reopen().await;
    let loaded = must(again.load().await);
    assert_eq!(loaded.version, 1);
    same_rows(&loaded.records, &every_kind());
}

async fn a_unit_with_an_old_base_writes_nothing(store: &dyn Registry) {
    let version = must(store.version().await);
    let before = must(store.load().await).records;
    let entries = must(store.audit(0, 1000).await).len();
    for base in [version.wrapping_sub(1), version.wrapping_add(1), version.wrapping_add(1000)] {
        let user = Record::User(User { name: "late".into(), enabled: true, created: Time::from_seconds(1) });
        match store.commit(base, &[Write::Put(user)], &[draft("late", "")]).await {
            Err(NotWritten::Conflict) => {}
            other => panic!("wanted a conflict at base {base} of version {version}, found {other:?}"),
        }
    }
    assert_eq!(must(store.version().await), version);
    same_rows(&must(store.load().await).records, &before);
    assert_eq!(must(store.audit(0, 1000).await).len(), entries, "no entry for a unit that was not written");
}

async fn a_row_is_replaced_and_removed(store: &dyn Registry, reopen: &impl AsyncFn() -> Arc<dyn Registry>) {
    let mut version = must(store.version().await);
    let mut rows = every_kind();
    for row in &mut rows {
        changed(row);
    }
    let writes: Vec<Write> = rows.iter().cloned().map(Write::Put).collect();
    version = written(store.commit(version, &writes, &[draft("change", "")]).await);
    same_rows(&must(reopen().await.load().await).records, &rows);
    // Away with them one after another, those that hang on others first; each is away and the rest is there.
    while let Some(row) = rows.pop() {
        version = written(store.commit(version, &[Write::Delete(row)], &[draft("delete", "")]).await);
        same_rows(&must(store.load().await).records, &rows);
    }
    // A row that is not there is removed without complaint; a unit may have no writes, or no entries.
    let gone = Record::User(User { name: "nobody".into(), enabled: true, created: Time::from_seconds(1) });
    version = written(store.commit(version, &[Write::Delete(gone)], &[]).await);
    version = written(store.commit(version, &[], &[draft("nothing", "")]).await);
    assert_eq!(must(reopen().await.version().await), version);
    // In one unit: a name passes from one row to another.
    let account = |id: &str| {
        let Some(Record::Account(account)) =
            every_kind().into_iter().find(|row| matches!(row, Record::Account(_)))
        else {
            panic!("wanted an account among the rows")
        };
        Record::Account(Account { id: id.into(), organisation: None, ..account })
    };
    version = written(store.commit(version, &[Write::Put(account("acc_old"))], &[]).await);
    let unit = [Write::Delete(account("acc_old")), Write::Put(account("acc_new"))];
    version = written(store.commit(version, &unit, &[]).await);
    same_rows(&must(store.load().await).records, &[account("acc_new")]);
    written(store.commit(version, &[Write::Delete(account("acc_new"))], &[]).await);
}

async fn uses_are_no_change(store: &dyn Registry, reopen: &impl AsyncFn() -> Arc<dyn Registry>) {
    let rows = every_kind();
    let writes: Vec<Write> = rows.iter().cloned().map(Write::Put).collect();
    let version = written(store.commit(must(store.version().await), &writes, &[]).await);
    let entries = must(store.audit(0, 1000).await).len();
    let at = Time::from_seconds(1_700_000_777);
    let used_by = |key: &str, address: Option<&str>| LastUse {
        key: key.into(),
        at,
        address: address.map(str::to_owned),
    };
    must(store.touch(&[used_by("key_1", Some("203.0.113.9")), used_by("key_unknown", None)]).await);
    must(store.touch(&[]).await);
    let loaded = must(reopen().await.load().await);
    assert_eq!(loaded.version, version, "a use makes no new version");
    assert_eq!(must(store.audit(0, 1000).await).len(), entries, "a use makes no entry");
    let wanted: Vec<Record> = rows.into_iter().map(|row| used(row, at)).collect();
    same_rows(&loaded.records, &wanted);
}

async fn of_many_writers_one_wins_each_version(store: &Arc<dyn Registry>) {
    const WRITERS: usize = 16;
    for round in 0..20 {
        let base = must(store.version().await);
        let before = must(store.audit(0, 10_000).await).len();
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let store = store.clone();
            writers.push(tokio::spawn(async move {
                let name = format!("racer {round} {writer}");
                let user = User { name, enabled: true, created: Time::from_seconds(1) };
                store
                    .commit(base, &[Write::Put(Record::User(user))], &[draft("race", &writer.to_string())])
                    .await
            }));
        }
        let mut won = 0;
        for writer in writers {
            match must(writer.await) {
                Ok(version) => {
                    assert_eq!(version, base + 1);
                    won += 1;
                }
                Err(NotWritten::Conflict) => {}
                Err(NotWritten::Fault(fault)) => {
                    panic!("wanted a conflict for who comes late, found {fault}")
                }
            }
        }
        assert_eq!(won, 1, "exactly one of {WRITERS} writers wins a version");
        assert_eq!(must(store.version().await), base + 1);
        assert_eq!(must(store.audit(0, 10_000).await).len(), before + 1);
    }
}

async fn the_audit_is_a_chain_without_gaps(
    store: &dyn Registry,
    reopen: &impl AsyncFn() -> Arc<dyn Registry>,
) {
    let version = must(store.version().await);
    written(
        store
            .commit(version, &[], &[draft("odd", "'; DROP TABLE audit; -- \u{1F511} \n\u{0}"), draft("", "")])
            .await,
    );
    let entries = must(store.audit(0, 10_000).await);
    assert_eq!(must(store.last_audit().await).as_ref(), entries.last());
    assert_eq!(audit::check(&entries), Ok(()), "numbers from 1 without gaps, each chained to the one before");
    assert_eq!(must(reopen().await.audit(0, 10_000).await), entries);
    // Page by page it is the same.
    let mut paged = Vec::new();
    loop {
        let page = must(
            store
                .audit(paged.last().map_or(0, |last: &countersign_store::model::AuditEntry| last.number), 7)
                .await,
        );
        assert!(page.len() <= 7, "no more than asked for");
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, entries);
    assert!(must(store.audit(0, 0).await).is_empty() && must(store.audit(u64::MAX, 10).await).is_empty());
}

#[track_caller]
fn written(outcome: Result<u64, NotWritten>) -> u64 {
    match outcome {
        Ok(version) => version,
        Err(error) => panic!("wanted the unit written, found {error:?}"),
    }
}

#[track_caller]
fn same_rows(found: &[Record], wanted: &[Record]) {
    let sorted = |rows: &[Record]| rows.iter().map(|row| format!("{row:?}")).collect::<BTreeSet<_>>();
    assert_eq!(sorted(found), sorted(wanted));
    assert_eq!(found.len(), wanted.len(), "no row twice");
    assert!(wanted.iter().all(|row| found.contains(row)), "equal in what is not printed, too");
}

fn draft(action: &str, detail: &str) -> AuditDraft {
    AuditDraft {
        at: Time::from_nanos(1_700_000_000_123_456_789),
        actor: "local".into(),
        action: action.into(),
        subject: "subject".into(),
        detail: detail.into(),
    }
}

/// Rows of every kind, with every optional part there and absent, and texts that SQL and JSON might trip over. Rows
/// that hang on others come after them.
fn every_kind() -> Vec<Record> {
    let created = Time::from_nanos(1_700_000_000_123_456_789);
    let odd = "O'Brien \"\\ \u{1F511}%_\u{E9}";
    let identifier = |value: &str| Identifier { namespace: "email".into(), value: value.into() };
    let full = Account {
        id: "acc_1".into(),
        name: odd.into(),
        organisation: Some("org_1".into()),
        enabled: true,
        identifiers: vec![identifier(odd), identifier("b@example"), identifier("a@example")],
        acts_as: vec![odd.into(), "b".into(), "a".into()],
        paths: vec!["/v1".into(), "/".into()],
        jwks_url: Some("https://x.example/jwks?a='b'".into()),
        role: Some(Role::Owner),
        created,
    };
    let bare = Account {
        id: "acc_2".into(),
        name: "bare".into(),
        organisation: None,
        enabled: false,
        identifiers: vec![],
        acts_as: vec![],
        paths: vec![],
        jwks_url: None,
        role: None,
        created: Time::MIN,
    };
    let key = |id: &str, state, last: bool| KeyRecord {
        id: id.into(),
        account: "acc_1".into(),
        label: odd.into(),
        spki: vec![0, 1, 255],
        life: KeyLife { state, not_before: last.then_some(Time::MIN), expires: last.then_some(Time::MAX) },
        dialects: vec!["skykit".into(), "asymmetric-jwt".into()],
        algorithms: if last { vec!["RS256".into()] } else { vec![] },
        methods: if last { vec!["GET".into(), "POST".into()] } else { vec![] },
        paths: if last { vec!["/a".into()] } else { vec![] },
        networks: if last { vec!["10.0.0.0/8".into(), "::1/128".into()] } else { vec![] },
        created,
        last_used: last.then_some(Time::from_nanos(1_700_000_001_000_000_001)),
        last_address: last.then(|| "::ffff:10.0.0.1".into()),
    };
    let companion = |id: &str, bound| CompanionRecord {
        id: id.into(),
        account: "acc_2".into(),
        dialect: "partner-key".into(),
        label: odd.into(),
        digest: if bound { "ab".repeat(32) } else { "cd".repeat(32) },
        bound,
        enabled: !bound,
        created,
    };
    let join_code = |digest: &str, once| JoinCode {
        digest: digest.repeat(32),
        organisation: "org_1".into(),
        role: "ADMIN".into(),
        expires: Time::MAX,
        once,
        created,
    };
    let secret = |name: &str, value: &[u8], sealed| SecretRecord {
        name: name.into(),
        value: value.to_vec(),
        sealed,
        created,
        retired: sealed.then_some(created),
    };
    vec![
        Record::Organisation(Organisation { id: "org_1".into(), name: odd.into(), approval: true, created }),
        Record::Organisation(Organisation {
            id: "org_2".into(),
            name: "acme".into(),
            approval: false,
            created,
        }),
        Record::User(User { name: odd.into(), enabled: true, created }),
        Record::User(User { name: odd.to_lowercase(), enabled: false, created }),
        Record::Account(full),
        Record::Account(bare),
        Record::Key(key("key_1", KeyState::Active, true)),
        Record::Key(key(
            "key_2",
            KeyState::Retiring { until: Time::from_nanos(1_700_000_002_000_000_003) },
            false,
        )),
        Record::Key(key("key_3", KeyState::Pending, false)),
        Record::Key(key("key_4", KeyState::Disabled, true)),
        Record::Key(key("key_5", KeyState::Revoked, false)),
        Record::Companion(companion("cmp_1", true)),
        Record::Companion(companion("cmp_2", false)),
        Record::Member(Member {
            organisation: "org_1".into(),
            account: "acc_1".into(),
            role: "OWNER".into(),
        }),
        Record::JoinCode(join_code("01", true)),
        Record::JoinCode(join_code("02", false)),
        Record::Secret(secret("signing/1", &[0, 255, 39], true)),
        Record::Secret(secret("challenge", &[], false)),
    ]
}

/// Another row under the same key.
fn changed(row: &mut Record) {
    match row {
        Record::Organisation(row) => {
            row.name.push('!');
            row.approval = !row.approval;
        }
        Record::User(row) => row.enabled = !row.enabled,
        Record::Account(row) => {
            row.name.push('!');
            row.identifiers.reverse();
            row.acts_as.pop();
            row.role = Some(Role::Auditor);
            row.jwks_url = None;
        }
        Record::Key(row) => {
            row.life = row.life.revoke();
            row.methods = vec!["PUT".into()];
            row.last_used = None;
            row.last_address = None;
        }
        Record::Companion(row) => row.enabled = !row.enabled,
        Record::Member(row) => row.role = "MEMBER".into(),
        Record::JoinCode(row) => row.role = "MEMBER".into(),
        Record::Secret(row) => row.value.push(7),
    }
}

fn used(row: Record, at: Time) -> Record {
    match row {
        Record::Key(key) if key.id == "key_1" => {
            Record::Key(KeyRecord { last_used: Some(at), last_address: Some("203.0.113.9".into()), ..key })
        }
        other => other,
    }
}
