//! The whole judgement on any request: nobody comes in but with a proof that a holder of a key made.
use crate::outcome;
use crate::parts::{headers, request};
use countersign::incoming::Body;
use countersign::time::Time;
use countersign_attacks::installation::{NOW, rows};
use countersign_attacks::record::{Expect, Record};
use countersign_guard::clock::FrozenClock;
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::Policy;
use countersign_keys::Remembered;
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::registry::Loaded;
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use tokio::runtime::Runtime;

/// The corpus: its good requests are the seeds, and the only proofs that may pass.
const CORPUS: &str = include_str!("../../attacks/data/corpus.jsonl");
const PRINCIPALS: &str = include_str!("../../attacks/data/principals.json");

struct World {
    guard: Guard,
    policies: Vec<Policy>,
    /// Credentials that holders of keys made: tokens, and signatures of texts.
    proofs: HashSet<Vec<u8>>,
    runtime: Runtime,
}

static WORLD: LazyLock<Option<World>> = LazyLock::new(World::new);

impl World {
    fn new() -> Option<Self> {
        let directory = Directory::load(Loaded { version: 1, records: rows(PRINCIPALS).ok()? }).ok()?;
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
        // A changed token must not pass for one that is remembered.
        let remembered = Arc::new(Remembered::new([9; 32], 1024));
        let guard = Guard::new(Arc::new(directory), store.clone(), store, clock).with_remembered(remembered);
        let load = |name: &str| countersign_dialects::load(name, &[].into()).ok().map(Arc::new);
        let routes: [&[&str]; 5] = [
            &["skykit", "skillhive"],
            &["asymmetric-jwt"],
            &["partner-key"],
            &["skillhive"],
            &["http-signature"],
        ];
        let policies = routes.iter().map(|names| names.iter().filter_map(|name| load(name)).collect());
        let policies = policies.map(Policy::of).collect();
        let mut proofs = HashSet::new();
        for record in Record::read_all(CORPUS).ok()? {
            // A record that is refused for its times or its names may well carry a good signature.
            for value in
                record.steps.iter().flat_map(|step| &step.headers).filter_map(|(_, value)| value.as_str())
            {
                proofs.insert(credential(value.as_bytes()).to_vec());
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
        Some(Self { guard, policies, proofs, runtime })
    }
}

/// The first byte chooses the route; then method, path, headers line by line, an empty line, and the body.
pub fn judge(data: &[u8]) -> u64 {
    let Some(world) = WORLD.as_ref() else { panic!("the installation of the corpus cannot be read") };
    let Some((route, rest)) = data.split_first() else { return 0 };
    let policy = world.policies.get(usize::from(*route) % world.policies.len().max(1));
    let Some(policy) = policy else { return 0 };
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let (method, path, rest) = (lines.next(), lines.next(), lines.next().unwrap_or_default());
    let (Some(method), Some(path)) = (method.map(std::str::from_utf8), path.map(std::str::from_utf8)) else {
        return 0;
    };
    let (Ok(method), Ok(path)) = (method, path) else { return 0 };
    let (headers, body) = headers(rest);
    let body = if body.is_empty() { Body::Empty } else { Body::Seen(body) };
    let incoming = request(method, path, &headers, body);
    let told = world.runtime.block_on(world.guard.explain(policy, &incoming));
    let verdict = world.runtime.block_on(world.guard.judge(policy, &incoming));
    let (Ok(told), Ok(verdict)) = (told, verdict) else { panic!("a store in memory failed") };
    match verdict {
        Verdict::Absent(_) => {
            assert_eq!(told.verdict, "absent");
            1
        }
        Verdict::Refused(denial) => {
            assert_eq!(told.reason, Some(denial.refusal.reason.code()), "explain tells another story");
            outcome(denial.refusal.reason.code())
        }
        Verdict::Verified(verified) => {
            assert_eq!(told.verdict, "verified", "explain tells another story");
            let shown =
                ["authorization", "api-signature", "signature"].iter().filter_map(|name| headers.get(*name));
            let known = shown.map(|value| credential(value.as_bytes())).any(|one| world.proofs.contains(one));
            assert!(known, "let in as {} with a proof that no holder of a key made", verified.identifier());
            outcome(verified.identifier())
        }
    }
}

/// The part of a header that only a holder of a key can make: behind a scheme word, or between the colons of a message signature, whose
/// label anybody may change.
fn credential(value: &[u8]) -> &[u8] {
    let last = value.rsplit(|byte| *byte == b' ').next().unwrap_or(value);
    let mut parts = last.split(|byte| *byte == b':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(bytes), Some(_)) => bytes,
        _ => last,
    }
}

/// Seeds: every good request of the corpus, in the shape that [`judge`] reads.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let records = Record::read_all(CORPUS).unwrap_or_default();
    let good = records.iter().filter(|record| record.expect == Expect::Accept);
    let seeds = good.filter_map(|record| {
        let step = record.steps.first()?;
        let route = match record.dialect.as_str() {
            "skykit" => 0_u8,
            "ajwt" => 1,
            "helplightning" => 2,
            "skillhive" => 3,
            "rfc9421" => 4,
            _ => return None,
        };
        let mut seed = vec![route];
        seed.extend_from_slice(format!("{}\n{}\n", step.method, step.path).as_bytes());
        for (name, value) in &step.headers {
            seed.extend_from_slice(format!("{name}: {}\n", value.as_str()?).as_bytes());
        }
        seed.push(b'\n');
        seed.extend(step.body().ok()?);
        Some(seed)
    });
    seeds.collect()
}
