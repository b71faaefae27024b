//! The operator: registers keys and revokes them, on whichever node answers, until each change is acknowledged.
use crate::chance::Chance;
use crate::world::{ACCOUNTS, World, key};
use countersign::life::key::KeyState;
use countersign_guard::clock::draw;
use countersign_store::denied::ChangeError;
use countersign_store::draft::{NewAccount, NewKey};
use countersign_store::model::{Identifier, Record};
use countersign_store::stamp::Stamp;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// The name that an account calls itself by.
#[must_use]
pub fn name(account: usize) -> String {
    format!("caller-{account}")
}

/// Makes the accounts, each with a key.
pub async fn begin(world: &Arc<World>) {
    let chance = Chance::new(world.seed, "operator begins");
    for account in 0..ACCOUNTS {
        let new = NewAccount {
            name: name(account),
            enabled: true,
            identifiers: ["user", "user-id"]
                .map(|namespace| Identifier { namespace: namespace.to_owned(), value: name(account) })
                .to_vec(),
            ..NewAccount::default()
        };
        let mut made = false;
        while !made {
            let stamp = stamp(world, &chance);
            let done = match world.nodes.first() {
                Some(node) => {
                    node.on(async |up| up.app().registrar.add_account(&stamp, &new).await.is_ok()).await
                }
                None => return,
            };
            made = done == Some(true);
            sleep(Duration::from_millis(50)).await;
        }
        register(world, &chance, account).await;
    }
}

/// Gives an account its next key, and revokes the one before, again and again.
pub async fn works(world: Arc<World>) {
    let chance = Chance::new(world.seed, "operator works");
    while !world.is_calm() {
        sleep(chance.between(500, 4000)).await;
        let account = usize::try_from(chance.below(4)).unwrap_or(0);
        let before = world.current(account);
        register(&world, &chance, account).await;
        if let Some((id, _)) = before {
            world.checker.set_key(&id, |key| key.unwanted = true);
        }
        revoke_unwanted(&world, &chance).await;
    }
}

/// Revokes what a copy of the database brought back.
pub async fn finishes(world: &Arc<World>) {
    let chance = Chance::new(world.seed, "operator finishes");
    revoke_unwanted(world, &chance).await;
    for account in 0..ACCOUNTS {
        let gone = world.current(account).is_none_or(|(id, _)| !is_there(world, &id));
        if gone {
            register(world, &chance, account).await;
        }
    }
}

/// Takes back what was acknowledged where a copy of the database does not have it.
pub fn looks_again(world: &World) {
    for (id, _) in world.checker.keys() {
        let (there, revoked) = (is_there(world, &id), is_revoked(world, &id));
        world.checker.set_key(&id, |key| {
            if !there {
                key.registered = None;
                key.unwanted = true;
            }
            if !revoked {
                key.revoked = None;
            }
        });
    }
}

fn stamp(world: &World, chance: &Chance) -> Stamp {
    Stamp { now: world.truth.now(), actor: "local".to_owned(), random: draw(chance) }
}

async fn register(world: &Arc<World>, chance: &Chance, account: usize) {
    let number = {
        let mut given = world.given.lock().unwrap_or_else(PoisonError::into_inner);
        *given += 1;
        *given - 1
    };
    let Some(private) = key(number) else { return };
    // Bounded by the end of the faults: then the first try is acknowledged.
    loop {
        let Some(node) = world.any(chance) else { return };
        let (stamp, copies) = (stamp(world, chance), world.checker.copies());
        let wanted = Identifier { namespace: "user".to_owned(), value: name(account) };
        let public = private.public_key();
        let done = node.on(async |up| {
            let app = up.app();
            let changed = app.registrar.change(&stamp, |draft| {
                let id = draft.account_by_identifier(&wanted).map(|account| account.id).unwrap_or_default();
                let mut new = NewKey::new(&id, "", public.spki_der(), "asymmetric-jwt");
                new.dialects.push("spacetime".to_owned());
                draft.add_key(&new)
            });
            changed.await
        });
        let done: Option<Result<_, ChangeError>> = done.await;
        world
            .checker
            .note(world.now(), &format!("register {number}: {}", done.as_ref().is_some_and(Result::is_ok)));
        match done {
            Some(Ok(record)) if copies == world.checker.copies() => {
                let now = world.now();
                world.checker.set_key(&record.id, |key| key.registered = Some(now));
                set_current(world, account, record.id, number);
                return;
            }
            // It was written by a try whose answer was lost.
            Some(Err(ChangeError::Denied(_))) => {
                if let Some(id) = kept(world, private.public_key().spki_der()) {
                    let now = world.now();
                    world.checker.set_key(&id, |key| key.registered = Some(now));
                    set_current(world, account, id, number);
                    return;
                }
            }
            _ => {}
        }
        sleep(chance.between(100, 900)).await;
    }
}

fn set_current(world: &World, account: usize, id: String, number: usize) {
    let mut current = world.current.lock().unwrap_or_else(PoisonError::into_inner);
    match current.get_mut(account) {
        Some(known) => *known = (id, number),
        None => current.push((id, number)),
    }
}

async fn revoke_unwanted(world: &Arc<World>, chance: &Chance) {
    for (id, known) in world.checker.keys() {
        if !known.unwanted {
            continue;
        }
        // Bounded as above.
        while world.checker.key(&id).revoked.is_none() && is_there(world, &id) {
            let Some(node) = world.any(chance) else { return };
            let (stamp, copies) = (stamp(world, chance), world.checker.copies());
            let done = node.on(async |up| up.app().registrar.revoke_key(&stamp, &id).await).await;
            // Denied by a node that knows it is revoked: an earlier try was written, and its answer lost.
            let known = matches!(done, Some(Err(ChangeError::Denied(_)))) && is_revoked(world, &id);
            let (now, acknowledged) = (world.now(), known || matches!(done, Some(Ok(_))));
            world.checker.note(now, &format!("revoke on {}: {acknowledged}", node.number));
            if acknowledged && copies == world.checker.copies() {
                world.checker.set_key(&id, |key| key.revoked = Some((now, node.number)));
            } else {
                sleep(chance.between(100, 900)).await;
            }
        }
    }
}

fn is_there(world: &World, id: &str) -> bool {
    state(world, id).is_some()
}

fn is_revoked(world: &World, id: &str) -> bool {
    state(world, id) == Some(KeyState::Revoked)
}

fn state(world: &World, id: &str) -> Option<KeyState> {
    let loaded = world.network.database.step(|state| state.loaded());
    loaded.records.iter().find_map(|record| match record {
        Record::Key(key) if key.id == id => Some(key.life.state),
        _ => None,
    })
}

fn kept(world: &World, spki: &[u8]) -> Option<String> {
    let loaded = world.network.database.step(|state| state.loaded());
    loaded.records.iter().find_map(|record| match record {
        Record::Key(key) if key.spki == spki => Some(key.id.clone()),
        _ => None,
    })
}
