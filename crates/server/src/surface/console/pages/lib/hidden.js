// Letters that are not drawn, or that turn the text around them: strangers' texts show them as numbers.

const HIDDEN = /[\p{Cc}\p{Cf}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2028\u2029\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]/gu;

/** The text as it may stand on a page; lines and tabs stay. */
export const seen = (text) => text.replaceAll(HIDDEN, (letter) => (letter === "\n" || letter === "\t" ? letter : `⟨U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`));
