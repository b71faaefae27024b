//! The audience of a token (RFC 7519 section 4.1.3): one text or a list of texts.
use crate::json::{Bounds, Value, read_list};
use crate::reason::Reason;

/// Whether the audience is the one that is wanted; with `sole`, nobody beside it.
pub(super) fn audience(value: &Value<'_>, wanted: &str, sole: bool) -> Result<(), Reason> {
    match value {
        Value::Absent | Value::Null => Err(Reason::MissingClaim),
        Value::Text(text) if **text == *wanted => Ok(()),
        Value::Text(_) => Err(Reason::WrongAudience),
        Value::List(list) => {
            let (mut all, mut hits, mut texts) = (0_usize, 0_usize, true);
            // The list was read once already, inside the token's own bounds.
            let bounds = Bounds { depth: 16, members: 256 };
            read_list(list, bounds, |item| {
                all += 1;
                match item.text() {
                    Some(text) if text == wanted => hits += 1,
                    Some(_) => {}
                    None => texts = false,
                }
            })
            .map_err(|_| Reason::MalformedClaim)?;
            match (texts, hits) {
                (false, _) => Err(Reason::MalformedClaim),
                (true, 0) => Err(Reason::WrongAudience),
                (true, _) if sole && all > 1 => Err(Reason::WrongAudience),
                (true, _) => Ok(()),
            }
        }
        _ => Err(Reason::MalformedClaim),
    }
}
