//! `countersign dialect`: what ways of signing there are, what they bind, and whether a file of one's own is sound.
use crate::exit::{Done, Failure};
use crate::member::{at, put};
use crate::print::{Out, pairs, table};
use crate::{proving, world};
use clap::Subcommand;
use countersign::dialect::Dialect;
use countersign::verified::Covered;
use countersign_guard::vectors::VectorFile;
use countersign_guard::vectors::spacetime::FlowFile;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Subcommand, Debug)]
pub(crate) enum DialectCommand {
    /// List the shipped dialects with what a proof of each binds.
    List,
    /// Show a dialect: rules, settings, and its guide.
    Show {
        /// A shipped name or the path of a dialect file.
        dialect: String,
        /// Replaces a setting, such as `--set lifetime=30m`.
        #[arg(long = "set", value_name = "NAME=VALUE")]
        settings: Vec<String>,
        /// Print the dialect's file itself.
        #[arg(long)]
        file: bool,
    },
    /// Check a dialect file: errors end with exit code 2, weaknesses are told.
    Lint {
        /// The dialect files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Judge the cases of vector files by the guard that serves requests.
    Test {
        /// The vector files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

pub(crate) fn run(command: &DialectCommand, out: Out) -> Done {
    match command {
        DialectCommand::List => list(out),
        DialectCommand::Show { dialect, settings, file } => show(dialect, settings, *file, out),
        DialectCommand::Lint { files } => lint(files, out),
        DialectCommand::Test { files } => test(files, out),
    }
}

fn list(out: Out) -> Done {
    let mut items = Vec::new();
    for folder in countersign_dialects::FOLDERS {
        items.push(described(&*proving::load(folder.name, &Default::default())?));
    }
    out.show(&items, || {
        let cell = |item: &Value, name: &str| at(item, name).as_str().unwrap_or_default().to_owned();
        let binding = |item: &Value, name: &str| cell(at(item, "binding"), name);
        let row = |item: &Value| {
            let doubt = if *at(item, "unverified") == true { " (unverified)" } else { "" };
            vec![
                format!("{}{doubt}", cell(item, "name")),
                cell(item, "callers_named_by"),
                covers(at(item, "binding")),
                binding(item, "replay"),
                cell(item, "summary"),
            ]
        };
        table(
            &["name", "callers named by", "a proof covers", "overheard, it works again", "summary"],
            items.iter().map(row).collect(),
        )
    })
}

fn show(name: &str, settings: &[String], file: bool, out: Out) -> Done {
    let dialect = proving::load(name, &proving::settings(settings)?)?;
    let folder = countersign_dialects::folder(name);
    if file {
        let text = match folder {
            Some(folder) => folder.file.to_owned(),
            None => world::read_text(Path::new(name))?,
        };
        return Out::line(&text);
    }
    let mut value = described(&dialect);
    put(&mut value, "rules", dialect.rules_in_words());
    put(&mut value, "settings", json!(dialect.settings()));
    put(&mut value, "warnings", json!(dialect.warnings()));
    out.show(&value, || {
        let text = |name: &str| at(&value, name).as_str().unwrap_or_default().to_owned();
        let algorithms: Vec<&str> = dialect.algorithms().iter().map(|algorithm| algorithm.name()).collect();
        let mut page = pairs(&[
            ("name", text("name")),
            ("summary", text("summary")),
            ("algorithms", algorithms.join(", ")),
            ("callers named by", text("callers_named_by")),
            ("a proof binds", text("binds")),
            ("a proof covers", covers(at(&value, "binding"))),
            ("overheard, it works again", dialect.binding().replay.to_string()),
        ]);
        if dialect.is_unverified() {
            page.push_str(
                "unverified: the facts about this way of signing are not certain; see its guide below\n",
            );
        }
        page.push_str("\nrules, in the order in which they are judged:\n");
        for rule in dialect.rules_in_words() {
            page.push_str(&format!("  {rule}\n"));
        }
        page.push_str("\nsettings:\n");
        for (name, value) in dialect.settings() {
            page.push_str(&format!("  {name} = {value}\n"));
        }
        for warning in dialect.warnings() {
            page.push_str(&format!("warning: {warning}\n"));
        }
        if let Some(folder) = folder {
            page.push_str(&format!("\n{}", folder.readme));
        }
        page
    })
}

fn lint(files: &[PathBuf], out: Out) -> Done {
    let mut found = Vec::new();
    let mut wrong = 0_usize;
    for path in files {
        let read = world::read_text(path)?;
        let (error, warnings) = match Dialect::parse(&read, &Default::default()) {
            Ok(dialect) => (None, dialect.warnings().to_vec()),
            Err(error) => (Some(error.to_string()), Vec::new()),
        };
        wrong = wrong.saturating_add(usize::from(error.is_some()));
        found.push(json!({ "file": path, "error": error, "warnings": warnings }));
    }
    out.show(&found, || {
        let mut text = String::new();
        for item in &found {
            let file = at(item, "file").as_str().unwrap_or_default();
            match at(item, "error").as_str() {
                Some(error) => text.push_str(&format!("{file}: error: {error}\n")),
                None => text.push_str(&format!("{file}: sound\n")),
            }
            for warning in at(item, "warnings").as_array().into_iter().flatten().filter_map(Value::as_str) {
                text.push_str(&format!("{file}: warning: {warning}\n"));
            }
        }
        text
    })?;
    if wrong == 0 {
        Ok(())
    } else {
        Err(Failure::usage(format!(
            "{wrong} of {} files cannot be used; mend what each error above names",
            files.len()
        )))
    }
}

fn test(files: &[PathBuf], out: Out) -> Done {
    let (mut cases, mut failed) = (Vec::new(), 0_usize);
    for path in files {
        let at = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("{}: {error}", path.display()))
                .next("those in the dialects' folders `vectors` show the form; `countersign dialect lint` is for dialect files")
        };
        let text = world::read_text(path)?;
        // A file of calls is driven through the session API; all others are judged request by request.
        let reports = if of_calls(&text) {
            let file = FlowFile::read(&text).map_err(|error| at(&error))?;
            world::run(async { file.run().await.map_err(|error| at(&error)) })?
        } else {
            let file = VectorFile::read(&text).map_err(|error| at(&error))?;
            world::run(async { file.run().await.map_err(|error| at(&error)) })?
        };
        for report in reports {
            failed = failed.saturating_add(usize::from(report.failed.is_some()));
            cases.push(json!({ "file": path, "case": report.id, "passed": report.failed.is_none(), "failed": report.failed }));
        }
    }
    let passed = cases.len().saturating_sub(failed);
    let value = json!({ "passed": passed, "failed": failed, "cases": cases });
    out.show(&value, || {
        let mut text = String::new();
        for case in cases.iter().filter(|case| *at(case, "passed") == false) {
            let part = |name: &str| at(case, name).as_str().unwrap_or_default();
            text.push_str(&format!("FAILED {} {}: {}\n", part("file"), part("case"), part("failed")));
        }
        format!("{text}{passed} passed, {failed} failed\n")
    })?;
    if failed == 0 { Ok(()) } else { Err(Failure::new(crate::exit::Exit::Failed, "")) }
}

fn of_calls(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|file| *at(&file, "dialect") == "spacetime")
}

fn described(dialect: &Dialect) -> Value {
    json!({
        "name": dialect.name().to_string(),
        "summary": dialect.summary(),
        "algorithms": dialect.algorithms().iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>(),
        "callers_named_by": dialect.namespace().unwrap_or("key or session"),
        "acts_for_users": dialect.acts_for_users(),
        "binds": binds(dialect.covered()),
        "single_use": dialect.is_single_use(),
        "carriers": dialect.carriers().iter().map(|name| name.as_str()).collect::<Vec<_>>(),
        "binding": binding(dialect),
        "unverified": dialect.is_unverified(),
    })
}

/// Binding strength as programs read it.
fn binding(dialect: &Dialect) -> Value {
    let binding = dialect.binding();
    json!({
        "covers": binding.covers(),
        "replay": binding.replay.to_string(),
        "replay_seconds": binding.replay.seconds(),
        "weak_algorithms": binding.weak,
    })
}

fn covers(binding: &Value) -> String {
    let names = at(binding, "covers").as_array().into_iter().flatten().filter_map(Value::as_str);
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "the caller only".to_owned() } else { names.join(", ") }
}

/// What a proof binds, in a few words.
fn binds(covered: Covered) -> String {
    let Covered { method, authority, path, query, body, once, window } = covered;
    let parts = [(method, "method"), (authority, "host"), (path, "path"), (query, "query"), (body, "body")];
    let names: Vec<&str> = parts.iter().filter(|(bound, _)| *bound).map(|(_, name)| *name).collect();
    let what = if names.is_empty() { "the caller only".to_owned() } else { names.join(", ") };
    let once = if once { ", works once" } else { "" };
    let window = window.map_or(", for ever".to_owned(), |window| format!(", for {window}"));
    format!("{what}{once}{window}")
}
