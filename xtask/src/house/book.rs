//! The book hangs together: every page is in the table of contents, once, and every relative link of the documents leads to a file.
use crate::run::{command, quiet, root};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

const PAGES: &str = "docs/book/src";

/// Looks at every page.
///
/// # Errors
/// When a page cannot be read.
pub(crate) fn run(faults: &mut Vec<String>) -> Result<u64, String> {
    let listed = quiet(command("git", &["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let files: BTreeSet<PathBuf> =
        listed.lines().map(PathBuf::from).filter(|file| root().join(file).exists()).collect();
    let pages = || files.iter().filter(|file| file.extension().is_some_and(|end| end == "md"));
    let mut made = 0;
    for file in pages() {
        for link in links(&read(file)?) {
            made += 1;
            let target = joined(file.parent().unwrap_or(Path::new("")), &link);
            let there = |target: &PathBuf| files.iter().any(|file| file.starts_with(target));
            let Some(target) = target.filter(there) else {
                faults.push(format!("{}: there is no {link}", file.display()));
                continue;
            };
            if file.starts_with(PAGES) && !target.starts_with(PAGES) {
                faults.push(format!("{}: {link} is outside the book", file.display()));
            }
        }
    }
    let summary = Path::new(PAGES).join("SUMMARY.md");
    let named: Vec<PathBuf> =
        links(&read(&summary)?).iter().filter_map(|link| joined(Path::new(PAGES), link)).collect();
    for page in pages().filter(|file| file.starts_with(PAGES) && **file != summary) {
        made += 1;
        let times = named.iter().filter(|name| *name == page).count();
        if times != 1 {
            faults.push(format!("{}: stands {times} times in SUMMARY.md, wanted once", page.display()));
        }
    }
    Ok(made)
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(root().join(file)).map_err(|error| format!("{}: {error}", file.display()))
}

/// The relative targets of links and pictures, without their anchors; what stands in code is no link.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            // Every other part is in backquotes.
            let prose = line.split('`').step_by(2).collect::<Vec<_>>().join("x");
            let targets = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '#']).next());
            let relative = |target: &&str| {
                !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")
            };
            found.extend(targets.filter(relative).map(str::to_owned));
        }
    }
    found
}

/// The path that a link means from a folder; `None` outside the project.
fn joined(folder: &Path, link: &str) -> Option<PathBuf> {
    let mut path = folder.to_path_buf();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir if path.pop() => {}
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_where_they_are_links() {
        let text = "[a](x.md#y) and `[b](no.md)` [`c`](d/e.md)\n```\n[f](no.md)\n```\n![p](q.png) [w](https://h/x)\n[g](#here)\n";
        assert_eq!(links(text), ["x.md", "d/e.md", "q.png"]);
        assert_eq!(joined(Path::new("docs/book"), "../x.md"), Some(PathBuf::from("docs/x.md")));
        assert_eq!(joined(Path::new("docs"), "../../x.md"), None);
    }
}
