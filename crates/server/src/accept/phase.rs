//! How far a server's end has come: what every connection follows.
use tokio::sync::watch;

/// How far the server's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// All is well.
    Serving,
    /// It will end: still accepting, but answers ask callers to connect anew.
    Draining,
    /// It ends: nothing new, what was begun is finished.
    Stopping,
    /// It ends at once.
    Now,
}

impl Phase {
    /// Tells it to those who follow, unless they are further already: a listener that leaves by itself may be.
    pub(crate) fn tell(self, followers: &watch::Sender<Self>) {
        followers.send_if_modified(|phase| {
            let further = self > *phase;
            *phase = self.max(*phase);
            further
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_called_back() {
        let (followers, follow) = watch::channel(Phase::Serving);
        for (told, wanted) in [
            (Phase::Stopping, Phase::Stopping),
            (Phase::Draining, Phase::Stopping),
            (Phase::Now, Phase::Now),
            (Phase::Stopping, Phase::Now),
        ] {
            told.tell(&followers);
            assert_eq!(*follow.borrow(), wanted);
        }
    }
}
