//! The clock steps an hour ahead and an hour back while the server runs, and two nodes are fifteen seconds apart.
use super::{Need, Trial};
use crate::installation::{Installation, database, settings, until};
use crate::node::{Node, Setting};
use crate::tally::Found;
use crate::upstream;
use crate::wire::{Word, ask};
use countersign_testkit::postgres::Postgres;
use std::path::{Path, PathBuf};

pub(crate) const TRIAL: Trial = Trial {
    name: "clock",
    what: "clock steps of an hour on the running program, embedded and with three nodes; nodes fifteen seconds apart",
    needs: NEEDS,
    run,
};

const NEEDS: &[Need] = &[Need::FakeTime];
const HOUR: i64 = 3600;
/// Proofs shown at each step.
const PROOFS: usize = 30;

/// What tells a process another time: it is preloaded, and reads a file for how far the clock is off.
pub(crate) fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let files = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    files.into_iter().find(|file| file.is_file())
}

/// A clock that can be set.
struct Hand {
    file: PathBuf,
}

impl Hand {
    fn new(folder: &Path, name: usize, ahead: i64) -> Self {
        let hand = Self { file: folder.join(name.to_string()) };
        hand.set(ahead);
        hand
    }

    fn set(&self, ahead: i64) {
        // Another file in its place at once, so that nobody reads half of it.
        let fresh = self.file.with_extension("new");
        std::fs::write(&fresh, format!("{ahead:+}\n")).unwrap();
        std::fs::rename(&fresh, &self.file).unwrap();
    }

    fn variables(&self) -> Vec<(String, String)> {
        let library = library().unwrap().display().to_string();
        let file = self.file.display().to_string();
        let pairs = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", file.as_str()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }
}

fn run(_soak: bool) -> Found {
    let mut found = Found::default();
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::start(&[]);
    let url = server.database();
    for stores in [vec![String::new()], vec![database(&url); 3]] {
        println!("  steps with {} nodes", stores.len());
        let (all, hands) = with_hands(folder.path(), &stores);
        steps(&all, &hands, &mut found);
    }
    let url = server.database();
    let (all, hands) = with_hands(folder.path(), &[database(&url), database(&url)]);
    apart(&all, &hands, &mut found);
    found
}

fn with_hands(folder: &Path, stores: &[String]) -> (Installation, Vec<Hand>) {
    let upstream = upstream::start("127.0.0.1");
    let hands: Vec<Hand> = (0..stores.len()).map(|number| Hand::new(folder, number, 0)).collect();
    let setting = |(store, hand): (&String, &Hand)| Setting {
        variables: hand.variables(),
        ..Setting::with(settings(&upstream, store))
    };
    (Installation::start(stores.iter().zip(&hands).map(setting).collect()), hands)
}

/// Every step the clock takes, in seconds from the true time, and what comes of proofs dated by it.
fn steps(all: &Installation, hands: &[Hand], found: &mut Found) {
    let mut used: Vec<String> = Vec::new();
    let mut accepted = 0;
    for step in [0, HOUR, 0, -HOUR, 0, -10, 0] {
        hands.iter().for_each(|hand| hand.set(step));
        until("the clock to be set", || {
            let answer = ask(all.nodes[0].public(), "/once/x", "JWT nonsense");
            if answer.status == 401 { Ok(()) } else { Err(format!("{}", answer.status)) }
        });
        // First what was used before: none passes, whichever time it is said to be.
        for (number, proof) in used.iter().enumerate() {
            for node in [number, number + 1].map(|number| &all.nodes[number % all.nodes.len()]) {
                let word = ask(node.public(), "/once/x", proof).word();
                found.check(
                    matches!(word, Word::Replayed | Word::Refused | Word::Barred),
                    &format!("a proof used before to be refused at {step:+} s, found {word:?}"),
                );
            }
        }
        // Then fresh ones, dated by the clock as it is: each passes once, on one node.
        for number in 0..PROOFS {
            let proof = all.signer.once(step);
            let words: Vec<Word> = (0..3)
                .map(|copy| {
                    ask(all.nodes[(number + copy) % all.nodes.len()].public(), "/once/x", &proof).word()
                })
                .collect();
            let passed = words.iter().filter(|word| **word == Word::Accepted).count();
            let well =
                words.iter().all(|word| matches!(word, Word::Accepted | Word::Replayed | Word::Barred));
            found.check(well && passed <= 1, &format!("at most one use at {step:+} s, found {words:?}"));
            accepted += passed;
            used.push(proof);
        }
        // Whatever was barred, fresh ones pass before long, without a restart. An hour back is different: what is dated then may have been
        // used then and be forgotten, so it stays barred for as long as the clock is wrong.
        if step == -HOUR {
            continue;
        }
        until(&format!("fresh proofs to pass at {step:+} s"), || {
            let proof = all.signer.once(step);
            let word = ask(all.nodes[0].public(), "/once/x", &proof).word();
            used.push(proof);
            if word == Word::Accepted { Ok(()) } else { Err(format!("{word:?}")) }
        });
        let token = all.signer.often(step);
        let word = ask(all.nodes[0].public(), "/often/x", &token).word();
        found.check(
            word == Word::Accepted,
            &format!("a token dated now to pass at {step:+} s, found {word:?}"),
        );
    }
    for node in &all.nodes {
        found.check(node.lives() && node.logged("panicked") == 0, "a process that lives");
    }
    println!("  {} proofs over seven steps: {accepted} passed once, none twice", used.len());
    // Steps that follow each other faster than a node looks may come to nothing between two looks: the last one stays.
    hands.iter().for_each(|hand| hand.set(-HOUR));
    for node in &all.nodes {
        alarmed(node, found);
    }
}

/// The operator hears of steps.
fn alarmed(node: &Node, found: &mut Found) {
    let told = || {
        let metrics = ask(node.manage(), "/metrics", "").body;
        let steps = metrics
            .lines()
            .find_map(|line| line.strip_prefix("countersign_clock_steps_total{way=\"back\"} "));
        let steps: u64 = steps.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let lines = node.logged("clock");
        if steps >= 1 && lines > 0 { Ok(()) } else { Err(format!("{steps} counted, {lines} lines")) }
    };
    until("a step back to be counted in countersign_clock_steps_total and told in the log", told);
    found.check(told().is_ok(), "a step back to be counted and told");
}

/// Proofs dated by one node's clock are taken by the other as far as its window goes, and once over both.
fn apart(all: &Installation, hands: &[Hand], found: &mut Found) {
    const APART: i64 = 15;
    hands[1].set(APART);
    let mut passed = 0;
    for number in 0..PROOFS * 4 {
        // From what both take to what only one does.
        let ahead = i64::try_from(number % 8).unwrap_or(0) * 7 - 21;
        let proof = all.signer.once(ahead);
        let first = number / 8 % 2;
        let words = [first, 1 - first, first, 1 - first]
            .map(|node| ask(all.nodes[node].public(), "/once/x", &proof).word());
        let accepted = words.iter().filter(|word| **word == Word::Accepted).count();
        let well =
            words.iter().all(|word| !matches!(word, Word::Wrong(_) | Word::Silent | Word::Unavailable));
        found.check(
            well && accepted <= 1,
            &format!("one use of {ahead:+} s over clocks {APART} s apart, found {words:?}"),
        );
        passed += accepted;
    }
    found.check(passed > PROOFS, "most of them to pass once");
    println!("  {} proofs on two nodes {APART} s apart: {passed} passed once, none twice", PROOFS * 4);
}
