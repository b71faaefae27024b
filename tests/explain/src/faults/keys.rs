//! Keys and accounts in the wrong state, and keys that are not the right ones.
use crate::dialect::Dialect;
use crate::draft::{set, text};
use crate::fault::{Fault, Key, RSA, RSA_TOKENS, TOKENS};
use crate::world::{ALICE, NOW};
use countersign::life::key::KeyState;
use countersign::time::Time;
use countersign_keys::PrivateKey;
use countersign_store::model::{KeyRecord, Record};

const CLASS: &str = "key";
const ALL: &[Dialect] = Dialect::ALL;
/// Those that name the account and not the key.
const NAMED: &[Dialect] = &[
    Dialect::Skykit,
    Dialect::Jwt,
    Dialect::JwtEd,
    Dialect::Partner,
    Dialect::Skillhive,
    Dialect::Spacetime,
];
const MAIN: &[&str] = &["key_main", "key_ed", "key_es"];

/// A pair that nobody registered, longer than all others.
const LONG: &[u8] = include_bytes!("../../keys/nobody_long.pem");

fn is_rsa(key: &KeyRecord) -> bool {
    key.dialects.iter().any(|dialect| dialect == "skykit")
}

/// Changes the keys that sign.
fn each(rows: &mut [Record], ids: &[&str], change: impl Fn(&mut KeyRecord)) {
    for row in rows {
        if let Record::Key(key) = row
            && ids.contains(&key.id.as_str())
        {
            change(key);
        }
    }
}

fn state(rows: &mut Vec<Record>, state: KeyState) {
    rows.retain(|row| !matches!(row, Record::Key(key) if key.id == "key_second"));
    each(rows, MAIN, |key| key.life.state = state);
}

/// The faults.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("wrong-key", CLASS, "wrong-key", ALL).key(Key::Unknown),
    Fault::new("key-of-another-account", CLASS, "wrong-key", RSA).key(Key::Named("key_bob")),
    Fault::new("wrong-key-longer", CLASS, "wrong-key", RSA).key(Key::Named("nobody_long")),
    Fault::new("wrong-key-shorter", CLASS, "wrong-key", RSA).rows(|rows| {
        let spki = PrivateKey::read(LONG, None).map(|key| key.public_key().spki_der().to_vec());
        for row in rows {
            if let (Record::Key(key), Ok(spki)) = (row, &spki)
                && key.account == ALICE
                && is_rsa(key)
            {
                key.spki.clone_from(spki);
            }
        }
    }),
    Fault::new("only-ed25519-registered", CLASS, "algorithm-of-another-kind", &[Dialect::Jwt]).rows(|rows| {
        rows.retain(|row| !matches!(row, Record::Key(key) if key.account == ALICE && is_rsa(key)))
    }),
    Fault::new("only-rsa-registered", CLASS, "algorithm-of-another-kind", &[Dialect::JwtEd]).rows(|rows| {
        rows.retain(|row| !matches!(row, Record::Key(key) if key.account == ALICE && !is_rsa(key)))
    }),
    Fault::new("old-key", CLASS, "key-revoked", ALL).key(Key::Old),
    Fault::new("key-pending", CLASS, "key-pending", ALL).rows(|rows| state(rows, KeyState::Pending)),
    Fault::new("key-disabled", CLASS, "key-disabled", ALL).rows(|rows| state(rows, KeyState::Disabled)),
    Fault::new("key-revoked", CLASS, "key-revoked", ALL).rows(|rows| state(rows, KeyState::Revoked)),
    Fault::new("key-retired", CLASS, "key-retired", ALL)
        .rows(|rows| state(rows, KeyState::Retiring { until: Time::from_seconds(NOW - 60) })),
    Fault::new("key-expired", CLASS, "key-expired", ALL).rows(|rows| {
        state(rows, KeyState::Active);
        each(rows, MAIN, |key| key.life.expires = Some(Time::from_seconds(NOW - 3600)));
    }),
    Fault::new("key-not-yet", CLASS, "key-not-yet", ALL).rows(|rows| {
        state(rows, KeyState::Active);
        each(rows, MAIN, |key| key.life.not_before = Some(Time::from_seconds(NOW + 3600)));
    }),
    Fault::new("key-expired-beside-live", CLASS, "key-expired", RSA).rows(|rows| {
        each(rows, MAIN, |key| key.life.expires = Some(Time::from_seconds(NOW - 3600)));
    }),
    Fault::new("key-for-another-dialect", CLASS, "key-for-another-dialect", NAMED).rows(|rows| {
        state(rows, KeyState::Active);
        each(rows, MAIN, |key| key.dialects = vec!["operator".to_owned()]);
    }),
    Fault::new("key-for-another-dialect-beside-right", CLASS, "key-for-another-dialect", RSA)
        .rows(|rows| each(rows, MAIN, |key| key.dialects = vec!["operator".to_owned()])),
    Fault::new("key-not-for-algorithm", CLASS, "key-not-for-algorithm", RSA).rows(|rows| {
        state(rows, KeyState::Active);
        each(rows, MAIN, |key| key.algorithms = vec!["RS384".to_owned()]);
    }),
    Fault::new("account-without-keys", CLASS, "no-key", NAMED)
        .rows(|rows| rows.retain(|row| !matches!(row, Record::Key(key) if key.account == ALICE))),
    Fault::new("account-disabled", CLASS, "account-disabled", ALL).rows(|rows| {
        for row in rows {
            if let Record::Account(account) = row
                && account.id == ALICE
            {
                account.enabled = false;
            }
        }
    }),
    Fault::new("account-unknown", CLASS, "account-unknown", NAMED).rows(|rows| {
        rows.retain(|row| match row {
            Record::Account(account) => account.id != ALICE,
            Record::Key(key) => key.account != ALICE,
            Record::Companion(companion) => companion.account != ALICE,
            _ => true,
        });
    }),
    Fault::new("identifier-capitals", CLASS, "identifier-spelling", NAMED).rows(|rows| {
        // It was registered in other letters than it is sent in.
        for row in rows {
            if let Record::Account(account) = row
                && account.id == ALICE
            {
                for identifier in &mut account.identifiers {
                    identifier.value = identifier.value.replacen('a', "A", 1);
                    if identifier.namespace == "site" {
                        identifier.value = format!("0{}", identifier.value);
                    }
                }
            }
        }
    }),
    Fault::new(
        "identifier-space",
        CLASS,
        "identifier-spelling",
        &[Dialect::Skykit, Dialect::Jwt, Dialect::JwtEd],
    )
    .draft(|draft| {
        draft.set(
            if draft.dialect == Dialect::Skykit { "iss" } else { "username" },
            match draft.dialect {
                Dialect::Skykit => text("alice@example.com "),
                _ => text(" alice"),
            },
        );
    }),
    Fault::new("key-id-unknown", CLASS, "key-unknown", &[Dialect::Operator])
        .draft(|draft| draft.set("key", "key_that_nobody_has")),
    Fault::new("kid-of-another-account", CLASS, "kid-of-another-account", TOKENS).draft(|draft| {
        let kid = if draft.dialect == Dialect::JwtEd { "key_bob_ed" } else { "key_bob" };
        set(&mut draft.head, "kid", text(kid));
    }),
    Fault::new("kid-of-own-other-key", CLASS, "kid-of-another-key", RSA_TOKENS)
        .draft(|draft| set(&mut draft.head, "kid", text("key_second"))),
    Fault::new("kid-is-a-number", CLASS, "header-member-type", TOKENS)
        .draft(|draft| set(&mut draft.head, "kid", "1".to_owned())),
    Fault::new("private-half-wrong", CLASS, "public-half-as-private", &[Dialect::Spacetime, Dialect::JwtEd])
        .key(Key::Named("key_ed_half")),
];
