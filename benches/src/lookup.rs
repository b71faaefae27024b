//! Finding a caller's keys: how much dearer it gets from a thousand keys to a million.
use crate::judging::NOW;
use crate::measure::{Table, turns};
use countersign::ask::{KeyQuery, Who};
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign_keys::CompactKey;
use countersign_store::directory::Directory;
use countersign_store::model::{Account, Identifier, KeyRecord, Record};
use countersign_store::registry::Loaded;
use std::hint::black_box;

/// Head of the DER of an Ed25519 key; 32 bytes follow.
const HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Callers that are active at one time, whatever the number of registered ones.
const ACTIVE: u64 = 1000;

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let small = directory(1_000)?;
    let large = directory(1_000_000)?;
    let spread =
        |size: u64| (0..ACTIVE).map(move |number| name(number * (size / ACTIVE))).collect::<Vec<_>>();
    let (near, far) = (spread(1_000), spread(1_000_000));
    let (mut turn, mut other) = (0_usize, 0_usize);
    let times =
        turns(2000, &mut [&mut || look(&small, &near, &mut turn), &mut || look(&large, &far, &mut other)]);
    if let [small, large] = times.as_slice() {
        let figure = format!("{:.2} x ({small:.0} ns, {large:.0} ns)", large / small);
        table.add("look-up, a million keys beside a thousand", figure, "at most 1.15");
    }
    Ok(())
}

fn look(directory: &Directory, names: &[String], turn: &mut usize) {
    // A step that meets all names in no order a cache could guess.
    *turn = (*turn + 617) % names.len();
    let Some(identifier) = names.get(*turn) else { return };
    let query = KeyQuery {
        dialect: "skykit",
        who: Who::Identifier { namespace: "email", identifier },
        kid: None,
        companion: None,
        acting_as: None,
    };
    black_box(directory.answer(black_box(&query)));
}

fn name(number: u64) -> String {
    format!("caller-{number}@example.com")
}

fn directory(size: u64) -> Result<Directory, String> {
    let created = Time::from_seconds(NOW);
    let mut records = Vec::new();
    let mut seed = 0_u64;
    for number in 0..size {
        let spki = loop {
            seed += 1;
            let spki = [&HEAD[..], &countersign_keys::sha256(&[&seed.to_be_bytes()])].concat();
            if CompactKey::from_spki_der(&spki).is_ok() {
                break spki;
            }
        };
        let account = format!("acc_{number}");
        records.push(Record::Account(Account {
            id: account.clone(),
            name: format!("caller {number}"),
            organisation: None,
            enabled: true,
            identifiers: vec![Identifier { namespace: "email".to_owned(), value: name(number) }],
            acts_as: Vec::new(),
            paths: Vec::new(),
            jwks_url: None,
            role: None,
            created,
        }));
        records.push(Record::Key(KeyRecord {
            id: format!("key_{number}"),
            account,
            label: "bench".to_owned(),
            spki,
            life: KeyLife::ACTIVE,
            dialects: vec!["skykit".to_owned()],
            algorithms: Vec::new(),
            methods: Vec::new(),
            paths: Vec::new(),
            networks: Vec::new(),
            created,
            last_used: None,
            last_address: None,
        }));
    }
    Directory::load(Loaded { version: 1, records }).map_err(|fault| fault.to_string())
}
