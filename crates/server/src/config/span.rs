//! Lengths of time as people write them in settings.
use std::time::Duration;

/// Reads `500ms`, `10s`, `25m`, `24h`, `7d`.
pub(super) fn read_span(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// Writes a length of time so that reading gives it back.
pub(super) fn show_span(span: &Duration) -> String {
    match span.as_millis() {
        millis if millis % 1000 != 0 => format!("{millis}ms"),
        millis if millis % 60_000 != 0 || millis == 0 => format!("{}s", millis / 1000),
        millis if millis % 3_600_000 != 0 => format!("{}m", millis / 60_000),
        millis => format!("{}h", millis / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_read() {
        for text in ["500ms", "0s", "10s", "90s", "25m", "24h"] {
            assert_eq!(show_span(&read_span(text).unwrap()), text);
        }
        assert_eq!(read_span("7d"), read_span("168h"));
        for bad in ["", "5", "s", "-5s", "5 s", "1.5h", "5w", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(read_span(bad), None, "{bad}");
        }
    }
}
