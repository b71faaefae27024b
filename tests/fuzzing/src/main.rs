//! Fuzzes without a nightly compiler: changes seeds at random, keeps what led to new outcomes, and stops at the first panic.
//!
//! `countersign-fuzzing SECONDS [TARGET…]`; `countersign-fuzzing seeds DIR` writes the seeds that are made here;
//! `countersign-fuzzing differential SECONDS` compares the lanes with other libraries on numbers drawn at random.
use countersign_fuzzing::{TARGETS, Target, answer, ext_authz, judge, lanes, message};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Inputs longer than this say nothing new; real ones are under two kilobytes.
const LONGEST: usize = 8 * 1024;
/// Seeds and finds kept per target.
const MOST_KEPT: usize = 4096;
/// Makes seeds.
type Seeds = fn() -> Vec<Vec<u8>>;
/// Targets whose seeds are made here and not committed.
const MADE: &[(&str, Seeds)] = &[
    ("judge", judge::seeds),
    ("message", message::seeds),
    ("ext_authz", ext_authz::seeds),
    ("answer", answer::seeds),
];
/// Texts that mean something to one of the readers.
const WORDS: &[&str] = &[
    "{}",
    "[]",
    "null",
    "NaN",
    "1e999",
    "-0",
    "\"",
    "\\u0000",
    "\\ud800",
    "alg",
    "none",
    "RS256",
    "crit",
    "kid",
    "exp",
    "iat",
    ".",
    "..",
    "=",
    "==",
    "-_",
    "+/",
    "\n",
    "\r\n",
    "\n\n",
    ": ",
    "Bearer ",
    "JWT ",
    "{\"a\":1,\"a\":2}",
    "-----BEGIN PUBLIC KEY-----",
    "-----END PUBLIC KEY-----",
    "ssh-ed25519 ",
    "off",
    ";req",
    ";key=\"sig1\"",
    "\"@status\"",
    "countersign-answer-head",
    "{now}",
    "[[route]]",
    "/../",
    "//",
    "%2f",
    "\u{feff}",
    "0x",
    "-01",
    "00-",
    "a@b=1",
    ",",
    "18446744073709551616",
    "1767225600.5",
];

struct Chance(u64);

impl Chance {
    fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from(self.draw() % end).unwrap_or(0)
    }
    fn byte(&mut self) -> u8 {
        self.draw().to_le_bytes()[0]
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    match arguments.split_first() {
        Some((word, [folder])) if word == "seeds" => write_seeds(Path::new(folder)),
        Some((word, [seconds])) if word == "differential" && seconds.parse::<u64>().is_ok() => {
            differential(Duration::from_secs(seconds.parse().unwrap_or(60)))
        }
        Some((seconds, names)) if seconds.parse::<u64>().is_ok() => {
            let seconds = Duration::from_secs(seconds.parse().unwrap_or(60));
            let chosen: Vec<_> = TARGETS
                .iter()
                .filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name))
                .collect();
            if chosen.is_empty() || (!names.is_empty() && chosen.len() != names.len()) {
                eprintln!("fuzzing: wanted some of {:?}, found {names:?}", TARGETS.map_names());
                return ExitCode::from(2);
            }
            // The panic's own words are printed once, with the input that led to them.
            std::panic::set_hook(Box::new(|_| {}));
            let failed = chosen.iter().filter(|(name, target)| !fuzz(name, *target, seconds, &here)).count();
            println!("fuzz: {} passed, {failed} failed", chosen.len() - failed);
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        _ => {
            eprintln!("usage: countersign-fuzzing SECONDS [TARGET…] | seeds DIR | differential SECONDS");
            ExitCode::from(2)
        }
    }
}

/// Compares the lanes for so long, with a line of counts every minute; a difference panics and tells its numbers.
fn differential(time: Duration) -> ExitCode {
    if !lanes::available() {
        println!("differential: this CPU has no AVX-512 IFMA, so there is nothing to compare");
        return ExitCode::SUCCESS;
    }
    let (started, mut told) = (now(), now());
    // A new stream in every run; it is printed, so that a difference can be found again.
    let seed = u64::from(std::process::id()) << 32
        ^ std::time::UNIX_EPOCH
            .elapsed()
            .map_or(0, |passed| u64::from(passed.subsec_nanos()) ^ passed.as_secs());
    println!("differential: seed {seed}");
    let seed = seed.to_le_bytes();
    let (mut draw, mut tally) = (lanes::Draw::new(&seed), lanes::Tally::default());
    while now().duration_since(started) < time {
        lanes::compare(&mut draw, &mut tally);
        if now().duration_since(told) > Duration::from_secs(60) {
            told = now();
            println!("differential: {tally} after {} s", now().duration_since(started).as_secs());
        }
    }
    println!("differential: {tally} in {} s, no difference", now().duration_since(started).as_secs());
    ExitCode::SUCCESS
}

trait Names {
    fn map_names(&self) -> Vec<&str>;
}

impl Names for [(&'static str, Target)] {
    fn map_names(&self) -> Vec<&str> {
        self.iter().map(|(name, _)| *name).collect()
    }
}

fn fuzz(name: &str, target: Target, time: Duration, here: &Path) -> bool {
    let mut kept = seeds(&here.join("seeds").join(name));
    kept.extend(MADE.iter().filter(|(made, _)| *made == name).flat_map(|(_, make)| make()));
    if kept.is_empty() {
        println!("fuzz {name}: no seeds; wanted some in fuzz/seeds/{name}");
        return false;
    }
    let started = now();
    // A new stream in every run; a failing input is written down, so nothing is lost by that.
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ u64::from(std::process::id()) << 20 | 1);
    let (mut seen, mut runs) = (HashSet::new(), 0_u64);
    let mut queue: Vec<Vec<u8>> = kept.clone();
    while now().duration_since(started) < time {
        // Whatever was given first, then a batch of changed ones between two looks at the clock.
        let batch = if queue.is_empty() {
            (0..64).map(|_| change(&kept, &mut chance)).collect()
        } else {
            std::mem::take(&mut queue)
        };
        for input in batch {
            runs += 1;
            match catch_unwind(AssertUnwindSafe(|| target(&input))) {
                Ok(outcome) => {
                    if seen.insert(outcome) && kept.len() < MOST_KEPT {
                        kept.push(input);
                    }
                }
                Err(panic) => {
                    let words = panic.downcast_ref::<String>().map(String::as_str);
                    let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
                    let path = here.join(format!("artifacts/{name}-{:016x}", chance.draw()));
                    let _ = path.parent().map(std::fs::create_dir_all);
                    let written = std::fs::write(&path, &input).is_ok();
                    let place = if written { path.display().to_string() } else { format!("{input:?}") };
                    println!("fuzz {name}: PANIC after {runs} runs: {words}\n  input: {place}");
                    return false;
                }
            }
        }
    }
    println!("fuzz {name}: {runs} runs, {} outcomes, no panic", seen.len());
    true
}

fn change(kept: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = kept.get(chance.below(kept.len())).cloned().unwrap_or_default();
    for _ in 0..=chance.below(4) {
        let at = chance.below(input.len() + 1).min(input.len());
        let length = chance.below(24);
        let end = (at + length).min(input.len());
        match chance.below(8) {
            0 => {
                let bit = 1 << chance.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= bit;
                }
            }
            1 => {
                let drawn = chance.byte();
                if let Some(byte) = input.get_mut(at) {
                    *byte = drawn;
                }
            }
            2 => input.splice(at..at, [chance.byte()]).for_each(drop),
            3 => input.splice(at..end, []).for_each(drop),
            4 => {
                let again: Vec<u8> = input.get(at..end).unwrap_or_default().to_vec();
                input.splice(at..at, again).for_each(drop);
            }
            5 => {
                let word = WORDS.get(chance.below(WORDS.len())).copied().unwrap_or_default();
                input.splice(at..end, word.bytes()).for_each(drop);
            }
            6 => {
                let other = kept.get(chance.below(kept.len())).cloned().unwrap_or_default();
                let from = chance.below(other.len());
                input.truncate(at);
                input.extend_from_slice(other.get(from..).unwrap_or_default());
            }
            _ => {
                let again = chance.below(200);
                let byte = chance.byte();
                input.splice(at..at, std::iter::repeat_n(byte, again)).for_each(drop);
            }
        }
    }
    input.truncate(LONGEST);
    input
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

fn write_seeds(folder: &Path) -> ExitCode {
    let written = MADE.iter().try_for_each(|(name, make)| {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        make()
            .iter()
            .enumerate()
            .try_for_each(|(number, seed)| std::fs::write(folder.join(number.to_string()), seed))
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fuzzing: {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "fuzzing runs for a time")]
fn now() -> Instant {
    Instant::now()
}
