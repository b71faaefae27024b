//! Those who call: with one-time proofs, with sessions, and with what they caught of others.
use crate::chance::Chance;
use crate::checker::Try;
use crate::family::Family;
use crate::node::{Answer, Node};
use crate::operator::name;
use crate::pool::Caught;
use crate::world::{ACCOUNTS, World, key};
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::Span;
use countersign::write::Signer;
use countersign_guard::clock::draw;
use http::HeaderMap;
use std::sync::Arc;
use tokio::time::sleep;

/// Signs one-time proofs, now and then with a key that was revoked, and sends each to one node or to several at once.
pub async fn proofs(world: Arc<World>, account: usize) {
    let chance = Chance::new(world.seed, &format!("proofs {account}"));
    let mut used: Vec<(String, usize)> = Vec::new();
    while !world.is_calm() {
        sleep(chance.between(30, 700)).await;
        let Some(current) = world.current(account) else { continue };
        if used.last() != Some(&current) {
            used.push(current.clone());
        }
        let signs =
            if chance.in_hundred(40) { chance.of(&used).cloned().unwrap_or(current) } else { current };
        // Callers have clocks too.
        let late = i64::try_from(chance.below(4000)).unwrap_or(0) - 2000;
        let Some(caught) = sign(&world, account, &signs, late, draw(&chance)) else { continue };
        let at_once = if chance.in_hundred(30) { 1 + chance.below(3) } else { 1 };
        let nodes: Vec<Arc<Node>> = (0..at_once).filter_map(|_| world.any(&chance).cloned()).collect();
        for _ in &nodes {
            world.checker.sends(caught.number);
        }
        let mut sending = tokio::task::JoinSet::new();
        for node in nodes {
            let (world, caught) = (Arc::clone(&world), caught.clone());
            sending.spawn(async move { send(&world, &node, &caught, false).await });
        }
        // Nobody waits: the next request does not depend on this answer.
        if chance.in_hundred(50) {
            while sending.join_next().await.is_some() {}
        } else {
            sending.detach_all();
        }
    }
}

/// Sends again what was sent before.
pub async fn replays(world: Arc<World>) {
    let chance = Chance::new(world.seed, "replays");
    while !world.is_calm() {
        sleep(chance.between(20, 200)).await;
        if let (Some(caught), Some(node)) = (world.pool.any(&chance), world.any(&chance).cloned()) {
            world.checker.sends(caught.number);
            let world = Arc::clone(&world);
            tokio::spawn(async move { send(&world, &node, &caught, true).await });
        }
    }
}

/// Opens sessions and uses them as clients and thieves do.
pub async fn sessions(world: Arc<World>, account: usize) {
    let chance = Chance::new(world.seed, &format!("sessions {account}"));
    while !world.is_calm() {
        sleep(chance.between(100, 1500)).await;
        if let Some(mut family) = Family::open(&world, account, &chance).await {
            family.live(&chance).await;
        }
    }
}

/// A good proof for every node, and a session, whatever comes of them.
pub async fn try_all(world: &Arc<World>) {
    let chance = Chance::new(world.seed, "first after the end");
    // Every account: a copy of the database may lack the key of any, and then nothing of it is claimed.
    for account in 0..ACCOUNTS {
        for node in &world.nodes {
            let current = world.current(account);
            let signed = current.and_then(|current| sign(world, account, &current, 0, draw(&chance)));
            let Some(caught) = signed else { continue };
            world.checker.sends(caught.number);
            send(world, node, &caught, false).await;
        }
        let _maybe = Family::open(world, account, &chance).await;
    }
}

/// Every node takes a good proof of every account, once, and every account can open a session and refresh it.
pub async fn all_works(world: &Arc<World>) {
    let chance = Chance::new(world.seed, "in the end");
    for node in &world.nodes {
        for account in 0..ACCOUNTS {
            let Some(current) = world.current(account) else { continue };
            let signed = sign(world, account, &current, 0, draw(&chance));
            let Some(caught) = signed else { continue };
            world.checker.sends(caught.number);
            let answer = send(world, node, &caught, false).await;
            if answer != Answer::Passed {
                let text =
                    format!("node {} answers a good proof with {answer:?} when all is well", node.number);
                world.checker.violation(world.now(), text);
            }
        }
    }
    for account in 0..ACCOUNTS {
        match Family::open(world, account, &chance).await {
            Some(mut family) => family.must_work(&chance).await,
            None => {
                world.checker.violation(world.now(), "no session can be opened when all is well".to_owned())
            }
        }
    }
}

fn sign(
    world: &World,
    account: usize,
    (id, number): &(String, usize),
    late: i64,
    random: [u8; 16],
) -> Option<Caught> {
    let (headers, identifier) = (HeaderMap::new(), name(account));
    let incoming = Incoming {
        method: "GET",
        target: Target::new("https", "api.example.test", "/"),
        headers: &headers,
        body: Body::Empty,
        client: None,
        challenge: None,
    };
    let signer = Signer {
        key: key(*number)?,
        identifier: &identifier,
        acting_as: None,
        companion: None,
        algorithm: None,
        challenge: None,
    };
    let now = world.truth.now() + Span::from_millis(late);
    let made = world.proofs.write(&incoming, &signer, now, random).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in made.headers {
        headers.insert(name, value);
    }
    let caught = Caught { number: 0, key: id.clone(), headers };
    let number = world.pool.add(caught.clone());
    Some(Caught { number, ..caught })
}

async fn send(world: &World, node: &Node, caught: &Caught, again: bool) -> Answer {
    let (started, off) = (world.now(), node.watch.off());
    let answer = node.judge(&caught.headers, false).await;
    let ended = world.now();
    let off = off.max(node.watch.off());
    let tried = Try { proof: caught.number, key: &caught.key, node: node.number, started, ended, off, again };
    world.checker.tried(&tried, &answer);
    answer
}
