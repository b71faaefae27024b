//! `countersign verify`: judges a captured request or a token here, by the guard that serves requests.
use crate::captured::Captured;
use crate::exit::{Done, Exit, Failure};
use crate::installation::Installation;
use crate::member::at;
use crate::print::{Out, pairs, plain};
use crate::{keyring, proving, world};
use clap::Args;
use countersign::dialect::Dialect;
use countersign::incoming::{Answered, Body, Incoming, Target};
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign_guard::clock::FrozenClock;
use countersign_guard::explain::{Asking, Explanation};
use countersign_guard::guard::Guard;
use countersign_guard::policy::Policy;
use countersign_keys::sha256;
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Account, CompanionRecord, Identifier, KeyRecord, Record, User};
use countersign_store::registry::Loaded;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The captured request: raw HTTP, what `curl -v` printed, a curl command, a HAR file, JSON, or a token alone; `-` for standard input.
    file: PathBuf,
    // Not as a part of its own: where these arguments may be left out as a whole, clap looks at those that stand here alone.
    /// The dialect: a shipped name (`countersign dialect list`) or the path of a dialect file.
    #[arg(short = 'd', long, value_name = "NAME|FILE")]
    dialect: String,
    /// Replaces a setting of the dialect, such as `--set lifetime=30m`.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// An installation's file (as for `countersign apply`) that says who is known.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keys", "identifier"])]
    accounts: Option<PathBuf>,
    /// A public key that is known; may be given more than once.
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// The name those keys are registered under.
    #[arg(long = "as", value_name = "IDENTIFIER")]
    identifier: Option<String>,
    /// A user they may act for.
    #[arg(long, value_name = "USER")]
    acting_as: Option<String>,
    /// The file with the API key that is known beside them.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Where the request went, such as `https://api.example`, where the capture does not say it.
    #[arg(long, value_name = "URL")]
    base: Option<String>,
    /// The body, where the capture does not show it: `@FILE` or a text.
    #[arg(long = "data", value_name = "TEXT|@FILE")]
    body: Option<String>,
    /// The time to judge at: 2026-11-22T15:00:00Z or Unix seconds; now without it.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

pub(crate) fn verify(args: &VerifyArgs, out: Out) -> Done {
    let explanation = judge(args, None)?;
    let value = serde_json::to_value(&explanation).map_err(Failure::ours)?;
    out.show(&value, || verdict(&value))?;
    answer(&explanation)
}

pub(crate) fn answer(explanation: &Explanation) -> Done {
    // What there is to say stands on standard output already.
    if explanation.verdict == "verified" { Ok(()) } else { Err(Failure::new(Exit::Refused, "")) }
}

/// The verdict of an explanation, a line a member.
pub(crate) fn verdict(explanation: &Value) -> String {
    let mut rows = Vec::new();
    let mut row = |name, value: &Value| rows.extend(value.as_str().map(|value| (name, plain(value))));
    let names = [
        ("verdict", "verdict"),
        ("dialect", "dialect"),
        ("reason", "reason"),
        ("because", "text"),
        ("next", "hint"),
    ];
    for (name, member) in names {
        row(name, at(explanation, member));
    }
    let caller = at(explanation, "caller");
    for (name, member) in [
        ("account", "account"),
        ("identifier", "identifier"),
        ("key", "key"),
        ("algorithm", "algorithm"),
        ("acting as", "acting_as"),
    ] {
        row(name, at(caller, member));
    }
    pairs(&rows)
}

/// Judges a capture; `signed` is what its caller signed.
pub(crate) fn judge(args: &VerifyArgs, signed: Option<&[u8]>) -> Result<Explanation, Failure> {
    if args.accounts.is_none() && args.keys.is_empty() {
        return Err(Failure::usage(
            "wanted who is known, found nobody; say it with --accounts FILE, or --key FILE and --as IDENTIFIER",
        ));
    }
    // What was mistyped is told before what is in the file.
    let now = args.at.as_deref().map_or_else(|| Ok(world::now()), moment)?;
    let (dialect, captured) = captured(args)?;
    let records = match &args.accounts {
        Some(path) => Installation::read(path)?.records(now),
        None => one_caller(args, &dialect, now)?,
    };
    world::run(explained(dialect, records, &captured, signed, now))
}

/// The dialect and the request that the arguments tell of.
pub(crate) fn captured(args: &VerifyArgs) -> Result<(Arc<Dialect>, Captured), Failure> {
    let dialect = proving::load(&args.dialect, &proving::settings(&args.settings)?)?;
    let mut captured = Captured::read(&world::read(&args.file)?, args.base.as_deref(), &dialect)?;
    if let Some(text) = &args.body {
        captured.body = Some(match text.strip_prefix('@') {
            Some(path) => world::read(Path::new(path))?,
            None => text.as_bytes().to_vec(),
        });
    }
    Ok((dialect, captured))
}

/// Judges by a guard that knows exactly these rows and stands at this time.
async fn explained(
    dialect: Arc<Dialect>,
    records: Vec<Record>,
    captured: &Captured,
    signed: Option<&[u8]>,
    now: Time,
) -> Result<Explanation, Failure> {
    let directory = Directory::load(Loaded { version: 1, records }).map_err(Failure::failed)?;
    let store = Arc::new(MemoryStore::new(world::random()));
    let guard = Guard::new(Arc::new(directory), store.clone(), store, Arc::new(FrozenClock::at(now)));
    let target = Target::from_url(&captured.url)
        .ok_or_else(|| Failure::usage(format!("wanted an http or https address, found {}", captured.url)))?;
    // A challenge can be opened by the server alone that issued it; offline it is taken for its own.
    let challenge =
        dialect.opens_session().then_some(Answered { prefix: None, issued: now, until: Time::MAX });
    if challenge.is_some() {
        Out::note(
            "note: whether the server issued this challenge cannot be judged here; it is taken for its own",
        );
    }
    let incoming = Incoming {
        method: &captured.method,
        target,
        headers: &captured.headers,
        body: match &captured.body {
            None => Body::Unseen,
            Some(body) if body.is_empty() => Body::Empty,
            Some(body) => Body::Seen(body),
        },
        client: None,
        challenge,
    };
    let asking = Asking { signed, ..Asking::everything() };
    guard.explain_to(&Policy::of(vec![dialect]), &incoming, &asking).await.map_err(Failure::failed)
}

/// The rows of one account that has the keys of the command line.
fn one_caller(args: &VerifyArgs, dialect: &Dialect, now: Time) -> Result<Vec<Record>, Failure> {
    let identifier = match (dialect.namespace(), &args.identifier) {
        (Some(namespace), Some(value)) => {
            Some(Identifier { namespace: namespace.to_owned(), value: value.clone() })
        }
        (None, _) => None,
        (Some(namespace), None) => {
            return Err(Failure::usage(format!(
                "{} names its callers by {namespace}; say under which the keys are known with --as {}",
                dialect.name(),
                namespace.to_uppercase()
            )));
        }
    };
    let account = "acc_caller".to_owned();
    let mut records = vec![Record::Account(Account {
        id: account.clone(),
        name: args.identifier.clone().unwrap_or_else(|| "caller".to_owned()),
        organisation: None,
        enabled: true,
        identifiers: identifier.into_iter().collect(),
        acts_as: args.acting_as.iter().cloned().collect(),
        paths: Vec::new(),
        jwks_url: None,
        role: None,
        created: now,
    })];
    for path in &args.keys {
        for intake in keyring::public_keys(path)? {
            records.push(Record::Key(KeyRecord {
                id: format!("key_{}", records.len()),
                account: account.clone(),
                label: path.display().to_string(),
                spki: intake.key.spki_der().to_vec(),
                life: KeyLife::ACTIVE,
                dialects: vec![dialect.name().to_string()],
                algorithms: intake
                    .key
                    .algorithms()
                    .iter()
                    .map(|algorithm| algorithm.name().to_owned())
                    .collect(),
                methods: Vec::new(),
                paths: Vec::new(),
                networks: Vec::new(),
                created: now,
                last_used: None,
                last_address: None,
            }));
        }
    }
    records.extend(
        args.acting_as
            .iter()
            .map(|user| Record::User(User { name: user.clone(), enabled: true, created: now })),
    );
    if let Some(path) = &args.api_key_file {
        let secret = world::read_secret(path)?;
        records.push(Record::Companion(CompanionRecord {
            id: "cmp_1".to_owned(),
            account,
            dialect: dialect.name().to_string(),
            label: path.display().to_string(),
            digest: countersign::base64::encode_hex(&sha256(&[secret.as_bytes()])),
            bound: true,
            enabled: true,
            created: now,
        }));
    }
    Ok(records)
}

/// An instant: RFC 3339 or Unix seconds.
fn moment(text: &str) -> Result<Time, Failure> {
    if let Some(time) = Time::from_decimal(text) {
        return Ok(time);
    }
    let instant: jiff::Timestamp = text.parse().map_err(|_| {
        Failure::usage(format!(
            "--at: wanted a time such as 2026-11-22T15:00:00Z or Unix seconds, found {text:?}"
        ))
    })?;
    Ok(Time::from_nanos(instant.as_nanosecond()))
}
