//! A connection whose HTTP/1 bytes are checked before the HTTP library sees them, with its clocks for silence.
use super::activity::Activity;
use super::bounds::{Bounds, Broken};
use super::scanner::Scanner;
use super::taking::Taking;
use crate::limiter::conduct::Conduct;
use bytes::{Buf, BytesMut};
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What one read asks the socket for.
const PIECE: usize = 16 * 1024;

/// Bytes that make the HTTP library answer 400 wherever in a message it stands.
const POISON: &[u8] = b"\0\r\n\r\n";

/// Which protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// How long a connection may be silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// A head that has begun (or the first of a connection).
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// Until the other end takes more of an answer.
    pub(super) write: Duration,
}

/// The checked connection.
pub(super) struct Strict<S> {
    io: S,
    /// Bytes that were read and not passed on; the first `good` were checked.
    buffer: BytesMut,
    good: usize,
    /// `None` for HTTP/2, which has a framing of its own.
    scanner: Option<Scanner>,
    broken: bool,
    patience: Patience,
    fields: usize,
    activity: Arc<Activity>,
    conduct: Arc<Conduct>,
    /// Runs while the other end is not listened to.
    paused: Option<Pin<Box<Sleep>>>,
    clock: Pin<Box<Sleep>>,
    /// When the wait at hand ends; the clock rings then or earlier, and is set anew only when it rang.
    due: Instant,
    /// Whom the clock wakes.
    told: Option<Waker>,
    waiting: Waiting,
    /// Runs while the other end takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    taking: Taking,
}

/// What the clock runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Head,
    Idle,
    Nothing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Strict<S> {
    pub(super) fn new(
        io: S,
        bounds: Bounds,
        patience: Patience,
        activity: Arc<Activity>,
        conduct: Arc<Conduct>,
    ) -> Self {
        Self {
            io,
            buffer: BytesMut::new(),
            good: 0,
            scanner: Some(Scanner::new(bounds)),
            broken: false,
            patience,
            fields: bounds.fields,
            activity,
            conduct,
            paused: None,
            clock: Box::pin(sleep(patience.head)),
            due: Instant::now() + patience.head,
            told: None,
            waiting: Waiting::Head,
            stalled: None,
            taking: Taking::default(),
        }
    }

    /// Reads until the protocol is clear; `None` when the other end left or took too long.
    pub(super) async fn version(&mut self) -> Option<Version> {
        let io = &mut self.io;
        let buffer = &mut self.buffer;
        let decide = async {
            loop {
                let at = buffer.len().min(PREFACE.len());
                if buffer.get(..at) != PREFACE.get(..at) {
                    return Some(Version::One);
                }
                if at == PREFACE.len() {
                    return Some(Version::Two);
                }
                buffer.reserve(PIECE);
                if io.read_buf(buffer).await.ok()? == 0 {
                    // Less than a preface: HTTP/1 will tell what it is.
                    return (!buffer.is_empty()).then_some(Version::One);
                }
            }
        };
        let version = tokio::time::timeout(self.patience.head, decide).await.ok()??;
        if version == Version::Two {
            self.scanner = None;
            self.good = self.buffer.len();
        } else {
            self.check();
        }
        Some(version)
    }

    /// The connection below, when nothing was read beyond the last whole message: for a protocol that follows HTTP.
    pub(super) fn into_raw(self) -> Option<S> {
        let between = self.scanner.is_some_and(|scanner| scanner.between());
        (between && self.buffer.is_empty() && !self.broken).then_some(self.io)
    }

    /// Moves `good` as far as the bytes allow, or puts poison where they go wrong.
    fn check(&mut self) {
        let Some(scanner) = &mut self.scanner else {
            self.good = self.buffer.len();
            return;
        };
        let (count, broken) = scanner.scan(self.buffer.get(self.good..).unwrap_or_default());
        let in_body = scanner.in_body();
        self.good += count;
        match broken {
            None => {}
            Some(broken) => {
                tracing::info!(target: "countersign::request", reason = broken.text(), "not HTTP: connection refused");
                // What was whole before the fault goes out. A pipelined message before it is still answered.
                self.buffer.truncate(self.good);
                match broken {
                    Broken::TooLarge(_) if in_body => self.buffer.extend_from_slice(POISON),
                    Broken::Malformed(_) => self.buffer.extend_from_slice(POISON),
                    Broken::TooLarge(_) => {
                        self.buffer.extend_from_slice(b"GET / HTTP/1.1\r\n");
                        self.buffer.extend_from_slice(&b"a:\r\n".repeat(self.fields + 1));
                        self.buffer.extend_from_slice(b"\r\n");
                        self.buffer.extend_from_slice(POISON);
                    }
                }
                self.good = self.buffer.len();
                self.broken = true;
            }
        }
    }

    /// Sets the clock for what is waited for now.
    fn wind(&mut self) {
        let waiting = match &self.scanner {
            Some(scanner) if scanner.in_head() => Waiting::Head,
            Some(scanner) if scanner.between() && self.waiting != Waiting::Head => Waiting::Idle,
            // The first head of the connection.
            Some(scanner) if scanner.between() => Waiting::Head,
            _ => Waiting::Nothing,
        };
        if waiting != self.waiting {
            self.waiting = waiting;
            self.rewind();
        }
    }

    fn rewind(&mut self) {
        let patience = match self.waiting {
            Waiting::Head => self.patience.head,
            Waiting::Idle => self.patience.idle,
            Waiting::Nothing => return,
        };
        self.due = Instant::now() + patience;
        // It rings too late for this wait; one that rings too early is set anew when it did.
        if self.clock.deadline() > self.due {
            self.set_clock();
        }
    }

    /// Pending while the other end is not listened to. What it sends meanwhile waits at its side.
    fn pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.conduct.paused() else {
            self.paused = None;
            return Poll::Ready(());
        };
        let clock = self.paused.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if clock.deadline() != until {
            clock.as_mut().reset(until);
        }
        // Outside the task's budget, as the other clock.
        ready!(pin!(unconstrained(clock.as_mut())).poll(cx));
        self.paused = None;
        Poll::Ready(())
    }

    fn set_clock(&mut self) {
        self.clock.as_mut().reset(self.due);
        self.told = None;
    }

    /// `Ready` when the other end was silent for too long.
    fn silent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Each round waits or has found that the clock rang, and sets it to a later time.
        loop {
            if self.waiting == Waiting::Nothing {
                return Poll::Pending;
            }
            let told = self.told.as_ref().is_some_and(|told| told.will_wake(cx.waker()));
            if told && !self.clock.is_elapsed() {
                return Poll::Pending;
            }
            // Outside the task's budget: without any left, the clock would not note whom to wake.
            if pin!(unconstrained(self.clock.as_mut())).poll(cx).is_pending() {
                self.told = Some(cx.waker().clone());
                return Poll::Pending;
            }
            if self.due <= Instant::now() {
                if !self.activity.is_busy() {
                    return Poll::Ready(());
                }
                self.rewind();
            }
            self.set_clock();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.pause(cx));
        loop {
            if this.good > 0 {
                let count = this.good.min(out.remaining());
                out.put_slice(this.buffer.get(..count).unwrap_or_default());
                this.buffer.advance(count);
                this.good -= count;
                // Whatever was waited for came; the next wait begins anew.
                this.waiting = Waiting::Nothing;
                return Poll::Ready(Ok(()));
            }
            if this.broken {
                return Poll::Ready(Ok(()));
            }
            let Some(scanner) = &mut this.scanner else {
                return Pin::new(&mut this.io).poll_read(cx, out);
            };
            // A sized body with nothing buffered goes straight through.
            if let Some(left) = scanner.sized()
                && this.buffer.is_empty()
            {
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(out.remaining()).min(PIECE);
                let mut part = ReadBuf::new(out.initialize_unfilled_to(most));
                ready!(Pin::new(&mut this.io).poll_read(cx, &mut part))?;
                let read = part.filled().len();
                out.advance(read);
                scanner.passed(u64::try_from(read).unwrap_or(u64::MAX));
                return Poll::Ready(Ok(()));
            }
            // The message after the last one, of which nothing was looked at.
            if scanner.between() && !this.buffer.is_empty() {
                this.check();
                continue;
            }
            this.wind();
            match read_piece(&mut this.io, &mut this.buffer, cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => this.check(),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    ready!(this.silent(cx));
                    if this.waiting == Waiting::Idle {
                        return Poll::Ready(Ok(()));
                    }
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
    }
}

fn read_piece<S: AsyncRead + Unpin>(
    io: &mut S,
    buffer: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    buffer.reserve(PIECE);
    pin!(io.read_buf(buffer)).poll(cx)
}

/// A head and a body that have no more bytes than this are copied into one piece: the kernel takes one sooner than two.
const TOGETHER: usize = 1024;

/// Several pieces as one, where there is room.
fn together<'r>(pieces: &[io::IoSlice<'_>], room: &'r mut [u8; TOGETHER]) -> Option<&'r [u8]> {
    let mut used = 0_usize;
    for piece in pieces {
        let end = used.checked_add(piece.len())?;
        room.get_mut(used..end)?.copy_from_slice(piece);
        used = end;
    }
    room.get(..used)
}

/// Pings and their like are smaller, pieces of answers larger.
const PIECE_OF_ANSWER: usize = 256;

impl<S> Strict<S> {
    /// An answer that goes out slowly is no silence, though HTTP/2 has buffered all of it and counts it as done.
    fn note(&self, written: &Poll<io::Result<usize>>) {
        if matches!(written, Poll::Ready(Ok(count)) if *count >= PIECE_OF_ANSWER) {
            self.activity.moves();
        }
    }

    /// Gives up on an end that takes nothing for too long, or little each time: it holds memory here and a connection behind us.
    fn patiently<T>(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<io::Result<T>>,
        taken: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        let patience = self.patience.write;
        if let Poll::Ready(done) = done {
            if let Ok(done) = &done {
                self.taking.took(taken(done));
            }
            // Only who was waited for is measured: what an upstream gives slowly is not the caller's doing.
            if let Some(clock) = self.stalled.take() {
                let since = clock.deadline().checked_sub(patience).unwrap_or_else(Instant::now);
                if !self.taking.is_enough(since.elapsed(), patience) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
            return Poll::Ready(done);
        }
        let clock = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(clock.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.note(&written);
        self.patiently(cx, written, |count| *count)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.patiently(cx, flushed, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut room = [0; TOGETHER];
        let written = match together(pieces, &mut room) {
            Some(bytes) => Pin::new(&mut self.io).poll_write(cx, bytes),
            None => Pin::new(&mut self.io).poll_write_vectored(cx, pieces),
        };
        self.note(&written);
        self.patiently(cx, written, |count| *count)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
