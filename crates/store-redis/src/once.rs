//! The replay memory on Redis: claims that come together are decided together, in one step, before any is answered.
use crate::part::{How, LEASE, Part};
use crate::server::Servers;
use crate::settings::Settings;
use countersign::ask::{Claim, Use};
use countersign::time::Time;
use countersign_store::accord::Accord;
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::registry::Answer;
use countersign_store::replay::{Recovery, ReplayStart, Scope};
use futures_util::future::try_join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Keys that a memory is spread over in a cluster, each decided by the owner of its slot. It never changes: a use is looked for where
/// it was put.
const SPREAD: usize = 16;
/// Most claims in one step: about a millisecond of the server's time, in which it serves nobody else.
const MOST_TOGETHER: usize = 256;
/// Steps under way at once: one is on its way while the other is decided.
const UNDER_WAY: usize = 2;
/// Claims that wait for one key, at most: a fault beyond that, since a server that lags so far behind does not catch up in time.
const MOST_WAITING: usize = 16_384;
/// How often what is over is forgotten, and it is looked whether the server can still be used.
const FORGET: Duration = Duration::from_secs(10);
/// How often the registry is asked for its words: several times in a lease.
const CONFIRM: Duration = Duration::from_secs(1);
/// How many times the time for one answer a claim may take in all: waiting for those before it, finding the server, asking.
const WAITS: u32 = 3;

/// Claims that every node of an installation sees. What Redis may have lost is barred, and never taken as new.
pub struct RedisOnce {
    parts: Vec<(Arc<Part>, Sender<Asked>)>,
    patience: Duration,
    confirming: JoinHandle<()>,
}

struct Asked {
    claim: Claim,
    now: Time,
    answer: oneshot::Sender<Result<Use, Fault>>,
}

impl RedisOnce {
    /// Begins to remember what is used in a scope, or goes on with what this and other nodes remember. `accord` is kept by the
    /// registry, `fresh` drawn at random for this start. Needs a runtime.
    ///
    /// # Errors
    /// When the settings are wrong, Redis or the registry fails, or Redis cannot be used as it is.
    pub async fn begin(
        settings: &Settings,
        accord: Arc<dyn Accord>,
        scope: Scope,
        start: ReplayStart,
        fresh: [u8; 16],
    ) -> Result<(Self, Recovery), Fault> {
        let servers = Arc::new(Servers::new(settings)?);
        let parts = if servers.is_cluster() { SPREAD } else { 1 };
        let parts: Vec<Arc<Part>> = (0..parts)
            .map(|number| {
                let (servers, accord) = (Arc::clone(&servers), Arc::clone(&accord));
                Arc::new(Part::new(servers, accord, (scope, number), start.clone(), fresh))
            })
            .collect();
        let begun = try_join_all(parts.iter().map(|part| part.begin())).await?;
        if !parts.iter().all(|part| part.persists()) {
            tracing::warn!(
                "{} keeps nothing on disk (appendonly no): whenever it is started anew, what works once is refused for a while",
                servers.place()
            );
        }
        let latest = begun.iter().map(|one| one.barrier).max().unwrap_or(Time::MIN);
        let why = begun.into_iter().find_map(|one| one.why);
        let confirming = tokio::spawn(confirm(accord, parts.clone()));
        let with_queue = |part: Arc<Part>| {
            let (queue, asked) = mpsc::channel(MOST_WAITING);
            tokio::spawn(write(Arc::clone(&part), asked));
            (part, queue)
        };
        let parts = parts.into_iter().map(with_queue).collect();
        let patience = servers.patience().saturating_mul(WAITS);
        Ok((Self { parts, patience, confirming }, Recovery { barrier: latest, why }))
    }

    fn part(&self, claim: &Claim) -> Result<&(Arc<Part>, Sender<Asked>), Fault> {
        // A mark is a digest, so any byte of it spreads them.
        let [first, ..] = claim.mark;
        let place = usize::from(first) % self.parts.len().max(1);
        self.parts.get(place).ok_or_else(|| Fault::new("a part of the replay memory is missing"))
    }

    async fn bounded(&self, work: impl Future<Output = Result<Use, Fault>>) -> Result<Use, Fault> {
        timeout(self.patience, work).await.unwrap_or_else(|_| {
            Err(Fault::new(format!("Redis did not decide within {} ms", self.patience.as_millis())))
        })
    }
}

impl Once for RedisOnce {
    fn claim(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(self.bounded(async move {
            let (part, queue) = self.part(&claim)?;
            part.see(now);
            let (answer, heard) = oneshot::channel();
            queue.try_send(Asked { claim, now, answer }).map_err(|_| {
                Fault::new(format!(
                    "{MOST_WAITING} one-time proofs wait for Redis already: it is slower than the callers"
                ))
            })?;
            heard.await.unwrap_or_else(|_| Err(Fault::new("the writer of the replay memory was stopped")))
        }))
    }

    fn peek(&self, claim: Claim, _now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(self.bounded(async move {
            let (part, _) = self.part(&claim)?;
            let found = part.decide(&[claim], How::Peek).await?;
            found.first().copied().ok_or_else(|| Fault::new("Redis answered nothing"))
        }))
    }

    fn remembered(&self) -> Option<usize> {
        Some(self.parts.iter().map(|(part, _)| part.kept()).sum())
    }
}

impl Drop for RedisOnce {
    fn drop(&mut self) {
        self.confirming.abort();
    }
}

impl std::fmt::Debug for RedisOnce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisOnce").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

/// Asks the registry again and again whether the parts are still where they were.
async fn confirm(accord: Arc<dyn Accord>, parts: Vec<Arc<Part>>) {
    let mut every = interval(CONFIRM);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silent = false;
    loop {
        every.tick().await;
        let asked = Instant::now();
        match timeout(LEASE, accord.words()).await {
            Ok(Ok(words)) => {
                silent = false;
                parts.iter().for_each(|part| part.confirm(&words, asked));
            }
            Ok(Err(fault)) if !silent => {
                silent = true;
                tracing::warn!(%fault, "the registry does not confirm where what was used is remembered");
            }
            _ => {}
        }
    }
}

/// Takes what waits, as much as fits, as soon as a step is free for it. Ends with the memory.
async fn write(part: Arc<Part>, mut asked: Receiver<Asked>) {
    let free = Arc::new(Semaphore::new(UNDER_WAY));
    let mut forgot = Instant::now();
    loop {
        let Ok(turn) = Arc::clone(&free).acquire_owned().await else { return };
        let mut together = Vec::new();
        if asked.recv_many(&mut together, MOST_TOGETHER).await == 0 {
            return;
        }
        // Who waited too long was told so, and nothing is used for nobody.
        together.retain(|asked| !asked.answer.is_closed());
        let Some(now) = together.iter().map(|asked| asked.now).min() else { continue };
        let forget = forgot.elapsed() >= FORGET;
        if forget {
            forgot = Instant::now();
        }
        let part = Arc::clone(&part);
        tokio::spawn(async move {
            decide(&part, together).await;
            drop(turn);
            if forget && let Err(fault) = part.forget(now).await {
                tracing::warn!(%fault, "uses that are over could not be forgotten");
            }
        });
    }
}

async fn decide(part: &Part, together: Vec<Asked>) {
    let claims: Vec<Claim> = together.iter().map(|asked| asked.claim).collect();
    match part.decide(&claims, How::Claim).await {
        Ok(uses) => {
            // As many answers as questions: `decide` saw to it.
            for (asked, found) in together.into_iter().zip(uses) {
                let _gone = asked.answer.send(Ok(found));
            }
        }
        Err(fault) => {
            let text = fault.to_string();
            for asked in together {
                let _gone = asked.answer.send(Err(Fault::new(text.clone())));
            }
        }
    }
}
