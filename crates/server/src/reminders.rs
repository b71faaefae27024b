//! Reminds of keys that end soon: a line of the log for each key at each of three distances, and a metric.
use crate::metrics::DAYS;
use crate::shared::Shared;
use countersign::life::key::KeyLife;
use countersign::time::{Span, Time};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked: a reminder of days is not waited for by the second.
const LOOK: Duration = Duration::from_secs(3600);
/// Accounts looked at before others have their turn.
const TOGETHER: usize = 256;
/// Lines of one look; a registry whose keys all end at once says so by the metric.
const MOST_LINES: usize = 1000;

/// Looks once an hour, and at the start, until dropped. Every node does.
pub(crate) async fn watch(app: &Shared) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    loop {
        tick.tick().await;
        let now = app.clock.now();
        look(app, before, now).await;
        before = Some(now);
    }
}

/// Reminds of what came within reach since `before`, or is within reach where nothing was looked at yet; and counts.
async fn look(app: &Shared, before: Option<Time>, now: Time) {
    let (mut ending, mut lines, mut after) = ([0_usize; DAYS.len()], 0, None::<String>);
    // Ends: each page moves on, and an empty one is the last.
    loop {
        let accounts = app.directory.accounts(after.as_deref(), TOGETHER);
        let Some(last) = accounts.last() else { break };
        after = Some(last.id.clone());
        for account in &accounts {
            for key in app.directory.keys_of(&account.id) {
                let Some(end) = key.life.ends().filter(|_| counts(key.life, now)) else { continue };
                for (number, days) in ending.iter_mut().zip(DAYS) {
                    *number += usize::from(end.since(now) <= Span::from_seconds(days * 86_400));
                }
                if let Some(days) = due(end, before, now).filter(|_| lines < MOST_LINES) {
                    lines += 1;
                    let used = key.last_used.map(|at| now.since(at).seconds());
                    tracing::warn!(
                        account = account.name,
                        key = key.id,
                        label = key.label,
                        state = key.life.state.name(),
                        ends_in_seconds = end.since(now).seconds(),
                        last_used_seconds_ago = used,
                        last_address = key.last_address,
                        "a key ends within {days} days: register the next one with `countersign key rotate`, or let it end"
                    );
                }
            }
        }
        tokio::task::yield_now().await;
    }
    app.metrics.keys_end(ending);
}

/// Whether the end of a key is anybody's concern: it counts now, or will.
pub(crate) fn counts(life: KeyLife, now: Time) -> bool {
    let begins = life.not_before.map_or(now, |begins| begins.max(now));
    life.is_live(begins)
}

/// The shortest distance that the end of a key came within since `before`.
pub(crate) fn due(end: Time, before: Option<Time>, now: Time) -> Option<i64> {
    let within = |days: i64, at: Time| end.since(at) <= Span::from_seconds(days * 86_400);
    DAYS.into_iter()
        .rev()
        .find(|days| within(*days, now))
        .filter(|days| before.is_none_or(|before| !within(*days, before)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::life::key::KeyState;

    #[test]
    fn a_key_is_told_of_once_at_each_distance() {
        let day = |days: i64| Time::from_seconds(days * 86_400);
        let end = day(100);
        let told: Vec<(i64, i64)> =
            (1..100).filter_map(|today| Some((today, due(end, Some(day(today - 1)), day(today))?))).collect();
        assert_eq!(told, [(70, 30), (93, 7), (99, 1)]);
        // After a time in which nobody looked, and at the start, only what is nearest.
        assert_eq!(due(end, Some(day(10)), day(99)), Some(1));
        assert_eq!(
            [due(end, None, day(60)), due(end, None, day(75)), due(end, None, day(94))],
            [None, Some(30), Some(7)]
        );
    }

    #[test]
    fn only_keys_that_count_or_will_are_told_of() {
        let at = Time::from_seconds;
        let ends = KeyLife { expires: Some(at(1000)), ..KeyLife::ACTIVE };
        assert!(counts(ends, at(10)) && !counts(ends, at(1000)));
        assert!(counts(KeyLife { not_before: Some(at(500)), ..ends }, at(10)));
        assert!(counts(KeyLife { state: KeyState::Retiring { until: at(900) }, ..ends }, at(10)));
        for state in [KeyState::Pending, KeyState::Disabled, KeyState::Revoked, KeyState::Recovery] {
            assert!(!counts(KeyLife { state, ..ends }, at(10)), "{state:?}");
        }
    }
}
