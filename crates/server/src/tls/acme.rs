//! Certificates that the server orders for itself: when, how often after a failure, and what is presented meanwhile.
mod kept;
mod order;

use super::certificate::Certificate;
use crate::config::acme::Acme;
use crate::shared::Shared;
use arc_swap::ArcSwapOption;
use countersign::time::{Span, Time};
use countersign_guard::clock::draw;
use kept::Kept;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The protocol in which the authority asks whether a name is ours
/// ([RFC 8737, section 3](https://www.rfc-editor.org/rfc/rfc8737#section-3)).
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";

/// The first wait after a failure; it doubles up to the longest. Authorities allow about five failures an hour for a name.
const FIRST_WAIT: Duration = Duration::from_secs(5 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 60 * 60);
/// The clock is looked at this often, whatever the timer says.
const LOOK: Duration = Duration::from_secs(60 * 60);
/// An order takes seconds; one that hangs is given up.
const WHOLE: Duration = Duration::from_secs(5 * 60);

/// What was ordered: the certificate in force, and answers to the authority while an order is under way.
pub(crate) struct Issued {
    pub(crate) settings: Acme,
    kept: Kept,
    current: ArcSwapOption<Certificate>,
    answers: Mutex<HashMap<String, Arc<CertifiedKey>>>,
    wake: Notify,
}

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
        let kept = Kept::open(data, acme)?;
        let current = kept.certificate()?.map(Arc::new);
        Ok(Arc::new(Issued {
            settings: acme.clone(),
            kept,
            current: ArcSwapOption::new(current),
            answers: Mutex::default(),
            wake: Notify::new(),
        }))
    }

    /// Looks after these and no others from now on.
    pub(crate) fn tend(&mut self, wanted: &[Arc<Issued>], shared: &Arc<Shared>) {
        self.0.retain(|tended| wanted.iter().any(|issued| Arc::ptr_eq(issued, &tended.issued)));
        for issued in wanted {
            if self.0.iter().any(|tended| Arc::ptr_eq(issued, &tended.issued)) {
                continue;
            }
            let (issued, shared) = (Arc::clone(issued), Arc::clone(shared));
            let task = tokio::spawn(Arc::clone(&issued).tend(shared));
            self.0.push(Tended { issued, task });
        }
    }

    /// Makes everybody look at the clock.
    pub(crate) fn wake(&self) {
        for tended in &self.0 {
            tended.issued.wake.notify_one();
        }
    }
}

impl Drop for Tended {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Issued {
    /// The certificate in force; `None` until the first one is there.
    pub(crate) fn certificate(&self) -> Option<Arc<Certificate>> {
        self.current.load_full()
    }

    /// The answer to the authority for a name.
    pub(crate) fn answer(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&name.to_ascii_lowercase()).cloned()
    }

    fn put_answer(&self, name: &str, answer: CertifiedKey) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(name.to_owned(), Arc::new(answer));
    }

    /// Orders when it is time to; never ends.
    async fn tend(self: Arc<Self>, shared: Arc<Shared>) {
        let mut failures = 0_u32;
        let mut again: Option<Time> = None;
        // Servers that were started together do not order together.
        let share = u64::from_be_bytes(draw(&*shared.entropy));
        loop {
            let due = self.certificate().map(|current| due(&current, share));
            let now = shared.clock.now();
            let wait = again.map_or(Duration::ZERO, |again| until(now, again));
            // A clock that was set back must not make the wait longer than any wait is.
            let wait = if wait > LONGEST_WAIT * 2 { Duration::ZERO } else { wait };
            let left = due.map_or(Duration::ZERO, |due| until(now, due)).max(wait);
            if !left.is_zero() {
                self.rest(left.min(LOOK)).await;
                continue;
            }
            let names = self.settings.domains.join(", ");
            let ordered = tokio::time::timeout(WHOLE, order::obtain(&self)).await;
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
            let ordered = ordered.unwrap_or_else(|_| Err("the authority took too long".to_owned()));
            shared.metrics.ordered(ordered.is_ok());
            match ordered.and_then(|pem| self.take(&pem, shared.clock.now())) {
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
                    again = Some(
                        shared.clock.now() + Span::from_seconds(i64::try_from(wait.as_secs()).unwrap_or(0)),
                    );
                    failures = failures.saturating_add(1);
                    let has =
                        if self.certificate().is_some() { "the old one stays" } else { "there is none yet" };
                    tracing::error!(
                        names,
                        failures,
                        again_in = wait.as_secs(),
                        "no certificate was issued, {has}: {error}"
                    );
                    self.rest(wait).await;
                }
            }
        }
    }

    /// Keeps and presents what was issued.
    fn take(&self, pem: &[u8], now: Time) -> Result<Time, String> {
        let certificate = self.kept.parse(pem)?;
        if certificate.ends <= now {
            return Err("what the authority issued has ended already; is the clock right?".to_owned());
        }
        self.kept.keep_certificate(pem)?;
        let ends = certificate.ends;
        self.current.store(Some(Arc::new(certificate)));
        Ok(ends)
    }

    async fn rest(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.wake.notified() => {}
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
