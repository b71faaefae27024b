//! What one request may cost, and what it did cost, noted where it came from.
use super::conduct::Conduct;
use super::network::Network;
use super::{Limiter, Purse, Spent};
use crate::config::limits::Limits;
use crate::config::server::ServerSection;
use crate::surface::origin::Client;
use crate::traces::active::Active;
use countersign::incoming::{Body, Incoming};
use countersign::reason::{Class, Reason};
use countersign_guard::allowance::Allowance;
use countersign_guard::guard::Verdict;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Where a request came from, as far as limits go by it.
#[derive(Clone, Default)]
pub(crate) struct Source {
    /// `None` where no address can be believed to be one caller's: the proxy hides it, or is trusted and tells none.
    pub(crate) network: Option<Network>,
    /// The caller's own connection; none behind a proxy, whose connections carry many callers.
    pub(crate) conduct: Option<Arc<Conduct>>,
    /// Its proof need not hold.
    pub(crate) tried: bool,
    /// The trace in which its judgement is told.
    pub(crate) trace: Option<Arc<Active>>,
}

impl Source {
    /// The source of a request from `client`, which a proxy told if there is one.
    pub(crate) fn of(config: &ServerSection, client: Client, conduct: Option<&Arc<Conduct>>) -> Self {
        // Whoever may tell addresses could invent a new one for each request: a limit would bind honest proxies only.
        let one = |address: &IpAddr| !trusts(config, *address);
        let network = client.known().filter(one).map(Network::from);
        Self { network, conduct: conduct.cloned(), tried: false, trace: None }
    }

    /// The same for a request that passes whatever its proof is worth: what fails counts for itself, and its connection is listened to.
    pub(crate) fn tried(&self) -> Self {
        Self { network: self.network, conduct: None, tried: true, trace: self.trace.clone() }
    }

    fn purse(&self) -> Option<Purse> {
        self.network.map(if self.tried { Purse::Tried } else { Purse::Enforced })
    }
}

/// Whether an address is a trusted proxy's.
pub(crate) fn trusts(config: &ServerSection, address: IpAddr) -> bool {
    config.trusted_proxies.iter().any(|network| network.contains(address))
}

/// One request's allowance, asked before each check of a signature.
pub(crate) struct Turn<'t> {
    limiter: &'t Limiter,
    limits: &'t Limits,
    source: &'t Source,
    /// Checks that were made.
    checks: AtomicU32,
    /// They were made only since this account is at home there, or proved itself on this connection.
    at_home: Mutex<Option<Box<str>>>,
    /// The limit was reached.
    refused: AtomicBool,
    /// When it was found that the address has spent its allowance.
    spent: OnceLock<Instant>,
}

/// Refusals by a limit go out after so long, or twice and so on: many checks of a signature fit in, so that none shows.
const STEP: Duration = Duration::from_millis(5);

/// Bytes of a body that cost about as much to digest as a check does.
const BODY: usize = 32 * 1024;

impl<'t> Turn<'t> {
    pub(crate) fn new(limiter: &'t Limiter, limits: &'t Limits, source: &'t Source) -> Self {
        Self {
            limiter,
            limits,
            source,
            checks: AtomicU32::new(0),
            at_home: Mutex::default(),
            refused: AtomicBool::new(false),
            spent: OnceLock::new(),
        }
    }

    /// Notes what came of the judgement. Where the limit stopped it, or only an account's own allowance let it be checked and it failed: how long to wait.
    pub(crate) fn settle(&self, incoming: &Incoming<'_>, verdict: &Verdict) -> Option<Spent> {
        let failed = match verdict {
            Verdict::Verified(verified) => {
                self.held(&verified.caller().id);
                return None;
            }
            Verdict::Absent(_) => return None,
            Verdict::Refused(denial) => denial.refusal.reason,
        };
        let body = if let Body::Seen(bytes) = incoming.body { bytes.len() / BODY } else { 0 };
        self.failed(failed, u32::try_from(body).unwrap_or(u32::MAX))
    }

    /// Waits before a refusal by the limit of its address goes out: whether a check was made, since the account that was named is at home there, is
    /// told by nothing, not even by the time that it took.
    pub(crate) async fn even(&self) {
        if let Some(since) = self.spent.get().filter(|_| !self.source.tried) {
            sleep_until(evened(*since, Instant::now())).await;
        }
    }

    #[cfg(test)]
    pub(super) fn is_evened(&self) -> bool {
        self.spent.get().is_some()
    }

    /// Notes that a proof of this account held.
    pub(super) fn held(&self, account: &str) {
        // A remembered check says nothing: whoever has one such token could make up for every forgery with it, for nothing.
        if let Some(conduct) = &self.source.conduct
            && self.checks.load(Ordering::Relaxed) > 0
        {
            conduct.set_good(Some(self.limiter.account(account)));
        }
        if let Some(rate) = self.limits.requests_per_account() {
            self.limiter.request_of(account, rate);
        }
        if let Some(network) = self.source.network
            && self.limits.failures().is_some()
        {
            self.limiter.held(network, account);
        }
    }

    /// Notes why it failed, and what that cost beside the checks.
    pub(crate) fn failed(&self, reason: Reason, more: u32) -> Option<Spent> {
        if reason == Reason::TooManyRequests {
            return Some(Spent(Duration::ZERO));
        }
        let (Some(purse), Some(rate)) = (self.source.purse(), self.limits.failures()) else { return None };
        let checks = self.checks.load(Ordering::Relaxed);
        let spent = || self.limiter.has_spent(purse, rate).unwrap_or(Spent(Duration::ZERO));
        // What an account may not do costs no more than what it may.
        if checks == 0 || reason.class() == Class::Policy {
            return self.refused.load(Ordering::Relaxed).then(spent);
        }
        if let Some(conduct) = &self.source.conduct {
            conduct.set_good(None);
        }
        let cost = checks.saturating_add(more);
        if let Some(account) = &*self.at_home.lock().unwrap_or_else(PoisonError::into_inner) {
            self.limiter.failed_at_home(purse, account, cost, rate);
            // The same answer as without a check, as long as the signature did not hold: nobody learns here who is at home.
            return (reason.class() == Class::Identity).then(spent);
        }
        self.limiter.failed(purse, cost, rate);
        self.refused.load(Ordering::Relaxed).then(spent)
    }

    fn may(&self, claimed: Option<&str>) -> bool {
        let (Some(purse), Some(rate)) = (self.source.purse(), self.limits.failures()) else { return true };
        // What was begun is finished: a proof is tried with all of its account's keys, or with none.
        if self.checks.load(Ordering::Relaxed) > 0 || self.limiter.has_spent(purse, rate).is_none() {
            return true;
        }
        let _ = self.spent.get_or_init(Instant::now);
        // Whoever proved who it is may go on as that one, not as anybody else.
        let may = |account: &&str| {
            let good = |conduct: &Arc<Conduct>| conduct.is_good(self.limiter.account(account));
            self.source.conduct.as_ref().is_some_and(good) || self.limiter.may_at_home(purse, account, rate)
        };
        let Some(account) = claimed.filter(may) else { return false };
        *self.at_home.lock().unwrap_or_else(PoisonError::into_inner) = Some(account.into());
        true
    }
}

/// When a refusal goes out that was begun then and is ready now.
pub(super) fn evened(since: Instant, now: Instant) -> Instant {
    let steps = now.saturating_duration_since(since).as_nanos() / STEP.as_nanos();
    let steps = u32::try_from(steps).unwrap_or(u32::MAX).saturating_add(1);
    since + STEP.saturating_mul(steps)
}

impl Allowance for Turn<'_> {
    fn may_check(&self, claimed: Option<&str>) -> bool {
        let may = self.may(claimed);
        if may {
            self.checks.fetch_add(1, Ordering::Relaxed);
        } else {
            self.refused.store(true, Ordering::Relaxed);
        }
        may
    }

    fn may_pass(&self, account: &str) -> bool {
        self.limits
            .requests_per_account()
            .is_none_or(|rate| self.limiter.may_request(account, rate).is_none())
    }

    fn proved(&self, account: &str) {
        self.held(account);
    }
}
