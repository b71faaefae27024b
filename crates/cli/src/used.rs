//! Uses of keys in words: by whom, and how long ago.
use crate::member::at;
use crate::world;
use countersign::time::{Span, Time};
use serde_json::Value;

/// What a server knows of the uses of a key.
pub(crate) struct Uses {
    /// By address, newest first.
    pub(crate) items: Vec<Value>,
    /// The last use.
    pub(crate) last: Option<Time>,
    /// Whether a proof by the key counts.
    pub(crate) live: bool,
    /// When the server was asked, by its clock.
    pub(crate) now: Time,
    /// Every use before this instant is told.
    pub(crate) complete_until: Time,
}

/// A use in words: by whom, and how long ago.
pub(crate) fn told(used: &Value) -> String {
    match (at(used, "address").as_str(), instant(at(used, "at"))) {
        (Some(address), Some(at)) => format!("used by {address}, {}", ago(world::now().since(at))),
        (None, Some(at)) => format!("used {}", ago(world::now().since(at))),
        _ => "never used".to_owned(),
    }
}

/// An instant, as servers write it.
pub(crate) fn instant(value: &Value) -> Option<Time> {
    let at: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(Time::from_nanos(at.as_nanosecond()))
}

/// How long ago, in the largest unit that fits.
fn ago(span: Span) -> String {
    let seconds = span.seconds().max(0);
    let (many, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{many} {unit}{} ago", if many == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_ago_are_said_in_the_largest_unit() {
        let said = |seconds| ago(Span::from_seconds(seconds));
        assert_eq!(
            [said(-3), said(1), said(59), said(61)],
            ["0 seconds ago", "1 second ago", "59 seconds ago", "1 minute ago"]
        );
        assert_eq!([said(7200), said(90_000), said(900_000)], ["2 hours ago", "1 day ago", "10 days ago"]);
        let used = json!({ "address": "10.0.0.7", "at": "2000-01-01T00:00:00Z" });
        assert!(told(&used).starts_with("used by 10.0.0.7, "));
        assert_eq!(told(&Value::Null), "never used");
    }
}
