//! What the server does besides answering: follows the registry, writes last uses, forgets old sessions, tells the audit log's head, watches the clock.
use crate::own_keys::remove_spent;
use crate::reminders;
use crate::secrets::read;
use crate::shared::Shared;
use crate::steps;
use countersign_store::audit::Head;
use countersign_store::fault::Fault;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout};

/// Another node's write is seen within this, also when nothing announces it.
const FOLLOW: Duration = Duration::from_secs(1);
/// Last uses are written, and the audit log's head is told, this often.
pub(crate) const WRITE: Duration = Duration::from_secs(10);
/// Old sessions are forgotten this often; nothing is decided by it.
const SWEEP: Duration = Duration::from_secs(60);

/// How long reading a registry whole may take: tens of millions of rows, not a connection that hangs.
const WHOLE: Duration = Duration::from_secs(300);

/// Runs until dropped. Each chore on its own: a write that hangs must not keep anybody from noticing that the registry does.
pub(crate) async fn run(app: Arc<Shared>) {
    tokio::join!(
        follow_on(&app),
        write_on(&app),
        sweep_on(&app),
        tell_on(&app),
        steps::watch(&app),
        reminders::watch(&app)
    );
}

/// Follows the registry, and says so as soon as it could not be confirmed for too long, whatever is waited for then.
async fn follow_on(app: &Shared) {
    let mut tick = every(FOLLOW);
    let mut confirmed = app.read;
    app.confirm(confirmed);
    let mut signed = app.directory.version();
    loop {
        let bound = confirmed + app.stale_after;
        tokio::select! {
            biased;
            () = followed(&mut tick, app) => {}
            () = sleep_until(bound), if !app.is_said_stale() => {
                app.set_stale(true);
                continue;
            }
        }
        if let Some(lanes) = &app.lanes {
            lanes.tell();
        }
        // What an answer says held when it was asked for; afterwards, more may have been written.
        let asked = Instant::now();
        let mut following = pin!(timeout(WHOLE, follow(app, &mut signed)));
        let done = tokio::select! {
            biased;
            done = &mut following => done,
            () = sleep_until(bound), if !app.is_said_stale() => {
                app.set_stale(true);
                following.await
            }
        };
        match done {
            Ok(Ok(())) => {
                confirmed = asked;
                app.confirm(confirmed);
            }
            Ok(Err(fault)) => tracing::warn!(%fault, "the registry could not be followed"),
            Err(_) => tracing::warn!("the registry hangs"),
        }
        app.set_stale(confirmed.elapsed() >= app.stale_after);
    }
}

async fn write_on(app: &Shared) {
    let mut tick = every(WRITE);
    loop {
        tick.tick().await;
        app.metrics.history().note(app.clock.now());
        flush(app).await;
    }
}

async fn sweep_on(app: &Shared) {
    let mut tick = every(SWEEP);
    loop {
        tick.tick().await;
        if let Err(fault) = app.sessions.sweep(app.clock.now()).await {
            tracing::warn!(%fault, "old sessions could not be forgotten");
        }
        if let Err(error) = remove_spent(app).await {
            tracing::warn!(%error, "signing keys that are no longer needed could not be removed");
        }
    }
}

/// Tells the head of the audit log whenever it moved: a log that is kept elsewhere then holds what to compare with.
async fn tell_on(app: &Shared) {
    let mut tick = every(WRITE);
    let mut told = None;
    loop {
        tick.tick().await;
        let version = app.directory.version();
        if told == Some(version) {
            continue;
        }
        match app.registry.last_audit().await {
            Ok(None) => told = Some(version),
            Ok(Some(last)) => {
                told = Some(version);
                tracing::info!(target: "countersign::audit", head = %Head::from(last), "audit log");
            }
            Err(fault) => tracing::warn!(%fault, "the head of the audit log could not be read"),
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Waits for the next poll, or for word that another node wrote.
async fn followed(tick: &mut Interval, app: &Shared) {
    tokio::select! {
        biased;
        _ = tick.tick() => {}
        () = app.registry.announced() => {}
    }
}

/// Takes up what other nodes wrote.
async fn follow(app: &Shared, signed: &mut u64) -> Result<(), Fault> {
    let news = app.registrar.refresh().await?;
    // Our own writes are in the directory already, but not in the signing keys.
    let version = app.directory.version();
    if news || *signed != version {
        app.signing.replace(read(&app.directory, &app.seal, Some(&app.signing))?)?;
        *signed = version;
    }
    Ok(())
}

/// Writes the last uses of keys.
pub(crate) async fn flush(app: &Shared) {
    let uses = app.unwritten().begin();
    if uses.is_empty() {
        return;
    }
    app.directory.came_from(&uses);
    match app.registry.touch(&uses).await {
        Ok(()) => app.unwritten().written(),
        Err(fault) => {
            tracing::warn!(%fault, "last uses of keys could not be written; they are written with the next ones")
        }
    }
}

#[cfg(test)]
mod tests;
