//! Texts that others wrote, as a terminal may show them.
use countersign::hidden::is_hidden;

/// Without control and invisible characters: what others wrote must not steer this terminal, nor show other than it is.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|letter| if is_hidden(letter) && letter != '\n' { '\u{fffd}' } else { letter }).collect()
}
