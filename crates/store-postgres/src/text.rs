//! Texts as PostgreSQL takes them: it has no NUL, and a row may hold any text.
use std::borrow::Cow;

/// Unicode promises that this stands for no character, so nothing but a test has it.
const ESCAPE: char = '\u{FDD0}';

/// The text as it is kept: unchanged, but for NUL and the escape itself.
pub(crate) fn kept(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len().saturating_add(8));
    for letter in text.chars() {
        match letter {
            '\0' => escaped.extend([ESCAPE, '0']),
            ESCAPE => escaped.extend([ESCAPE, '1']),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// The text as it was; `None` for what [`kept`] does not give.
pub(crate) fn plain(kept: &str) -> Option<Cow<'_, str>> {
    if !kept.contains(ESCAPE) {
        return Some(Cow::Borrowed(kept));
    }
    let mut text = String::with_capacity(kept.len());
    let mut letters = kept.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ESCAPE => match letters.next() {
                Some('0') => text.push('\0'),
                Some('1') => text.push(ESCAPE),
                _ => return None,
            },
            other => text.push(other),
        }
    }
    Some(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_is_kept_without_nul() {
        for text in ["", "plain", "\0", "a\0b\0", "\u{FDD0}", "\u{FDD0}0", "\u{FDD0}\0\u{FDD0}1"] {
            let escaped = kept(text);
            assert!(!escaped.contains('\0'));
            assert_eq!(plain(&escaped).as_deref(), Some(text));
        }
        assert_eq!(plain("\u{FDD0}"), None);
        assert_eq!(plain("\u{FDD0}2"), None);
    }
}
