//! The pool of connections: every wait has a bound, and a connection that was left in the middle of something is closed.
use crate::settings::Settings;
use countersign_store::fault::Fault;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{Connection, PgPool, Postgres, Row};
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait for a free connection, or for a new one to be made.
const ACQUIRE: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is asked whether it lives before it is used.
const IDLE: Duration = Duration::from_secs(1);
/// How long that answer may take. Making a connection takes several such answers within [`ACQUIRE`], so waiting longer for one
/// would save nothing.
const ASK: Duration = Duration::from_millis(500);
/// For this long after a connection broke, every other one is asked as well: it may have broken with it.
const SUSPECT: Duration = Duration::from_secs(60);
/// Connections are made anew after this time, so that they follow a name that moved to another address.
const LIFETIME: Duration = Duration::from_secs(1800);
/// How long reading or writing a whole installation may take: a start, a copy, bringing tables up to date.
const WHOLE: Duration = Duration::from_secs(900);
/// What writing one row may take beside that: a few round trips, also to another town.
const EACH_ROW: Duration = Duration::from_millis(50);

/// The connections to one database.
#[derive(Debug)]
pub(crate) struct Database {
    settings: Settings,
    pool: PgPool,
    signs: Arc<Signs>,
}

/// What was noticed about connections, for those who ask for one.
#[derive(Debug, Default)]
struct Signs {
    /// When one was last left in the middle of something.
    broken: Mutex<Option<Instant>>,
    /// When one that was idle last gave no answer: those that were idle with it are as good as gone, and waiting for each would take
    /// as many times as long.
    silent: Mutex<Option<Instant>>,
    /// Why new ones cannot be used, when it is known.
    unfit: Mutex<Option<&'static str>>,
}

/// A connection out of the pool. Unless it is given back by [`Self::release`], it is closed: the server then takes back what was
/// begun on it, and no later work finds it in an unknown state.
pub(crate) struct Held {
    connection: PoolConnection<Postgres>,
    signs: Arc<Signs>,
    whole: bool,
}

impl Database {
    /// Makes the pool and its first connection, and sees what stands behind it.
    ///
    /// # Errors
    /// When the settings are wrong, the database does not answer, or it cannot be used: read-only, too old, not in UTF-8.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, Fault> {
        let options = options(settings)?;
        let timeout = settings.statement_timeout.as_millis();
        let signs = Arc::new(Signs::default());
        let (asked, told) = (Arc::clone(&signs), Arc::clone(&signs));
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections.max(2))
            .min_connections(0)
            .acquire_timeout(ACQUIRE)
            .max_lifetime(LIFETIME)
            .test_before_acquire(false)
            .before_acquire(move |connection, meta| {
                let ask = meta.idle_for > IDLE || asked.are_bad();
                let gone = asked.went_silent_after(meta.idle_for);
                let signs = Arc::clone(&asked);
                Box::pin(async move {
                    if gone {
                        return Ok(false);
                    }
                    if ask {
                        let answer = tokio::time::timeout(ASK, connection.ping()).await;
                        let Ok(answer) = answer else {
                            signs.are_silent();
                            return Ok(false);
                        };
                        answer?;
                    }
                    Ok(true)
                })
            })
            .after_connect(move |connection, _| Box::pin(prepare(connection, timeout, Arc::clone(&told))))
            .connect_lazy_with(options);
        let database = Self { settings: settings.clone(), pool, signs };
        database.examine().await?;
        Ok(database)
    }

    /// A connection to work on.
    ///
    /// # Errors
    /// When none is free in time, or the database does not answer.
    pub(crate) async fn connection(&self) -> Result<Held, Fault> {
        match self.pool.acquire().await {
            Ok(connection) => Ok(Held { connection, signs: Arc::clone(&self.signs), whole: false }),
            // The pool tries again and again, and does not say what it met.
            Err(sqlx::Error::PoolTimedOut) => Err(Fault::new(format!(
                "cannot reach {} within {} s: {}",
                self.settings.place(),
                ACQUIRE.as_secs(),
                self.signs.unfit().unwrap_or("it does not answer, or all connections are in use")
            ))),
            Err(error) => Err(self.failed("reach", error)),
        }
    }

    /// Begins a unit on a connection of its own.
    ///
    /// # Errors
    /// As for [`Self::connection`].
    pub(crate) async fn begin(&self, how: &'static str) -> Result<Held, Fault> {
        let mut held = self.connection().await?;
        sqlx::raw_sql(how).execute(&mut *held).await.map_err(|error| self.failed("begin at", error))?;
        Ok(held)
    }

    /// Ends a unit and gives its connection back.
    ///
    /// # Errors
    /// When the database fails. Whether the unit was written is then not known.
    pub(crate) async fn commit(&self, mut held: Held) -> Result<(), Fault> {
        sqlx::raw_sql("COMMIT").execute(&mut *held).await.map_err(|error| self.failed("write to", error))?;
        held.release();
        Ok(())
    }

    /// Sees that the server takes writes still: one that was fenced off confirms nothing, since changes are made elsewhere by now.
    ///
    /// # Errors
    /// When it only reads, or fails.
    pub(crate) async fn sees_that_it_writes(&self, held: &mut Held) -> Result<(), Fault> {
        let only_reads: bool = sqlx::query_scalar("SELECT current_setting('transaction_read_only')::boolean")
            .fetch_one(&mut **held)
            .await
            .map_err(|error| self.failed("read", error))?;
        if only_reads {
            return Err(Fault::new(format!("{}: {ONLY_READS}", self.settings.place())));
        }
        Ok(())
    }

    /// Gives up what was begun; the connection goes back to the pool when the server has confirmed that.
    pub(crate) async fn roll_back(&self, mut held: Held) {
        if sqlx::raw_sql("ROLLBACK").execute(&mut *held).await.is_ok() {
            held.release();
        }
    }

    /// Bounds a piece of work. What does not end in time is given up with its connection.
    ///
    /// # Errors
    /// The work's own, or that the database did not answer in time.
    pub(crate) async fn bounded<T, E: From<Slow>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.within(self.settings.patience(), work).await
    }

    /// The same for work that writes so many rows: a handful is waited for no longer than anything else, since other writers, and
    /// whoever follows the registry, wait in line behind it.
    ///
    /// # Errors
    /// As for [`Self::bounded`].
    pub(crate) async fn bounded_by<T, E: From<Slow>>(
        &self,
        rows: usize,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let more = EACH_ROW.saturating_mul(u32::try_from(rows).unwrap_or(u32::MAX));
        self.within(self.settings.patience().saturating_add(more).min(WHOLE), work).await
    }

    /// The same for work on a whole installation.
    ///
    /// # Errors
    /// As for [`Self::bounded`].
    pub(crate) async fn patient<T, E: From<Slow>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.within(WHOLE, work).await
    }

    /// The fault of a failed step.
    pub(crate) fn failed(&self, what: &str, error: sqlx::Error) -> Fault {
        self.settings.failed(what, error)
    }

    /// How a connection is made.
    ///
    /// # Errors
    /// When the settings are wrong.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, Fault> {
        options(&self.settings)
    }

    /// Where it is.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Ends the connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    async fn within<T, E: From<Slow>>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match tokio::time::timeout(patience, work).await {
            Ok(done) => done,
            Err(_) => Err(Slow(Fault::new(format!(
                "{} did not answer within {} s",
                self.settings.place(),
                patience.as_secs()
            )))
            .into()),
        }
    }

    async fn examine(&self) -> Result<(), Fault> {
        self.bounded(async {
            let mut held = self.connection().await?;
            let sql = "SELECT current_setting('server_version_num')::bigint AS version, \
                       current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync, \
                       current_schema()::text AS schema";
            let row = sqlx::query(sql).fetch_one(&mut *held).await.map_err(|error| self.failed("read", error))?;
            let read = |error| self.failed("read", error);
            let version: i64 = row.try_get("version").map_err(read)?;
            let encoding: String = row.try_get("encoding").map_err(read)?;
            let fsync: String = row.try_get("fsync").map_err(read)?;
            let schema: Option<String> = row.try_get("schema").map_err(read)?;
            held.release();
            let place = self.settings.place();
            if version < 140_000 {
                return Err(Fault::new(format!(
                    "wanted PostgreSQL 14 or newer, found {} at {place}: bring it up to date",
                    version / 10_000
                )));
            }
            if encoding != "UTF8" {
                return Err(Fault::new(format!(
                    "wanted a database in UTF8, found {encoding} at {place}: create one with ENCODING 'UTF8'"
                )));
            }
            if schema.is_none() {
                return Err(Fault::new(format!(
                    "{place} has no schema that this user may use: create one, or grant USAGE and CREATE on it"
                )));
            }
            if fsync == "off" {
                tracing::warn!("{place} runs with fsync = off: a loss of power loses what was acknowledged");
            }
            Ok(())
        })
        .await
    }
}

fn options(settings: &Settings) -> Result<PgConnectOptions, Fault> {
    settings.options().map_err(|wrong| Fault::caused("the database cannot be used", wrong))
}

/// That the database did not answer in time.
pub(crate) struct Slow(Fault);

impl From<Slow> for Fault {
    fn from(slow: Slow) -> Self {
        slow.0
    }
}

impl From<Slow> for countersign_store::registry::NotWritten {
    fn from(slow: Slow) -> Self {
        Self::Fault(slow.0)
    }
}

/// What a server is told that only reads.
pub(crate) const ONLY_READS: &str =
    "this server only reads (a standby, or default_transaction_read_only); name the primary";

/// Sets what holds on every connection (at another isolation, what waited for a lock would not see what it waited for), and refuses a server that only reads: a standby's answer is no answer.
async fn prepare(connection: &mut PgConnection, timeout: u128, signs: Arc<Signs>) -> Result<(), sqlx::Error> {
    let sql = format!(
        "SELECT set_config('statement_timeout', '{timeout}', false), set_config('lock_timeout', '{timeout}', false), \
         set_config('idle_in_transaction_session_timeout', '10000', false), \
         set_config('default_transaction_isolation', 'read committed', false), \
         set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false), \
         CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END, \
         pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS standby"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).fetch_one(connection).await?;
    let standby: bool = row.try_get("standby")?;
    let unfit = standby.then_some(ONLY_READS);
    *signs.unfit.lock().unwrap_or_else(PoisonError::into_inner) = unfit;
    unfit.map_or(Ok(()), |why| Err(sqlx::Error::Configuration(why.into())))
}

impl Signs {
    fn are_bad(&self) -> bool {
        let broken = *self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.is_some_and(|at| at.elapsed() < SUSPECT)
    }

    fn are_silent(&self) {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether one gave no answer while another, idle for so long now, was idle as well.
    fn went_silent_after(&self, idle_for: Duration) -> bool {
        let silent = *self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.is_some_and(|at| at.elapsed() <= idle_for)
    }

    fn unfit(&self) -> Option<&'static str> {
        *self.unfit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Gives the connection back to the pool: nothing is begun on it.
    pub(crate) fn release(mut self) {
        self.whole = true;
    }
}

impl Deref for Held {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.whole {
            self.connection.close_on_drop();
            *self.signs.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }
}
