//! No two files of one crate may need each other, directly or round about.
use super::crates::Workspace;
use super::files::{code, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Modules by path, such as `rule::file`, with what each uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Looks for circles in every crate.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn run(workspace: &Workspace, faults: &mut Vec<String>) -> Result<u64, String> {
    let mut made = 0;
    for package in &workspace.packages {
        let graph = graph(&package.folder.join("src"))?;
        made += 1;
        for circle in circles(&graph) {
            faults.push(format!("{}: a circle of files: {}", package.name, circle.join(" -> ")));
        }
    }
    Ok(made)
}

fn graph(src: &Path) -> Result<Graph, String> {
    let mut texts = BTreeMap::new();
    for path in sources(src) {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let inside = path.strip_prefix(src).unwrap_or(&path).with_extension("");
        let name = inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("::");
        // Programs beside the library are roots of their own; tests may look at everything.
        if name.starts_with("bin::")
            || name == "tests"
            || name.ends_with("::tests")
            || name.contains("tests::")
        {
            continue;
        }
        let name = if name == "lib" || name == "main" { String::new() } else { name };
        // What a comment links to is not used.
        let code = code(&text);
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n");
        texts.entry(name).or_insert_with(String::new).push_str(&code);
    }
    let names: BTreeSet<String> = texts.keys().cloned().collect();
    let uses = texts.iter().map(|(name, text)| (name.clone(), used(name, text, &names)));
    Ok(uses.collect())
}

/// The files that a file's paths lead to.
fn used(name: &str, text: &str, names: &BTreeSet<String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let above = name.rsplit_once("::").map_or("", |(above, _)| above);
    let children = children(text);
    for (start, base) in [("crate::", ""), ("super::", above), ("self::", name)] {
        for (place, _) in text.match_indices(start) {
            let before = text.get(..place).and_then(|before| before.chars().next_back());
            // `crate::` inside a longer word, or a path of `super::super::`, which no file here needs.
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            let rest = text.get(place + start.len()..).unwrap_or_default();
            found.extend(paths(rest).into_iter().map(|path| join(base, &path)));
        }
    }
    for line in text.lines().map(str::trim_start) {
        let path = line.strip_prefix("pub use ").or_else(|| line.strip_prefix("pub(crate) use "));
        let path = path.or_else(|| line.strip_prefix("use "));
        if let Some(path) = path
            && children
                .iter()
                .any(|child| path.strip_prefix(child).is_some_and(|rest| rest.starts_with("::")))
        {
            found.extend(paths(path).into_iter().map(|path| join(name, &path)));
        }
    }
    let mut files: BTreeSet<String> = found.iter().filter_map(|path| file_of(path, names)).collect();
    files.remove(name);
    files
}

/// Names of the modules that a file declares.
fn children(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim_start);
    let declared = lines.filter_map(|line| {
        let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    declared.collect()
}

fn join(base: &str, path: &str) -> String {
    if base.is_empty() { path.to_owned() } else { format!("{base}::{path}") }
}

/// Every path of `a::b::{c, d::e}`, each written out.
fn paths(text: &str) -> Vec<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    let Some(group) = rest.strip_prefix('{').filter(|_| head.ends_with("::") || head.is_empty()) else {
        return vec![head.trim_end_matches(':').to_owned()];
    };
    let mut depth = 1_u32;
    let mut items = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if let Some(item) = items.last_mut() {
            item.push(c);
        }
    }
    let inner = items.iter().flat_map(|item| paths(item.trim()));
    inner.map(|path| format!("{head}{path}")).collect()
}

/// The file with the longest name that the path begins with; none for what the crate's root re-exports or declares itself.
fn file_of(path: &str, names: &BTreeSet<String>) -> Option<String> {
    let mut path = path.trim_end_matches(':');
    // Bounded by the path's own length.
    while !path.is_empty() {
        if names.contains(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::").map_or("", |(above, _)| above);
    }
    names.contains("").then(String::new)
}

/// Groups of files that reach each other, each once.
fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|name| (name, reachable(graph, name))).collect();
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (name, reached) in &reach {
        if reached.contains(*name) {
            let back =
                reached.iter().filter(|other| reach.get(**other).is_some_and(|back| back.contains(*name)));
            found.insert(
                back.map(|name| if name.is_empty() { "(root)".to_owned() } else { (**name).clone() })
                    .collect(),
            );
        }
    }
    found.into_iter().collect()
}

fn reachable<'g>(graph: &'g Graph, from: &String) -> BTreeSet<&'g String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = graph.get(from).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(graph.get(next).into_iter().flatten());
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn paths_are_written_out_and_led_to_their_files() {
        assert_eq!(paths("a::{b, c::{D, e}};"), ["a::b", "a::c::D", "a::c::e"]);
        assert_eq!(paths("time::Time;"), ["time::Time"]);
        let files = names(&["", "time", "rule", "rule::file"]);
        assert_eq!(file_of("rule::file::RuleFile", &files).unwrap(), "rule::file");
        assert_eq!(file_of("rule::Rule", &files).unwrap(), "rule");
        let text = "mod file;\nuse crate::{time::Time, rule};\nuse file::RuleFile;\nlet x = super::rule::A;";
        assert_eq!(used("rule", text, &files), names(&["time", "rule::file"]));
    }

    #[test]
    fn circles_are_found() {
        let graph: Graph = [("a", &["b"][..]), ("b", &["c"]), ("c", &["a"]), ("d", &["a"])]
            .into_iter()
            .map(|(name, used)| (name.to_owned(), names(used)))
            .collect();
        assert_eq!(circles(&graph), [["a", "b", "c"]]);
    }
}
