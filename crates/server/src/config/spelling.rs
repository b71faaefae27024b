//! How values and names of the configuration are spelt: lengths of time, and which name was probably meant.
use std::time::Duration;

/// The known name that differs least from `name`, when it is near enough to be meant.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let near = known.map(|candidate| (distance(name, candidate), candidate)).min()?;
    (near.0 <= (1 + name.len() / 4).max(2) && near.0 < name.len()).then_some(near.1)
}

fn distance(left: &str, right: &str) -> usize {
    // Names of settings are short; anything longer than 64 bytes is not a slip of the pen.
    if left.len() > 64 || right.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut corner = i;
        let mut before = i + 1;
        let mut next = vec![before];
        for (b, above) in right.bytes().zip(row.iter().skip(1)) {
            before = (corner + usize::from(a != b)).min(before + 1).min(above + 1);
            corner = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// Reads `500ms`, `10s`, `25m`, `24h`, `7d`.
pub(crate) fn read_span(text: &str) -> Option<Duration> {
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

pub(crate) fn show_span(span: &Duration) -> String {
    match span.as_millis() {
        millis if millis % 1000 != 0 => format!("{millis}ms"),
        millis if millis % 60_000 != 0 || millis == 0 => format!("{}s", millis / 1000),
        millis if millis % 3_600_000 != 0 => format!("{}m", millis / 60_000),
        millis => format!("{}h", millis / 3_600_000),
    }
}
