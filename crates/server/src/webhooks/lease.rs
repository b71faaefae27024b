//! How far the deliveries of an installation have come and which node holds them: one mark in the registry, changed only from what it was.
use crate::config::webhooks::MARK;
use countersign_store::fault::Fault;
use countersign_store::registry::Registry;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::Instant;

/// A mark that stood unchanged for this long, as another node sees it by its own timer, was left by a node that is gone. No clock of
/// a node is believed by another.
pub(super) const GONE: Duration = Duration::from_secs(30);
/// Whoever holds the deliveries says so this often: an attempt that begins within this ends long before [`GONE`].
const SAY: Duration = Duration::from_secs(8);
/// Whether it is over is looked this often.
const PART: Duration = Duration::from_millis(500);

/// What is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Everything up to this entry of the audit log was delivered, or was nothing to deliver.
    pub(super) after: u64,
    /// The node that delivers what comes next.
    pub(super) holder: Option<String>,
    /// Changes whenever the holder says that it is there.
    pub(super) beat: u64,
    /// When it was last looked which keys end soon, in seconds since 1970.
    pub(super) looked: Option<i64>,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, holder, beat, looked } = self;
        write!(f, "{after} {} {beat} ", holder.as_deref().unwrap_or("-"))?;
        match looked {
            Some(looked) => write!(f, "{looked}"),
            None => f.write_str("-"),
        }
    }
}

impl FromStr for Mark {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let read = || {
            let mut words = text.split(' ');
            let after = words.next()?.parse().ok()?;
            let holder = words.next().map(|word| (word != "-").then(|| word.to_owned()))?;
            let beat = words.next()?.parse().ok()?;
            let looked = match words.next()? {
                "-" => None,
                word => Some(word.parse().ok()?),
            };
            words.next().is_none().then_some(Self { after, holder, beat, looked })
        };
        read().ok_or_else(|| {
            Fault::new(format!(
                "wanted the mark of the webhooks, found {text:?}; a newer release may have written it"
            ))
        })
    }
}

/// Why a node no longer delivers.
#[derive(Debug)]
pub(super) enum Stop {
    /// Another node does.
    Lost,
    /// The server ends, or the webhooks were switched off.
    Ended,
    /// The registry failed; the hold ends by itself.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The hold on the deliveries.
pub(super) struct Lease<'r> {
    registry: &'r dyn Registry,
    mark: Mark,
    /// A moment before it was last said.
    said: Instant,
}

impl<'r> Lease<'r> {
    /// Takes what nobody holds, or whose holder is gone; `None` when another node was faster.
    pub(super) async fn take(
        registry: &'r dyn Registry,
        before: Mark,
        node: &str,
    ) -> Result<Option<Self>, Fault> {
        let mut lease = Self { registry, mark: before, said: Instant::now() };
        match lease.change(|mark| mark.holder = Some(node.to_owned())).await {
            Ok(()) => Ok(Some(lease)),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Lost | Stop::Ended) => Ok(None),
        }
    }

    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Changes the mark, which says again that this node is there.
    pub(super) async fn change(&mut self, change: impl FnOnce(&mut Mark)) -> Result<(), Stop> {
        let mut next = self.mark.clone();
        next.beat = next.beat.wrapping_add(1);
        change(&mut next);
        let said = Instant::now();
        let (before, after) = (self.mark.to_string(), next.to_string());
        if !self.registry.swap_mark(MARK, Some(&before), &after).await? {
            return Err(Stop::Lost);
        }
        (self.mark, self.said) = (next, said);
        Ok(())
    }

    /// Says that this node is there, where that was not said lately.
    pub(super) async fn hold(&mut self) -> Result<(), Stop> {
        if self.said.elapsed() < SAY { Ok(()) } else { self.change(|_| ()).await }
    }

    /// Waits unless it is over, and says meanwhile that this node is there.
    pub(super) async fn wait(&mut self, span: Duration, is_over: impl Fn() -> bool) -> Result<(), Stop> {
        let until = Instant::now() + span;
        // Ends: each turn waits for a part of it.
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.hold().await;
            }
            if is_over() {
                return Err(Stop::Ended);
            }
            tokio::time::sleep(left.min(PART)).await;
            self.hold().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_store::memory::MemoryStore;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_else_is() {
        for mark in [
            Mark { after: 0, holder: None, beat: 0, looked: None },
            Mark { after: u64::MAX, holder: Some("a1".to_owned()), beat: u64::MAX, looked: Some(-5) },
        ] {
            assert_eq!(mark.to_string().parse::<Mark>().unwrap(), mark);
        }
        for text in ["", "1", "1 - 0", "1 - 0 - more", "x - 0 -", "1 - 0 y", "-1 - 0 -"] {
            assert!(text.parse::<Mark>().is_err(), "{text:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_nodes_one_holds_and_the_other_notices_when_it_lost() {
        let store = MemoryStore::default();
        let free = Mark { after: 7, holder: None, beat: 0, looked: None };
        assert!(store.swap_mark(MARK, None, &free.to_string()).await.unwrap());
        let mut one = Lease::take(&store, free.clone(), "one").await.unwrap().unwrap();
        assert!(Lease::take(&store, free, "two").await.unwrap().is_none());
        one.change(|mark| mark.after = 8).await.unwrap();
        let seen: Mark = store.mark(MARK).await.unwrap().unwrap().parse().unwrap();
        assert_eq!((seen.after, seen.holder.as_deref()), (8, Some("one")));
        // While it waits it is seen to be there, however long that takes.
        let mut waiting = Box::pin(one.wait(GONE * 3, || false));
        let mut last = seen;
        for _ in 0..3 {
            tokio::select! {
                ended = &mut waiting => panic!("{ended:?}"),
                () = tokio::time::sleep(GONE / 2) => {}
            }
            let seen: Mark = store.mark(MARK).await.unwrap().unwrap().parse().unwrap();
            assert_ne!(seen.beat, last.beat);
            last = seen;
        }
        // Another one took over: the first moves nothing any more.
        let mut two = Lease::take(&store, last, "two").await.unwrap().unwrap();
        assert!(matches!(waiting.as_mut().await, Err(Stop::Lost)));
        drop(waiting);
        two.change(|mark| mark.after = 9).await.unwrap();
        assert!(matches!(one.change(|mark| mark.after = 8).await, Err(Stop::Lost)));
        let kept: Mark = store.mark(MARK).await.unwrap().unwrap().parse().unwrap();
        assert_eq!((kept.after, kept.holder.as_deref()), (9, Some("two")));
    }
}
