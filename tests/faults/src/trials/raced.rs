//! Duplicates raced over one node and over three, with crashes in between: each proof passes once.
use super::Trial;
use crate::installation::{Installation, database};
use crate::proofs::Signer;
use crate::tally::Found;
use crate::wire::{Line, Word};
use countersign_testkit::postgres::Postgres;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, RwLock};
use std::time::{Duration, Instant};

pub(crate) const ONE_NODE: Trial = Trial {
    name: "raced-one",
    what: "duplicates raced on one node with the embedded store, crashes in between",
    needs: &[],
    run: |soak| race(&Installation::on(&[String::new()]), soak),
};

pub(crate) const THREE_NODES: Trial = Trial {
    name: "raced-three",
    what: "duplicates raced over three nodes on PostgreSQL, crashes of nodes in between",
    needs: &[],
    run: |soak| {
        let server = Postgres::start(&[]);
        let url = server.database();
        race(&Installation::on(&[(); 3].map(|()| database(&url))), soak)
    },
};

/// Duplicates shown in a soak; in every run a tenth, or what the time is enough for.
const ALL: u64 = 1_000_000;
const TIME: Duration = Duration::from_secs(12);
/// Copies of a proof that are shown at one moment.
const COPIES: usize = 6;
/// Groups of callers; each races its own proofs.
const GROUPS: usize = 3;
/// Proofs between two meetings of a group.
const TOGETHER: usize = 32;
/// Between two crashes.
const CRASH: Duration = Duration::from_secs(4);

/// How long a caller waits who found nobody.
const DOWN: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Count {
    shown: AtomicU64,
    proofs: AtomicU64,
    taken: AtomicU64,
    unsure: AtomicU64,
    crashes: AtomicU64,
}

fn race(all: &Installation, soak: bool) -> Found {
    let (most, time) = if soak { (ALL, Duration::MAX) } else { (ALL / 10, TIME) };
    let (count, end) = (Count::default(), AtomicBool::new(false));
    let from = Instant::now();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let groups: Vec<_> = (0..GROUPS)
            .map(|_| {
                let (all, count) = (&all, &count);
                scope.spawn(move || {
                    let mut wrong = Vec::new();
                    while count.shown.load(Ordering::Relaxed) < most && from.elapsed() < time {
                        wrong.extend(meet(all, count, soak));
                    }
                    wrong
                })
            })
            .collect();
        let (crashes, ended) = (&count.crashes, &end);
        scope.spawn(move || {
            let mut last = Instant::now();
            while !ended.load(Ordering::Relaxed) {
                if last.elapsed() > CRASH {
                    let crash = crashes.fetch_add(1, Ordering::Relaxed);
                    let node = &all.nodes[usize::try_from(crash).unwrap_or(0) % all.nodes.len()];
                    node.kill();
                    node.begin();
                    last = Instant::now();
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let wrong = groups.into_iter().flat_map(|group| group.join().unwrap()).collect();
        end.store(true, Ordering::Relaxed);
        wrong
    });
    let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
    println!(
        "  {} duplicates of {} proofs over {} nodes in {} s, {} crashes: {} passed once, none twice, {} met a crash",
        get(&count.shown),
        get(&count.proofs),
        all.nodes.len(),
        from.elapsed().as_secs(),
        get(&count.crashes),
        get(&count.taken),
        get(&count.unsure),
    );
    if get(&count.shown) < most {
        println!(
            "  NOTE: {most} were wanted, and the time of {} s was up: cargo xtask soak shows all {ALL}",
            TIME.as_secs()
        );
    }
    let mut found = Found { tried: get(&count.shown), wrong };
    found.check(get(&count.taken) > 100, "many to pass");
    found.check(get(&count.crashes) > 0, "a crash in between");
    found
}

/// A group races some rounds of proofs; gives what went wrong.
fn meet(all: &Installation, count: &Count, soak: bool) -> Vec<String> {
    let rounds = if soak { 200 } else { 20 };
    let (begin, done) = (Barrier::new(COPIES), Barrier::new(COPIES));
    let proofs: RwLock<Vec<String>> = RwLock::default();
    let signer: &Arc<Signer> = &all.signer;
    let words: Vec<Vec<Word>> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..COPIES)
            .map(|copy| {
                let (begin, done, proofs) = (&begin, &done, &proofs);
                let node = &all.nodes[copy % all.nodes.len()];
                scope.spawn(move || {
                    let mut line = Line::to(node.public());
                    let mut words = Vec::new();
                    for _ in 0..rounds {
                        if copy == 0 {
                            *proofs.write().unwrap() = (0..TOGETHER).map(|_| signer.once(0)).collect();
                        }
                        begin.wait();
                        for proof in proofs.read().unwrap().iter() {
                            let word = line.ask("/once/x", proof).word();
                            if word == Word::Silent {
                                // The node is being started: showing all others to nobody would race nothing.
                                std::thread::sleep(DOWN);
                            }
                            words.push(word);
                        }
                        done.wait();
                    }
                    words
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let mut wrong = Vec::new();
    for place in 0..rounds * TOGETHER {
        let told: Vec<&Word> = words.iter().map(|words| &words[place]).collect();
        let is = |wanted: &Word| told.iter().filter(|word| **word == wanted).count();
        let (passed, again) = (is(&Word::Accepted), is(&Word::Replayed));
        // Who got no answer may have used it; who found no server has not.
        let unsure = is(&Word::Silent) + is(&Word::Unavailable);
        if passed > 1 || passed + again + unsure != COPIES || passed == 0 && unsure == 0 {
            wrong.push(format!("wanted a proof to pass once, found {told:?}"));
        }
        count.taken.fetch_add(u64::try_from(passed).unwrap_or(0), Ordering::Relaxed);
        count.unsure.fetch_add(u64::from(unsure > 0), Ordering::Relaxed);
    }
    count.proofs.fetch_add(u64::try_from(rounds * TOGETHER).unwrap_or(0), Ordering::Relaxed);
    count.shown.fetch_add(u64::try_from(rounds * TOGETHER * COPIES).unwrap_or(0), Ordering::Relaxed);
    wrong
}
