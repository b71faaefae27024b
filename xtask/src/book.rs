//! The book, built by the real mdBook: without a warning, and with a page for every line of its contents.
use crate::run::{command, root, target};
use crate::tools;
use std::path::Path;

/// Where the book stands.
const BOOK: &str = "docs/book";

/// Builds it, and gives how many pages came out.
///
/// # Errors
/// When mdBook fails or warns, or a page is missing.
pub(crate) fn run() -> Result<u64, String> {
    let mdbook = tools::mdbook()?;
    let out = target()?.join("book");
    let mut build = command(&mdbook, &["build", BOOK, "-d"]);
    build.arg(&out);
    println!("$ {} build {BOOK} -d {}", mdbook.display(), out.display());
    let ended = build.output().map_err(|error| format!("{}: {error}", mdbook.display()))?;
    let told = [ended.stdout, ended.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    print!("{told}");
    if !ended.status.success() {
        return Err(format!("mdbook build: ended with {}", ended.status));
    }
    if let Some(line) = told.lines().find(|line| warns(line)) {
        return Err(format!("mdbook build: {line}"));
    }
    let contents = root().join(BOOK).join("src/SUMMARY.md");
    let contents =
        std::fs::read_to_string(&contents).map_err(|error| format!("{}: {error}", contents.display()))?;
    let pages = pages(&contents);
    if pages.is_empty() {
        return Err("SUMMARY.md names no page".to_owned());
    }
    for page in &pages {
        made(&out, page)?;
    }
    u64::try_from(pages.len()).map_err(|error| error.to_string())
}

/// Whether a line of mdBook's says that something is wrong.
fn warns(line: &str) -> bool {
    line.split(|letter: char| !letter.is_ascii_alphabetic()).any(|word| matches!(word, "WARN" | "ERROR"))
}

/// The pages of the contents, without their ending.
fn pages(contents: &str) -> Vec<&str> {
    let links = contents.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    links.filter_map(|link| link.strip_suffix(".md")).collect()
}

/// Whether a page is there, with something in it.
fn made(out: &Path, page: &str) -> Result<(), String> {
    let path = out.join(format!("{page}.html"));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let body = text.split_once("<main>").and_then(|(_, rest)| rest.split_once("</main>"));
    match body.map(|(body, _)| body) {
        Some(body) if body.contains("<h1") => Ok(()),
        _ => Err(format!("{}: wanted a page with a heading, found none", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_and_pages_are_found() {
        for line in [" WARN unknown field `x`", "2026-01-01 00:00:00 [WARN] (a): b", "ERROR no such page"] {
            assert!(warns(line), "{line}");
        }
        for line in [" INFO Book building has started", "INFO: WARNINGS of the weather"] {
            assert!(!warns(line), "{line}");
        }
        assert_eq!(pages("# S\n\n[A](a.md)\n- [B](b/c.md)\n  - [D](http://d)\n"), ["a", "b/c"]);
    }
}
