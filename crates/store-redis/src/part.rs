//! One part of a memory, in one key: who is in charge of it, by which state claims are made, and how a new one begins.
use crate::connection::{Connection, Script, is_elsewhere};
use crate::seen::Seen;
use crate::server::Servers;
use crate::state::Kept;
use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::accord::{Accord, ELSEWHERE};
use countersign_store::fault::Fault;
use countersign_store::replay::{Entry, Found, Recovery, ReplayStart, Scope};
use redis::RedisError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a state is gone by after the registry was asked for its word.
pub const LEASE: Duration = Duration::from_secs(5);
/// Clocks are put ahead by less than this without anybody having slept; a lease lasts several times as long.
const LEAP: Duration = Duration::from_secs(1);
/// After a failure, how long nobody tries anew: those who come meanwhile hear of it at once.
const REST: Duration = Duration::from_millis(100);
/// How often a claim, or a beginning, that finds things changed is tried in all.
const TRIES: usize = 8;
/// How long to wait before what is found to be apart is taken over: another node may be about to put it right.
const BREATH: Duration = Duration::from_millis(50);
/// Uses are kept this much longer than they must be, seconds: more than clocks of nodes and Redis are apart.
const MARGIN: i64 = 60;
/// What one sweep removes at most, as the script has it.
const SWEPT: usize = 1000;

const EMPTY: &str =
    "Redis knows nothing of what was used: it was started empty, flushed, or is used for the first time";
const MOVED: &str = "Redis was restarted, or a replica was promoted, which may lack what was used last";
const APART: &str = "other nodes remembered elsewhere, or at another server, what was used";

/// One part.
pub(crate) struct Part {
    servers: Arc<Servers>,
    accord: Arc<dyn Accord>,
    /// What its word is found by, and the end of its key.
    name: String,
    key: String,
    start: ReplayStart,
    /// What its tokens and words begin with: drawn for this node, so that no two are the same.
    fresh: String,
    drawn: AtomicU64,
    known: Mutex<Option<Arc<Known>>>,
    joining: tokio::sync::Mutex<()>,
    failed: Mutex<Option<(Instant, String)>>,
    /// The latest time that claims came with, and when that was.
    clock: Mutex<(Time, Instant)>,
    outdated: AtomicBool,
    kept: AtomicUsize,
    persists: AtomicBool,
}

/// By what claims are made, until anything about it changes.
struct Known {
    connection: Connection,
    token: String,
    word: String,
    /// When the registry was last asked whether the word is still the same, and said so.
    confirmed: Mutex<Instant>,
}

/// What to do with a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Claim,
    Peek,
}

impl Part {
    pub(crate) fn new(
        servers: Arc<Servers>,
        accord: Arc<dyn Accord>,
        (scope, number): (Scope, usize),
        start: ReplayStart,
        fresh: [u8; 16],
    ) -> Self {
        let scope = scope.word();
        Self {
            name: format!("{scope}/{number}"),
            // What stands in braces alone says which slot of a cluster it is in.
            key: format!("{}:{{{number}}}:{scope}", servers.prefix()),
            clock: Mutex::new((start.now, Instant::now())),
            servers,
            accord,
            start,
            fresh: format!("{:032x}", u128::from_be_bytes(fresh)),
            drawn: AtomicU64::new(0),
            known: Mutex::default(),
            joining: tokio::sync::Mutex::default(),
            failed: Mutex::default(),
            outdated: AtomicBool::new(false),
            kept: AtomicUsize::new(0),
            persists: AtomicBool::new(true),
        }
    }

    /// Begins, at the start of a node.
    ///
    /// # Errors
    /// When Redis or the registry fails, or Redis cannot be used as it is.
    pub(crate) async fn begin(&self) -> Result<Recovery, Fault> {
        let (known, recovery) = self.join(Entry::Begin).await?;
        *locked(&self.known) = Some(Arc::new(known));
        Ok(recovery)
    }

    /// Notes that it is this time. When more time has passed than was counted here, the machine slept, and the lease went on without
    /// it: whoever moved on meanwhile barred what is dated before, and not what is dated now.
    pub(crate) fn see(&self, now: Time) {
        let mut clock = locked(&self.clock);
        let at = Instant::now();
        let counted = later(clock.0, at.duration_since(clock.1));
        if now > counted {
            *clock = (now, at);
            if now > later(counted, LEAP) {
                *locked(&self.known) = None;
            }
        }
    }

    /// How many uses were there when it was last looked.
    pub(crate) fn kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }

    /// Whether the server wrote down what it acknowledged when it was last looked.
    pub(crate) fn persists(&self) -> bool {
        self.persists.load(Ordering::Relaxed)
    }

    /// Decides claims, all in one step at the server.
    ///
    /// # Errors
    /// When it cannot be told, or not in time.
    pub(crate) async fn decide(&self, claims: &[Claim], how: How) -> Result<Vec<Use>, Fault> {
        for _ in 0..TRIES {
            let known = self.known().await?;
            match self.ask(&known, claims, how).await {
                Ok(Some(verdicts)) => {
                    if !known.is_confirmed() {
                        return Err(Fault::new(
                            "the registry could not confirm in time where what was used is remembered",
                        ));
                    }
                    return uses(&verdicts, claims.len());
                }
                Ok(None) => self.leave(&known),
                // It says that it did nothing.
                Err(error) if is_elsewhere(&error) => self.leave(&known),
                Err(error) => {
                    self.leave(&known);
                    let fault = known.connection.failed("write to", error);
                    self.rest(&fault);
                    return Err(fault);
                }
            }
        }
        Err(Fault::new(format!("the replay memory of {} changes hands all the time", self.servers.place())))
    }

    /// Goes by the words that the registry had when it was asked.
    pub(crate) fn confirm(&self, words: &BTreeMap<String, String>, asked: Instant) {
        let Some(known) = locked(&self.known).clone() else { return };
        if words.get(&self.name) == Some(&known.word) {
            let mut confirmed = locked(&known.confirmed);
            *confirmed = asked.max(*confirmed);
        } else {
            self.leave(&known);
        }
    }

    /// Removes what is over: first it is said that it may be gone, and only then it goes.
    ///
    /// # Errors
    /// When Redis fails or cannot be used any more.
    pub(crate) async fn forget(&self, now: Time) -> Result<(), Fault> {
        let Some(known) = locked(&self.known).clone() else { return Ok(()) };
        let seen = match self.look(&known.connection).await {
            Ok(seen) => seen,
            Err(fault) => {
                // Whoever claims next finds out why.
                self.leave(&known);
                return Err(fault);
            }
        };
        if seen.text.is_empty() {
            return Ok(());
        }
        let mut kept = Kept::read(&seen.text)?;
        let reached = now.seconds().min(seen.clock).saturating_sub(MARGIN);
        if reached > kept.forgotten {
            kept.forgotten = reached;
            if !seen.replace(&known.connection, &self.key, &kept).await? {
                return Ok(());
            }
        }
        loop {
            let sweep = known.connection.script(Script::Sweep, &self.key);
            let gone: usize = known
                .connection
                .ask(&sweep)
                .await
                .map_err(|error| known.connection.failed("remove what is over from", error))?;
            if gone < SWEPT {
                return Ok(());
            }
        }
    }

    async fn ask(&self, known: &Known, claims: &[Claim], how: How) -> Result<Option<Vec<u8>>, RedisError> {
        let mut command = known.connection.script(Script::Claim, &self.key);
        command.arg(&known.token).arg(if how == How::Peek { "peek" } else { "claim" });
        for claim in claims {
            command.arg(&claim.mark).arg(claim.since.seconds()).arg(claim.until.seconds());
        }
        known.connection.ask(&command).await
    }

    /// What claims go by; looks anew when nothing is known or it is not confirmed.
    async fn known(&self) -> Result<Arc<Known>, Fault> {
        if let Some(known) = self.standing() {
            return Ok(known);
        }
        let _turn = self.joining.lock().await;
        if let Some(known) = self.standing() {
            return Ok(known);
        }
        if let Some((_, text)) = locked(&self.failed).as_ref().filter(|(at, _)| at.elapsed() < REST) {
            return Err(Fault::new(text.clone()));
        }
        match self.join(Entry::Again).await {
            Ok((known, recovery)) => {
                if let Some(why) = recovery.why {
                    tracing::warn!(memory = %self.name, why, until = recovery.barrier.seconds(),
                        "what works once and is dated before now is refused for a while");
                }
                let known = Arc::new(known);
                *locked(&self.known) = Some(Arc::clone(&known));
                Ok(known)
            }
            Err(fault) => {
                self.rest(&fault);
                Err(fault)
            }
        }
    }

    fn standing(&self) -> Option<Arc<Known>> {
        locked(&self.known).clone().filter(|known| known.is_confirmed())
    }

    fn leave(&self, known: &Arc<Known>) {
        let mut current = locked(&self.known);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, known)) {
            *current = None;
        }
    }

    fn rest(&self, fault: &Fault) {
        *locked(&self.failed) = Some((Instant::now(), fault.to_string()));
    }

    /// Looks at the state, changes it where this node has to, and gives what claims are to go by.
    async fn join(&self, entry: Entry) -> Result<(Known, Recovery), Fault> {
        if self.outdated.load(Ordering::Acquire) {
            return Err(outdated());
        }
        let connection = self.servers.connect(&self.key).await?;
        for turn in 0..TRIES {
            let mut asked = Instant::now();
            let said = self.accord.words().await?.remove(&self.name);
            if said.as_deref() == Some(ELSEWHERE) && entry == Entry::Again {
                return Err(outdated());
            }
            let seen = self.look(&connection).await?;
            let before = if seen.text.is_empty() { Kept::nothing() } else { Kept::read(&seen.text)? };
            let changed = self.start.changed(&before.terms);
            // Of a dialect that is unheard of, another node may have begun before this one, when all was lost: it is told now.
            if entry == Entry::Again && changed.is_some_and(|changed| changed.otherwise) {
                self.outdated.store(true, Ordering::Release);
                return Err(outdated());
            }
            let apart = said.as_deref() != Some(before.word.as_str());
            let mut word = before.word.clone();
            let mut state = before.state();
            if apart || state.place != seen.place {
                if turn == 0 {
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
                // From here on, whoever claims by the old word stops, a lease later at most.
                word = self.draw();
                asked = Instant::now();
                if !self.accord.say(&self.name, said.as_deref(), &word).await? {
                    continue;
                }
                if apart {
                    // Also where the place is the same: what was used elsewhere is not known here.
                    state.place.clear();
                }
            }
            let moved = match (seen.text.is_empty(), before.place() == seen.place) {
                (true, _) => EMPTY,
                (false, true) => APART,
                (false, false) => MOVED,
            };
            let clock = *locked(&self.clock);
            let now = later(clock.0, clock.1.elapsed());
            let found = Found {
                place: seen.place.clone(),
                moved,
                linger: Span::from_millis(i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX)),
                // By the later clock: a proof dated ahead of ours may have been used.
                latest: now.seconds().max(seen.clock).saturating_add(1),
                changed,
            };
            let (state, why) = self.start.next(state, found);
            let recovery = Recovery { barrier: Time::from_seconds(state.barrier), why };
            let mut kept = before.with(word, state);
            if recovery.why.is_some() {
                kept.token = self.draw();
                let terms = self.start.terms.iter();
                kept.terms.extend(terms.map(|(dialect, term)| (dialect.clone(), term.noted())));
                if !seen.replace(&connection, &self.key, &kept).await? {
                    continue;
                }
            }
            let known =
                Known { connection, token: kept.token, word: kept.word, confirmed: Mutex::new(asked) };
            return Ok((known, recovery));
        }
        Err(Fault::new(format!(
            "the replay memory of {} changes hands all the time: see that all nodes name the same Redis",
            self.servers.place()
        )))
    }

    /// Looks at what is there, and refuses what cannot be used.
    async fn look(&self, connection: &Connection) -> Result<Seen, Fault> {
        let seen = Seen::look(connection, &self.key, self.servers.is_cluster()).await?;
        self.kept.store(seen.uses, Ordering::Relaxed);
        self.persists.store(seen.persists, Ordering::Relaxed);
        Ok(seen)
    }

    fn draw(&self) -> String {
        format!("{}-{}", self.fresh, self.drawn.fetch_add(1, Ordering::Relaxed))
    }
}

impl Known {
    fn is_confirmed(&self) -> bool {
        locked(&self.confirmed).elapsed() < LEASE
    }
}

fn outdated() -> Fault {
    Fault::new(
        "another node was started with other terms or another place of remembering what was used: \
         start this one anew, with the same configuration",
    )
}

fn later(time: Time, by: Duration) -> Time {
    time + Span::from_millis(i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
}

fn uses(verdicts: &[u8], wanted: usize) -> Result<Vec<Use>, Fault> {
    let one = |verdict: &u8| match verdict {
        b'0' => Ok(Use::First),
        b'1' => Ok(Use::Again),
        b'2' => Ok(Use::Barred),
        _ => Err(Fault::new("Redis answered a claim with an unknown verdict")),
    };
    let uses: Vec<Use> = verdicts.iter().map(one).collect::<Result<_, _>>()?;
    if uses.len() == wanted {
        Ok(uses)
    } else {
        Err(Fault::new("Redis answered other claims than were made"))
    }
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
