//! Rotations over the store in memory: who may vouch, what waits for approval, and what the audit log says of it.
use super::*;
use crate::draft::{Narrowing, NewAccount};
use crate::memory::MemoryStore;
use crate::registrar::Registrar;
use crate::registry::Registry;
use crate::stamp::Stamp;
use countersign::time::Time;
use countersign_keys::{KeyKind, PrivateKey, PublicKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

fn now() -> Time {
    Time::from_seconds(1_700_000_000)
}

fn day() -> Span {
    Span::from_seconds(86_400)
}

/// Alice's account over a store in memory.
struct Bench {
    store: Arc<MemoryStore>,
    registrar: Registrar,
    account: String,
}

/// A stamp of its own each time, at that time.
fn stamp() -> Stamp {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    Stamp { now: now(), actor: "self".into(), random: [NEXT.fetch_add(1, Ordering::Relaxed); 16] }
}

async fn bench() -> Bench {
    let store = Arc::new(MemoryStore::default());
    let registrar = Registrar::open(store.clone(), store.clone()).await.unwrap();
    let new = NewAccount { name: "alice".into(), enabled: true, ..NewAccount::default() };
    let account = registrar.add_account(&stamp(), &new).await.unwrap().id;
    Bench { store, registrar, account }
}

impl Bench {
    fn new_key(&self, number: u8, state: KeyState) -> NewKey {
        let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let spki: Vec<u8> = prefix.into_iter().chain([number; 32]).collect();
        NewKey { state, ..NewKey::new(&self.account, "", &spki, "skykit") }
    }

    async fn add(&self, number: u8, state: KeyState) -> String {
        self.registrar.add_key(&stamp(), &self.new_key(number, state)).await.unwrap().id
    }

    async fn rotate(
        &self,
        old: &str,
        number: u8,
        vouch: Vouch<'_>,
    ) -> Result<(KeyRecord, KeyRecord), String> {
        let new = self.new_key(number, KeyState::Active);
        self.registrar.rotate_key(&stamp(), old, &new, day(), vouch).await.map_err(|error| error.to_string())
    }

    async fn last_entry(&self) -> (String, String, String) {
        let entry = self.store.last_audit().await.unwrap().unwrap().entry;
        (entry.action, entry.subject, entry.detail)
    }
}

#[tokio::test]
async fn only_the_old_key_or_one_kept_for_recovery_vouches() {
    let bench = bench().await;
    let old = bench.add(1, KeyState::Active).await;
    let other = bench.add(2, KeyState::Active).await;
    assert!(
        bench.rotate(&old, 3, Vouch::Key(&other)).await.is_err(),
        "another key of the account is none of the two"
    );
    assert!(bench.rotate(&old, 3, Vouch::Key("key_nobody")).await.is_err());
    assert_eq!(bench.registrar.directory().keys_of(&bench.account).len(), 2, "nothing was registered");
    let (retiring, next) = bench.rotate(&old, 3, Vouch::Key(&old)).await.unwrap();
    assert!(matches!(retiring.life.state, KeyState::Retiring { .. }));
    let (action, subject, detail) = bench.last_entry().await;
    assert_eq!((action.as_str(), subject.as_str()), ("key.rotate", old.as_str()));
    assert!(detail.contains(&next.id) && detail.contains(&format!("proved by {old}")), "{detail}");
    // What was replaced, maybe since somebody else has it, vouches for nothing more.
    assert!(bench.rotate(&old, 4, Vouch::Key(&old)).await.is_err());
    bench.rotate(&next.id, 4, Vouch::Operator).await.unwrap();
    assert!(bench.last_entry().await.2.contains("on the operator's word"));
}

#[tokio::test]
async fn a_key_is_replaced_once_whoever_vouches() {
    let bench = bench().await;
    let old = bench.add(1, KeyState::Active).await;
    let recovery = bench.add(2, KeyState::Recovery).await;
    bench.rotate(&old, 3, Vouch::Key(&old)).await.unwrap();
    let before = bench.registrar.directory().keys_of(&bench.account);
    for vouch in [Vouch::Operator, Vouch::Key(&old), Vouch::Key(&recovery)] {
        let said = bench.rotate(&old, 4, vouch).await.unwrap_err();
        assert!(
            said.contains("retires until Unix time 1700086400 already; rotate the key that came after it"),
            "{said}"
        );
    }
    assert_eq!(
        bench.registrar.directory().keys_of(&bench.account),
        before,
        "no third key, and the end as it was told"
    );
    // Two at once: the one that comes second finds what the first one did.
    let next = bench.add(5, KeyState::Active).await;
    let (one, other) =
        futures_util::join!(bench.rotate(&next, 6, Vouch::Operator), bench.rotate(&next, 7, Vouch::Operator));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let pending = bench.add(8, KeyState::Pending).await;
    let said = bench.rotate(&pending, 9, Vouch::Key(&pending)).await.unwrap_err();
    assert!(said.contains("cannot rotate a key that is pending; register another key"), "{said}");
}

#[tokio::test]
async fn a_recovery_key_replaces_a_lost_one_also_when_that_was_switched_off() {
    let bench = bench().await;
    let lost = bench.add(1, KeyState::Active).await;
    let recovery = bench.add(2, KeyState::Recovery).await;
    bench.registrar.disable_key(&stamp(), &lost).await.unwrap();
    assert!(
        bench.rotate(&lost, 3, Vouch::Key(&lost)).await.is_err(),
        "one that is switched off vouches for nothing"
    );
    let (old, next) = bench.rotate(&lost, 3, Vouch::Key(&recovery)).await.unwrap();
    assert_eq!(
        (old.life.state, next.life.state),
        (KeyState::Disabled, KeyState::Active),
        "it stays switched off"
    );
    let (action, _, detail) = bench.last_entry().await;
    assert_eq!(action, "key.recover");
    assert!(detail.contains(&format!("the recovery key {recovery}")), "{detail}");
    assert!(
        bench.rotate(&recovery, 4, Vouch::Key(&recovery)).await.is_err(),
        "never into one that signs requests"
    );
    assert!(!bench.registrar.directory().key(&recovery).unwrap().life.is_live(now()));
    // One that was revoked comes back on that word alone.
    bench.registrar.revoke_key(&stamp(), &next.id).await.unwrap();
    for vouch in [Vouch::Operator, Vouch::Key(&next.id), Vouch::Key(&lost)] {
        assert!(bench.rotate(&next.id, 5, vouch).await.is_err(), "{vouch:?}");
    }
    let (old, next) = bench.rotate(&next.id, 5, Vouch::Key(&recovery)).await.unwrap();
    assert_eq!((old.life.state, next.life.state), (KeyState::Revoked, KeyState::Active));
    bench.registrar.revoke_key(&stamp(), &recovery).await.unwrap();
    assert!(
        bench.rotate(&next.id, 6, Vouch::Key(&recovery)).await.is_err(),
        "a revoked one vouches for nothing"
    );
}

#[tokio::test]
async fn another_accounts_recovery_key_vouches_for_nothing() {
    let bench = bench().await;
    let old = bench.add(1, KeyState::Active).await;
    let new = NewAccount { name: "mallory".into(), enabled: true, ..NewAccount::default() };
    let mallory = bench.registrar.add_account(&stamp(), &new).await.unwrap().id;
    let foreign = NewKey { account: mallory, ..bench.new_key(9, KeyState::Recovery) };
    let foreign = bench.registrar.add_key(&stamp(), &foreign).await.unwrap().id;
    assert!(bench.rotate(&old, 3, Vouch::Key(&foreign)).await.is_err());
}

#[tokio::test]
async fn where_keys_are_approved_the_next_one_waits_and_the_old_one_goes_on() {
    let bench = bench().await;
    let organisation = bench.registrar.add_organisation(&stamp(), "acme").await.unwrap().id;
    bench.registrar.add_member(&stamp(), &organisation, &bench.account, "MEMBER").await.unwrap();
    let old = bench.add(1, KeyState::Active).await;
    let account = bench.account.clone();
    let begins = |wanted| {
        let (registrar, account) = (&bench.registrar, account.clone());
        async move { registrar.change(&stamp(), |draft| draft.by_itself(&account, wanted)).await }
    };
    assert_eq!(begins(KeyState::Active).await.unwrap(), KeyState::Active);
    assert_eq!(begins(KeyState::Recovery).await.unwrap(), KeyState::Recovery);
    bench.registrar.change(&stamp(), |draft| draft.set_approval(&organisation, true)).await.unwrap();
    assert_eq!(bench.last_entry().await.0, "organisation.set-approval");
    assert!(begins(KeyState::Recovery).await.is_err(), "one that waits is none");
    let state = begins(KeyState::Active).await.unwrap();
    assert_eq!(state, KeyState::Pending);
    let new = bench.new_key(2, state);
    let rotated = bench.registrar.rotate_key(&stamp(), &old, &new, day(), Vouch::Key(&old)).await.unwrap();
    assert_eq!(rotated.0.life.state, KeyState::Active, "nobody is locked out by waiting");
    assert_eq!(rotated.1.life.state, KeyState::Pending);
}

#[test]
fn the_next_key_is_no_wider_and_lasts_as_long_as_the_old_one() {
    let key = |kind| {
        PublicKey::from_spki_der(PrivateKey::generate(kind, 0).unwrap().public_key().spki_der()).unwrap()
    };
    let old = KeyRecord {
        id: "key_1".into(),
        account: "acc_1".into(),
        label: "old".into(),
        spki: key(KeyKind::Ed25519).spki_der().to_vec(),
        life: KeyLife { expires: Some(now()), ..KeyLife::ACTIVE },
        dialects: vec!["a".into(), "b".into()],
        algorithms: vec!["ed25519".into()],
        methods: vec!["GET".into()],
        paths: vec!["/reports".into()],
        networks: vec!["10.0.0.0/8".into()],
        created: now() - day(),
        last_used: None,
        last_address: None,
    };
    let later = now() - Span::from_seconds(10);
    let next = NewKey::after(&old, &key(KeyKind::Ed25519), "next", later);
    assert_eq!(next.expires, Some(later + day()));
    let narrowing = Narrowing {
        algorithms: old.algorithms.clone(),
        methods: old.methods.clone(),
        paths: old.paths.clone(),
        networks: old.networks.clone(),
    };
    assert_eq!((&next.dialects, next.narrowing), (&old.dialects, narrowing));
    assert!(
        NewKey::after(&old, &key(KeyKind::P256), "", later).narrowing.algorithms.is_empty(),
        "of another kind"
    );
}
