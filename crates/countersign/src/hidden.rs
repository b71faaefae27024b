//! Letters that nobody sees, or that turn what stands around them: two names that look alike must not be two names.

/// Whether a letter is a control character, is not drawn at all, or changes the direction in which others are read. Names and labels
/// have none of them, and where a stranger's text is shown they are shown as numbers.
///
/// Joiners (U+200C, U+200D) are among them although some scripts use them: in a name they are not seen, and a name is compared by its
/// bytes. See [UTS #39](https://www.unicode.org/reports/tr39/) and [UAX #9](https://www.unicode.org/reports/tr9/).
#[must_use]
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::is_hidden;

    #[test]
    fn what_turns_or_hides_text_is_hidden_and_scripts_are_not() {
        for letter in "\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{ad}\u{e0041}\u{3164}\n\u{7f}\u{85}".chars()
        {
            assert!(is_hidden(letter), "{letter:?}");
        }
        for letter in "aZ9 -ä漢字ひらがなעבריתعربىहिन्दी한국🔑¿\u{301}\u{a0}".chars()
        {
            assert!(!is_hidden(letter), "{letter:?}");
        }
    }
}
