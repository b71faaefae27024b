//! The book's table of contents: written by hand but for the dialects, whose pages stand below theirs.
use crate::run::root;

/// Where it is, below docs.
pub(super) const PATH: &str = "book/src/SUMMARY.md";
/// The line that the dialects' own pages follow.
const LINE: &str = "- [Dialects](dialects.md)";

/// The dialect whose page this is.
pub(super) fn dialect(path: &str) -> Option<&str> {
    path.strip_prefix("book/src/dialects/")?.strip_suffix(".md")
}

/// The committed table of contents with exactly these dialects.
///
/// # Errors
/// When it cannot be read, or has no line for the dialects.
pub(super) fn with(names: &[&str]) -> Result<String, String> {
    let path = root().join("docs").join(PATH);
    let text = std::fs::read_to_string(path).map_err(|error| format!("{PATH}: {error}"))?;
    filled(&text, names).ok_or_else(|| format!("{PATH}: wanted the line {LINE:?}, found none"))
}

fn filled(text: &str, names: &[&str]) -> Option<String> {
    let mut out = String::new();
    let mut found = false;
    for line in text.lines().filter(|line| !line.starts_with("  - [") || !line.contains("](dialects/")) {
        out.push_str(line);
        out.push('\n');
        if line == LINE {
            found = true;
            out.extend(names.iter().map(|name| format!("  - [{name}](dialects/{name}.md)\n")));
        }
    }
    found.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_come_and_go_below_their_line() {
        let text = "# S\n\n- [Dialects](dialects.md)\n  - [old](dialects/old.md)\n- [X](x.md)\n";
        let wanted =
            "# S\n\n- [Dialects](dialects.md)\n  - [a](dialects/a.md)\n  - [b](dialects/b.md)\n- [X](x.md)\n";
        assert_eq!(filled(text, &["a", "b"]).as_deref(), Some(wanted));
        assert_eq!(filled(wanted, &["a", "b"]).as_deref(), Some(wanted));
        assert_eq!(filled("# S\n", &["a"]), None);
        assert_eq!(dialect("book/src/dialects/skykit.md"), Some("skykit"));
    }
}
