//! One simulation: things are broken for a while, then all is well again and must work.
use crate::checker::{BOUND, Report};
use crate::flaw::Flaw;
use crate::world::{ACCOUNTS, World};
use crate::{callers, nemesis, operator};
use countersign_store::model::Record;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// How long things are broken.
const BROKEN: Duration = Duration::from_secs(45);
/// How long they are well until all must work: barriers are down by then, wherever clocks were.
const WELL: Duration = Duration::from_secs(170);

/// Runs one simulation from its seed to its report.
///
/// # Errors
/// When it cannot be set up.
pub fn simulate(seed: u64, flaw: Flaw) -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    let report = runtime.block_on(async {
        let world = World::new(seed, flaw)?;
        world.run().await;
        Ok(world.checker.report())
    });
    runtime.shutdown_background();
    report
}

impl World {
    async fn run(self: &Arc<Self>) {
        for node in &self.nodes {
            node.boot(Duration::ZERO);
        }
        operator::begin(self).await;
        self.network.database.replicate();
        let mut acting = tokio::task::JoinSet::new();
        for account in 0..ACCOUNTS {
            acting.spawn(callers::proofs(Arc::clone(self), account));
            acting.spawn(callers::sessions(Arc::clone(self), account));
        }
        acting.spawn(callers::replays(Arc::clone(self)));
        acting.spawn(operator::works(Arc::clone(self)));
        let breaking = tokio::spawn(nemesis::breaks(Arc::clone(self)));
        sleep(BROKEN).await;
        self.calm.store(true, Ordering::Relaxed);
        breaking.abort();
        nemesis::heals(self).await;
        // Whoever began something ends it.
        while acting.join_next().await.is_some() {}
        // The first claim at another server raises the barrier, so there must be one.
        callers::try_all(self).await;
        sleep(WELL).await;
        self.well.store(true, Ordering::Relaxed);
        operator::finishes(self).await;
        sleep(Duration::from_micros(BOUND.unsigned_abs())).await;
        self.all_is_kept().await;
        callers::all_works(self).await;
        for node in &self.nodes {
            node.crash();
        }
    }

    /// What was acknowledged is in the database, and every node has it.
    async fn all_is_kept(&self) {
        let loaded = self.network.database.step(|state| state.loaded());
        for (id, known) in self.checker.keys() {
            let kept = loaded.records.iter().find_map(|record| match record {
                Record::Key(key) if key.id == id => Some(key.life.state),
                _ => None,
            });
            let wrong = match kept {
                None => known.registered.is_some(),
                Some(state) => known.revoked.is_some() && state != countersign::life::key::KeyState::Revoked,
            };
            if wrong {
                self.checker
                    .violation(self.now(), format!("{id} was acknowledged as {known:?}, kept is {kept:?}"));
            }
        }
        for node in &self.nodes {
            let version = node.on(async |up| up.app().directory.version()).await;
            if version != Some(loaded.version) {
                let text =
                    format!("node {} is at {version:?}, the registry at {}", node.number, loaded.version);
                self.checker.violation(self.now(), text);
            }
        }
    }
}
