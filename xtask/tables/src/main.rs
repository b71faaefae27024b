//! Prints the documents that are made from tables, as one JSON object of file name and text.
mod dialect_page;

use countersign::dialect::Dialect;
use countersign::dialect::settings::Settings;
use countersign::reason::Reason;
use countersign_dialects::{FOLDERS, Folder};
use countersign_guard::diagnosis::cause::Cause;
use std::fmt::Write;
use std::path::Path;

const NOTE: &str = "<!-- Made from the code by `cargo xtask docs`; change the table there. -->\n";

fn main() -> Result<(), String> {
    let mut documents = serde_json::Map::new();
    let mut add = |name: &str, text: String| documents.insert(name.to_owned(), text.into());
    add("reasons.md", reasons());
    add("causes.md", causes());
    add("dialects.md", dialects("book/src/dialects/")?);
    add("book/src/dialects.md", dialects("dialects/")?);
    let home = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/dialects"));
    for folder in FOLDERS {
        let page = dialect_page::page(folder, &loaded(folder)?, home, NOTE)?;
        add(&format!("book/src/dialects/{}.md", folder.name), page);
    }
    println!("{}", serde_json::Value::Object(documents));
    Ok(())
}

fn reasons() -> String {
    let mut out = format!("# Reasons\n\n{NOTE}\n");
    out.push_str(
        "Every reason for which a request is refused. Strangers see the outward code and the status alone; the code is for\n\
         logs, metrics, and whoever may ask `explain`. A dialect may answer with another status. Codes are only ever added.\n",
    );
    for class in ["Absent", "Malformed", "Identity", "Claims", "Time", "Replay", "Policy", "Limit"] {
        let _ = write!(
            out,
            "\n## {class}\n\n| code | outward | status | what happened | what to do |\n| --- | --- | --- | --- | --- |\n"
        );
        for reason in Reason::ALL.iter().filter(|reason| format!("{:?}", reason.class()) == class) {
            let (code, outward, status) = (reason.code(), reason.outward(), reason.status());
            let _ = writeln!(
                out,
                "| `{code}` | `{outward}` | {status} | {} | {} |",
                reason.text(),
                reason.hint()
            );
        }
    }
    out
}

fn causes() -> String {
    let mut out = format!("# Causes\n\n{NOTE}\n");
    out.push_str(
        "What `explain` names as having gone wrong at the caller or on the way, and how it is mended. The first that it names is the\n\
         likeliest. Codes are only ever added.\n",
    );
    let groups = ["credential", "encoding", "key", "signature", "text", "claim", "time", "permission"];
    for group in groups {
        let title = capital(group);
        let _ = write!(
            out,
            "\n## {title}\n\n| code | what went wrong | how it is mended |\n| --- | --- | --- |\n"
        );
        for cause in Cause::ALL.iter().filter(|cause| cause.group() == group) {
            let _ = writeln!(out, "| `{}` | {} | {} |", cause.code(), cause.text(), cause.fix());
        }
    }
    out
}

/// All dialects on one page, each with a link to its own below `pages`.
fn dialects(pages: &str) -> Result<String, String> {
    let mut out = format!(
        "# Dialects\n\n{NOTE}\nHow requests carry proofs. Each has a page of its own: what it protects and what not, rules, settings, refusals, programs. *Unverified*: the facts are not certain.\n\n\
         | dialect | what it is | algorithms | callers are named by | a proof covers | overheard, it works again |\n| --- | --- | --- | --- | --- | --- |\n"
    );
    for folder in FOLDERS {
        let dialect = loaded(folder)?;
        let algorithms: Vec<&str> = dialect.algorithms().iter().map(|algorithm| algorithm.name()).collect();
        let binding = dialect.binding();
        let covers = binding.covers();
        let covers = if covers.is_empty() { "the caller only".to_owned() } else { covers.join(", ") };
        let doubt = if dialect.is_unverified() { ". *Unverified*" } else { "" };
        let _ = writeln!(
            out,
            "| [{0}]({pages}{0}.md) | {1}{doubt} | {2} | {3} | {covers} | {4} |",
            folder.name,
            capital(dialect.summary()),
            algorithms.join(", "),
            dialect.namespace().unwrap_or("key or session"),
            binding.replay
        );
    }
    out.push_str(&vendors()?);
    Ok(out)
}

/// Which presets were held against the packages of their vendors, as their vectors tell.
fn vendors() -> Result<String, String> {
    let mut out = String::from(
        "\n## Held against vendors' own packages\n\n\
         What each package sent was captured on loopback and is judged in every test run (`tests/vendors`). *Compared*: header and claims of\n\
         what countersign signs are the package's. *Verifies*: the package takes what countersign signs, and refuses it changed; one that only signs\n\
         comes to the same signature, or to the text that it is over, for the same request at the same time.\n\n\
         | preset | package | version | signs | compared | verifies | captured |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for folder in FOLDERS {
        let path = format!("{}/../../crates/dialects/{}/vectors", env!("CARGO_MANIFEST_DIR"), folder.name);
        let mut files: Vec<_> =
            std::fs::read_dir(path).into_iter().flatten().flatten().map(|file| file.path()).collect();
        files.sort();
        for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "json")) {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let file: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let Some(vendor) = file.get("vendor").filter(|vendor| vendor.is_object()) else { continue };
            let text = |name: &str| vendor.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            let yes = |name: &str| {
                if vendor.get(name).and_then(serde_json::Value::as_bool) == Some(true) { "yes" } else { "" }
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} |",
                folder.name,
                text("package"),
                text("version"),
                yes("signs"),
                yes("compared"),
                yes("verifies"),
                text("date")
            );
        }
    }
    Ok(out)
}

fn loaded(folder: &Folder) -> Result<Dialect, String> {
    let loaded = countersign_dialects::load(folder.name, &Settings::new());
    loaded.map_err(|error| format!("{}: {error}", folder.name))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
