//! One address of an upstream: its connections that wait for work, its requests in flight, and whether it is well.
use super::connect::{Dial, Sender, Unreached};
use super::written::Written;
use crate::config::upstream::Upstream;
use axum::body::Body;
use hyper::client::conn::{http1, http2};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// One address of an upstream.
pub(crate) struct Member {
    /// Host and port, for logs and metrics.
    pub(crate) label: Arc<str>,
    dial: Dial,
    idle: Mutex<Vec<Idle>>,
    /// The one connection of HTTP/2, which many requests share.
    shared: Mutex<Option<http2::SendRequest<Body>>>,
    in_flight: AtomicUsize,
    health: Health,
    most_idle: usize,
    idle_time: Duration,
    most_requests: usize,
}

/// A connection of HTTP/1.1 that is not in use.
struct Idle {
    one: One,
    since: Instant,
}

/// A connection of HTTP/1.1.
pub(super) struct One {
    pub(super) sender: http1::SendRequest<Body>,
    /// How many requests it served.
    pub(super) served: usize,
    pub(super) written: Written,
}

/// A connection in use.
pub(super) enum Line {
    One(One),
    Two(http2::SendRequest<Body>),
}

#[derive(Default)]
struct Health {
    /// The health check says that it is ill.
    ill: AtomicBool,
    /// Connections that failed one after another.
    failures: AtomicUsize,
    ejected: Mutex<Option<Instant>>,
}

/// Counts a request as being in flight until it is dropped.
pub(crate) struct InFlight(Arc<Member>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

impl InFlight {
    pub(super) fn member(&self) -> &Arc<Member> {
        &self.0
    }
}

impl Member {
    pub(super) fn new(upstream: &Upstream, label: &str, dial: Dial) -> Self {
        Self {
            label: label.into(),
            dial,
            idle: Mutex::default(),
            shared: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            health: Health::default(),
            most_idle: upstream.idle_connections,
            idle_time: upstream.idle_time,
            most_requests: upstream.connection_requests,
        }
    }

    /// Whether it speaks TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.dial.is_tls()
    }

    /// Requests being served by it now.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    pub(super) fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight(Arc::clone(self))
    }

    /// Whether the health check says that it is ill.
    pub(crate) fn is_ill(&self) -> bool {
        self.health.ill.load(Ordering::Acquire)
    }

    pub(super) fn set_ill(&self, ill: bool) -> bool {
        self.health.ill.swap(ill, Ordering::AcqRel) != ill
    }

    /// Whether it is left out for a while, since connections to it failed.
    pub(crate) fn is_ejected(&self) -> bool {
        let mut ejected = self.health.ejected.lock().unwrap_or_else(PoisonError::into_inner);
        let out = ejected.is_some_and(|until| Instant::now() < until);
        if !out {
            *ejected = None;
        }
        out
    }

    /// Whether requests go to it.
    pub(crate) fn is_well(&self) -> bool {
        !self.is_ill() && !self.is_ejected()
    }

    pub(super) fn eject(&self, until: Instant) {
        *self.health.ejected.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        self.health.failures.store(0, Ordering::Release);
    }

    /// Notes that a connection failed; gives how many did in a row.
    pub(super) fn failed(&self) -> usize {
        self.health.failures.fetch_add(1, Ordering::AcqRel).saturating_add(1)
    }

    /// A connection that waits, when there is one that can still be used.
    pub(super) fn waiting(&self) -> Option<Line> {
        {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(sender) = &*shared {
                if sender.is_closed() {
                    *shared = None;
                } else {
                    return Some(Line::Two(sender.clone()));
                }
            }
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // The one used last is the likeliest to live; each round takes one out.
        while let Some(last) = idle.pop() {
            if last.one.sender.is_ready() && now.duration_since(last.since) < self.idle_time {
                return Some(Line::One(last.one));
            }
        }
        None
    }

    /// A new connection.
    pub(super) async fn connect(&self, upgrade: bool) -> Result<Line, Unreached> {
        let sender = self.dial.connect(upgrade).await?;
        self.health.failures.store(0, Ordering::Release);
        Ok(match sender {
            Sender::One(sender, written) => Line::One(One { sender, served: 0, written }),
            Sender::Two(sender) => {
                *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender.clone());
                Line::Two(sender)
            }
        })
    }

    /// A new connection for a health check, which no request gets.
    pub(super) async fn probe(&self) -> Result<Line, Unreached> {
        Ok(match self.dial.connect(false).await? {
            Sender::One(sender, written) => Line::One(One { sender, served: 0, written }),
            Sender::Two(sender) => Line::Two(sender),
        })
    }

    /// Takes a connection back whose answer is finished.
    pub(super) fn take_back(self: &Arc<Self>, mut one: One) {
        if one.served >= self.most_requests || self.most_idle == 0 {
            return;
        }
        if one.sender.is_ready() {
            self.keep(one);
            return;
        }
        // It finishes its turn first; one that still sends a body nobody wants is let go.
        let member = Arc::downgrade(self);
        tokio::spawn(async move {
            let ready = tokio::time::timeout(Duration::from_secs(1), one.sender.ready()).await;
            if let (Ok(Ok(())), Some(member)) = (ready, member.upgrade()) {
                member.keep(one);
            }
        });
    }

    fn keep(&self, one: One) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.most_idle {
            idle.push(Idle { one, since: Instant::now() });
        }
    }

    /// Closes connections that waited too long or were closed by the other end.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|kept| kept.one.sender.is_ready() && now.duration_since(kept.since) < self.idle_time);
    }
}
