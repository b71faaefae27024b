//! Waiting until nobody uses a key any more, as far as the server knows for certain.
use crate::asker::Asker;
use crate::exit::{Exit, Failure};
use crate::member::at;
use crate::terminal::Progress;
use crate::used::{Uses, instant, told};
use countersign::time::{Span, Time};
use serde_json::Value;
use std::time::Duration;

/// Between two looks of an operator at the key.
const LOOK: Duration = Duration::from_secs(2);
/// The same of an owner, whose looks count among the account's requests.
const OWN_LOOK: Duration = Duration::from_secs(5);
/// Looks in a row that may come to nothing: a server that starts anew is no end of a rotation.
const MISSES: u32 = 60;

/// How waiting ended.
pub(crate) struct Quiet {
    /// The last use that is known with its address; null where there was none.
    pub(crate) last: Value,
    /// Whether the key counts no more, however lately it was used.
    pub(crate) ended: bool,
}

/// Waits until a key was not used for so long, or counts no more. Everything is reckoned by the server's clock, and up to the instant before
/// which it knows every use.
pub(crate) async fn wait(
    asker: &mut Asker,
    key: &str,
    quiet: Span,
    patience: Option<Span>,
) -> Result<Quiet, Failure> {
    let progress = Progress::new();
    let look = if matches!(asker, Asker::Owner(_)) { OWN_LOOK } else { LOOK };
    let (mut begun, mut missed) = (None, 0);
    // Ends with the key, or with the patience.
    loop {
        let uses = match asker.uses(key).await {
            Err(failure) if failure.exit == Exit::Unreachable && missed < MISSES => {
                missed += 1;
                progress.tell(&format!("{key}: {}", failure.message));
                tokio::time::sleep(look).await;
                continue;
            }
            uses => uses?,
        };
        missed = 0;
        let begun = *begun.get_or_insert(uses.now);
        let last = uses.items.first().cloned().unwrap_or(Value::Null);
        if !uses.live || quiet_for(&uses, begun) >= quiet {
            progress.end();
            return Ok(Quiet { last, ended: !uses.live });
        }
        if patience.is_some_and(|patience| uses.now.since(begun) >= patience) {
            progress.end();
            let text = format!("{key} is not quiet yet: {}", told(&last));
            return Err(Failure::new(Exit::Conflict, text).next(format!(
                "look again with `countersign key uses {key}`, and give whoever runs there the new key"
            )));
        }
        let lately = |one: &&Value| instant(at(one, "at")).is_some_and(|at| uses.now.since(at) < quiet);
        let places: Vec<String> = uses.items.iter().filter(lately).map(told).collect();
        progress.tell(&if places.is_empty() {
            let seconds = quiet_for(&uses, begun).seconds().max(0);
            format!("{key}: no use for {seconds} s of {} s", quiet.seconds())
        } else {
            format!("{key} is still used: {}", places.join("; "))
        });
        tokio::time::sleep(look).await;
    }
}

/// For how long it is known for certain that nobody used the key. Who has not used it since we look may have before.
fn quiet_for(uses: &Uses, begun: Time) -> Span {
    // Uses are told to the second.
    let since = uses.last.map_or(begun, |last| (last + Span::from_seconds(1)).max(begun));
    uses.complete_until.since(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_is_what_is_known_and_not_what_is_not_told_yet() {
        let at = Time::from_seconds;
        let uses = |last: Option<i64>, complete_until| Uses {
            items: Vec::new(),
            last: last.map(at),
            live: true,
            now: at(130),
            complete_until: at(complete_until),
        };
        let seconds = |uses: Uses| quiet_for(&uses, at(100)).seconds();
        assert_eq!(seconds(uses(None, 130)), 30, "since it is looked");
        assert_eq!(seconds(uses(Some(50), 130)), 30);
        assert_eq!(seconds(uses(Some(120), 130)), 9, "to the second");
        assert_eq!(seconds(uses(Some(120), 110)), -11, "another node may have seen it since");
        assert_eq!(seconds(uses(None, 110)), 10);
    }
}
