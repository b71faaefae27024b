//! What holds for every file: it says what it is, stays short, is finished, and leaves clock and chance to their door.
use super::crates::Workspace;
use crate::run::{command, quiet, root};
use std::path::{Path, PathBuf};

/// Lines of code after which a file holds more than one thing.
const CEILING: usize = 400;

/// Words of unfinished or silenced code; written in halves, so that this file may hold them.
const NEVER: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!("),
    concat!("unimpl", "emented!("),
    concat!("#[", "allow("),
    concat!("#![", "allow("),
];

/// Paths of machines that built this; nothing in the project depends on one.
const MACHINES: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Use", "rs/")];

/// What opens the clock, chance or the environment.
const DOORS: &[&str] = &[
    "SystemTime::now",
    "std::time::Instant",
    "Timestamp::now",
    "Zoned::now",
    "Uuid::new_v4",
    "Uuid::now_v7",
    "rand::fill",
    "rand::SystemRandom",
    "getrandom",
    "thread_rng",
    "env::var",
];

/// The files that may: the one door of clock and chance, and the making of keys, whose chance the crypto library draws
/// itself. Deadlines of connections are the runtime's (`tokio::time`), and decide no judgement.
const DOORKEEPERS: &[&str] = &["crates/guard/src/clock.rs", "crates/keys/src/private.rs"];

/// Crates of the floors that get time, chance and environment as arguments.
const GIVEN: &[&str] = &[
    "crates/keys/",
    "crates/keys-lc/",
    "crates/keys-lanes/",
    "crates/countersign/",
    "crates/dialects/",
    "crates/store/",
    "crates/store-sqlite/",
    "crates/guard/",
    "crates/envoy/",
    "crates/server/",
];

/// Looks at every source file, and at every committed text for paths of machines.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn run(workspace: &Workspace, faults: &mut Vec<String>) -> Result<u64, String> {
    let root = root();
    let mut made = 0;
    for package in &workspace.packages {
        for path in sources(&package.folder) {
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
            made += 1;
            source(&name, &text, faults);
        }
    }
    let listed = quiet(command("git", &["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    for name in listed.lines() {
        // Binary and large data files have no lines to look at.
        let Ok(text) = std::fs::read_to_string(root.join(name)) else { continue };
        if text.len() > 1_000_000 {
            continue;
        }
        made += 1;
        for machine in MACHINES.iter().filter(|machine| text.contains(**machine)) {
            faults.push(format!("{name}: names a path of one machine, {machine}"));
        }
    }
    Ok(made)
}

fn source(name: &str, text: &str, faults: &mut Vec<String>) {
    if !text.starts_with("//! ") {
        faults.push(format!("{name}: does not begin with a sentence that says what it is (//! …)"));
    }
    let lines = code(text).lines().count();
    let is_test = name.contains("/tests/") && !name.starts_with("tests/") || name.ends_with("/tests.rs");
    if lines > CEILING && !is_test {
        faults.push(format!("{name}: {lines} lines of code, at most {CEILING} hold one thing"));
    }
    for never in NEVER.iter().filter(|never| text.contains(**never)) {
        faults.push(format!("{name}: has {never}"));
    }
    let given = GIVEN.iter().any(|floor| name.starts_with(floor)) && name.contains("/src/") && !is_test;
    if given && !DOORKEEPERS.contains(&name) {
        let code = code(text);
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let opened = lines.flat_map(|line| DOORS.iter().filter(move |door| line.contains(**door)));
        for door in opened {
            faults.push(format!("{name}: opens {door}; take time, chance and environment as arguments"));
        }
    }
}

/// The code of a file, without the tests at its end.
pub(crate) fn code(text: &str) -> String {
    let end = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
    text.get(..end).unwrap_or(text).to_owned()
}

/// Every Rust file below a folder, build results and crates inside left out.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder_now) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder_now) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let inner = path.is_dir() && !path.join("Cargo.toml").exists() && !path.ends_with("target");
            if inner {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_breaks_the_rules_is_told() {
        let told = |name: &str, text: &str| {
            let mut faults = Vec::new();
            source(name, text, &mut faults);
            faults.len()
        };
        assert_eq!(told("crates/store/src/x.rs", "//! Says what it is.\nfn f() {}\n"), 0);
        assert_eq!(told("crates/store/src/x.rs", "fn f() {}\n"), 1);
        assert_eq!(told("crates/store/src/x.rs", &format!("//! X.\n// {} later\n", NEVER[0])), 1);
        assert_eq!(told("crates/store/src/x.rs", "//! X.\nlet now = SystemTime::now();\n"), 1);
        assert_eq!(told("crates/guard/src/clock.rs", "//! X.\nlet now = SystemTime::now();\n"), 0);
        assert_eq!(told("crates/store/src/x.rs", &format!("//! X.\n{}", "let x = 1;\n".repeat(400))), 1);
        assert_eq!(
            told("crates/store/src/x/tests.rs", &format!("//! X.\n{}", "let x = 1;\n".repeat(400))),
            0
        );
    }
}
