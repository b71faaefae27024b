//! The documents that are made from tables in the code: written, or compared with what is committed.
mod api;
mod summary;

use crate::run::{built, cargo, command, quiet, root};
use std::collections::BTreeMap;

/// Writes them, or only compares.
///
/// # Errors
/// When one differs, or cannot be made or written.
pub(crate) fn run(check: bool) -> Result<u64, String> {
    let text = quiet(cargo(&["run", "--quiet", "--package", "countersign-tables"]))?;
    let mut documents: BTreeMap<String, String> =
        serde_json::from_str(&text).map_err(|error| format!("docs: {error}"))?;
    documents.insert("configuration.md".to_owned(), configuration()?);
    documents.insert("command-line.md".to_owned(), command_line()?);
    documents.insert("metrics.md".to_owned(), metrics()?);
    let apis: BTreeMap<String, serde_json::Value> = serde_json::from_str(&told(&["help", "apis", "--json"])?)
        .map_err(|error| format!("help apis: {error}"))?;
    for (name, document) in &apis {
        let title = match name.as_str() {
            "console" => "The console's API".to_owned(),
            "callers" => "What callers call".to_owned(),
            name => format!("The {name} API"),
        };
        documents.insert(format!("book/src/{name}-api.md"), api::page(&title, document, MADE));
    }
    let names: Vec<&str> = documents.keys().filter_map(|path| summary::dialect(path)).collect();
    documents.insert(summary::PATH.to_owned(), summary::with(&names)?);
    for (name, text) in &documents {
        let path = root().join("docs").join(name);
        if check {
            let committed =
                std::fs::read_to_string(&path).map_err(|error| format!("docs/{name}: {error}"))?;
            if committed != *text {
                return Err(format!(
                    "docs/{name} is not what the tables give; run `cargo xtask docs` and commit it"
                ));
            }
        } else {
            let written = path
                .parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::write(&path, text));
            written.map_err(|error| format!("docs/{name}: {error}"))?;
            println!("wrote docs/{name}");
        }
    }
    u64::try_from(documents.len()).map_err(|error| error.to_string())
}

const MADE: &str = "<!-- Made from the program by `cargo xtask docs`; change the program. -->";

/// Every setting with its default, as the program itself prints it.
fn configuration() -> Result<String, String> {
    let sample = told(&["config", "default"])?;
    Ok(format!(
        "# Configuration\n\n{MADE}\n\nOne TOML file; environment variables win over it, flags over both. `countersign config check` \
         names the path, line and fix of each error.\n\n```toml\n{}\n```\n",
        sample.trim_end()
    ))
}

/// Every metric, as the program itself tells them.
fn metrics() -> Result<String, String> {
    let told = told(&["help", "metrics", "--json"])?;
    let rows: Vec<BTreeMap<String, serde_json::Value>> =
        serde_json::from_str(&told).map_err(|error| format!("help metrics: {error}"))?;
    let mut out = format!(
        "# Metrics\n\n{MADE}\n\nWhat `/metrics` has for Prometheus. Names and labels stay; new ones may come. A histogram also has `_sum` and `_count`. Labels hold\n\
         names of the configuration and words of the program, never a caller's text.\n\n| metric | kind | labels | what it says |\n| --- | --- | --- | --- |\n"
    );
    for row in rows {
        let text =
            |name: &str| row.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let labels = row.get("labels").and_then(serde_json::Value::as_array).into_iter().flatten();
        let labels: Vec<String> = labels.filter_map(|label| Some(format!("`{}`", label.as_str()?))).collect();
        out.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            text("name"),
            text("kind"),
            labels.join(", "),
            text("text")
        ));
    }
    Ok(out)
}

/// The help of every command, in the order in which the program lists them.
fn command_line() -> Result<String, String> {
    let mut out = format!("# Command line\n\n{MADE}\n");
    let mut open = vec![Vec::new()];
    // The commands of one program; each is looked at once.
    while let Some(path) = open.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let help = told(&[words.as_slice(), &["--help"]].concat())?;
        let title = [&["countersign"], words.as_slice()].concat().join(" ");
        out.push_str(&format!("\n## {title}\n\n```text\n{}\n```\n", help.trim_end()));
        for name in commands(&help).into_iter().rev() {
            open.push([path.as_slice(), &[name]].concat());
        }
    }
    out.push_str(&format!(
        "\n## Exit codes\n\n```text\n{}\n```\n",
        told(&["help", "exit-codes"])?.trim_end()
    ));
    Ok(out)
}

/// What the program prints; without the machine's environment, which could stand in the defaults.
fn told(arguments: &[&str]) -> Result<String, String> {
    let mut program = command(built("countersign")?, arguments);
    program.env_clear();
    quiet(program)
}

/// The names below `Commands:` in a help text; `help` itself is no news.
fn commands(help: &str) -> Vec<String> {
    let mut lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let mut names = Vec::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        // A description that goes on in the next line is set in further than a name.
        if line.starts_with("  ") && !line.starts_with("   ") {
            names.extend(line.split_whitespace().next().filter(|name| *name != "help").map(str::to_owned));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_help() {
        let help = "x\n\nCommands:\n  key   Keys\n  long  A text\n          that goes on\n  help  Help\n\nOptions:\n  -h  h\n";
        assert_eq!(commands(help), ["key", "long"]);
    }
}
