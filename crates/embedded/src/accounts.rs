//! Accounts and keys from a description, the one that `countersign apply` reads, as TOML or JSON.
use crate::unusable::Unusable;
use countersign::base64::encode_hex;
use countersign::time::Time;
use countersign_keys::{Policy, read_one_public_key, sha256};
use countersign_store::desired::Desired;
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::Record;
use countersign_store::registrar::Registrar;
use countersign_store::registry::Loaded;
use countersign_store::stamp::Stamp;
use futures_util::FutureExt;
use std::collections::HashMap;
use std::sync::Arc;

/// Reads a description and gives the registry that it describes.
///
/// # Errors
/// [`Unusable`] that says where it asks for what cannot be.
pub(crate) fn read(text: &str) -> Result<Directory, Unusable> {
    let json = text.trim_start().starts_with('{');
    let desired = if json {
        serde_json::from_str::<Desired>(text).map_err(Unusable::new)
    } else {
        toml::from_str::<Desired>(text).map_err(Unusable::new)
    };
    let mut desired = desired.map_err(|error| Unusable::new(format!("the accounts: {error}")))?;
    if desired.account.iter().any(|account| account.jwks_url.as_deref().is_some_and(|url| !url.is_empty())) {
        return Err(Unusable::new(
            "the accounts: wanted keys, found a jwks_url: nothing is fetched here; list the keys, or let the server judge",
        ));
    }
    let mut policy = Policy::default();
    policy.refuse_published = true;
    let read =
        |text: &str| read_one_public_key(text.as_bytes(), &policy).map(|one| one.key.spki_der().to_vec());
    desired
        .read_keys(read)
        .map_err(|(place, error)| Unusable::new(format!("the accounts: {place}: {error}")))?;
    let store = Arc::new(MemoryStore::new([0; 16]));
    let described = async {
        let registrar = Registrar::open(store.clone(), store).await.map_err(Unusable::new)?;
        // Nothing here is secret: every process that reads the same description gets the same ids in the end.
        let stamp = Stamp { now: Time::from_seconds(0), actor: "local".to_owned(), random: [0; 16] };
        registrar.apply(&stamp, &desired).await.map_err(Unusable::new)?;
        Ok(registrar.directory().records())
    };
    let records: Vec<Record> = described
        .now_or_never()
        .unwrap_or_else(|| Err(Unusable::new("the accounts: the registry in memory did not answer")))?;
    Directory::load(Loaded { version: 1, records: steady(records) }).map_err(Unusable::new)
}

/// Gives every row an id that follows from its name alone. Uses are remembered under an account's id: it must be the same in every process
/// that shares a memory, and after a description is read again with its entries in another order.
fn steady(mut records: Vec<Record>) -> Vec<Record> {
    let mut names: HashMap<String, String> = HashMap::new();
    let of = |kind: &str, name: &[u8]| {
        let digest = encode_hex(&sha256(&[b"countersign steady id\0", kind.as_bytes(), b"\0", name]));
        format!("{kind}_{}", digest.get(..26).unwrap_or(&digest))
    };
    for record in &records {
        match record {
            Record::Organisation(row) => names.insert(row.id.clone(), of("org", row.name.as_bytes())),
            Record::Account(row) => names.insert(row.id.clone(), of("acc", row.name.as_bytes())),
            _ => None,
        };
    }
    let steadied = |id: &mut String| {
        if let Some(name) = names.get(id) {
            id.clone_from(name);
        }
    };
    for record in &mut records {
        match record {
            Record::Organisation(row) => steadied(&mut row.id),
            Record::Account(row) => {
                steadied(&mut row.id);
                if let Some(id) = &mut row.organisation {
                    steadied(id);
                }
            }
            Record::Key(row) => {
                steadied(&mut row.account);
                row.id = of("key", &[row.account.as_bytes(), &row.spki].concat());
            }
            Record::Companion(row) => {
                steadied(&mut row.account);
                row.id = of(
                    "cmp",
                    [&row.account, &row.label, &row.dialect].map(String::as_str).join("\0").as_bytes(),
                );
            }
            Record::Member(row) => {
                steadied(&mut row.organisation);
                steadied(&mut row.account);
            }
            Record::JoinCode(row) => steadied(&mut row.organisation),
            Record::User(_) | Record::Secret(_) => {}
        }
    }
    records
}
