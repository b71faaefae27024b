//! What a replay memory may have forgotten, told by the clock readings it has seen.
//!
//! A use is forgotten when the highest second seen is more than two above its `until`. While clocks only go forward,
//! nothing forgotten can come back: its time is over. When the clock steps back, it could, so:
//!
//! - An **era** is a run of clock readings without a long pause. No use is taken whose time is over, so every use of
//!   an era has its `until` at or above the era's `floor` (the first reading less two seconds), and was dated at or
//!   before the era's `latest`.
//! - When the clock steps back, each era so far leaves a **shadow**: `until` between its floor and the line of
//!   forgetting, dated at or before its latest. A use that was forgotten lies in a shadow; what lies in one is barred.
//! - What is not forgotten then is **carried**: its `until` is at or above that line, and it may be forgotten later. So
//!   each era goes on beside the next ones, with the line as its floor and the latest that it had. (One date for all
//!   eras would be right as well, and would bar an hour of fresh proofs when the clock leaps ahead a second time: what
//!   was used at the first leap is dated an hour ahead.)
//!
//! Proofs made after the step are outside the shadows of eras before it, and pass at once: the hour after a clock was
//! an hour ahead for a moment is not lost.
use countersign::time::Time;

/// Steps of the clock up to this many seconds are no steps: uses are kept that much longer than needed.
const SLACK: i64 = 2;
/// A pause of this many seconds between two readings begins a new era; it may have been a step ahead.
const PAUSE: i64 = 60;
/// Eras kept apart; more are joined, which bars more than needed and never less.
const MOST: usize = 16;
/// The same for shadows, of which a leap ahead and back leaves about three.
const MOST_SHADOWS: usize = 64;
/// Later than every date.
const UNKNOWN: i64 = i64::MAX;

/// Clock readings seen so far, in as much as they matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Eras {
    barrier: Time,
    /// Highest reading of the last era, seconds; `None` before the first.
    highest: Option<i64>,
    /// Oldest first; the last one is open.
    eras: Vec<Era>,
    shadows: Vec<Shadow>,
    /// Grows with every era.
    turn: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Era {
    floor: i64,
    /// [`UNKNOWN`] while it is open, and until [`Eras::dated`] tells it.
    latest: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shadow {
    from: i64,
    /// Exclusive.
    to: i64,
    latest: i64,
}

/// The eras after a reading of the clock.
pub(crate) struct Moved {
    pub(crate) eras: Eras,
    pub(crate) how: How,
}

/// How a reading continues those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    GoesOn,
    /// After a pause: a new era.
    Begins,
    StepsBack,
}

impl Eras {
    pub(crate) fn new(barrier: Time, highest: Option<i64>) -> Self {
        // How the readings before went is not known: its floor is the lowest there is.
        let unknown = Era { floor: i64::MIN, latest: UNKNOWN };
        Self { barrier, highest, eras: vec![unknown], shadows: Vec::new(), turn: 0 }
    }

    pub(crate) fn barrier(&self) -> Time {
        self.barrier
    }

    pub(crate) fn highest(&self) -> Option<i64> {
        self.highest
    }

    /// Uses that ended before this second may be forgotten.
    pub(crate) fn forgotten(&self) -> i64 {
        self.highest.map_or(i64::MIN, |highest| highest.saturating_sub(SLACK))
    }

    /// Whether a use with these times may have been forgotten.
    pub(crate) fn bars(&self, dated: Time, until: i64) -> bool {
        dated <= self.barrier
            || until < self.forgotten()
            || self.shadows.iter().any(|shadow| {
                (shadow.from..shadow.to).contains(&until) && dated <= Time::from_seconds(shadow.latest)
            })
    }

    pub(crate) fn raised(&self, to: Time) -> Self {
        Self { barrier: self.barrier.max(to), ..self.clone() }
    }

    /// What is so after a reading; `None` when it changes nothing. An era that ends here, or a shadow it leaves,
    /// reaches over every date until [`Self::dated`] says better.
    pub(crate) fn moved(&self, now: i64) -> Option<Moved> {
        let ahead = self.highest.map(|highest| now.saturating_sub(highest));
        let mut eras = Self { highest: Some(now), ..self.clone() };
        let next = Era { floor: now.saturating_sub(SLACK), latest: UNKNOWN };
        let how = match ahead {
            Some(1..=PAUSE) => How::GoesOn,
            Some(step) if step > 0 => {
                eras.begin(next);
                How::Begins
            }
            None => {
                eras.begin(next);
                How::Begins
            }
            Some(step) if step < -SLACK => {
                let to = self.forgotten();
                let shadows = self.eras.iter().map(|era| Shadow { from: era.floor, to, latest: era.latest });
                eras.shadows.extend(shadows.filter(|shadow| shadow.from < shadow.to));
                eras.join_shadows();
                eras.carry(to);
                eras.begin(next);
                How::StepsBack
            }
            Some(_) => return None,
        };
        Some(Moved { eras, how })
    }

    /// The same, knowing the latest date of the uses in the era that the last move ended.
    pub(crate) fn dated(mut self, latest: i64) -> Self {
        let closed = self.eras.len().saturating_sub(1);
        let dates = self.eras.iter_mut().take(closed).map(|era| &mut era.latest);
        for date in dates.chain(self.shadows.iter_mut().map(|shadow| &mut shadow.latest)) {
            if *date == UNKNOWN {
                *date = latest;
            }
        }
        // Nothing was used in those.
        self.shadows.retain(|shadow| shadow.latest > i64::MIN);
        self
    }

    /// Which of two places the dates of the open era's uses are noted in: the one before was read when this one began.
    pub(crate) fn turn(&self) -> usize {
        self.turn % 2
    }

    fn begin(&mut self, next: Era) {
        if self.eras.len() >= MOST {
            // The oldest two become one.
            let oldest = self.eras.remove(0);
            if let Some(second) = self.eras.first_mut() {
                second.floor = second.floor.min(oldest.floor);
                second.latest = second.latest.max(oldest.latest);
            }
        }
        self.eras.push(next);
        self.turn = self.turn.wrapping_add(1);
    }

    /// Leaves of all eras what is not forgotten: the closed ones, whose dates are known, as one.
    fn carry(&mut self, line: i64) {
        let open = self.eras.pop();
        let known = self.eras.drain(..).map(|era| era.latest).max();
        let kept = known.filter(|latest| *latest > i64::MIN).into_iter().chain(open.map(|era| era.latest));
        self.eras = kept.map(|latest| Era { floor: line, latest }).collect();
    }

    fn join_shadows(&mut self) {
        while self.shadows.len() > MOST_SHADOWS {
            let oldest = self.shadows.remove(0);
            if let Some(next) = self.shadows.first_mut() {
                next.from = next.from.min(oldest.from);
                next.to = next.to.max(oldest.to);
                next.latest = next.latest.max(oldest.latest);
            }
        }
    }
}
