//! Changes end to end over the store in memory: rules, units, audit, races with other writers, ended sessions.
use super::*;
use crate::audit;
use crate::draft::Vouch;
use crate::draft::new::NewAccount;
use crate::draft::new::NewCompanion;
use crate::draft::new::{Narrowing, NewKey};
use crate::memory::MemoryStore;
use crate::model::{Account, Identifier, Role};
use countersign::life::key::KeyState;
use countersign::life::session::Session;
use countersign::time::Span;
use countersign_keys::PublicKey;

const NOW: i64 = 1_700_000_000;

fn spki(number: u8) -> Vec<u8> {
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    prefix.into_iter().chain([number; 32]).collect()
}

/// A stamp of its own for each line that asks for one.
#[track_caller]
fn stamp() -> Stamp {
    let line = std::panic::Location::caller().line();
    let mut random = [0; 16];
    random[..4].copy_from_slice(&line.to_be_bytes());
    Stamp { now: Time::from_seconds(NOW), actor: "local".into(), random }
}

async fn open(store: &Arc<MemoryStore>) -> Registrar {
    Registrar::open(store.clone(), store.clone()).await.unwrap()
}

fn new_account(name: &str) -> NewAccount {
    let identifiers = vec![Identifier { namespace: "email".into(), value: format!("{name}@x.example") }];
    NewAccount { name: name.into(), enabled: true, identifiers, ..NewAccount::default() }
}

async fn alice(registrar: &Registrar) -> Account {
    registrar.add_account(&stamp(), &new_account("alice")).await.unwrap()
}

#[track_caller]
fn denied<T: std::fmt::Debug>(outcome: Result<T, ChangeError>) -> (&'static str, String) {
    match outcome {
        Err(ChangeError::Denied(denied)) => (denied.code(), denied.text().to_owned()),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn code<T: std::fmt::Debug>(outcome: Result<T, ChangeError>) -> &'static str {
    denied(outcome).0
}

#[tokio::test]
async fn a_change_is_written_shown_and_audited_as_one() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let account = alice(&registrar).await;
    let new = NewKey::new(&account.id, "laptop", &spki(1), "skykit");
    let key = registrar.add_key(&stamp(), &new).await.unwrap();
    assert!(account.id.starts_with("acc_") && key.id.starts_with("key_"));
    assert_eq!(registrar.directory().account_by_name("alice").unwrap(), account);
    assert_eq!(registrar.directory().keys_of(&account.id), std::slice::from_ref(&key));
    let entries = store.audit(0, 100).await.unwrap();
    let actions: Vec<&str> = entries.iter().map(|entry| entry.entry.action.as_str()).collect();
    assert_eq!(actions, ["account.add", "account.add-identifier", "key.add"]);
    assert_eq!(audit::check(&entries), Ok(()));
    // What was written is what another process reads.
    let other = open(&store).await;
    assert_eq!(other.directory().records(), registrar.directory().records());
    assert_eq!(other.directory().version(), 2);
}

#[tokio::test]
async fn several_decisions_are_one_unit_or_nothing() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let outcome = registrar
        .change(&stamp(), |draft| {
            let account = draft.add_account(&new_account("alice"))?;
            let organisation = draft.add_organisation("acme")?;
            draft.add_member(&organisation.id, &account.id, "OWNER")?;
            draft.add_key(&NewKey::new(&account.id, "", &[1, 2, 3], "spacetime"))
        })
        .await;
    assert_eq!(code(outcome), "key-unreadable");
    assert_eq!(store.version().await.unwrap(), 0);
    assert!(registrar.directory().records().is_empty());
    let (account, key) = registrar
        .change(&stamp(), |draft| {
            let account = draft.add_account(&new_account("alice"))?;
            let key = draft.add_key(&NewKey::new(&account.id, "", &spki(1), "spacetime"))?;
            Ok((account, key))
        })
        .await
        .unwrap();
    assert_eq!((key.label.as_str(), key.account), ("key-1", account.id));
    assert_eq!(store.version().await.unwrap(), 1);
}

#[tokio::test]
async fn names_and_identifiers_are_unique_and_move_within_a_unit() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let alice = alice(&registrar).await;
    assert_eq!(code(registrar.add_account(&stamp(), &new_account("alice")).await), "name-taken");
    let twin = NewAccount { name: "twin".into(), ..new_account("alice") };
    assert_eq!(code(registrar.add_account(&stamp(), &twin).await), "identifier-taken");
    let bob = registrar
        .change(&stamp(), |draft| {
            draft.rename_account(&alice.id, "former")?;
            draft.remove_identifier(&alice.id, &alice.identifiers[0])?;
            draft.add_account(&new_account("alice"))
        })
        .await
        .unwrap();
    let found = registrar.directory().account_by_identifier("email", "alice@x.example").unwrap();
    assert_eq!(found.id, bob.id);
    assert_eq!(registrar.directory().account(&alice.id).unwrap().name, "former");
    for bad in ["", " a", "a\n", "a\u{2028}b", &"x".repeat(129)] {
        let (code, text) = denied(registrar.rename_account(&stamp(), &alice.id, bad).await);
        assert_eq!(code, "invalid-name");
        assert!(text.contains("wanted") && text.contains("found") && !text.contains('\n'), "{text}");
    }
    assert_eq!(code(registrar.rename_account(&stamp(), "acc_nobody", "x").await), "account-not-found");
}

#[tokio::test]
async fn a_key_is_registered_once_and_no_answer_tells_of_others() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let alice = alice(&registrar).await;
    let bob = registrar.add_account(&stamp(), &new_account("bob")).await.unwrap();
    let new = |account: &Account, number| NewKey::new(&account.id, "k", &spki(number), "skykit");
    let key = registrar.add_key(&stamp(), &new(&alice, 1)).await.unwrap();
    let (again, text) = denied(registrar.add_key(&stamp(), &new(&alice, 1)).await);
    assert!(again == "key-taken" && text.contains(&key.id));
    let (there, text) = denied(registrar.add_key(&stamp(), &new(&bob, 1)).await);
    assert_eq!(there, "key-not-accepted");
    for telling in ["alice", "other account", "another account", "registered at", "taken", &key.id] {
        assert!(!text.contains(telling), "{text}");
    }
    let shared = NewKey { shared: true, ..new(&bob, 1) };
    registrar.add_key(&stamp(), &shared).await.unwrap();
    // Within one unit as well.
    let twice = registrar
        .change(&stamp(), |draft| {
            draft.add_key(&new(&alice, 7))?;
            draft.add_key(&new(&bob, 7))
        })
        .await;
    assert!(matches!(code(twice), "label-taken" | "key-not-accepted"));
}

#[tokio::test]
async fn a_key_says_what_is_wrong_with_it() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let alice = alice(&registrar).await;
    let good = NewKey::new(&alice.id, "k", &spki(1), "skykit");
    let narrowed = |narrowing| NewKey { narrowing, ..good.clone() };
    let one = |text: &str| vec![text.to_owned()];
    let cases = [
        (NewKey { dialects: vec![], ..good.clone() }, "no-dialect"),
        (NewKey { dialects: one("Sky Kit"), ..good.clone() }, "invalid-dialect"),
        (NewKey { state: KeyState::Revoked, ..good.clone() }, "invalid-state"),
        (NewKey { expires: Some(Time::from_seconds(NOW)), ..good.clone() }, "invalid-dates"),
        (narrowed(Narrowing { algorithms: one("RS256"), ..Narrowing::default() }), "invalid-algorithm"),
        (narrowed(Narrowing { methods: one("get"), ..Narrowing::default() }), "invalid-method"),
        (narrowed(Narrowing { paths: one("/a/../b"), ..Narrowing::default() }), "invalid-path"),
        (narrowed(Narrowing { paths: one("a"), ..Narrowing::default() }), "invalid-path"),
        (narrowed(Narrowing { networks: one("10.0.0.1/8"), ..Narrowing::default() }), "invalid-network"),
    ];
    for (new, wanted) in cases {
        assert_eq!(code(registrar.add_key(&stamp(), &new).await), wanted);
    }
    let narrowing =
        Narrowing { algorithms: one("EdDSA"), networks: one("127.0.0.1"), ..Narrowing::default() };
    let key = registrar.add_key(&stamp(), &narrowed(narrowing)).await.unwrap();
    assert_eq!((key.algorithms, key.networks), (one("Ed25519"), one("127.0.0.1/32")));
}

#[tokio::test]
async fn an_account_holds_so_many_keys_and_no_more() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let alice = alice(&registrar).await;
    let add = |number| NewKey::new(&alice.id, "", &spki(number), "skykit");
    let stamped = stamp();
    let filled =
        registrar.change(&stamped, |draft| (0..64).map(|number| draft.add_key(&add(number))).collect());
    let keys: Vec<_> = filled.await.unwrap();
    assert_eq!(code(registrar.add_key(&stamp(), &add(64)).await), "too-many-keys");
    registrar.revoke_key(&stamp(), &keys[0].id).await.unwrap();
    let key = registrar.add_key(&stamp(), &add(64)).await.unwrap();
    // The label of the revoked one is free again.
    assert_eq!(key.label, "key-1");
    assert_eq!(registrar.directory().keys_of(&alice.id).len(), 65);
}

#[tokio::test]
async fn rotation_is_one_unit_and_the_old_key_ends_with_the_overlap() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let alice = alice(&registrar).await;
    let new = |label: &str, number| NewKey::new(&alice.id, label, &spki(number), "skykit");
    let old = registrar.add_key(&stamp(), &new("one", 1)).await.unwrap();
    let version = registrar.directory().version();
    let hour = Span::from_seconds(3600);
    let (old, fresh) =
        registrar.rotate_key(&stamp(), &old.id, &new("two", 2), hour, Vouch::Operator).await.unwrap();
    assert_eq!(registrar.directory().version(), version + 1);
    let until = Time::from_seconds(NOW) + hour;
    assert_eq!(old.life.state, KeyState::Retiring { until });
    assert!(fresh.life.is_live(until) && !old.life.is_live(until));
    // A retiring key is not disabled, a revoked one never comes back, and a failed rotation registers nothing.
    assert_eq!(code(registrar.disable_key(&stamp(), &old.id).await), "key-state");
    registrar.revoke_key(&stamp(), &old.id).await.unwrap();
    assert_eq!(code(registrar.activate_key(&stamp(), &old.id).await), "key-state");
    assert_eq!(
        code(registrar.rotate_key(&stamp(), &old.id, &new("three", 3), hour, Vouch::Operator).await),
        "key-state"
    );
    assert_eq!(registrar.directory().keys_of(&alice.id).len(), 2);
    let far = registrar
        .rotate_key(&stamp(), &fresh.id, &new("three", 3), Span::from_seconds(-1), Vouch::Operator)
        .await;
    assert_eq!(code(far), "invalid-overlap");
}

fn session(id: &str, account: &str, key: &str) -> Session {
    Session {
        id: id.into(),
        account: account.into(),
        identifier: "alice".into(),
        organisation: None,
        key: key.into(),
        opened: Time::from_seconds(NOW),
        ends: Time::from_seconds(NOW + 86_400),
        iteration: "i".into(),
        rotated: Time::from_seconds(NOW),
        previous: None,
        ended: None,
        grant: None,
    }
}

#[tokio::test]
async fn sessions_end_with_their_key_and_their_account() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let alice = alice(&registrar).await;
    let new = |label: &str, number| NewKey::new(&alice.id, label, &spki(number), "spacetime");
    let one = registrar.add_key(&stamp(), &new("one", 1)).await.unwrap();
    let two = registrar.add_key(&stamp(), &new("two", 2)).await.unwrap();
    for (id, key) in [("s1", &one.id), ("s2", &two.id)] {
        Sessions::open(&*store, &session(id, &alice.id, key)).await.unwrap();
    }
    Sessions::open(&*store, &session("s3", "acc_other", &one.id)).await.unwrap();
    let ended = async |id: &str| store.get(id).await.unwrap().unwrap().ended;
    registrar.revoke_key(&stamp(), &one.id).await.unwrap();
    assert_eq!((ended("s1").await, ended("s2").await, ended("s3").await), (Some(Ended::Revoked), None, None));
    // Revoked again: no new version, and a session that slipped in ends too.
    let version = registrar.directory().version();
    Sessions::open(&*store, &session("s4", &alice.id, &one.id)).await.unwrap();
    registrar.revoke_key(&stamp(), &one.id).await.unwrap();
    assert_eq!((registrar.directory().version(), ended("s4").await), (version, Some(Ended::Revoked)));
    registrar.set_account_enabled(&stamp(), &alice.id, false).await.unwrap();
    assert_eq!((ended("s2").await, ended("s3").await), (Some(Ended::Revoked), None));
}

#[tokio::test]
async fn there_is_always_an_owner() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let owner = NewAccount { role: Some(Role::Owner), ..new_account("owner") };
    let owner = registrar.add_account(&stamp(), &owner).await.unwrap();
    assert_eq!(code(registrar.set_role(&stamp(), &owner.id, Some(Role::Manager)).await), "last-owner");
    assert_eq!(code(registrar.set_account_enabled(&stamp(), &owner.id, false).await), "last-owner");
    assert_eq!(code(registrar.delete_account(&stamp(), &owner.id).await), "last-owner");
    let off = NewAccount { role: Some(Role::Owner), enabled: false, ..new_account("off") };
    let off = registrar.add_account(&stamp(), &off).await.unwrap();
    assert_eq!(code(registrar.delete_account(&stamp(), &owner.id).await), "last-owner");
    registrar
        .change(&stamp(), |draft| {
            draft.set_account_enabled(&off.id, true)?;
            draft.delete_account(&owner.id)
        })
        .await
        .unwrap();
    assert_eq!(registrar.directory().operators().len(), 1);
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_behind() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let alice = alice(&registrar).await;
    let companion = NewCompanion {
        account: alice.id.clone(),
        dialect: "partner-key".into(),
        label: "web".into(),
        digest: "ab".repeat(32),
        bound: true,
        enabled: true,
    };
    registrar
        .change(&stamp(), |draft| {
            let organisation = draft.add_organisation("acme")?;
            draft.add_member(&organisation.id, &alice.id, "ADMIN")?;
            draft.add_key(&NewKey::new(&alice.id, "", &spki(1), "skykit"))?;
            draft.add_companion(&companion)
        })
        .await
        .unwrap();
    assert_eq!(code(registrar.add_companion(&stamp(), &companion).await), "label-taken");
    let other = NewCompanion { label: "other".into(), ..companion.clone() };
    assert_eq!(code(registrar.add_companion(&stamp(), &other).await), "companion-taken");
    let secret = NewCompanion { digest: "my-secret".into(), ..other };
    let (code, text) = denied(registrar.add_companion(&stamp(), &secret).await);
    assert!(code == "invalid-digest" && !text.contains("my-secret"));
    registrar.delete_account(&stamp(), &alice.id).await.unwrap();
    assert_eq!(registrar.directory().records().len(), 1);
    assert_eq!(store.load().await.unwrap().records, registrar.directory().records());
}

#[tokio::test]
async fn join_codes_work_until_they_end_or_are_used_up() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let alice = alice(&registrar).await;
    let bob = registrar.add_account(&stamp(), &new_account("bob")).await.unwrap();
    let organisation = registrar.add_organisation(&stamp(), "acme").await.unwrap();
    let (once, many) = ("aa".repeat(32), "bb".repeat(32));
    let day = Time::from_seconds(NOW + 86_400);
    for (digest, single) in [(&once, true), (&many, false)] {
        registrar.add_join_code(&stamp(), &organisation.id, digest, "ADMIN", day, single).await.unwrap();
    }
    let late = Stamp { now: day, ..stamp() };
    assert_eq!(code(registrar.join(&late, &alice.id, &once).await), "bad-join-code");
    let member = registrar.join(&stamp(), &alice.id, &once).await.unwrap();
    assert_eq!((member.role.as_str(), member.organisation.as_str()), ("ADMIN", organisation.id.as_str()));
    assert_eq!(code(registrar.join(&stamp(), &bob.id, &once).await), "bad-join-code");
    assert_eq!(code(registrar.join(&stamp(), &alice.id, &many).await), "already-member");
    registrar.join(&stamp(), &bob.id, &many).await.unwrap();
    assert_eq!(
        code(registrar.delete_organisation(&stamp(), &organisation.id).await),
        "organisation-not-empty"
    );
    registrar.set_member_role(&stamp(), &organisation.id, &bob.id, "MEMBER").await.unwrap();
    assert_eq!(
        code(registrar.set_member_role(&stamp(), &organisation.id, &bob.id, "KING").await),
        "invalid-role"
    );
    registrar.leave(&stamp(), &bob.id).await.unwrap();
    registrar.remove_member(&stamp(), &organisation.id, &alice.id).await.unwrap();
    registrar.delete_organisation(&stamp(), &organisation.id).await.unwrap();
    assert!(registrar.directory().join_code(&many).is_none());
}

#[tokio::test]
async fn a_deleted_user_takes_its_delegations_along() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let alice = alice(&registrar).await;
    let users = ["erika".to_owned(), "hans".to_owned()];
    assert_eq!(code(registrar.set_acts_as(&stamp(), &alice.id, &users).await), "user-not-found");
    for user in &users {
        registrar.add_user(&stamp(), user, true).await.unwrap();
    }
    registrar.set_acts_as(&stamp(), &alice.id, &users).await.unwrap();
    registrar.delete_user(&stamp(), "erika").await.unwrap();
    registrar.add_user(&stamp(), "erika", true).await.unwrap();
    assert_eq!(registrar.directory().account(&alice.id).unwrap().acts_as, ["hans"]);
}

#[tokio::test]
async fn secrets_stay_out_of_the_audit() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    registrar.put_secret(&stamp(), "signing/1", b"very-secret", false).await.unwrap();
    registrar.retire_secret(&stamp(), "signing/1", stamp().now).await.unwrap();
    assert_eq!(registrar.directory().secrets("signing/").len(), 1);
    registrar.delete_secret(&stamp(), "signing/1").await.unwrap();
    let entries = store.audit(0, 100).await.unwrap();
    assert_eq!(entries.len(), 3);
    assert!(!format!("{entries:?}").contains("very-secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_never_write_over_each_other() {
    let store = Arc::new(MemoryStore::default());
    let registrars = [Arc::new(open(&store).await), Arc::new(open(&store).await)];
    let mut tasks = Vec::new();
    for number in 0..40_u8 {
        let registrar = registrars[usize::from(number % 2)].clone();
        tasks.push(tokio::spawn(async move {
            let stamp = Stamp { now: Time::from_seconds(NOW), actor: "local".into(), random: [number; 16] };
            // Pairs from the two processes want the same name: exactly one of them gets it.
            let account =
                NewAccount { name: format!("a{}", number / 2), enabled: true, ..NewAccount::default() };
            registrar.add_account(&stamp, &account).await
        }));
    }
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => made += 1,
            Err(ChangeError::Denied(denied)) => assert_eq!(denied.code(), "name-taken"),
            Err(ChangeError::Fault(fault)) => panic!("{fault}"),
        }
    }
    assert_eq!(made, 20);
    for registrar in &registrars {
        registrar.refresh().await.unwrap();
        assert_eq!(registrar.directory().records(), store.load().await.unwrap().records);
    }
    let entries = store.audit(0, 100).await.unwrap();
    assert_eq!((entries.len(), audit::check(&entries)), (20, Ok(())));
}

#[tokio::test]
async fn what_another_process_wrote_is_taken_up_and_parsed_keys_stay() {
    let store = Arc::new(MemoryStore::default());
    let [here, there] = [open(&store).await, open(&store).await];
    let alice = alice(&here).await;
    let key = here.add_key(&stamp(), &NewKey::new(&alice.id, "", &spki(1), "skykit")).await.unwrap();
    assert!(there.refresh().await.unwrap() && !there.refresh().await.unwrap());
    there.revoke_key(&stamp(), &key.id).await.unwrap();
    assert!(here.directory().key(&key.id).unwrap().life.is_live(Time::from_seconds(NOW)));
    here.refresh().await.unwrap();
    assert_eq!(here.directory().key(&key.id).unwrap().life.state, KeyState::Revoked);
    let kid = PublicKey::from_spki_der(&spki(1)).unwrap().fingerprints().jwk_thumbprint;
    assert!(store.audit(0, 9).await.unwrap().len() == 4 && !kid.is_empty());
}

#[tokio::test]
async fn what_another_process_has_just_written_is_not_denied() {
    let store = Arc::new(MemoryStore::default());
    let [here, there] = [open(&store).await, open(&store).await];
    let alice = alice(&here).await;
    there.add_key(&stamp(), &NewKey::new(&alice.id, "", &spki(1), "skykit")).await.unwrap();
    here.delete_account(&stamp(), &alice.id).await.unwrap();
    there.add_account(&stamp(), &new_account("alice")).await.unwrap();
}

#[tokio::test]
async fn what_seems_done_already_is_looked_at_before_it_is_said() {
    let store = Arc::new(MemoryStore::default());
    let (one, other) = (open(&store).await, open(&store).await);
    let account = alice(&one).await;
    one.set_account_enabled(&stamp(), &account.id, false).await.unwrap();
    other.set_account_enabled(&stamp(), &account.id, true).await.unwrap();
    // The first process still knows the account as it left it; answered from that, nothing would happen.
    one.set_account_enabled(&stamp(), &account.id, false).await.unwrap();
    assert!(!open(&store).await.directory().account(&account.id).unwrap().enabled);
}

#[test]
fn changes_may_run_on_any_thread() {
    fn send<T: Send>(_: &T) {}
    let store = Arc::new(MemoryStore::default());
    let registrar = Registrar {
        directory: Arc::new(Directory::empty()),
        registry: store.clone(),
        sessions: store,
        one_at_a_time: Mutex::new(()),
    };
    let (stamp, new) = (stamp(), new_account("a"));
    send(&registrar.add_account(&stamp, &new));
    send(&registrar.refresh());
}

#[tokio::test]
async fn an_organisation_has_so_many_open_join_codes_and_those_that_ended_make_room() {
    let store = Arc::new(MemoryStore::default());
    let registrar = open(&store).await;
    let acme = registrar.add_organisation(&stamp(), "acme").await.unwrap().id;
    let digest = |number: usize| format!("{number:064x}");
    let day = Time::from_seconds(NOW + 86_400);
    let stamped = stamp();
    let all = registrar.change(&stamped, |draft| {
        (0..1000)
            .try_for_each(|number| draft.add_join_code(&acme, &digest(number), "MEMBER", day, true).map(drop))
    });
    all.await.unwrap();
    let more = |stamp: Stamp, expires: Time| {
        let (registrar, acme, digest) = (&registrar, &acme, digest(1000));
        async move { registrar.add_join_code(&stamp, acme, &digest, "MEMBER", expires, true).await }
    };
    assert_eq!(code(more(stamp(), day).await), "too-many-join-codes");
    let fewer = registrar.change(&stamped, |draft| {
        draft.allow_join_codes(1001);
        draft.add_join_code(&acme, &digest(1001), "MEMBER", day, true)
    });
    fewer.await.unwrap();
    let later = Stamp { now: day, ..stamp() };
    more(later, day + Span::from_seconds(60)).await.unwrap();
    assert_eq!(registrar.directory().join_codes_of(&acme).len(), 1);
}
