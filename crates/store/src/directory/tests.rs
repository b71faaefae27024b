//! The directory's answers.
use super::*;
use crate::model::{Account, Identifier, KeyRecord, Loaded, Member, Organisation, User, Write};
use countersign::ask::{ActingAs, Companion, KeyQuery, Keys, Standing, Who};
use countersign::life::key::{KeyLife, KeyState};
use countersign::life::session::Session;
use countersign::time::Time;
use countersign_keys::{CompactKey, PublicKey, sha256};

mod model;

fn spki(number: u8) -> Vec<u8> {
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    prefix.into_iter().chain([number; 32]).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn account(id: &str, name: &str, email: &str) -> Account {
    Account {
        id: id.into(),
        name: name.into(),
        organisation: None,
        enabled: true,
        identifiers: vec![Identifier { namespace: "email".into(), value: email.into() }],
        acts_as: vec!["erika".into()],
        paths: vec!["/v1".into()],
        jwks_url: Some("https://jwks.example/".into()),
        role: None,
        created: Time::from_nanos(1_700_000_000_123_456_789),
    }
}

fn key(id: &str, account: &str, number: u8) -> KeyRecord {
    KeyRecord {
        id: id.into(),
        account: account.into(),
        label: "main".into(),
        spki: spki(number),
        life: KeyLife::ACTIVE,
        dialects: vec!["skykit".into()],
        algorithms: vec!["Ed25519".into()],
        methods: vec!["GET".into()],
        paths: vec!["/v1/x".into()],
        networks: vec!["10.0.0.0/8".into()],
        created: Time::from_seconds(i64::from(number)),
        last_used: None,
        last_address: None,
    }
}

fn companion(id: &str, account: &str, secret: &str, bound: bool) -> CompanionRecord {
    CompanionRecord {
        id: id.into(),
        account: account.into(),
        dialect: "partner-key".into(),
        label: id.into(),
        digest: hex(&sha256(&[secret.as_bytes()])),
        bound,
        enabled: true,
        created: Time::from_seconds(1),
    }
}

fn filled() -> Directory {
    let records = vec![
        Record::User(User { name: "erika".into(), enabled: true, created: Time::from_seconds(1) }),
        Record::User(User { name: "hans".into(), enabled: true, created: Time::from_seconds(1) }),
        Record::User(User { name: "off".into(), enabled: false, created: Time::from_seconds(1) }),
        Record::Account(account("acc_a", "alice", "alice@a")),
        Record::Account(account("acc_b", "bob", "bob@b")),
        Record::Key(key("key_1", "acc_a", 1)),
        Record::Key(key("key_2", "acc_a", 2)),
        Record::Key(key("key_3", "acc_b", 3)),
        Record::Companion(companion("cmp_1", "acc_a", "free", false)),
        Record::Companion(companion("cmp_2", "acc_a", "bound", true)),
        Record::Companion(CompanionRecord { enabled: false, ..companion("cmp_3", "acc_a", "off", true) }),
    ];
    Directory::load(Loaded { version: 5, records }).unwrap()
}

fn query<'a>(email: &'a str, kid: Option<&'a str>) -> KeyQuery<'a> {
    let who = Who::Identifier { namespace: "email", identifier: email };
    KeyQuery { dialect: "partner-key", who, kid, companion: None, acting_as: None }
}

fn ids(keys: &Keys) -> Vec<&str> {
    keys.keys.iter().map(|key| &*key.id).collect()
}

#[test]
fn an_identifier_finds_its_account_and_keys_last_used_first() {
    let directory = filled();
    assert_eq!((directory.version(), directory.account_count(), directory.key_count()), (5, 2, 3));
    let found = directory.answer(&query("alice@a", None));
    assert_eq!(&*found.caller.as_ref().unwrap().name, "alice");
    assert_eq!(ids(&found), ["key_1", "key_2"]);
    found.keys[1].touch(Time::from_seconds(99));
    assert_eq!(ids(&directory.answer(&query("alice@a", None))), ["key_2", "key_1"]);
    assert_eq!(directory.key("key_2").unwrap().last_used, Some(Time::from_seconds(99)));
    for nobody in ["", "Alice@a", "alice@a ", "alice@a\0"] {
        let found = directory.answer(&query(nobody, None));
        assert!(found.caller.is_none() && found.keys.is_empty(), "{nobody:?}");
    }
    let other = Who::Identifier { namespace: "user", identifier: "alice@a" };
    assert!(directory.answer(&KeyQuery { who: other, ..query("", None) }).caller.is_none());
}

#[test]
fn keys_that_cannot_count_come_last() {
    let directory = filled();
    let revoked = KeyRecord { life: KeyLife::ACTIVE.revoke(), ..key("key_2", "acc_a", 2) };
    directory.apply(&[Write::Put(Record::Key(revoked))], 6).unwrap();
    directory.answer(&query("alice@a", None)).keys[1].touch(Time::from_seconds(99));
    assert_eq!(ids(&directory.answer(&query("alice@a", None))), ["key_1", "key_2"]);
}

#[test]
fn a_hint_at_another_accounts_key_shows_in_every_spelling() {
    let directory = filled();
    let elsewhere = |kid: &str| directory.answer(&query("alice@a", Some(kid))).kid_elsewhere;
    let names = |number: u8| {
        let prints = PublicKey::from_spki_der(&spki(number)).unwrap().fingerprints();
        vec![
            prints.jwk_thumbprint.clone(),
            prints.spki_sha256_base64.clone(),
            prints.spki_sha256_base64.replace('+', "-").replace('/', "_"),
            prints.spki_sha256_hex.to_uppercase(),
            prints.spki_sha256_prefixed(),
            prints.openssh.clone(),
            prints.pem_sha256_hex,
        ]
    };
    for kid in names(3) {
        assert!(elsewhere(&kid), "{kid}");
        assert_eq!(ids(&directory.answer(&KeyQuery { who: Who::Key(&kid), ..query("", None) })), ["key_3"]);
    }
    assert!(elsewhere("key_3"));
    for kid in names(1).iter().chain(&names(9)) {
        assert!(!elsewhere(kid), "{kid}");
    }
    // A label is nobody else's business.
    for kid in ["key_1", "key_9", "main", "", "bob"] {
        assert!(!elsewhere(kid), "{kid}");
    }
}

#[test]
fn a_shared_key_is_nobodys_hint_and_names_the_account_it_serves() {
    let directory = filled();
    let shared = KeyRecord { dialects: vec!["other".into()], ..key("key_4", "acc_b", 1) };
    directory.apply(&[Write::Put(Record::Key(shared))], 6).unwrap();
    let kid = PublicKey::from_spki_der(&spki(1)).unwrap().fingerprints().jwk_thumbprint;
    assert!(!directory.answer(&query("alice@a", Some(&kid))).kid_elsewhere);
    assert!(!directory.answer(&query("bob@b", Some(&kid))).kid_elsewhere);
    let by = |dialect| directory.answer(&KeyQuery { dialect, who: Who::Key(&kid), ..query("", None) });
    assert_eq!(ids(&by("skykit")), ["key_1"]);
    assert_eq!(ids(&by("other")), ["key_4"]);
    assert!(by("third").caller.is_none());
    assert_eq!(ids(&directory.answer(&KeyQuery { who: Who::Key("key_1"), ..query("", None) })), ["key_1"]);
}

#[test]
fn companions_stand_as_they_are() {
    let directory = filled();
    let long = "x".repeat(5000);
    let stands = |email, secret| {
        let query = KeyQuery { companion: Some(secret), ..query(email, None) };
        directory.answer(&query).companion
    };
    assert_eq!(directory.answer(&query("alice@a", None)).companion, Companion::Missing);
    assert_eq!(stands("alice@a", "free"), Companion::Known);
    assert_eq!(stands("bob@b", "free"), Companion::Known);
    assert_eq!(stands("alice@a", "bound"), Companion::Known);
    assert_eq!(stands("bob@b", "bound"), Companion::Elsewhere);
    assert_eq!(stands("alice@a", "off"), Companion::Disabled);
    assert_eq!(stands("alice@a", "FREE"), Companion::Unknown);
    assert_eq!(stands("alice@a", long.as_str()), Companion::Unknown);
    let query = KeyQuery { dialect: "skykit", companion: Some("free"), ..query("alice@a", None) };
    assert_eq!(directory.answer(&query).companion, Companion::Unknown);
    // Its owner's end is its end, and its row may change.
    let off = Account { enabled: false, ..account("acc_a", "alice", "alice@a") };
    directory.apply(&[Write::Put(Record::Account(off))], 6).unwrap();
    assert_eq!(stands("bob@b", "free"), Companion::Disabled);
    let moved = companion("cmp_1", "acc_b", "new", false);
    directory.apply(&[Write::Put(Record::Companion(moved))], 7).unwrap();
    assert_eq!((stands("bob@b", "free"), stands("bob@b", "new")), (Companion::Unknown, Companion::Known));
}

#[test]
fn acting_as_wants_a_user_and_a_delegation() {
    let directory = filled();
    let acts =
        |user| directory.answer(&KeyQuery { acting_as: Some(user), ..query("alice@a", None) }).acting_as;
    assert_eq!(directory.answer(&query("alice@a", None)).acting_as, ActingAs::Nobody);
    assert_eq!(acts("erika"), ActingAs::Delegated);
    assert_eq!(acts("hans"), ActingAs::NotDelegated);
    assert_eq!(acts("off"), ActingAs::Unknown);
    assert_eq!(acts("Erika"), ActingAs::Unknown);
}

#[test]
fn a_session_stands_and_falls_with_its_key_and_account() {
    let directory = filled();
    let at = Time::from_seconds;
    let session = Session {
        id: "s".into(),
        account: "acc_a".into(),
        identifier: "alice@a".into(),
        organisation: None,
        key: "key_1".into(),
        opened: at(0),
        ends: at(100),
        iteration: "i".into(),
        rotated: at(0),
        previous: None,
        ended: None,
        grant: None,
    };
    assert_eq!(directory.standing(&session, at(50), false), Standing::Live(at(100)));
    assert_eq!(directory.standing(&session, at(100), false), Standing::Ended);
    let other = Session { key: "key_3".into(), ..session.clone() };
    assert_eq!(directory.standing(&other, at(50), false), Standing::Ended);
    let retiring = KeyRecord { life: KeyLife::ACTIVE.retire(at(60)).unwrap(), ..key("key_1", "acc_a", 1) };
    directory.apply(&[Write::Put(Record::Key(retiring))], 6).unwrap();
    assert_eq!(directory.standing(&session, at(59), false), Standing::Live(at(100)));
    assert_eq!(directory.standing(&session, at(60), false), Standing::Ended);
    directory.apply(&[Write::Delete(Record::Account(account("acc_a", "", "")))], 7).unwrap();
    assert_eq!(directory.standing(&session, at(50), false), Standing::Ended);
}

#[test]
fn rows_that_cannot_be_read_are_faults_and_change_nothing() {
    let directory = filled();
    let before = directory.records();
    let bad = [
        KeyRecord { spki: vec![1, 2, 3], ..key("key_4", "acc_a", 4) },
        KeyRecord { algorithms: vec!["RS1024".into()], ..key("key_4", "acc_a", 4) },
        KeyRecord { networks: vec!["everywhere".into()], ..key("key_4", "acc_a", 4) },
        key("key_4", "acc_nobody", 4),
    ];
    for bad in bad {
        let off = Account { enabled: false, ..account("acc_a", "alice", "alice@a") };
        let writes = [Write::Put(Record::Account(off)), Write::Put(Record::Key(bad.clone()))];
        let fault = directory.apply(&writes, 6).unwrap_err().to_string();
        assert!(fault.contains("key_4") || fault.contains("acc_nobody"), "{fault}");
        assert_eq!(directory.records(), before);
    }
}

#[test]
fn a_renamed_organisation_shows_at_its_members() {
    let directory = filled();
    let organisation = |name: &str| {
        Record::Organisation(Organisation {
            id: "org_1".into(),
            name: name.into(),
            approval: false,
            created: Time::from_seconds(1),
        })
    };
    let member = Member { organisation: "org_1".into(), account: "acc_a".into(), role: "OWNER".into() };
    let alice = Account { organisation: Some("org_1".into()), ..account("acc_a", "alice", "alice@a") };
    let unit = [Record::Account(alice), Record::Member(member.clone()), organisation("acme")];
    directory.apply(&unit.map(Write::Put), 6).unwrap();
    let name = || directory.answer(&query("alice@a", None)).caller.unwrap().organisation.clone();
    assert_eq!(name().as_deref(), Some("acme"));
    directory.apply(&[Write::Put(organisation("bcme"))], 7).unwrap();
    assert_eq!(name().as_deref(), Some("bcme"));
    assert_eq!(directory.membership("acc_a"), Some(member.clone()));
    assert_eq!(directory.members_of("org_1"), [member]);
    assert!(
        directory.organisation_by_name("acme").is_none() && directory.organisation_by_name("bcme").is_some()
    );
}

#[test]
fn a_change_of_one_key_leaves_the_others_parsed() {
    let directory = filled();
    let before = directory.answer(&query("alice@a", None)).keys;
    let label = KeyRecord { label: "other".into(), ..key("key_2", "acc_a", 2) };
    directory.apply(&[Write::Put(Record::Key(label))], 6).unwrap();
    let after = directory.answer(&query("alice@a", None)).keys;
    assert!(Arc::ptr_eq(&before[0], &after[0]) && !Arc::ptr_eq(&before[1], &after[1]));
}

#[test]
fn an_account_is_packed_until_it_is_needed_and_what_changed_meanwhile_counts() {
    let directory = filled();
    assert_eq!(directory.ready(), 0);
    // Looking at rows is no use.
    assert_eq!(directory.accounts(None, 9).len(), 2);
    assert_eq!(directory.keys_of("acc_a").len(), 2);
    assert_eq!(directory.key("key_3").unwrap().account, "acc_b");
    assert_eq!(directory.acting_for("erika"), ["acc_a", "acc_b"]);
    assert_eq!(directory.ready(), 0);
    assert_eq!(ids(&directory.answer(&query("alice@a", None))), ["key_1", "key_2"]);
    assert_eq!(directory.ready(), 1);
    // One that came after the start is packed as well, unless it is in use.
    for name in ["carol", "dora"] {
        let (id, email) = (format!("acc_{name}"), format!("{name}@c"));
        let used =
            KeyRecord { last_address: Some("192.0.2.1".into()), ..key(&format!("key_{name}"), &id, 7) };
        let unit = [Record::Account(account(&id, name, &email)), Record::Key(used)];
        directory.apply(&unit.map(Write::Put), 6).unwrap();
    }
    directory.answer(&query("dora@c", None)).keys[0].key();
    let before = directory.records();
    assert_eq!(directory.ready(), 3);
    directory.pack_now();
    assert_eq!(directory.ready(), 2);
    assert_eq!(directory.records(), before);
    let revoked = KeyRecord { life: KeyLife::ACTIVE.revoke(), ..key("key_carol", "acc_carol", 7) };
    directory.apply(&[Write::Put(Record::Key(revoked))], 7).unwrap();
    directory.pack_now();
    let found = directory.answer(&query("carol@c", None));
    assert_eq!(found.keys[0].life.state, KeyState::Revoked);
    // One that goes leaves its place to the next, and nothing of it is found.
    directory.apply(&[Write::Delete(Record::Account(account("acc_carol", "", "")))], 8).unwrap();
    directory.apply(&[Write::Put(Record::Account(account("acc_new", "new", "new@n")))], 9).unwrap();
    directory.pack_now();
    assert!(
        directory.answer(&query("carol@c", None)).caller.is_none() && directory.key("key_carol").is_none()
    );
    assert!(directory.answer(&query("new@n", None)).keys.is_empty());
}

#[test]
fn an_organisation_renamed_while_its_members_are_first_needed_shows_its_last_name() {
    let organisation = |name: String| {
        Record::Organisation(Organisation {
            id: "org_1".into(),
            name,
            approval: false,
            created: Time::from_seconds(1),
        })
    };
    let mut records = vec![organisation("name 0".into())];
    for number in 0..200 {
        let (id, name) = (format!("acc_{number:03}"), format!("{number}"));
        let member = Member { organisation: "org_1".into(), account: id.clone(), role: "MEMBER".into() };
        let row = account(&id, &name, &format!("{number}@o"));
        records.push(Record::Account(Account { organisation: Some("org_1".into()), ..row }));
        records.push(Record::Member(member));
    }
    let directory = Directory::load(Loaded { version: 1, records }).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=20 {
                directory.apply(&[Write::Put(organisation(format!("name {round}")))], 1 + round).unwrap();
            }
        });
        for number in 0..200 {
            assert!(directory.answer(&query(&format!("{number}@o"), None)).caller.is_some());
        }
    });
    for number in 0..200 {
        let caller = directory.answer(&query(&format!("{number}@o"), None)).caller.unwrap();
        assert_eq!(caller.organisation.as_deref(), Some("name 20"), "{number}");
    }
}

#[test]
fn readers_never_see_half_a_change() {
    let directory = filled();
    let states = [("alice", 1), ("renamed", 2)];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..2000_u64 {
                let (name, number) = states[usize::try_from(round % 2).unwrap()];
                let writes = [
                    Record::Account(account("acc_a", name, "alice@a")),
                    Record::Key(KeyRecord { label: name.into(), ..key("key_1", "acc_a", number) }),
                ];
                directory.apply(&writes.map(Write::Put), round).unwrap();
            }
        });
        scope.spawn(|| {
            for _ in 0..20_000 {
                let found = directory.answer(&query("alice@a", None));
                let key = found.keys.iter().find(|key| &*key.id == "key_1").unwrap();
                if &*key.label != "main" {
                    assert_eq!(&*found.caller.unwrap().name, &*key.label);
                }
            }
        });
    });
}

#[test]
fn nobody_is_taken_for_who_had_the_place_before() {
    let directory = filled();
    let row = |side: &str, round: u64| {
        let mut row =
            account(&format!("acc_{side}{round}"), &format!("{side}{round}"), &format!("{side}{round}@p"));
        row.jwks_url = Some(format!("https://{}/", row.id));
        row
    };
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Each account goes and the next comes, again and again at the same place.
            for round in 0..600 {
                let (old, new) = (row("old", round), row("new", round));
                let held = key(&format!("key_{}", new.id), &new.id, 7);
                directory.apply(&[Write::Put(Record::Account(old.clone()))], 6).unwrap();
                std::thread::yield_now();
                directory.apply(&[Write::Delete(Record::Account(old))], 7).unwrap();
                directory
                    .apply(&[Record::Account(new.clone()), Record::Key(held)].map(Write::Put), 8)
                    .unwrap();
                directory.apply(&[Write::Delete(Record::Account(new))], 9).unwrap();
            }
            over.store(true, Ordering::Relaxed);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut round = 0;
                while !over.load(Ordering::Relaxed) {
                    let row = row("old", round);
                    let mut seen = false;
                    for _ in 0..200 {
                        if let Some(caller) = directory.caller(&row.id) {
                            assert_eq!(*caller.id, *row.id);
                            seen = true;
                        }
                        if let Some(found) = directory.account(&row.id) {
                            assert_eq!(found.id, row.id);
                        }
                        if let Some(url) = directory.jwks_url(&row.id) {
                            assert_eq!(Some(url), row.jwks_url);
                        }
                        assert!(directory.keys_of(&row.id).is_empty(), "keys of another");
                    }
                    round = if seen { round } else { (round + 1) % 600 };
                }
            });
        }
    });
}

#[test]
fn a_hint_that_only_looks_like_anothers_in_the_index_is_nobodys() {
    let directory = filled();
    let kid = PublicKey::from_spki_der(&spki(9)).unwrap().fingerprints().spki_sha256_hex;
    let hash = directory.hash(&Term::Digest(&kid::print(&kid::digest(&kid).unwrap())));
    let bob = directory.place("acc_b").unwrap();
    // What chance does among millions of keys: another account's entry under the same half of a hash.
    directory.index.insert(hash, bob);
    assert!(!directory.answer(&query("alice@a", Some(&kid))).kid_elsewhere);
    let named = KeyQuery { who: Who::Key(&kid), ..query("", None) };
    assert!(directory.answer(&named).caller.is_none());
    let taken = PublicKey::from_spki_der(&spki(9)).unwrap();
    assert!(directory.registrations(&CompactKey::from(&taken)).is_empty());
}

#[test]
fn the_index_keeps_all_of_a_hash() {
    // Otherwise removing one name of an account would remove another that only shares what is kept.
    let directory = filled();
    for number in 0..1_000 {
        let hash = directory.hash(&Term::Name(&number.to_string()));
        let shard = u64::try_from(index::shard_of(hash)).unwrap();
        assert_eq!((shard << 56) | (index::entry(hash, 0) >> 32), hash);
    }
}
