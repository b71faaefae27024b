//! Tells one receiver what happens to keys: the audit log is what is to be sent, and one node of all sends it, in order, until it was taken.
mod endings;
mod lease;
mod receiver;
mod told;

use crate::app::App;
use crate::config::webhooks::{Event, MARK, WebhooksSection};
use countersign_guard::clock::draw;
use countersign_store::fault::Fault;
use countersign_store::model::AuditEntry;
use lease::{GONE, Lease, Mark, Stop};
use receiver::Receiver;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often it is looked whether something was written; the version in memory alone, while nothing was.
const POLL: Duration = Duration::from_millis(500);
/// How often it is looked whether webhooks were switched on.
const OFF: Duration = Duration::from_secs(5);
/// A registry that failed is asked again after this.
const FAILED: Duration = Duration::from_secs(5);
/// How often it is looked which keys end soon.
const LOOK: Duration = Duration::from_secs(3600);
/// Entries of the audit log that are read at once.
const PAGE: u32 = 100;
/// The first wait after an attempt that failed, doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Tells what happens as long as it is not dropped, by the configuration that is in force each time.
pub(crate) async fn run(current: impl Fn() -> Arc<App> + Send + Sync) {
    let name = format!("{:016x}", u64::from_be_bytes(draw(&*current().entropy)));
    let mut teller = Teller { current, name, seen: None, done: None, look: Instant::now(), receiver: None };
    loop {
        sleep(teller.turn().await).await;
    }
}

/// What one node knows of the deliveries.
struct Teller<C> {
    current: C,
    name: String,
    /// The mark of another node that holds the deliveries, and since when it stands unchanged.
    seen: Option<(Mark, Instant)>,
    /// The version of the registry up to which everything was told.
    done: Option<u64>,
    /// When it is to be looked which keys end.
    look: Instant,
    receiver: Option<Receiver>,
}

impl<C: Fn() -> Arc<App> + Send + Sync> Teller<C> {
    /// Does what there is to do; gives how long to rest afterwards.
    async fn turn(&mut self) -> Duration {
        let app = (self.current)();
        if is_over(&app) {
            if self.done.take().is_some() || self.seen.take().is_some() || self.receiver.take().is_some() {
                app.metrics.webhook_behind(0);
            }
            return OFF;
        }
        match self.look_around(&app).await {
            Ok(()) => POLL,
            Err(fault) => {
                tracing::warn!(%fault, "what webhooks are to tell could not be read; it is told later");
                FAILED
            }
        }
    }

    async fn look_around(&mut self, app: &App) -> Result<(), Fault> {
        let version = app.directory.version();
        let wants_endings = app.config.webhooks.events.contains(&Event::Ending);
        if self.done == Some(version) && !(wants_endings && Instant::now() >= self.look) {
            return Ok(());
        }
        // In this order: the mark is never ahead of a log that is read after it.
        let mark = app.registry.mark(MARK).await?;
        let last = app.registry.last_audit().await?.map_or(0, |last| last.number);
        let mark: Mark = match mark {
            Some(mark) => mark.parse()?,
            None => {
                // What was written before anybody wanted to be told is not told.
                let first = Mark { after: last, holder: None, beat: 0, looked: None };
                app.registry.swap_mark(MARK, None, &first.to_string()).await?;
                return Ok(());
            }
        };
        app.metrics.webhook_behind(last.saturating_sub(mark.after));
        let is_due = wants_endings && self.is_due(mark.looked, app.clock.now().seconds());
        if mark.after == last && !is_due {
            self.done = Some(version);
            return Ok(());
        }
        if mark.holder.as_ref().is_some_and(|holder| *holder != self.name) {
            match &self.seen {
                Some((seen, since)) if *seen == mark => {
                    if since.elapsed() < GONE {
                        return Ok(());
                    }
                    tracing::warn!("the node that pushed events is gone: this one goes on");
                }
                _ => {
                    self.seen = Some((mark, Instant::now()));
                    return Ok(());
                }
            }
        }
        self.seen = None;
        let Some(mut lease) = Lease::take(&*app.registry, mark, &self.name).await? else { return Ok(()) };
        match self.hold(&mut lease).await {
            Ok(done) => self.done = Some(done),
            Err(Stop::Lost) => {}
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Ended) => match lease.change(|mark| mark.holder = None).await {
                Err(Stop::Fault(fault)) => return Err(fault),
                Ok(()) | Err(Stop::Lost | Stop::Ended) => {}
            },
        }
        Ok(())
    }

    /// Whether nobody looked for an hour which keys end soon; notes when it is to be looked again.
    fn is_due(&mut self, looked: Option<i64>, now: i64) -> bool {
        let since = looked.map(|looked| now.saturating_sub(looked));
        let left = since.and_then(|since| LOOK.checked_sub(Duration::from_secs(u64::try_from(since).ok()?)));
        // A time yet to come is that of a clock which was set back since: looking now is safe, since only what came nearer is told.
        match left.filter(|left| !left.is_zero()) {
            Some(left) => {
                self.look = Instant::now() + left;
                false
            }
            None => true,
        }
    }

    /// Tells everything there is; gives the version of the registry up to which that is. The hold is given back then.
    async fn hold(&mut self, lease: &mut Lease<'_>) -> Result<u64, Stop> {
        // Ends with the log; each turn moves on in it.
        loop {
            let app = (self.current)();
            let now = app.clock.now().seconds();
            if app.config.webhooks.events.contains(&Event::Ending) && self.is_due(lease.mark().looked, now) {
                endings::note(&app, lease).await?;
                self.look = Instant::now() + LOOK;
            }
            let version = app.directory.version();
            let page = app.registry.audit(lease.mark().after, PAGE).await?;
            let Some(end) = page.last().map(|last| last.number) else {
                let last = app.registry.last_audit().await?.map_or(0, |last| last.number);
                if last < lease.mark().after {
                    tracing::warn!(
                        last,
                        told = lease.mark().after,
                        "the audit log is shorter than what was told of it: it is told from here on"
                    );
                }
                lease
                    .change(|mark| {
                        mark.holder = None;
                        mark.after = mark.after.min(last);
                    })
                    .await?;
                app.metrics.webhook_behind(0);
                return Ok(version);
            };
            // What is known of a key is told as well, and may be what another node wrote just now.
            app.registrar.refresh().await?;
            for entry in &page {
                self.tell(entry, lease).await?;
            }
            if lease.mark().after < end {
                lease.change(|mark| mark.after = end).await?;
            }
        }
    }

    /// Tells of one entry until it was taken, however long that takes; what is no event is passed over.
    async fn tell(&mut self, entry: &AuditEntry, lease: &mut Lease<'_>) -> Result<(), Stop> {
        let mut wait = FIRST_WAIT;
        // Ends when it was taken, is no longer wanted, or the server ends.
        loop {
            let app = (self.current)();
            let section = &app.config.webhooks;
            if is_over(&app) {
                return Err(Stop::Ended);
            }
            let Some(event) = told::event(entry, section) else { return Ok(()) };
            lease.hold().await?;
            let Err(why) = self.push(&app, section, event, entry).await else {
                app.metrics.webhook_pushed(true);
                if wait > FIRST_WAIT {
                    tracing::info!(entry = entry.number, "the receiver of webhooks takes events again");
                }
                return lease.change(|mark| mark.after = entry.number).await;
            };
            app.metrics.webhook_pushed(false);
            let last = app.registry.last_audit().await?.map_or(0, |last| last.number);
            let behind = last.saturating_sub(entry.number.saturating_sub(1));
            app.metrics.webhook_behind(behind);
            tracing::warn!(
                entry = entry.number,
                event = event.name(),
                behind,
                again_in_seconds = wait.as_secs(),
                why,
                "the receiver of webhooks did not take an event; nothing is lost, later events wait behind it"
            );
            lease.wait(wait, || is_over(&(self.current)())).await?;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn push(
        &mut self,
        app: &App,
        section: &WebhooksSection,
        event: Event,
        entry: &AuditEntry,
    ) -> Result<(), String> {
        let receiver = match self.receiver.take().filter(|receiver| receiver.section == *section) {
            Some(receiver) => receiver,
            None => Receiver::new(section).await?,
        };
        let receiver = self.receiver.insert(receiver);
        let audience = receiver.audience();
        let token = told::token(event, entry, &audience, &app.directory, &app.signing, app.clock.now())
            .map_err(|fault| fault.to_string())?;
        let pushed = receiver.push(token).await;
        if pushed.is_err() {
            // The certificates may be others by now, in the same file.
            self.receiver = None;
        }
        pushed
    }
}

/// Whether nothing is to be told any more, by this node at least.
fn is_over(app: &App) -> bool {
    app.config.webhooks.url.is_none() || app.is_draining()
}
