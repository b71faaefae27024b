//! Hears that another node wrote, and tells the others: a channel of Redis, with polling behind it.
use crate::connection::Connection;
use crate::server::Servers;
use crate::settings::Settings;
use countersign_store::fault::Fault;
use futures_util::StreamExt;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long a silent connection is believed before it is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(5);
/// Waits between attempts, from the first to the longest: a server that comes back is not met by all nodes at once for long.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The bus of one node. Nothing depends on it: what is not heard is seen at the next poll.
pub struct Bus {
    servers: Arc<Servers>,
    channel: String,
    heard: Arc<Heard>,
    telling: Mutex<Option<Connection>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Heard {
    /// Told at each announcement, and whenever some may have been missed.
    wake: Notify,
    hears: AtomicBool,
}

impl Bus {
    /// Listens from now on. Needs a runtime.
    ///
    /// # Errors
    /// When the settings are wrong.
    pub fn start(settings: &Settings) -> Result<Self, Fault> {
        let servers = Arc::new(Servers::new(settings)?);
        let channel = format!("{}:registry", servers.prefix());
        let heard = Arc::new(Heard::default());
        let task = tokio::spawn(listen(Arc::clone(&servers), channel.clone(), Arc::clone(&heard)));
        Ok(Self { servers, channel, heard, telling: Mutex::default(), task })
    }

    /// Waits until another node may have written.
    pub async fn announced(&self) {
        self.heard.wake.notified().await;
    }

    /// Whether announcements arrive at this moment.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.heard.hears.load(Ordering::Acquire)
    }

    /// Tells the others of a version.
    ///
    /// # Errors
    /// When Redis fails; they see it at the next poll.
    pub async fn announce(&self, version: u64) -> Result<(), Fault> {
        let mut telling = self.telling.lock().await;
        // A connection that was not used for long may be gone, and an announcement does no harm twice.
        if let Some(connection) = telling.take()
            && self.tell(&connection, version).await.is_ok()
        {
            *telling = Some(connection);
            return Ok(());
        }
        let connection = self.servers.connect(&self.channel).await?;
        self.tell(&connection, version).await?;
        *telling = Some(connection);
        Ok(())
    }

    async fn tell(&self, connection: &Connection, version: u64) -> Result<(), Fault> {
        let told = connection.ask::<i64>(redis::cmd("PUBLISH").arg(&self.channel).arg(version)).await;
        told.map(|_| ()).map_err(|error| connection.failed("announce at", error))
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("channel", &self.channel).finish_non_exhaustive()
    }
}

async fn listen(servers: Arc<Servers>, channel: String, heard: Arc<Heard>) {
    let mut wait = FIRST_WAIT;
    loop {
        let Err(fault) = hear(&servers, &channel, &heard).await;
        if heard.hears.swap(false, Ordering::AcqRel) {
            tracing::warn!(%fault, "changes of other nodes are not announced any more: they are seen by polling");
            wait = FIRST_WAIT;
        }
        sleep(wait).await;
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
}

/// Listens until the connection breaks.
async fn hear(servers: &Servers, channel: &str, heard: &Heard) -> Result<Infallible, Fault> {
    let failed = |error| Fault::caused(format!("cannot listen at {}", servers.place()), error);
    let slow = |_| Fault::new(format!("{} does not answer", servers.place()));
    let patience = servers.patience();
    let (mut questions, mut messages) = servers.listen(channel).await?.split();
    timeout(patience, questions.subscribe(channel)).await.map_err(slow)?.map_err(failed)?;
    if !heard.hears.swap(true, Ordering::AcqRel) {
        tracing::info!("changes of other nodes are announced");
    }
    loop {
        // Also at the beginning: something may have been written before we listened.
        heard.wake.notify_one();
        loop {
            match timeout(SILENCE, messages.next()).await {
                Ok(Some(_)) => break,
                Ok(None) => return Err(Fault::new("the connection was lost")),
                Err(_) => {
                    let asked = questions.ping::<redis::Value>();
                    timeout(patience, asked).await.map_err(slow)?.map_err(failed)?;
                }
            }
        }
    }
}
