//! Hears that another node wrote: a connection of its own that listens, and is made anew whenever it breaks.
use crate::database::Database;
use countersign_store::fault::Fault;
use sqlx::postgres::{PgListener, PgPoolOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// What units are announced on.
pub(crate) const CHANNEL: &str = "countersign_registry";
/// How long a silent connection is believed before it is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(5);
/// How long that question, or making the connection, may take.
const ANSWER: Duration = Duration::from_secs(3);
/// Waits between attempts, from the first to the longest: a database that comes back is not met by all nodes at once for long.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Told at each announcement, and whenever some may have been missed.
    pub(crate) wake: Notify,
    /// Whether announcements arrive at this moment.
    pub(crate) hears: AtomicBool,
}

/// The task that listens, ended with its store.
#[derive(Debug)]
pub(crate) struct Bus {
    pub(crate) heard: Arc<Heard>,
    task: JoinHandle<()>,
}

impl Bus {
    pub(crate) fn start(database: Arc<Database>) -> Self {
        let heard = Arc::new(Heard::default());
        let task = tokio::spawn(listen(database, Arc::clone(&heard)));
        Self { heard, task }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(database: Arc<Database>, heard: Arc<Heard>) {
    let mut wait = FIRST_WAIT;
    loop {
        let Err(fault) = hear(&database, &heard).await;
        if heard.hears.swap(false, Ordering::AcqRel) {
            tracing::warn!(%fault, "changes of other nodes are not announced any more: they are seen by polling");
            wait = FIRST_WAIT;
        }
        sleep(wait).await;
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
}

/// Listens until the connection breaks.
async fn hear(database: &Database, heard: &Heard) -> Result<std::convert::Infallible, Fault> {
    let failed = |error| database.failed("listen at", error);
    let slow = |_| Fault::new(format!("{} does not answer", database.settings().place()));
    // A pool of one: the others stay free for work.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ANSWER)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(database.options()?);
    let mut listener = PgListener::connect_with(&pool).await.map_err(failed)?;
    listener.eager_reconnect(false);
    timeout(ANSWER, listener.listen(CHANNEL)).await.map_err(slow)?.map_err(failed)?;
    if !heard.hears.swap(true, Ordering::AcqRel) {
        tracing::info!("changes of other nodes are announced");
    }
    loop {
        // Also at the beginning: something may have been written before we listened.
        heard.wake.notify_one();
        loop {
            match timeout(SILENCE, listener.try_recv()).await {
                Ok(Ok(Some(_))) => break,
                Ok(Ok(None)) => return Err(Fault::new("the connection was lost")),
                Ok(Err(error)) => return Err(failed(error)),
                Err(_) => {
                    let asked = sqlx::query("SELECT 1").execute(&mut listener);
                    timeout(ANSWER, asked).await.map_err(slow)?.map_err(failed)?;
                }
            }
        }
    }
}
