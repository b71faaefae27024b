//! What the server does besides answering: follows the registry, writes last uses, forgets old sessions.
use crate::secrets::read;
use crate::shared::Shared;
use countersign_store::fault::Fault;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// Another node's write is seen within this, also when nothing announces it.
const FOLLOW: Duration = Duration::from_secs(1);
/// Last uses are written this often.
const WRITE: Duration = Duration::from_secs(10);
/// Old sessions are forgotten this often; nothing is decided by it.
const SWEEP: Duration = Duration::from_secs(60);

/// Runs until dropped.
pub(crate) async fn run(app: Arc<Shared>) {
    let every = |period: Duration| {
        let mut interval = interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    };
    let (mut follow_tick, mut write_tick, mut sweep_tick) = (every(FOLLOW), every(WRITE), every(SWEEP));
    let mut confirmed = Instant::now();
    let mut signed = app.directory.version();
    loop {
        tokio::select! {
            () = followed(&mut follow_tick, &app) => {
                if let Some(lanes) = &app.lanes {
                    lanes.tell();
                }
                // A registry that hangs is as bad as one that fails.
                match tokio::time::timeout(app.stale_after, follow(&app, &mut signed)).await {
                    Ok(Ok(())) => confirmed = Instant::now(),
                    Ok(Err(fault)) => tracing::warn!(%fault, "the registry could not be followed"),
                    Err(_) => tracing::warn!("the registry hangs"),
                }
                app.set_stale(confirmed.elapsed() >= app.stale_after);
            }
            _ = write_tick.tick() => flush(&app).await,
            _ = sweep_tick.tick() => {
                if let Err(fault) = app.sessions.sweep(app.clock.now()).await {
                    tracing::warn!(%fault, "old sessions could not be forgotten");
                }
            }
        }
    }
}

/// Waits for the next poll, or for word that another node wrote.
async fn followed(tick: &mut Interval, app: &Shared) {
    tokio::select! {
        _ = tick.tick() => {}
        () = app.registry.announced() => {}
    }
}

/// Takes up what other nodes wrote.
async fn follow(app: &Shared, signed: &mut u64) -> Result<(), Fault> {
    app.registrar.refresh().await?;
    // Our own writes are in the directory already, but not in the signing keys.
    let version = app.directory.version();
    if *signed != version {
        app.signing.replace(read(&app.directory, &app.seal)?)?;
        *signed = version;
    }
    Ok(())
}

/// Writes the last uses of keys.
pub(crate) async fn flush(app: &Shared) {
    let uses = app.take_uses();
    if uses.is_empty() {
        return;
    }
    app.directory.came_from(&uses);
    if let Err(fault) = app.registry.touch(&uses).await {
        tracing::warn!(%fault, "last uses of keys could not be written");
    }
}
