//! How long a revocation takes to reach three nodes: with the bus, with its announcements lost, and with it cut.
use super::Trial;
use crate::installation::{Installation, database, until};
use crate::proofs::{USER, often};
use crate::road::{Bus, Road};
use crate::tally::Found;
use crate::wire::{Line, Word, ask};
use countersign_keys::PrivateKey;
use countersign_testkit::postgres::Postgres;
use std::time::{Duration, Instant};

pub(crate) const TRIAL: Trial = Trial {
    name: "bus",
    what: "revocation over three nodes with the bus, with announcements lost unseen, and with the bus cut",
    needs: &[],
    run,
};

/// How often a key is taken away in each phase.
const ROUNDS: usize = 8;
/// The bound that is promised with polling alone.
const BOUND: Duration = Duration::from_secs(5);

fn run(soak: bool) -> Found {
    let server = Postgres::start(&[]);
    let url = server.database();
    let roads = [(); 3].map(|()| Road::to(server.port()));
    // The bound that is shipped, so that a node is not let be for lack of polls.
    let stores: Vec<String> = roads
        .iter()
        .map(|road| database(&road.address(&url, server.port())).replace("\"2s\"", "\"5s\""))
        .collect();
    let all = Installation::on(&stores);
    let mut found = Found::default();
    let rounds = if soak { ROUNDS * 30 } else { ROUNDS };
    let phases = [
        (Bus::Passes, "with the bus", true),
        (Bus::Drops, "with announcements lost, on a connection that looks well", true),
        (Bus::Closes, "with the bus cut", false),
        (Bus::Passes, "with the bus mended", true),
    ];
    for (number, (bus, what, hears)) in phases.into_iter().enumerate() {
        roads.iter().for_each(|road| road.bus(bus));
        for node in &all.nodes {
            until("a node that knows whether it hears", || {
                let answer = ask(node.public(), "/readyz", "");
                let deaf = answer.body.contains("not announced");
                if answer.status == 200 && deaf != hears { Ok(()) } else { Err(answer.body) }
            });
        }
        let (id, token) = registered(&all, number);
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // For good at the end; before that, the same key comes back each time.
            let last = round + 1 == rounds;
            let delays = take_away(&all, &id, &token, if last { "revoke" } else { "disable" }, &mut found);
            own.extend(delays.first());
            others.extend(delays.iter().skip(1));
            if !last {
                all.order(&format!("key enable {id}"));
            }
        }
        println!(
            "  revocation {what}: on the node that took the order {}; on the others {}",
            told(&mut own),
            told(&mut others)
        );
        for took in own.iter().chain(&others) {
            found.check(*took <= BOUND, &format!("a revoked key refused within {BOUND:?}, found {took:?}"));
        }
    }
    found
}

/// Takes a key away that every node took; gives for each node how long after the order's answer it still took it, and sees that
/// it never does again.
fn take_away(all: &Installation, id: &str, token: &str, order: &str, found: &mut Found) -> Vec<Duration> {
    for node in &all.nodes {
        until("a live key to be taken", || match ask(node.public(), "/often/x", token).word() {
            Word::Accepted => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
    all.order(&format!("key {order} {id}"));
    let from = Instant::now();
    let waits: Vec<_> = std::thread::scope(|scope| {
        let asking = all.nodes.iter().map(|node| {
            scope.spawn(move || {
                let mut line = Line::to(node.public());
                let took =
                    until("a key that is gone to be refused", || match line.ask("/often/x", token).word() {
                        Word::Refused => Ok(from.elapsed()),
                        other => Err(format!("{other:?}")),
                    });
                let after = [(); 5].map(|()| line.ask("/often/x", token).word());
                (took, after)
            })
        });
        let asking: Vec<_> = asking.collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for word in waits.iter().flat_map(|(_, after)| after) {
        found.check(*word == Word::Refused, &format!("a key that is gone to stay refused, found {word:?}"));
    }
    waits.into_iter().map(|(took, _)| took).collect()
}

/// A key of the account's, registered; gives its id and a token.
fn registered(all: &Installation, number: usize) -> (String, String) {
    let name = format!("r{number}.pem");
    all.owner().run(&format!("key new --for skykit --bits 2048 {name}")).unwrap();
    let key = PrivateKey::read(&std::fs::read(all.owner().path(&name)).unwrap(), None).unwrap();
    let said = all.order(&format!("--json key register {USER} --file {name}.pub -d skykit"));
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    (said["id"].as_str().unwrap().to_owned(), often(&key, 0))
}

fn told(delays: &mut [Duration]) -> String {
    delays.sort();
    let part = |part: usize| delays[(delays.len() - 1) * part / 100].as_millis();
    format!("p50 {} ms, p99 {} ms, max {} ms of {}", part(50), part(99), part(100), delays.len())
}
