//! Whatever a row says, it says again when it is read back.
use super::*;
use crate::model::KeyRecord;
use countersign::life::key::KeyState;
use countersign::time::Time;
use proptest::prelude::*;

fn time() -> impl Strategy<Value = Time> {
    (-(1_i128 << 66)..(1_i128 << 66)).prop_map(Time::from_nanos)
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(".{0,12}", 0..3)
}

fn account() -> impl Strategy<Value = Account> {
    let role = prop::option::of(prop_oneof![Just(Role::Auditor), Just(Role::Manager), Just(Role::Owner)]);
    let some = || prop::option::of(".{0,200}");
    ((".{0,40}", ".{0,200}", some(), any::<bool>()), (texts(), texts(), some(), role, time())).prop_map(
        |((id, name, organisation, enabled), (acts_as, paths, jwks_url, role, created))| Account {
            id,
            name,
            organisation,
            enabled,
            identifiers: Vec::new(),
            acts_as,
            paths,
            jwks_url,
            role,
            created,
        },
    )
}

fn life() -> impl Strategy<Value = KeyLife> {
    let state = prop_oneof![
        Just(KeyState::Pending),
        Just(KeyState::Active),
        time().prop_map(|until| KeyState::Retiring { until }),
        Just(KeyState::Disabled),
        Just(KeyState::Revoked),
    ];
    (state, prop::option::of(time()), prop::option::of(time()))
        .prop_map(|(state, not_before, expires)| KeyLife { state, not_before, expires })
}

fn spki() -> impl Strategy<Value = Vec<u8>> {
    any::<[u8; 31]>().prop_map(|bytes| {
        // A first coordinate below the prime whatever its last byte but one is.
        let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        prefix.into_iter().chain(bytes).chain([7]).collect()
    })
}

fn key() -> impl Strategy<Value = KeyRecord> {
    let algorithms = prop::collection::vec(Just("Ed25519".to_owned()), 0..2);
    let networks = prop::collection::vec(Just("10.0.0.0/8".to_owned()), 0..2);
    let used = prop::option::of((1..2_000_000_000_i64).prop_map(Time::from_seconds));
    (
        (".{0,40}", ".{0,200}", spki(), life(), texts()),
        (algorithms, texts(), texts(), networks),
        (time(), used, prop::option::of(".{0,40}")),
    )
        .prop_map(|((id, label, spki, life, dialects), (algorithms, methods, paths, networks), rest)| {
            let (created, last_used, last_address) = rest;
            KeyRecord {
                id,
                account: "acc_a".into(),
                label,
                spki,
                life,
                dialects,
                algorithms,
                methods,
                paths,
                networks,
                created,
                last_used,
                last_address,
            }
        })
}

proptest! {
    #[test]
    fn accounts_and_identifiers(row in account(), place in any::<i64>(), namespace in ".{0,9}", value in ".{0,300}") {
        let mut out = Vec::new();
        write_account(&AccountRow::from(&row), &mut out);
        // What stands behind a row is another's.
        out.extend([0xff; 9]);
        prop_assert_eq!(account_id(&out), Some(row.id.as_str()));
        prop_assert_eq!(read_account(&out), Some(row));
        out.clear();
        write_identifier(place, (&namespace, &value), &mut out);
        out[..4].copy_from_slice(&7_u32.to_le_bytes());
        out.extend([0xff; 9]);
        prop_assert_eq!(read_identifier(&out), Some((7, place, namespace.as_str(), value.as_str())));
    }

    #[test]
    fn keys(row in key()) {
        let mut out = Vec::new();
        write_key(&KeyRow::from(&row), &mut out).unwrap();
        out[..4].copy_from_slice(&9_u32.to_le_bytes());
        out.extend([0xff; 9]);
        prop_assert_eq!(key_id(&out), Some((9, row.id.as_str())));
        let (next, part) = read_key(&out).unwrap();
        prop_assert_eq!(next, 9);
        let plain = crate::directory::entry::part(&row).unwrap();
        for (known, kept) in [part, plain] {
            prop_assert_eq!(crate::directory::entry::record("acc_a", &known, &kept), row.clone());
        }
    }
}
