//! An upstream's answer on its way to the caller: its silences are bounded, its bytes counted, its connection given back.
use super::member::{InFlight, One};
use crate::hop::HOP;
use crate::trip::Trip;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// The body of an answer. Dropped before its end, it closes the upstream's connection; failed, it fails the caller's answer
/// visibly, so that a part is never taken for the whole.
pub(super) struct Outflow {
    body: Incoming,
    patience: Duration,
    clock: Option<Pin<Box<Sleep>>>,
    /// Whether the clock runs for the frame that is waited for now.
    armed: bool,
    trip: Arc<Trip>,
    flight: Option<InFlight>,
    line: Option<One>,
}

impl Outflow {
    pub(super) fn new(
        body: Incoming,
        patience: Duration,
        trip: Arc<Trip>,
        flight: InFlight,
        line: Option<One>,
    ) -> Self {
        let mut outflow =
            Self { body, patience, clock: None, armed: false, trip, flight: Some(flight), line };
        if outflow.body.is_end_stream() {
            outflow.ended();
        }
        outflow
    }

    fn ended(&mut self) {
        self.trip.ended();
        let Some(flight) = self.flight.take() else { return };
        if let Some(mut one) = self.line.take() {
            one.served = one.served.saturating_add(1);
            flight.member().take_back(one);
        }
    }

    fn silent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.armed {
            self.armed = true;
            let until = Instant::now() + self.patience;
            match &mut self.clock {
                Some(clock) => clock.as_mut().reset(until),
                None => self.clock = Some(Box::pin(sleep(self.patience))),
            }
        }
        match &mut self.clock {
            Some(clock) => clock.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl HttpBody for Outflow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                return this.silent(cx).map(|()| Some(Err(io::Error::other("the upstream fell silent"))));
            }
        };
        this.armed = false;
        match frame {
            None => {
                this.ended();
                Poll::Ready(None)
            }
            Some(Err(error)) => Poll::Ready(Some(Err(io::Error::other(error)))),
            Some(Ok(mut frame)) => {
                if let Some(data) = frame.data_ref() {
                    this.trip.passed_out(data.len());
                }
                if let Some(trailers) = frame.trailers_mut() {
                    HOP.iter().for_each(|name| {
                        trailers.remove(name);
                    });
                }
                if this.body.is_end_stream() {
                    this.ended();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
