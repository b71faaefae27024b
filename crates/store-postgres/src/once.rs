//! The replay memory on PostgreSQL: claims that come together are decided together, in one statement, before any is answered.
use crate::database::Database;
use crate::replay::Joining;
use crate::store::PostgresStore;
use countersign::ask::{Claim, Use};
use countersign::time::Time;
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::registry::Answer;
use countersign_store::replay::{Entry, Recovery, ReplayStart, Scope};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

/// Most claims in one statement: some 50 kB.
const MOST_TOGETHER: usize = 1024;
/// Statements under way at once: one is on its way while the other waits for the disk.
const UNDER_WAY: usize = 2;
/// Claims that wait, at most: a fault beyond that, since a database that lags so far behind does not catch up in time.
const MOST_WAITING: usize = 16_384;
/// How often what is over is forgotten.
const FORGET: Duration = Duration::from_secs(10);
/// Uses are kept this much longer than they must be, seconds: more than clocks of nodes and database are apart.
const MARGIN: i64 = 60;
/// Rows removed in one statement, so that none takes long.
const MOST_FORGOTTEN: i64 = 10_000;

/// Claims that every node of an installation sees, and that survive a crash of the database.
///
/// One statement decides and remembers, on the primary and with `synchronous_commit`. When its answer does not come, the claim
/// ends in a [`Fault`], and whether the proof is used then is not known.
pub struct PostgresOnce {
    node: Arc<Node>,
    queue: Sender<Asked>,
}

struct Asked {
    claim: Claim,
    now: Time,
    answer: oneshot::Sender<Result<Use, Fault>>,
}

struct Node {
    database: Arc<Database>,
    joining: Joining,
    /// The place and generation that claims are made under.
    known: Mutex<String>,
}

impl PostgresStore {
    /// Begins to remember what is used in a scope, or goes on with what this and other nodes remember. Needs a runtime.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replay_memory_of(
        &self,
        scope: Scope,
        start: ReplayStart,
    ) -> Result<(PostgresOnce, Recovery), Fault> {
        let joining = Joining { scope, start };
        let (known, recovery) = joining.join(&self.database, joining.start.now, Entry::Begin).await?;
        Ok((PostgresOnce::start(Arc::clone(&self.database), joining, known), recovery))
    }
}

impl PostgresOnce {
    fn start(database: Arc<Database>, joining: Joining, known: String) -> Self {
        let node = Arc::new(Node { database, joining, known: Mutex::new(known) });
        let (queue, asked) = mpsc::channel(MOST_WAITING);
        tokio::spawn(write(Arc::clone(&node), asked));
        Self { node, queue }
    }
}

impl Once for PostgresOnce {
    fn claim(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async move {
            let (answer, heard) = oneshot::channel();
            self.queue.try_send(Asked { claim, now, answer }).map_err(|_| {
                Fault::new(format!(
                    "{MOST_WAITING} one-time proofs wait for the database already: it is slower than the callers"
                ))
            })?;
            heard.await.unwrap_or_else(|_| Err(Fault::new("the writer of the replay memory was stopped")))
        })
    }

    fn peek(&self, claim: Claim, _now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(self.node.database.bounded(async move {
            let database = &self.node.database;
            let mut held = database.connection().await?;
            let verdict: i32 = sqlx::query_scalar(
                "SELECT CASE WHEN $2 <= barrier OR $3 <= forgotten THEN 2 \
                 WHEN EXISTS (SELECT FROM used WHERE used.scope = replay.scope AND mark = $4) THEN 1 ELSE 0 END \
                 FROM replay WHERE scope = $1",
            )
            .bind(self.node.joining.scope.number())
            .bind(claim.since.seconds())
            .bind(claim.until.seconds())
            .bind(claim.mark.to_vec())
            .fetch_one(&mut *held)
            .await
            .map_err(|error| database.failed("read", error))?;
            held.release();
            verdict_of(verdict)
        }))
    }
}

impl std::fmt::Debug for PostgresOnce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresOnce").field("scope", &self.node.joining.scope).finish_non_exhaustive()
    }
}

/// Takes what waits, as much as fits, as soon as a statement is free for it. Ends with the memory.
async fn write(node: Arc<Node>, mut asked: Receiver<Asked>) {
    let free = Arc::new(Semaphore::new(UNDER_WAY));
    let mut forgot = Instant::now();
    loop {
        let Ok(turn) = Arc::clone(&free).acquire_owned().await else { return };
        let mut together = Vec::new();
        if asked.recv_many(&mut together, MOST_TOGETHER).await == 0 {
            return;
        }
        let forget = forgot.elapsed() >= FORGET;
        if forget {
            forgot = Instant::now();
        }
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            let now = together.iter().map(|asked| asked.now).min().unwrap_or(Time::MIN);
            node.decide(together, now).await;
            drop(turn);
            if forget && let Err(fault) = node.forget(now).await {
                tracing::warn!(%fault, "uses that are over could not be forgotten");
            }
        });
    }
}

impl Node {
    async fn decide(&self, together: Vec<Asked>, now: Time) {
        let claims: Vec<Claim> = together.iter().map(|asked| asked.claim).collect();
        match self.claim(&claims, now).await {
            Ok(uses) => {
                // As many answers as questions: `claim` saw to it.
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

    async fn claim(&self, claims: &[Claim], now: Time) -> Result<Vec<Use>, Fault> {
        for _ in 0..2 {
            if let Some(verdicts) = self.ask(claims).await? {
                let uses: Vec<Use> = verdicts
                    .into_iter()
                    .map(|verdict| verdict_of(verdict.into()))
                    .collect::<Result<_, _>>()?;
                return if uses.len() == claims.len() {
                    Ok(uses)
                } else {
                    Err(Fault::new("the database answered other claims than were made"))
                };
            }
            // The place or the terms are others than when this node began.
            let (known, recovery) = self.joining.join(&self.database, now, Entry::Again).await?;
            if let Some(why) = recovery.why {
                tracing::warn!(scope = ?self.joining.scope, why, until = recovery.barrier.seconds(),
                    "what works once and is dated before now is refused for a while");
            }
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        }
        Err(Fault::new("the replay memory changes hands all the time"))
    }

    async fn ask(&self, claims: &[Claim]) -> Result<Option<Vec<i16>>, Fault> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let marks: Vec<Vec<u8>> = claims.iter().map(|claim| claim.mark.to_vec()).collect();
        let dates: Vec<i64> = claims.iter().map(|claim| claim.since.seconds()).collect();
        let untils: Vec<i64> = claims.iter().map(|claim| claim.until.seconds()).collect();
        self.database
            .bounded(async {
                let mut held = self.database.connection().await?;
                let verdicts = sqlx::query_scalar("SELECT countersign_claim_1($1, $2, $3, $4, $5)")
                    .bind(self.joining.scope.number())
                    .bind(known)
                    .bind(marks)
                    .bind(dates)
                    .bind(untils)
                    .fetch_one(&mut *held)
                    .await
                    .map_err(|error| self.database.failed("write to", error))?;
                held.release();
                Ok(verdicts)
            })
            .await
    }

    /// Removes what is over: first it is said that it may be gone, and only then it goes.
    async fn forget(&self, now: Time) -> Result<(), Fault> {
        let scope = self.joining.scope.number();
        let failed = |error| self.database.failed("write to", error);
        let reached: Option<i64> = self
            .database
            .bounded(async {
                let mut held = self.database.connection().await?;
                let reached = sqlx::query_scalar("SELECT countersign_forget_1($1, $2, $3)")
                    .bind(scope)
                    .bind(now.seconds())
                    .bind(MARGIN)
                    .fetch_one(&mut *held)
                    .await
                    .map_err(failed)?;
                held.release();
                Ok::<_, Fault>(reached)
            })
            .await?;
        let Some(reached) = reached else { return Ok(()) };
        loop {
            let gone = self
                .database
                .bounded(async {
                    let mut held = self.database.connection().await?;
                    // Several nodes may do this at once: each takes rows that the others have not.
                    let gone = sqlx::query(
                        "DELETE FROM used WHERE scope = $1 AND mark IN (SELECT mark FROM used \
                         WHERE scope = $1 AND until <= $2 ORDER BY until LIMIT $3 FOR UPDATE SKIP LOCKED)",
                    )
                    .bind(scope)
                    .bind(reached)
                    .bind(MOST_FORGOTTEN)
                    .execute(&mut *held)
                    .await
                    .map_err(failed)?;
                    held.release();
                    Ok::<_, Fault>(gone.rows_affected())
                })
                .await?;
            if gone < MOST_FORGOTTEN.unsigned_abs() {
                return Ok(());
            }
        }
    }
}

fn verdict_of(number: i32) -> Result<Use, Fault> {
    match number {
        0 => Ok(Use::First),
        1 => Ok(Use::Again),
        2 => Ok(Use::Barred),
        _ => Err(Fault::new("the database answered a claim with an unknown verdict")),
    }
}
