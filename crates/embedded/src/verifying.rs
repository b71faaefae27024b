//! A provider: judges requests that are given in parts, by accounts of its own or by asking the program.
use crate::account_file;
use crate::accounts;
use crate::arrived::Arrived;
use crate::checks;
use crate::choice::DialectChoice;
use crate::holders::{Asking, Holders};
use crate::judgement::{Answered, Judgement, Recognised, Refused, failed, unread};
use crate::memory::{Elsewhere, InProcess, Nowhere, ReplayMemory};
use crate::plain::{headers, is_plain};
use crate::unusable::Unusable;
use arc_swap::ArcSwap;
use countersign::ask::Decoys;
use countersign::base64::encode_hex;
use countersign::dialect::Dialect;
use countersign::incoming::{Body, Incoming, Target};
use countersign::reason::{Reason, Refusal, Stage};
use countersign::time::Time;
use countersign::verified::Covered;
use countersign_guard::clock::{Clock, Entropy, SystemClock, SystemEntropy, draw};
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::{Policy, Reply};
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::memory::MemoryStore;
use countersign_store::once::Once;
use futures_util::FutureExt;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Stands where a path would, when only a decoded one can be had: begins with no prefix that an account could be confined to.
const NO_TARGET: &str = "*";

/// Where accounts and their keys come from.
#[derive(Clone)]
pub enum Accounts {
    /// A description as `countersign apply` reads it, TOML or JSON.
    Described(String),
    /// The same in a file, which may name keys and secrets by file, relative to its folder.
    File(PathBuf),
    /// The program is asked for each proof.
    Asked(Arc<dyn Holders>),
}

/// What a verifier is opened with.
#[derive(Clone, Debug)]
pub struct VerifyingOptions {
    /// The dialects it takes.
    pub dialects: Vec<DialectChoice>,
    /// Who has which keys.
    pub accounts: Accounts,
    /// Where uses are remembered.
    pub memory: ReplayMemory,
    /// The address that callers use, such as `https://api.example.com`: wanted where a dialect signs the host. What a request says of
    /// itself is never believed.
    pub public: Option<String>,
    /// Bytes of a body that is read to be judged; `None`: 1 MiB.
    pub body_limit: Option<usize>,
    /// Names or ids of the accounts that are let in; `None`: all.
    pub admit: Option<Vec<String>>,
    /// What every proof must cover, of `method`, `authority`, `path`, `query`, `body` and `once`.
    pub require: Vec<String>,
    /// A secret of the program's, the same in all its processes and after restarts: by it, refusing an unknown name costs what refusing a
    /// known one could. `None`: what is described says it; where the program is asked, that is so in one process alone.
    pub secret: Option<Zeroizing<Vec<u8>>>,
}

/// Judges requests. All threads may use one at once.
pub struct Verifying {
    policy: Policy,
    guard: ArcSwap<Guard>,
    once: Arc<dyn Once>,
    decoys: Option<Decoys>,
    described: bool,
    file: Option<PathBuf>,
    public: Option<(String, String)>,
    needs_target: bool,
    local: bool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Verifying {
    /// Opens a verifier.
    ///
    /// # Errors
    /// [`Unusable`] when something it is opened with cannot be, or something is missing.
    pub fn open(options: VerifyingOptions) -> Result<Self, Unusable> {
        Self::open_with(options, Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// The same with another clock and source of random bytes, which nobody may be able to guess.
    ///
    /// # Errors
    /// As [`Verifying::open`].
    pub fn open_with(
        options: VerifyingOptions,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Unusable> {
        let dialects = options.dialects.iter().map(readable).collect::<Result<Vec<_>, _>>()?;
        let public = public(options.public.as_deref(), &dialects)?;
        let (once, local) = memory(&options.memory, &dialects, clock.now(), &*entropy)?;
        let names = dialects.iter().map(|dialect| (&**dialect.name()).into()).collect();
        let mut policy = Policy::of(dialects);
        policy.admit = options.admit;
        policy.require = required(&options.require)?;
        policy.limits.body = options.body_limit.unwrap_or(policy.limits.body);
        let described = !matches!(options.accounts, Accounts::Asked(_));
        let file = match &options.accounts {
            Accounts::File(path) => Some(path.clone()),
            Accounts::Described(_) | Accounts::Asked(_) => None,
        };
        let secret = options.secret.as_ref().map(|secret| secret.as_slice());
        let described_by = |text: &str| {
            // Strangers know neither the keys in it nor the digests.
            let decoys = Some(checks::of(secret.unwrap_or(text.as_bytes())));
            Ok::<_, Unusable>((guard(accounts::read(text)?, &once, &clock, decoys), decoys))
        };
        let (guard, decoys) = match options.accounts {
            Accounts::Asked(holders) => {
                let decoys = secret.map(checks::of).or_else(|| checks::drawn(&options.memory, &*entropy));
                let asking = Asking::new(holders, names);
                let guard = guard(Directory::empty(), &once, &clock, decoys);
                (guard.with_source(Arc::new(asking)), decoys)
            }
            Accounts::Described(text) => described_by(&text)?,
            Accounts::File(path) => described_by(&account_file::read(&path)?)?,
        };
        let needs_target = policy.dialects.iter().any(needs_target);
        let guard = ArcSwap::from_pointee(guard);
        Ok(Self { policy, guard, once, decoys, described, file, public, needs_target, local, clock, entropy })
    }

    /// Takes another description in place of the one before, all at once; uses stay remembered.
    ///
    /// # Errors
    /// [`Unusable`] when it cannot be read, or the program is asked for accounts; the one before stays.
    pub fn describe(&self, text: &str) -> Result<(), Unusable> {
        if !self.described {
            return Err(Unusable::new(
                "wanted a verifier with described accounts, found one that asks the program",
            ));
        }
        self.guard.store(Arc::new(guard(accounts::read(text)?, &self.once, &self.clock, self.decoys)));
        Ok(())
    }

    /// Reads the accounts' file again; uses stay remembered.
    ///
    /// # Errors
    /// [`Unusable`] when it cannot be read, or there is none; the accounts stay as they are.
    pub fn reload(&self) -> Result<(), Unusable> {
        let Some(path) = &self.file else {
            return Err(Unusable::new("wanted a verifier with a file of accounts, found one without"));
        };
        self.describe(&account_file::read(path)?)
    }

    /// Judges a request. A single-use proof is used up by this.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be decided: answer [`Verifying::failed`], and let nobody in.
    pub async fn judge(&self, request: &Arrived<'_>) -> Result<Judgement, Fault> {
        if request.target.is_none() && self.needs_target {
            return Err(Fault::new(
                "a dialect signs the path or query, and this server gives the path decoded only; run one that gives it as it came",
            ));
        }
        let Ok(headers) = headers(request.headers) else {
            return Ok(self.turn_away(Reason::MalformedCredential));
        };
        let too_large = |body: &[u8]| self.needs_body() && body.len() > self.policy.limits.body;
        if request.body.is_some_and(too_large) {
            return Ok(self.too_large());
        }
        let target = request.target.unwrap_or(NO_TARGET);
        let (scheme, authority) = match &self.public {
            Some((scheme, authority)) => (scheme.as_str(), authority.as_str()),
            // No dialect here looks at either.
            None => ("https", "host.invalid"),
        };
        let target = Target::new(scheme, authority, target);
        let incoming = Incoming {
            method: request.method,
            target,
            headers: &headers,
            body: match request.body {
                None => Body::Unseen,
                Some([]) => Body::Empty,
                Some(bytes) => Body::Seen(bytes),
            },
            client: request.client,
            challenge: None,
        };
        let guard = self.guard.load_full();
        Ok(match guard.judge(&self.policy, &incoming).await? {
            Verdict::Verified(verified) => {
                let recognised = Recognised::new(verified);
                if recognised.is_confined() && !is_plain(target.path) {
                    let refusal = Refusal::new(Reason::NotPermitted, Stage::Policy);
                    let reply = Reply::plain(refusal.reason);
                    return Ok(self.refused(refusal, Some(recognised.dialect()), &reply));
                }
                Judgement::Recognised(recognised)
            }
            Verdict::Absent(reply) => self.refused(unread(Reason::MissingCredentials), None, &reply),
            Verdict::Refused(denial) => {
                self.refused(denial.refusal, denial.dialect.as_deref(), &denial.reply)
            }
        })
    }

    /// The same without waiting: for programs whose functions, where any were handed in, answer before they return.
    ///
    /// # Errors
    /// As [`Verifying::judge`]; and when a function that was handed in would have to be waited for.
    pub fn judge_now(&self, request: &Arrived<'_>) -> Result<Judgement, Fault> {
        let judged = self.judge(request).now_or_never();
        judged.unwrap_or_else(|| {
            Err(Fault::new("wanted an answer at once, found one that has to be waited for"))
        })
    }

    /// The answer to a request whose body is larger than [`Verifying::body_limit`].
    #[must_use]
    pub fn too_large(&self) -> Judgement {
        // Nothing was judged yet: this is an answer of HTTP's, not of a dialect's.
        self.refused(unread(Reason::BodyTooLarge), None, &Reply::plain(Reason::BodyTooLarge))
    }

    /// The answer to a request that is no HTTP, such as one whose path is not UTF-8.
    #[must_use]
    pub fn malformed(&self) -> Judgement {
        self.turn_away(Reason::MalformedCredential)
    }

    /// The answer to a fault.
    #[must_use]
    pub fn failed(&self) -> Answered {
        failed(self.clock.now())
    }

    /// Whether a dialect signs the body, or every proof must cover it, so that it must be read before judging.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        self.policy.needs_body() || self.policy.require.body
    }

    /// Whether a dialect signs the path or query, so that they are wanted as they came.
    #[must_use]
    pub fn needs_target(&self) -> bool {
        self.needs_target
    }

    /// Bytes of a body that is read to be judged.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.policy.limits.body
    }

    /// Whether uses are remembered in this process alone, so that only one may serve.
    #[must_use]
    pub fn remembers_here(&self) -> bool {
        self.local
    }

    /// Names of headers that carry proofs, in lower case.
    #[must_use]
    pub fn carriers(&self) -> Vec<String> {
        self.policy.dialects.iter().flat_map(|dialect| dialect.carriers()).map(ToString::to_string).collect()
    }

    /// Names of the headers that carry a dialect's proofs, in lower case; none where they stand in the address or the body.
    #[must_use]
    pub fn carriers_of(&self, dialect: &str) -> Vec<String> {
        let own = self.policy.dialects.iter().filter(|own| **own.name() == *dialect);
        own.flat_map(|own| own.carriers()).map(ToString::to_string).collect()
    }

    fn turn_away(&self, reason: Reason) -> Judgement {
        self.refused(unread(reason), None, &self.policy.reply(reason))
    }

    fn refused(&self, refusal: Refusal, dialect: Option<&str>, reply: &Reply) -> Judgement {
        let reject = format!("rej_{}", encode_hex(&draw::<10>(&*self.entropy)));
        Judgement::Refused(Refused::new(refusal, dialect, reply, reject, self.clock.now()))
    }
}

fn guard(
    directory: Directory,
    once: &Arc<dyn Once>,
    clock: &Arc<dyn Clock>,
    decoys: Option<Decoys>,
) -> Guard {
    // Sessions are a server's: dialects whose proofs belong to one are not taken here.
    let sessions = Arc::new(MemoryStore::default());
    let guard = Guard::new(Arc::new(directory), Arc::clone(once), sessions, Arc::clone(clock));
    if let Some(decoys) = decoys { guard.with_decoys(decoys) } else { guard }
}

fn readable(choice: &DialectChoice) -> Result<Arc<Dialect>, Unusable> {
    let dialect = choice.read()?;
    if dialect.names_session() || dialect.opens_session() {
        return Err(Unusable::new(format!(
            "wanted a dialect that signs requests, found {}, whose proofs belong to a session; let the server judge these",
            dialect.name()
        )));
    }
    Ok(dialect)
}

fn public(given: Option<&str>, dialects: &[Arc<Dialect>]) -> Result<Option<(String, String)>, Unusable> {
    let Some(given) = given else {
        return match dialects.iter().find(|dialect| dialect.bindable().authority) {
            None => Ok(None),
            Some(dialect) => Err(Unusable::new(format!(
                "wanted the public address (such as https://api.example.com), since {} signs the host; found none",
                dialect.name()
            ))),
        };
    };
    let target = Target::from_url(given).filter(|target| target.path == "/" && target.query.is_none());
    let target = target.ok_or_else(|| {
        Unusable::new(format!("wanted a public address such as https://api.example.com, found {given:?}"))
    })?;
    Ok(Some((target.scheme.to_owned(), target.authority.to_owned())))
}

fn memory(
    given: &ReplayMemory,
    dialects: &[Arc<Dialect>],
    now: Time,
    entropy: &dyn Entropy,
) -> Result<(Arc<dyn Once>, bool), Unusable> {
    let single = dialects.iter().find(|dialect| dialect.is_single_use());
    match (given, single) {
        (ReplayMemory::None, Some(dialect)) => Err(Unusable::new(format!(
            "wanted a replay memory, since a proof of {} works once; found none: give one that all processes share, or say that there is \
             one process",
            dialect.name()
        ))),
        (ReplayMemory::None, None) => Ok((Arc::new(Nowhere), false)),
        (ReplayMemory::Process { takes_earlier }, _) => {
            let barrier = if *takes_earlier { Time::MIN } else { now };
            Ok((Arc::new(InProcess::new(draw(entropy), barrier)), single.is_some()))
        }
        (ReplayMemory::Shared(memory), _) => Ok((Arc::new(Elsewhere(Arc::clone(memory))), false)),
    }
}

fn required(names: &[String]) -> Result<Covered, Unusable> {
    let mut covered = Covered::default();
    for name in names {
        let switch = match name.as_str() {
            "method" => &mut covered.method,
            "authority" => &mut covered.authority,
            "path" => &mut covered.path,
            "query" => &mut covered.query,
            "body" => &mut covered.body,
            "once" => &mut covered.once,
            _ => {
                return Err(Unusable::new(format!(
                    "require: wanted method, authority, path, query, body or once; found {name:?}"
                )));
            }
        };
        *switch = true;
    }
    Ok(covered)
}

/// Whether a dialect looks at the path or query.
fn needs_target(dialect: &Arc<Dialect>) -> bool {
    let bindable = dialect.bindable();
    let stands_there = |place: &String| place.starts_with("the parameter");
    bindable.path || bindable.query || dialect.places().iter().any(stands_there)
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Described(_) => "Accounts::Described",
            Self::File(_) => "Accounts::File",
            Self::Asked(_) => "Accounts::Asked",
        })
    }
}

impl std::fmt::Debug for Verifying {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dialects: Vec<_> = self.policy.dialects.iter().map(|dialect| dialect.name()).collect();
        f.debug_struct("Verifying").field("dialects", &dialects).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
