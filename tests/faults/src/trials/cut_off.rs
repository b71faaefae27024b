//! Three nodes and their database in networks of their own: one is cut off, packets vanish, the database is cut off, all heals.
use super::{Need, Trial};
use crate::installation::{Installation, database, settings, until};
use crate::load::Load;
use crate::network::{Cut, Network};
use crate::node::Setting;
use crate::proofs::{USER, often};
use crate::tally::Found;
use crate::upstream;
use crate::wire::{Word, ask};
use countersign_keys::PrivateKey;
use countersign_testkit::postgres::Postgres;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const TRIAL: Trial = Trial {
    name: "cut-off",
    what: "nodes in network namespaces, cut off from their database by a dead link and by packets that vanish",
    needs: &[Need::Root, Need::Networks],
    run,
};

const NODES: u32 = 3;
/// The member that is the database.
const DATABASE: u32 = NODES + 1;
/// The node that is cut off.
const LOST: usize = 2;
/// What a node trusts what it could not confirm (two seconds here), and room for a busy machine.
const STALE: Duration = Duration::from_secs(4);
const BOUND: Duration = Duration::from_secs(15);

fn run(_soak: bool) -> Found {
    let network = Network::new(NODES + 1);
    let server = Postgres::within(&network.within(DATABASE), &[]);
    let url = server.database().replace("127.0.0.1", &network.back(DATABASE)) + "?sslmode=disable";
    let upstream = upstream::start(&network.front(0));
    let node = |member| Setting {
        before: network.within(member),
        host: network.front(member),
        ..Setting::with(settings(&upstream, &database(&url)))
    };
    let all = Arc::new(Installation::start((1..=NODES).map(node).collect()));
    let mut found = Found::default();
    let lost = all.nodes[LOST].public();
    let member = NODES;
    for (number, (how, what)) in
        [(Cut::Link, "one node's link is down"), (Cut::Silence, "one node's packets vanish")]
            .into_iter()
            .enumerate()
    {
        println!("  {what}");
        let (id, token) = key(&all, number);
        for node in &all.nodes {
            accepted(node.public(), &token);
        }
        let load = Load::begin(&all, false);
        load.wait_for(&Word::Accepted, 50);
        network.cut(member, how);
        // Revoked while one node cannot know: it must not take the key beyond the bound.
        all.order(&format!("key revoke {id}"));
        let after = std::time::Instant::now();
        while after.elapsed() < STALE {
            let word = ask(lost, "/often/x", &token).word();
            found.check(
                matches!(word, Word::Accepted | Word::Unavailable | Word::Refused),
                &format!("no blame while cut off, found {word:?}"),
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        for _ in 0..20 {
            let word = ask(lost, "/often/x", &token).word();
            found.check(
                word == Word::Unavailable,
                &format!("503 for a revoked key on the node that is cut off, found {word:?}"),
            );
            let status = ask(lost, "/readyz", "").status;
            found.check(status == 503, &format!("/readyz to be 503 there, found {status}"));
            for node in &all.nodes[..LOST] {
                let word = ask(node.public(), "/often/x", &token).word();
                found.check(
                    word == Word::Refused,
                    &format!("a revoked key refused elsewhere, found {word:?}"),
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        network.heal(member);
        println!("  well again by itself {} ms after the end of it", all.is_well().as_millis());
        until("the revoked key to be refused", || match ask(lost, "/often/x", &token).word() {
            Word::Refused => Ok(()),
            other => Err(format!("{other:?}")),
        });
        let mut seen = load.end(&all);
        seen.answered_within(BOUND);
        found.add(seen.found);
    }
    println!("  the database's packets vanish");
    let load = Load::begin(&all, false);
    load.wait_for(&Word::Accepted, 50);
    network.cut(DATABASE, Cut::Silence);
    load.wait_for(&Word::Unavailable, 30);
    std::thread::sleep(STALE);
    for node in &all.nodes {
        let status = ask(node.public(), "/readyz", "").status;
        found.check(status == 503, &format!("/readyz to be 503, found {status}"));
        let word = ask(node.public(), "/often/x", &all.signer.often(0)).word();
        found.check(word == Word::Unavailable, &format!("503 everywhere, found {word:?}"));
    }
    network.heal(DATABASE);
    println!("  well again by itself {} ms after the end of it", all.is_well().as_millis());
    let mut seen = load.end(&all);
    seen.answered_within(BOUND);
    found.add(seen.found);
    found
}

fn key(all: &Installation, number: usize) -> (String, String) {
    let name = format!("lost{number}.pem");
    all.owner().run(&format!("key new --for skykit --bits 2048 {name}")).unwrap();
    let key = PrivateKey::read(&std::fs::read(all.owner().path(&name)).unwrap(), None).unwrap();
    let said = all.order(&format!("--json key register {USER} --file {name}.pub -d skykit"));
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    (said["id"].as_str().unwrap().to_owned(), often(&key, 0))
}

fn accepted(to: std::net::SocketAddr, token: &str) {
    until("a new key to be taken", || match ask(to, "/often/x", token).word() {
        Word::Accepted => Ok(()),
        other => Err(format!("{other:?}")),
    });
}
