//! The directory beside a naive model that keeps rows in a list: unpacked, packed after each change, and read anew.
use super::*;
use proptest::prelude::*;

/// What the model does with a unit: a list of rows.
fn model(rows: &mut Vec<Record>, writes: &[Write]) {
    let same = |one: &Record, other: &Record| match (one, other) {
        (Record::Account(one), Record::Account(other)) => one.id == other.id,
        (Record::Key(one), Record::Key(other)) => one.id == other.id,
        _ => false,
    };
    for write in writes {
        let (Write::Put(record) | Write::Delete(record)) = write;
        rows.retain(|row| !same(row, record));
        match write {
            Write::Put(record) => rows.push(record.clone()),
            Write::Delete(Record::Account(gone)) => {
                rows.retain(|row| !matches!(row, Record::Key(key) if key.account == gone.id));
            }
            Write::Delete(_) => {}
        }
    }
}

fn sorted(mut rows: Vec<Record>) -> Vec<Record> {
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

fn state() -> impl Strategy<Value = KeyState> {
    prop_oneof![Just(KeyState::Active), Just(KeyState::Revoked), Just(KeyState::Disabled)]
}

/// Accounts 0 to 5, each with keys of its own; public keys and e-mails are drawn from few, so that they move and meet.
fn write() -> impl Strategy<Value = Write> {
    let put_account = (0..6_u8, 0..6_u8).prop_map(|(number, email)| {
        let mut row =
            account(&format!("acc_{number}"), &format!("name {number}"), &format!("{number}{email}@x"));
        row.enabled = email % 2 == 0;
        Write::Put(Record::Account(row))
    });
    let put_key = (0..6_u8, 0..4_u8, 0..8_u8, state()).prop_map(|(number, which, public, state)| {
        let mut row = key(&format!("key_{number}{which}"), &format!("acc_{number}"), public);
        row.life.state = state;
        Write::Put(Record::Key(row))
    });
    let delete = (0..6_u8, 0..5_u8).prop_map(|(number, which)| {
        let id = format!("acc_{number}");
        Write::Delete(if which == 4 {
            Record::Account(account(&id, "", ""))
        } else {
            Record::Key(key(&format!("key_{number}{which}"), &id, 0))
        })
    });
    prop_oneof![2 => put_account, 4 => put_key, 1 => delete]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn it_answers_like_a_list_of_rows(units in prop::collection::vec(prop::collection::vec(write(), 1..4), 1..25)) {
        let fingerprint = |public| PublicKey::from_spki_der(&spki(public)).unwrap().fingerprints().spki_sha256_hex;
        let kids: Vec<String> = (0..8).map(fingerprint).collect();
        let (directory, packed, mut rows) = (Directory::empty(), Directory::empty(), Vec::new());
        for (version, unit) in (1..).zip(units) {
            // Keys without an account are refused; an account that is deleted in the unit takes its keys along.
            let mut next = rows.clone();
            model(&mut next, &unit);
            let holds = |id: &str| next.iter().any(|row| matches!(row, Record::Account(account) if account.id == id));
            let sound = next.iter().all(|row| !matches!(row, Record::Key(key) if !holds(&key.account)));
            let deletes = unit.iter().any(|write| matches!(write, Write::Delete(Record::Account(_))));
            if !sound || (deletes && unit.len() > 1) {
                continue;
            }
            directory.apply(&unit, version).unwrap();
            packed.apply(&unit, version).unwrap();
            packed.pack_now();
            rows = next;
            prop_assert_eq!(sorted(directory.records()), sorted(rows.clone()));
            let again = filled();
            again.reload(Loaded { version, records: rows.clone() }).unwrap();
            prop_assert_eq!(sorted(again.records()), sorted(rows.clone()));
            let loaded = Directory::load(Loaded { version, records: rows.iter().rev().cloned().collect() }).unwrap();
            prop_assert_eq!(loaded.ready(), 0);
            for other in [&packed, &loaded] {
                prop_assert_eq!(sorted(other.records()), sorted(rows.clone()));
                prop_assert_eq!(other.key_count(), directory.key_count());
                prop_assert_eq!(other.account_count(), directory.account_count());
                prop_assert_eq!(other.accounts(Some("acc_1"), 3), directory.accounts(Some("acc_1"), 3));
            }
            let keys: Vec<&KeyRecord> = rows.iter().filter_map(|row| match row { Record::Key(key) => Some(key), _ => None }).collect();
            prop_assert_eq!(directory.key_count(), keys.len());
            for row in &rows {
                let Record::Account(account) = row else { continue };
                for (public, kid) in (0..8).zip(&kids) {
                    let own = keys.iter().any(|key| key.spki == spki(public) && key.account == account.id);
                    let others = keys.iter().any(|key| key.spki == spki(public) && key.account != account.id);
                    for directory in [&directory, &packed, &loaded] {
                        let found = directory.answer(&query(&account.identifiers[0].value, Some(kid)));
                        prop_assert_eq!(&*found.caller.as_ref().unwrap().id, account.id.as_str());
                        prop_assert_eq!(found.kid_elsewhere, others && !own);
                        prop_assert_eq!(found.keys.len(), keys.iter().filter(|key| key.account == account.id).count());
                    }
                }
                for gone in 0..6 {
                    let held = format!("{}{gone}@x", &account.id[4..]);
                    let is = account.identifiers[0].value == held;
                    for directory in [&directory, &packed, &loaded] {
                        prop_assert_eq!(directory.answer(&query(&held, None)).caller.is_some(), is);
                    }
                }
            }
        }
    }
}
