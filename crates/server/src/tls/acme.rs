//! Certificates that the server orders for itself: when, how often after a failure, and what is presented meanwhile.
pub(crate) mod issued;
mod kept;
mod order;
pub(crate) mod texts;

use crate::config::acme::Acme;
use crate::shared::Shared;
use crate::tls::certificate::Certificate;
use countersign::time::{Span, Time};
use countersign_guard::clock::draw;
use issued::Issued;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The first wait after a failure; it doubles up to the longest. Authorities allow about five failures an hour for a name.
const FIRST_WAIT: Duration = Duration::from_secs(5 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 60 * 60);
/// The clock is looked at this often, whatever the timer says.
const LOOK: Duration = Duration::from_secs(60 * 60);
/// An order takes seconds; one that hangs is given up.
const WHOLE: Duration = Duration::from_secs(5 * 60);

/// One order that is looked after.
struct Tended {
    issued: Arc<Issued>,
    task: JoinHandle<()>,
}

/// All orders of the server; listeners with the same settings share one.
#[derive(Default)]
pub(crate) struct Orders(Vec<Tended>);

impl Orders {
    /// What these settings have led to so far; nothing is ordered by this.
    ///
    /// # Errors
    /// When there is no place to keep it, or what is kept there cannot be read.
    pub(crate) fn issued(&self, acme: &Acme, data: Option<&Path>) -> Result<Arc<Issued>, String> {
        if let Some(tended) = self.0.iter().find(|tended| tended.issued.settings == *acme) {
            return Ok(Arc::clone(&tended.issued));
        }
        let data = data.ok_or("acme: the server was started without a data directory to keep keys in")?;
        Issued::open(data, acme).map(Arc::new)
    }

    /// Looks after these and no others from now on.
    pub(crate) fn tend(&mut self, wanted: &[Arc<Issued>], shared: &Arc<Shared>) {
        self.0.retain(|tended| wanted.iter().any(|issued| Arc::ptr_eq(issued, &tended.issued)));
        for issued in wanted {
            if self.0.iter().any(|tended| Arc::ptr_eq(issued, &tended.issued)) {
                continue;
            }
            let (issued, shared) = (Arc::clone(issued), Arc::clone(shared));
            let task = tokio::spawn(tend(Arc::clone(&issued), shared));
            self.0.push(Tended { issued, task });
        }
    }

    /// Makes everybody look at the clock.
    pub(crate) fn wake(&self) {
        for tended in &self.0 {
            tended.issued.wake();
        }
    }
}

impl Drop for Tended {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Orders when it is time to; never ends.
async fn tend(issued: Arc<Issued>, shared: Arc<Shared>) {
    let mut failures = 0_u32;
    let mut again: Option<Time> = None;
    // Servers that were started together do not order together.
    let share = u64::from_be_bytes(draw(&*shared.entropy));
    loop {
        let due = issued.certificate().map(|current| due(&current, share));
        let now = shared.clock.now();
        let wait = again.map_or(Duration::ZERO, |again| until(now, again));
        // A clock that was set back must not make the wait longer than any wait is.
        let wait = if wait > LONGEST_WAIT * 2 { Duration::ZERO } else { wait };
        let left = due.map_or(Duration::ZERO, |due| until(now, due)).max(wait);
        if !left.is_zero() {
            issued.rest(left.min(LOOK)).await;
            continue;
        }
        let names = issued.settings.domains.join(", ");
        let ordered = tokio::time::timeout(WHOLE, order::obtain(&issued, &shared.texts)).await;
        issued.clear_answers(&shared.texts);
        let ordered = ordered.unwrap_or_else(|_| Err("the authority took too long".to_owned()));
        shared.metrics.ordered(ordered.is_ok());
        match ordered.and_then(|pem| issued.take(&pem, shared.clock.now())) {
            Ok(ends) => {
                (failures, again) = (0, None);
                tracing::info!(
                    names,
                    ends = ends.seconds(),
                    "a certificate was issued and is presented from now on"
                );
            }
            Err(error) => {
                let wait = pause(failures, share);
                again =
                    Some(shared.clock.now() + Span::from_seconds(i64::try_from(wait.as_secs()).unwrap_or(0)));
                failures = failures.saturating_add(1);
                let has =
                    if issued.certificate().is_some() { "the old one stays" } else { "there is none yet" };
                tracing::error!(
                    names,
                    failures,
                    again_in = wait.as_secs(),
                    "no certificate was issued, {has}: {error}"
                );
                issued.rest(wait).await;
            }
        }
    }
}

/// At two thirds of a certificate's life, or up to a thirtieth of it earlier.
fn due(certificate: &Certificate, share: u64) -> Time {
    let life = certificate.ends.since(certificate.begins).seconds().max(0);
    let early = i64::try_from(share % 1000).unwrap_or(0) * (life / 30) / 1000;
    certificate.begins + Span::from_seconds(life / 3 * 2 - early)
}

fn until(now: Time, due: Time) -> Duration {
    u64::try_from(due.since(now).millis()).map_or(Duration::ZERO, Duration::from_millis)
}

/// How long to wait after a failure: doubled each time, and up to a tenth longer.
fn pause(failures: u32, share: u64) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(1 << failures.min(10)).min(LONGEST_WAIT);
    wait + wait / 10 * u32::try_from(share % 100).unwrap_or(0) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let waits: Vec<u64> = (0..40).map(|failures| pause(failures, 0).as_secs()).collect();
        assert_eq!(waits.get(..4), Some(&[300, 600, 1200, 2400][..]));
        assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT.as_secs()));
        assert!(pause(39, 99) > pause(39, 0) && pause(39, 99) < LONGEST_WAIT * 11 / 10);
    }
}
