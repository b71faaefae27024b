//! Waits for what seldom comes beside what often does: the rare is asked only when it rang, not each time the task runs.
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future that is polled only when it was woken. A connection's task runs for every request, and the end of the server comes
/// once: asking about it takes a lock each time.
pub(super) struct Seldom<F> {
    rare: Pin<Box<F>>,
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
    /// Whom the bell wakes.
    known: Option<Waker>,
}

struct Bell {
    rang: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F: Future> Seldom<F> {
    pub(super) fn new(rare: F) -> Self {
        // Polled a first time without having been woken.
        let bell = Arc::new(Bell { rang: AtomicBool::new(true), task: Mutex::new(None) });
        let waker = Waker::from(Arc::clone(&bell));
        Self { rare: Box::pin(rare), bell, waker, known: None }
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // Whom to wake is told before the bell is looked at: what rings in between wakes this task again.
        if !this.known.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            let mut task = this.bell.task.lock().unwrap_or_else(PoisonError::into_inner);
            *task = Some(cx.waker().clone());
            this.known = Some(cx.waker().clone());
        }
        if !this.bell.rang.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        this.bell.rang.swap(false, Ordering::AcqRel);
        this.rare.as_mut().poll(&mut Context::from_waker(&this.waker))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        if let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner) {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use tokio::sync::watch;

    /// Counts how often it is polled until it is told.
    struct Counted(Arc<AtomicUsize>, Arc<Mutex<(bool, Option<Waker>)>>);

    impl Future for Counted {
        type Output = ();

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let mut told = self.1.lock().unwrap();
            told.1 = Some(cx.waker().clone());
            if told.0 { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    #[tokio::test]
    async fn it_is_polled_when_it_was_woken_and_not_otherwise() {
        let (polls, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new((false, None))));
        let seldom = Seldom::new(Counted(Arc::clone(&polls), Arc::clone(&told)));
        let often = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(polls.load(Ordering::Relaxed), 1);
            let waker: Option<Waker> = {
                let mut told = told.lock().unwrap();
                told.0 = true;
                told.1.take()
            };
            waker.unwrap().wake();
        };
        tokio::join!(often, seldom);
        assert_eq!(polls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_word_is_lost_between_threads() {
        for round in 0..2_000_u32 {
            let (tell, mut told) = watch::channel(0);
            let wait = tokio::spawn(async move {
                let last = Seldom::new(async move { drop(told.wait_for(|number| *number == 3).await) });
                tokio::select! { biased; () = std::future::pending() => {} () = last => {} }
            });
            for number in 1..=3 {
                tell.send_replace(number);
                if round % number == 0 {
                    tokio::task::yield_now().await;
                }
            }
            wait.await.unwrap();
        }
    }
}
