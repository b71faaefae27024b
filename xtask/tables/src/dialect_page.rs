//! The page of one dialect, made from its folder: what it is, what a proof binds, how it refuses, an example, programs and the file itself.
use countersign::dialect::Dialect;
use countersign::dialect::settings::Settings;
use countersign::reason::Reason;
use countersign::verified::Covered;
use countersign_dialects::Folder;
use countersign_dialects::fill::Filling;
use countersign_dialects::language::Language;
use countersign_dialects::snippet::Snippet;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// The page; `home` is the folder of all dialects.
///
/// # Errors
/// When the dialect or its vectors cannot be read.
pub(crate) fn page(folder: &Folder, dialect: &Dialect, home: &Path, note: &str) -> Result<String, String> {
    let readme = folder.readme.trim().replace("\n# ", "\n## ");
    let (title, guide) = readme.split_once('\n').unwrap_or((readme.as_str(), ""));
    let mut out = format!("{title}\n\n{note}\n{}\n", guide.trim());
    let algorithms: Vec<&str> = dialect.algorithms().iter().map(|algorithm| algorithm.name()).collect();
    let _ = write!(out, "\n## At a glance\n\n| | |\n| --- | --- |\n");
    let mut row = |name: &str, text: String| {
        let _ = writeln!(out, "| {name} | {} |", text.replace('|', "\\|"));
    };
    row("algorithms", algorithms.join(", "));
    row("callers are named by", dialect.namespace().unwrap_or("their key or session").to_owned());
    row("the proof stands in", listed(&dialect.places()));
    if let Some(header) = dialect.companion() {
        row("an API key beside it, in", format!("`{header}`"));
    }
    row("names a user to act for", if dialect.acts_for_users() { "yes" } else { "no" }.to_owned());
    row("a proof binds", binds(dialect.covered()));
    row("the body has to be seen", if dialect.needs_body() { "yes" } else { "no" }.to_owned());
    let _ = write!(out, "\n## Rules, in the order in which they are judged\n\n");
    for rule in dialect.rules_in_words() {
        let _ = writeln!(out, "- {rule}");
    }
    settings(dialect, &mut out);
    refusals(dialect, &mut out);
    vectors(&home.join(folder.name).join("vectors"), &mut out)?;
    programs(folder.name, dialect, &mut out);
    let _ = write!(
        out,
        "\n## The file\n\n`countersign dialect show {} --file` prints it; [Writing a dialect](../writing-a-dialect.md) explains it.\n\n```toml\n{}\n```\n",
        folder.name,
        folder.file.trim_end()
    );
    Ok(out)
}

/// What a proof binds, in a few words.
pub(crate) fn binds(covered: Covered) -> String {
    let Covered { method, authority, path, query, body, once, window } = covered;
    let parts = [(method, "method"), (authority, "host"), (path, "path"), (query, "query"), (body, "body")];
    let names: Vec<&str> = parts.iter().filter(|(bound, _)| *bound).map(|(_, name)| *name).collect();
    let what = if names.is_empty() { "the caller only".to_owned() } else { names.join(", ") };
    let once = if once { ", works once" } else { "" };
    format!("{what}{once}{}", window.map_or(", for ever".to_owned(), |window| format!(", for {window}")))
}

fn settings(dialect: &Dialect, out: &mut String) {
    if dialect.settings().is_empty() {
        return;
    }
    let _ = write!(
        out,
        "\n## Settings\n\nIn `[dialect.{}]` of the configuration, or with `--set NAME=VALUE` on the command line.\n\n| setting | shipped |\n| --- | --- |\n",
        dialect.name()
    );
    for (name, value) in dialect.settings() {
        let _ = writeln!(out, "| `{name}` | `{}` |", value.replace('|', "\\|"));
    }
}

fn refusals(dialect: &Dialect, out: &mut String) {
    let mut by_status: BTreeMap<u16, Vec<&Reason>> = BTreeMap::new();
    for reason in Reason::ALL {
        by_status.entry(dialect.status(*reason)).or_default().push(reason);
    }
    let _ = write!(out, "\n## How it refuses\n\n");
    let most = by_status.iter().max_by_key(|(_, reasons)| reasons.len()).map(|(status, _)| *status);
    for (status, reasons) in &by_status {
        if Some(*status) == most {
            let _ = writeln!(out, "- {status} for whatever is not named here");
        } else {
            let codes: Vec<String> = reasons.iter().map(|reason| format!("`{}`", reason.code())).collect();
            let _ = writeln!(out, "- {status} for {}", codes.join(", "));
        }
    }
    for (reason, what) in
        [(Reason::MissingCredentials, "without a proof"), (Reason::BadSignature, "with a wrong one")]
    {
        if let Some(challenge) = dialect.challenge(reason) {
            let _ = writeln!(out, "- {what}: `WWW-Authenticate: {challenge}`");
        }
    }
    let _ = writeln!(out, "\nAll reasons, with what to do: [Reasons](../reasons.md).");
}

/// How many cases there are, and the first that is let in.
fn vectors(folder: &Path, out: &mut String) -> Result<(), String> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "json"));
    files.sort();
    let (mut count, mut example) = (0, None);
    for path in &files {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
        let file: Value = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        let cases = file.get("cases").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        count += cases.len();
        example = example.or_else(|| accepted(&file, cases));
    }
    if let Some(example) = example {
        let _ = write!(out, "\n## An example\n\n{example}");
    }
    if count > 0 {
        let _ = write!(
            out,
            "\n{count} cases, good and bad, stand in the folder `vectors` beside the dialect; `countersign dialect test` judges them.\n"
        );
    }
    Ok(())
}

/// The first request of the vectors that is let in, as it goes over the wire.
fn accepted(file: &Value, cases: &[Value]) -> Option<String> {
    let steps =
        cases.iter().flat_map(|case| case.get("steps").and_then(Value::as_array).into_iter().flatten());
    // Of calls that open a session, the first that is answered well.
    let request = |step: &Value| step.get("request").or(step.get("http")).cloned();
    let well = |step: &&Value| {
        let said = step.pointer("/expect/result").is_some_and(|result| result == "accept");
        let status = step.pointer("/expect/status/0").is_some_and(|status| status == 200);
        (said || status) && request(step).is_some()
    };
    let step = steps.into_iter().find(well)?;
    let request = request(step)?;
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let url = text("url").or(text("path")).unwrap_or("/");
    let json = request.get("json").and_then(|json| serde_json::to_string_pretty(json).ok());
    let now = step.get("now").or(file.get("now")).and_then(Value::as_u64)?;
    let mut out = format!(
        "A request that was let in when the time was {now}; the key is one of the vectors'.\n\n```http\n{} {url}\n",
        text("method").unwrap_or("GET")
    );
    for pair in request.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let part = |number: usize| pair.get(number).and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(out, "{}: {}", part(0), part(1));
    }
    if let Some(body) = text("body").or(json.as_deref()).filter(|body| !body.is_empty()) {
        let _ = write!(out, "\n{body}\n");
    }
    out.push_str("```\n");
    Some(out)
}

fn programs(name: &str, dialect: &Dialect, out: &mut String) {
    let found: Vec<_> = Language::ALL.iter().filter_map(|language| Snippet::find(name, *language)).collect();
    if found.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "\n## Programs\n\n`countersign snippet -d {name} …` prints them with your own values in them. Each is run in the tests against a real server.\n"
    );
    let settings: &Settings = dialect.settings();
    let values = Filling {
        url: "https://api.example.com/v1/things",
        identifier: "YOUR-NAME",
        acting_as: Some("A-USER"),
        key_file: "key.pem",
        key_base64: Some("THE-PUBLIC-KEY-IN-BASE64"),
        companion_file: "api-key.txt",
        session: ("https://api.example.com", "/v1"),
        settings,
    };
    for snippet in found {
        // A program that needs what an example does not have is shown by the command alone.
        let Ok(text) = snippet.filled(&values) else { continue };
        let fence = match snippet.language {
            Language::Countersign | Language::Shell => "sh",
            Language::Node => "js",
            other => other.name(),
        };
        let _ = write!(out, "\n### {}\n\n```{fence}\n{}\n```\n", snippet.language.title(), text.trim_end());
    }
}

fn listed(places: &[String]) -> String {
    if places.is_empty() {
        return "the answer to a challenge".to_owned();
    }
    places.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(", ")
}
