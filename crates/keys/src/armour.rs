//! A forgiving reader of PEM texts: people paste them from mail, JSON, environment files and chats.

use crate::error::KeyError;
use crate::spelling;
use zeroize::Zeroizing;

/// Most blocks in one text. A key file holds one, or a parameter block and one.
const MAX_BLOCKS: usize = 64;
/// Longest label taken for one; the longest in use has 31 characters.
const MAX_LABEL: usize = 40;

/// One armoured block. The body may be a secret, so it is wiped when dropped.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// The old OpenSSL header that says the body is encrypted.
    pub(crate) old_encryption: bool,
    pub(crate) repaired: Vec<&'static str>,
}

/// Whether a text has armour at all.
pub(crate) fn is_armoured(text: &str) -> bool {
    next_marker(text, "BEGIN ").is_some()
}

/// The label of every BEGIN in a text, whether or not the block can be read.
pub(crate) fn labels(text: &str) -> Vec<&str> {
    // Each turn moves forward in the text.
    let begins = std::iter::successors(next_marker(text, "BEGIN "), |m| next_marker(m.after, "BEGIN "));
    begins.map(|marker| marker.label).take(MAX_BLOCKS).collect()
}

/// Reads every block of a text.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>, KeyError> {
    let mut repaired = Vec::new();
    let plain = with_real_line_breaks(text, &mut repaired);
    let mut blocks = Vec::new();
    let mut rest: &str = &plain;
    // Ends after MAX_BLOCKS blocks; each turn moves forward in the text.
    while let Some(begin) = next_marker(rest, "BEGIN ") {
        if blocks.len() == MAX_BLOCKS {
            return Err(KeyError::SeveralKeys { found: MAX_BLOCKS });
        }
        let end = next_marker(begin.after, "END ")
            .ok_or(KeyError::Pem { problem: "the line with END is missing" })?;
        if end.label != begin.label {
            return Err(KeyError::Pem { problem: "the lines with BEGIN and END name different things" });
        }
        let lead = rest.split_once("BEGIN ").map_or("", |(before, _)| before);
        blocks.push(read_block(begin.label, lead, end.before, &repaired)?);
        rest = end.after;
    }
    Ok(blocks)
}

/// A `-----BEGIN X-----` or `-----END X-----`, with the text on both sides.
struct Marker<'t> {
    before: &'t str,
    label: &'t str,
    after: &'t str,
}

/// Finds the next marker of a kind. Word processors turn `--` into one long dash, so any number counts.
fn next_marker<'t>(text: &'t str, word: &str) -> Option<Marker<'t>> {
    let mut from = 0;
    // Each turn moves past one occurrence of the word.
    while let Some(at) = text.get(from..)?.find(word).map(|at| from.saturating_add(at)) {
        let (lead, rest) = text.split_at_checked(at)?;
        let rest = rest.strip_prefix(word)?;
        let before = lead.trim_end_matches(' ').trim_end_matches(is_dash);
        // No further than a label may reach, so that a text full of markers is still read in one pass.
        let end = rest.char_indices().take(MAX_LABEL.saturating_add(2)).find(|(_, c)| is_dash(*c));
        if let Some((label, tail)) = end.and_then(|(at, _)| rest.split_at_checked(at))
            && before.len() < lead.len()
            && is_label(label.trim())
        {
            let after = tail.trim_start_matches(is_dash);
            return Some(Marker { before, label: label.trim(), after });
        }
        from = at.saturating_add(word.len());
    }
    None
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

fn is_label(label: &str) -> bool {
    let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ';
    !label.is_empty() && label.len() <= MAX_LABEL && label.bytes().all(fits)
}

/// Turns `\n` written as two characters into line breaks, and carriage returns too.
fn with_real_line_breaks(text: &str, repaired: &mut Vec<&'static str>) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(text.replace("\r\n", "\n"));
    if plain.contains("\\n") || plain.contains("\\r") {
        repaired.push("line breaks written as \\n were turned into real ones");
        plain = Zeroizing::new(plain.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\r", "\n"));
    }
    if plain.contains('\r') {
        plain = Zeroizing::new(plain.replace('\r', "\n"));
    }
    plain
}

fn read_block(label: &str, lead: &str, body: &str, common: &[&'static str]) -> Result<Block, KeyError> {
    let mut repaired = common.to_vec();
    if !lead.ends_with("-----") {
        repaired.push("the dashes around BEGIN and END were put right");
    }
    let mut old_encryption = false;
    let mut characters = Zeroizing::new(String::with_capacity(body.len()));
    let mut continued = false;
    for line in body.lines() {
        // Headers (RFC 1421, RFC 4716) have a colon, which base64 has not; a backslash continues them.
        if continued || line.contains(':') {
            old_encryption |= line.contains("ENCRYPTED");
            continued = line.trim_end().ends_with('\\');
            continue;
        }
        if line.starts_with([' ', '\t']) && !line.trim().is_empty() {
            note(&mut repaired, "indentation was removed");
        }
        if line.trim().len() > 76 {
            note(&mut repaired, "line breaks were put back");
        }
        characters.push_str(line.trim());
    }
    // Secure against the rest of the text: an old header says how the body is encrypted.
    let body = spelling::base64(&characters, &mut repaired)
        .ok_or(KeyError::Pem { problem: "what stands between BEGIN and END is not base64" })?;
    if body.is_empty() {
        return Err(KeyError::Pem { problem: "there is nothing between BEGIN and END" });
    }
    Ok(Block { label: label.to_owned(), body, old_encryption, repaired })
}

fn note(repaired: &mut Vec<&'static str>, what: &'static str) {
    if !repaired.contains(&what) {
        repaired.push(what);
    }
}

#[cfg(test)]
mod tests;
