//! One node's way to the database: late, lost on the way there or on the way back, cut, or leading to another server meanwhile.
use crate::chance::Chance;
use crate::database::{Database, State};
use crate::flaw::Flaw;
use crate::watch::True;
use countersign::ask::{Claim, Use};
use countersign::life::session::Session;
use countersign::time::Time;
use countersign_store::fault::Fault;
use countersign_store::model::{AuditDraft, AuditEntry, Write};
use countersign_store::once::Once;
use countersign_store::registry::{Answer, Changes, LastUse, Loaded, NotWritten, Registry};
use countersign_store::sessions::Sessions;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// A statement that has no answer by then has failed, as `store.statement_timeout` says.
const BOUND: Duration = Duration::from_secs(5);

/// The network between the nodes and the database, as whoever breaks it sees it.
#[derive(Debug)]
pub struct Network {
    /// The database.
    pub database: Arc<Database>,
    /// Simulated time: the database's clock is right.
    pub truth: True,
    /// Of a hundred messages, how many are lost.
    pub losing: AtomicU64,
    /// Milliseconds that a message takes at most.
    pub slowest: AtomicU64,
    /// Which nodes reach nothing.
    cut: Vec<AtomicBool>,
    /// Rung for each node when one has written.
    bells: Vec<Arc<Notify>>,
    /// Of a hundred announcements, how many are lost.
    pub deaf: AtomicU64,
}

/// One node's way, for as long as the node runs.
pub struct Link {
    network: Arc<Network>,
    node: usize,
    chance: Chance,
    /// Where the rows lay when everything was read last.
    read_at: Mutex<Option<u64>>,
    moved: AtomicBool,
    /// What each replay memory is claimed under.
    known: [Mutex<Option<(u64, u64)>>; 2],
}

/// One of the two replay memories of a node.
pub struct Claims(pub Arc<Link>, pub usize);

impl Network {
    /// A network without faults between this database and so many nodes.
    #[must_use]
    pub fn new(database: Arc<Database>, truth: True, nodes: usize) -> Self {
        Self {
            database,
            truth,
            losing: AtomicU64::new(0),
            slowest: AtomicU64::new(4),
            cut: (0..nodes).map(|_| AtomicBool::new(false)).collect(),
            bells: (0..nodes).map(|_| Arc::default()).collect(),
            deaf: AtomicU64::new(0),
        }
    }

    /// Cuts a node off, or joins it again.
    pub fn set_cut(&self, node: usize, cut: bool) {
        if let Some(flag) = self.cut.get(node) {
            flag.store(cut, Ordering::Relaxed);
        }
    }

    fn is_cut(&self, node: usize) -> bool {
        self.cut.get(node).is_some_and(|cut| cut.load(Ordering::Relaxed))
    }

    /// Tells every node that something was written; some do not hear it, and some twice.
    fn announce(&self, chance: &Chance) {
        for (node, bell) in self.bells.iter().enumerate() {
            let deaf = chance.in_hundred(self.deaf.load(Ordering::Relaxed)) || self.is_cut(node);
            let (bell, late) = (Arc::clone(bell), chance.between(1, 40));
            let twice = chance.in_hundred(10);
            if !deaf {
                tokio::spawn(async move {
                    sleep(late).await;
                    bell.notify_one();
                    if twice {
                        sleep(late).await;
                        bell.notify_one();
                    }
                });
            }
        }
    }
}

impl Link {
    /// The way of a node that begins.
    #[must_use]
    pub fn new(network: Arc<Network>, node: usize, seed: u64) -> Arc<Self> {
        let chance = Chance::new(seed, &format!("link {node}"));
        Arc::new(Self {
            network,
            node,
            chance,
            read_at: Mutex::default(),
            moved: AtomicBool::new(false),
            known: Default::default(),
        })
    }

    /// Goes there, takes one step, and comes back; each part may fail.
    async fn ask<T>(&self, step: impl FnOnce(&mut State) -> T) -> Result<T, Fault> {
        let (network, chance) = (&self.network, &self.chance);
        let gives_up = Instant::now() + BOUND;
        let (losing, slowest) =
            (network.losing.load(Ordering::Relaxed), network.slowest.load(Ordering::Relaxed));
        let (there, back) = (chance.between(0, slowest), chance.between(0, slowest));
        let (lost, unheard) = (chance.in_hundred(losing), chance.in_hundred(losing));
        let refused = chance.in_hundred(50);
        let failed = async |hangs: bool| {
            if hangs {
                sleep_until(gives_up).await;
            }
            Err(Fault::new("the database did not answer"))
        };
        if network.is_cut(self.node) {
            return failed(!refused).await;
        }
        sleep(there).await;
        if lost || network.is_cut(self.node) || Instant::now() >= gives_up {
            return failed(true).await;
        }
        let (done, place) = network.database.step(|state| (step(state), state.place));
        sleep(back).await;
        let elsewhere = network.database.step(|state| state.place) != place;
        if unheard || elsewhere || network.is_cut(self.node) || Instant::now() >= gives_up {
            // What was done stays done; nobody here knows.
            return failed(!refused).await;
        }
        Ok(done)
    }

    fn goes_on(&self, place: u64) -> bool {
        let read = *self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        if read.is_some_and(|read| read != place) {
            self.moved.store(true, Ordering::Relaxed);
        }
        !self.moved.load(Ordering::Relaxed)
    }

    async fn decide(&self, scope: usize, claim: &Claim, now: Time, remembers: bool) -> Result<Use, Fault> {
        let flaw = self.network.database.flaw;
        for _ in 0..3 {
            let known =
                self.known.get(scope).map(|known| *known.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(Some(known)) = known {
                let in_one = flaw != Flaw::ClaimInTwoSteps;
                let mut found =
                    self.ask(|state| state.claim(scope, known, claim, remembers && in_one)).await?;
                if found == Some(Use::First) && remembers && !in_one {
                    self.ask(|state| state.claim(scope, known, claim, true)).await?;
                    found = Some(Use::First);
                }
                if let Some(found) = found {
                    return Ok(found);
                }
            }
            self.join(scope, now).await?;
        }
        Err(Fault::new("the replay memory changes hands all the time"))
    }

    /// Begins to claim in a replay memory, or looks again under which terms.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn join(&self, scope: usize, now: Time) -> Result<(), Fault> {
        let flaw = self.network.database.flaw;
        let latest = now.seconds().max(self.network.truth.now().seconds() + 1);
        let joined = self.ask(|state| state.join(scope, latest, flaw)).await?;
        if let Some(known) = self.known.get(scope) {
            *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(joined);
        }
        Ok(())
    }

    /// Removes what is over; done by each node now and then.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget(&self, now: Time) -> Result<(), Fault> {
        let truth = self.network.truth;
        self.ask(|state| state.forget(now.seconds().min(truth.now().seconds()))).await
    }
}

impl Registry for Link {
    fn load(&self) -> Answer<'_, Result<Loaded, Fault>> {
        Box::pin(async {
            let (loaded, place) = self.ask(|state| (state.loaded(), state.place)).await?;
            *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
            self.moved.store(false, Ordering::Relaxed);
            Ok(loaded)
        })
    }

    fn version(&self) -> Answer<'_, Result<u64, Fault>> {
        Box::pin(async {
            let (version, place) = self.ask(|state| (state.version, state.place)).await?;
            self.goes_on(place);
            Ok(version)
        })
    }

    fn has_moved(&self) -> bool {
        self.moved.load(Ordering::Relaxed)
    }

    fn changes(&self, since: u64) -> Answer<'_, Result<Option<Changes>, Fault>> {
        Box::pin(async move {
            let flaw = self.network.database.flaw;
            let (changes, place) = self.ask(|state| (state.changes(since, flaw), state.place)).await?;
            Ok(changes.filter(|_| self.goes_on(place)))
        })
    }

    fn announced(&self) -> Answer<'_, ()> {
        Box::pin(async {
            match self.network.bells.get(self.node) {
                Some(bell) => bell.notified().await,
                None => std::future::pending().await,
            }
        })
    }

    fn commit<'a>(
        &'a self,
        base: u64,
        writes: &'a [Write],
        audit: &'a [AuditDraft],
    ) -> Answer<'a, Result<u64, NotWritten>> {
        Box::pin(async move {
            if self.network.database.flaw == Flaw::CommitForgotten && self.chance.in_hundred(30) {
                return Ok(base.saturating_add(1));
            }
            let step = |state: &mut State| {
                let goes_on = self.goes_on(state.place);
                if goes_on { state.commit(base, writes, audit) } else { None }
            };
            let written = self.ask(|state| {
                let written = step(state);
                if written.is_some() {
                    self.network.announce(&self.chance);
                }
                written
            });
            written.await.map_err(NotWritten::Fault)?.ok_or(NotWritten::Conflict)
        })
    }

    fn audit(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        Box::pin(self.ask(move |state| state.audit(after, limit)))
    }

    fn last_audit(&self) -> Answer<'_, Result<Option<AuditEntry>, Fault>> {
        Box::pin(self.ask(|state| state.last_audit()))
    }

    fn touch<'a>(&'a self, _uses: &'a [LastUse]) -> Answer<'a, Result<(), Fault>> {
        Box::pin(self.ask(|_| ()))
    }

    fn uses<'a>(&'a self, _keys: &'a [String]) -> Answer<'a, Result<Vec<LastUse>, Fault>> {
        Box::pin(self.ask(|_| Vec::new()))
    }

    fn backup<'a>(&'a self, _to: &'a Path) -> Answer<'a, Result<(), Fault>> {
        Box::pin(std::future::ready(Err(Fault::new("nothing is backed up in a simulation"))))
    }
}

impl Once for Claims {
    fn claim(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async move {
            let decided = self.0.decide(self.1, &claim, now, true).await;
            match decided {
                Err(_) if self.0.network.database.flaw == Flaw::FaultAsRefusal => Ok(Use::Again),
                decided => decided,
            }
        })
    }

    fn peek(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async move { self.0.decide(self.1, &claim, now, false).await })
    }
}

impl Sessions for Link {
    fn open<'a>(&'a self, session: &'a Session) -> Answer<'a, Result<(), Fault>> {
        Box::pin(async move { self.ask(|state| state.open(session)).await? })
    }

    fn get<'a>(&'a self, id: &'a str) -> Answer<'a, Result<Option<Arc<Session>>, Fault>> {
        Box::pin(self.ask(move |state| state.sessions.get(id).cloned().map(Arc::new)))
    }

    fn replace<'a>(&'a self, before: &'a Session, after: &'a Session) -> Answer<'a, Result<bool, Fault>> {
        let flaw = self.network.database.flaw;
        Box::pin(self.ask(move |state| state.replace(before, after, flaw)))
    }

    fn list<'a>(
        &'a self,
        account: Option<&'a str>,
        now: Time,
    ) -> Answer<'a, Result<Vec<Arc<Session>>, Fault>> {
        Box::pin(self.ask(move |state| {
            let wanted = |session: &&Session| {
                session.is_live(now) && account.is_none_or(|account| session.account == account)
            };
            let mut found: Vec<_> = state.sessions.values().filter(wanted).cloned().map(Arc::new).collect();
            found.sort_by(|one, other| one.opened.cmp(&other.opened).then_with(|| one.id.cmp(&other.id)));
            found
        }))
    }

    fn sweep(&self, _now: Time) -> Answer<'_, Result<u64, Fault>> {
        // Ended sessions stay, so that the checker can ask for them.
        Box::pin(async { Ok(0) })
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({})", self.node)
    }
}
