//! How many judgements wait for something (a store, a key set, the lanes), and a fair share of that for each address.
use super::network::Network;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

/// Once half of the places are taken, no address gets more than this part of them.
const SHARE: usize = 8;

/// The judgements that wait. One that does not wait is not counted: nearly all.
#[derive(Default)]
pub(crate) struct Waiting {
    all: AtomicUsize,
    /// As many as judgements wait, at most.
    by_network: Mutex<HashMap<Network, usize>>,
}

/// There is no place to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A judgement that waits.
struct Place<'w>(&'w Waiting, Option<Network>);

impl Waiting {
    /// Runs a judgement, or refuses it before it began when `most` wait already, or its address has its share of them.
    ///
    /// # Errors
    /// [`Full`]; nothing was done.
    pub(crate) async fn run<T>(
        &self,
        network: Option<Network>,
        most: usize,
        judging: impl Future<Output = T>,
    ) -> Result<T, Full> {
        if self.is_full(network, most) {
            return Err(Full);
        }
        let mut judging = pin!(judging);
        let at_once = poll_fn(|context| Poll::Ready(judging.as_mut().poll(context))).await;
        if let Poll::Ready(judged) = at_once {
            return Ok(judged);
        }
        let _place = self.enter(network);
        Ok(judging.await)
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    fn is_full(&self, network: Option<Network>, most: usize) -> bool {
        let all = self.count();
        if all < most.div_ceil(2) {
            return false;
        }
        if all >= most {
            return true;
        }
        let Some(network) = network else { return false };
        let by_network = self.by_network.lock().unwrap_or_else(PoisonError::into_inner);
        by_network.get(&network).is_some_and(|count| *count >= most.div_ceil(SHARE))
    }

    fn enter(&self, network: Option<Network>) -> Place<'_> {
        self.all.fetch_add(1, Ordering::Relaxed);
        if let Some(network) = network {
            let mut by_network = self.by_network.lock().unwrap_or_else(PoisonError::into_inner);
            *by_network.entry(network).or_default() += 1;
        }
        Place(self, network)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Self(waiting, network) = *self;
        waiting.all.fetch_sub(1, Ordering::Relaxed);
        let Some(network) = network else { return };
        let mut by_network = waiting.by_network.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = by_network.entry(network) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use std::sync::Arc;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn one_address_cannot_fill_the_places_and_all_are_given_back() {
        let waiting = Arc::new(Waiting::default());
        let gate = Arc::new(Notify::new());
        let network = |last: u8| Some(Network::from(IpAddr::from([192, 0, 2, last])));
        let start = |who: Option<Network>| {
            let (waiting, gate) = (Arc::clone(&waiting), Arc::clone(&gate));
            tokio::spawn(async move { waiting.run(who, 16, gate.notified()).await })
        };
        let mut begun = Vec::new();
        // The greedy one gets half while nobody else wants any; then only those with less than their share get in.
        for who in [
            [network(1); 12].as_slice(),
            &[network(2); 4],
            &[network(3), None, network(4), network(5), None, None],
        ]
        .concat()
        {
            begun.push(start(who));
            tokio::task::yield_now().await;
        }
        assert_eq!(waiting.count(), 16);
        // What does not wait is not counted, but there is no telling beforehand.
        assert_eq!(waiting.run(network(6), 16, async {}).await, Err(Full));
        assert_eq!(waiting.run(network(6), 100, async {}).await, Ok(()));
        for _ in 0..16 {
            gate.notify_one();
            tokio::task::yield_now().await;
        }
        let mut ended = Vec::new();
        for task in begun {
            ended.push(task.await.unwrap().is_ok());
        }
        let passed = |from: usize, to: usize| ended[from..to].iter().filter(|passed| **passed).count();
        assert_eq!((passed(0, 12), passed(12, 16), passed(16, 22)), (8, 2, 6), "{ended:?}");
        assert_eq!(waiting.count(), 0);
        assert!(waiting.by_network.lock().unwrap().is_empty());
    }
}
