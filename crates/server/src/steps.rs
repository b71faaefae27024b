//! Notices when the machine's clock steps: operators must hear of it, since proofs are judged by that clock.
use crate::shared::Shared;
use countersign::time::Time;
use countersign_guard::clock::Clock;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);
/// What a replay memory takes for no step, milliseconds.
const SLACK: i64 = 2000;

/// The clock as it was read last, beside the timer that no step moves.
struct Reading {
    clock: Time,
    timer: Instant,
}

/// Runs until dropped.
pub(crate) async fn watch(app: &Shared) {
    let mut last = Reading::take(&*app.clock);
    loop {
        sleep(LOOK).await;
        let now = Reading::take(&*app.clock);
        if let Some(millis) = last.stepped(&now) {
            app.metrics.clock_stepped(millis < 0);
            let seconds = millis / 1000;
            if millis < 0 {
                tracing::error!(
                    seconds,
                    "the clock stepped back: proofs whose use may have been forgotten are refused meanwhile; see to the \
                     machine's time"
                );
            } else {
                tracing::error!(
                    seconds,
                    "the clock stepped ahead: callers whose clocks did not are refused; see to the machine's time"
                );
            }
        }
        last = now;
    }
}

impl Reading {
    /// Reads both at one moment: a process that is held between the two would see a step where there is none.
    fn take(clock: &dyn Clock) -> Self {
        let mut reading = Self { clock: clock.now(), timer: Instant::now() };
        for _ in 0..3 {
            let before = reading.timer;
            reading = Self { clock: clock.now(), timer: Instant::now() };
            if reading.timer.saturating_duration_since(before) < LOOK / 4 {
                break;
            }
        }
        reading
    }

    /// By how many milliseconds the clock went another way than the timer, when that is a step.
    fn stepped(&self, next: &Self) -> Option<i64> {
        let passed = next.timer.saturating_duration_since(self.timer).as_millis();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        let millis = next.clock.millis().saturating_sub(self.clock.millis()).saturating_sub(passed);
        (millis.saturating_abs() > SLACK).then_some(millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_from_time_that_passes() {
        let timer = Instant::now();
        let read = |seconds: u64, clock: i64| Reading {
            clock: Time::from_seconds(clock),
            timer: timer + Duration::from_secs(seconds),
        };
        let first = read(0, 1000);
        assert_eq!(first.stepped(&read(1, 1001)), None);
        assert_eq!(first.stepped(&read(1, 1003)), None, "as much as a replay memory bears");
        assert_eq!(first.stepped(&read(1, 999)), None);
        assert_eq!(first.stepped(&read(600, 1600)), None, "a busy machine looks late");
        assert_eq!(first.stepped(&read(1, 4601)), Some(3_600_000));
        assert_eq!(first.stepped(&read(1, -2599)), Some(-3_600_000));
        assert_eq!(first.stepped(&read(600, 1000)), Some(-600_000));
    }
}
