//! Descriptions applied to the store in memory: once, again, changed, pruned.
use super::*;
use crate::memory::MemoryStore;
use crate::registry::Registry;
use countersign::time::Time;
use std::sync::Arc;

fn stamp(number: u8) -> Stamp {
    Stamp { now: Time::from_seconds(1_700_000_000), actor: "local".into(), random: [number; 16] }
}

/// Keys are described by one number; intake stands in for reading them.
fn read(text: &str) -> Desired {
    let mut desired: Desired = toml::from_str(text).unwrap();
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = |text: &str| text.parse().map(|number: u8| prefix.into_iter().chain([number; 32]).collect());
    desired.read_keys(spki).unwrap();
    desired
}

async fn open() -> (Arc<MemoryStore>, Registrar) {
    let store = Arc::new(MemoryStore::default());
    let registrar = Registrar::open(store.clone(), store.clone()).await.unwrap();
    (store, registrar)
}

const TWO: &str = r#"
    [[organisation]]
    name = "acme"
    [[user]]
    name = "erika"
    [[account]]
    name = "alice"
    organisation = "acme"
    identifiers = { email = "alice@x", site = ["1", "2"] }
    acts_as = ["erika"]
    paths = ["/v1"]
    jwks_url = "https://x.example/jwks"
    role = "owner"
    [[account.key]]
    label = "laptop"
    public = "1"
    dialects = ["skykit"]
    algorithms = ["EdDSA"]
    networks = ["127.0.0.1"]
    expires = 2027-01-01T00:00:00Z
    [[account.companion]]
    label = "web"
    dialect = "partner-key"
    digest = "abababababababababababababababababababababababababababababababab"
    [[account]]
    name = "bob"
    enabled = false
    [[account.key]]
    label = "server"
    public = "2"
    dialects = ["skykit"]
"#;

fn lines(changes: &[PlannedChange]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn applied_twice_it_changes_nothing_more() {
    let (store, registrar) = open().await;
    let desired = read(TWO);
    let planned = registrar.plan(&stamp(1), &desired).unwrap();
    assert_eq!(store.version().await.unwrap(), 0);
    let applied = registrar.apply(&stamp(1), &desired).await.unwrap();
    assert_eq!(planned, applied);
    assert_eq!(store.version().await.unwrap(), 1);
    assert_eq!(
        u64::try_from(applied.len()).unwrap(),
        store.audit(0, 100).await.unwrap().last().unwrap().number
    );
    let text = lines(&applied).join("\n");
    for line in
        ["organisation.add acme", "account.add alice", "key.add alice/laptop: ", "companion.add alice/web"]
    {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(registrar.plan(&stamp(2), &desired).unwrap(), []);
    assert_eq!(registrar.apply(&stamp(2), &desired).await.unwrap(), []);
    assert_eq!(store.version().await.unwrap(), 1);
    let pruned = read(&format!("prune = true\n{TWO}"));
    assert_eq!(lines(&registrar.plan(&stamp(3), &pruned).unwrap()), [""; 0]);
}

#[tokio::test]
async fn what_is_left_out_stays_and_prune_removes_it() {
    let (_, registrar) = open().await;
    registrar.apply(&stamp(1), &read(TWO)).await.unwrap();
    let less = "[[organisation]]\nname = \"acme\"\n[[account]]\nname = \"alice\"\norganisation = \"acme\"\n[[account.key]]\nlabel = \"new\"\npublic = \"3\"\ndialects = [\"skykit\"]\n";
    assert_eq!(lines(&registrar.apply(&stamp(2), &read(less)).await.unwrap()).len(), 1);
    let pruned = registrar.apply(&stamp(3), &read(&format!("prune = true\n{less}"))).await.unwrap();
    let actions: Vec<(&str, &str)> =
        pruned.iter().map(|change| (change.action.as_str(), change.name.as_str())).collect();
    let wanted = [
        ("account.delete", "bob"),
        ("key.revoke", "alice/laptop"),
        ("companion.delete", "alice/web"),
        ("account.set-acts-as", "alice"),
        ("user.delete", "erika"),
    ];
    assert_eq!(actions, wanted);
    // Operators stay, even when nothing is described.
    registrar.apply(&stamp(4), &read("prune = true")).await.unwrap();
    assert_eq!(registrar.directory().account_count(), 1);
}

#[tokio::test]
async fn names_identifiers_and_ownership_move_in_one_step() {
    let (_, registrar) = open().await;
    registrar.apply(&stamp(1), &read(TWO)).await.unwrap();
    let swapped = r#"
        [[account]]
        name = "alice"
        identifiers = { site = "2" }
        role = "manager"
        organisation = ""
        [[account]]
        name = "bob"
        identifiers = { email = "alice@x", site = "1" }
        role = "owner"
        enabled = true
    "#;
    registrar.apply(&stamp(2), &read(swapped)).await.unwrap();
    let bob = registrar.directory().account_by_identifier("email", "alice@x").unwrap();
    assert_eq!((bob.name.as_str(), bob.role), ("bob", Some(Role::Owner)));
    let alice = registrar.directory().account_by_name("alice").unwrap();
    assert_eq!((alice.organisation, alice.role), (None, Some(Role::Manager)));
}

#[tokio::test]
async fn what_cannot_be_is_denied_with_its_place_and_nothing_is_written() {
    let (store, registrar) = open().await;
    let denied = async |text: &str| match registrar.apply(&stamp(9), &read(text)).await {
        Err(ChangeError::Denied(denied)) => format!("{} {}", denied.code(), denied.text()),
        other => panic!("{other:?}"),
    };
    let key = "[[account.key]]\nlabel = \"k\"\npublic = \"1\"\ndialects = [\"skykit\"]\n";
    let text = denied(&format!("[[account]]\nname = \"a\"\n{key}algorithms = [\"RS256\"]")).await;
    assert!(text.starts_with("invalid-algorithm account a: key k: wanted"), "{text}");
    let text = denied(&format!("[[account]]\nname = \"a\"\n{key}{key}")).await;
    assert!(text.starts_with("described-twice"), "{text}");
    let text = denied(&format!("[[account]]\nname = \"a\"\n{key}[[account]]\nname = \"b\"\n{key}")).await;
    assert!(text.starts_with("key-not-accepted account b: key k"), "{text}");
    assert!(
        denied("[[account]]\nname = \"a\"\n[[account]]\nname = \"a\"").await.starts_with("described-twice")
    );
    assert!(
        denied("[[account]]\nname = \"a\"\norganisation = \"none\"").await.contains("organisation-not-found")
    );
    assert!(denied("[[account]]\nname = \"a\"\nacts_as = [\"no\"]").await.contains("user-not-found"));
    assert_eq!(store.version().await.unwrap(), 0);
}

#[tokio::test]
async fn a_revoked_key_is_not_brought_back_by_its_description() {
    let (_, registrar) = open().await;
    registrar.apply(&stamp(1), &read(TWO)).await.unwrap();
    let alice = registrar.directory().account_by_name("alice").unwrap();
    let key = registrar.directory().keys_of(&alice.id).remove(0);
    registrar.revoke_key(&stamp(2), &key.id).await.unwrap();
    let denied = registrar.plan(&stamp(3), &read(TWO)).unwrap_err();
    assert_eq!(denied.code(), "key-state");
    assert!(denied.text().contains("alice") && denied.text().contains(&key.id));
}

#[tokio::test]
async fn approval_is_described_and_stays_where_it_is_left_out() {
    let (_store, registrar) = open().await;
    let described = [("approval = true", true, 2), ("", true, 0), ("approval = false", false, 1)];
    for (number, (line, wanted, changed)) in (90..).zip(described) {
        let text = format!("[[organisation]]\nname = \"acme\"\n{line}\n");
        let changes = registrar.apply(&stamp(number), &read(&text)).await.unwrap();
        let row = registrar.directory().organisation_by_name("acme").unwrap();
        assert_eq!((row.approval, changes.len()), (wanted, changed), "{line}: {changes:?}");
    }
}
