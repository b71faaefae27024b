//! `countersign explain`: every step of a judgement and what likely went wrong, of a capture here or of a refusal that the server kept.
use crate::exit::{Done, Exit, Failure};
use crate::manage::{ManageArgs, segment};
use crate::member::at;
use crate::print::{Out, pairs, plain, table};
use crate::verify::{self, VerifyArgs};
use crate::{keyring, question, world};
use clap::Args;
use serde_json::Value;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// Ask the server about a refusal of the last minutes, by the id in the answer's `countersign-reject`.
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "dialect"])]
    reject: Option<String>,
    /// The file with the bytes that were signed, to lay them beside those that the server expects.
    #[arg(long, value_name = "FILE", conflicts_with = "reject")]
    signed: Option<PathBuf>,
    /// Ask the server at this address, such as `https://api.example`, instead of judging here.
    // It goes by its own registry and clock: what tells this machine of those would not be heeded.
    #[arg(long, value_name = "URL", conflicts_with_all = [
        "reject", "at", "accounts", "keys", "identifier", "acting_as", "api_key_file",
    ])]
    ask: Option<String>,
    /// A private key of the account, for --ask: the server tells everything to whoever holds one.
    #[arg(long, value_name = "KEYFILE", requires = "ask")]
    prove: Option<PathBuf>,
    /// The file with the private key's passphrase.
    #[arg(long, value_name = "FILE", requires = "prove")]
    prove_passphrase_file: Option<PathBuf>,
    /// The address of the management API, for --reject.
    #[arg(long, env = "COUNTERSIGN_MANAGE", value_name = "URL", default_value = "http://127.0.0.1:8701")]
    server: String,
    /// The operator's private key, for --reject; otherwise operator.key in the data directory (COUNTERSIGN_DATA).
    #[arg(long, env = "COUNTERSIGN_OPERATOR_KEY", value_name = "FILE")]
    operator_key: Option<PathBuf>,
    #[command(flatten)]
    verify: Option<VerifyArgs>,
}

pub(crate) fn run(args: &ExplainArgs, out: Out) -> Done {
    if let Some(reject) = &args.reject {
        return asked(args, reject, out);
    }
    let verify = args.verify.as_ref().ok_or_else(|| {
        Failure::usage(
            "wanted a captured request and its dialect (`countersign explain FILE --dialect NAME --key PUBLIC --as NAME`), \
             or --reject ID to ask the server about a refusal",
        )
    })?;
    let signed = args.signed.as_deref().map(world::read).transpose()?;
    if let Some(server) = &args.ask {
        return told_by(server, args, verify, signed.as_deref(), out);
    }
    let explanation = verify::judge(verify, signed.as_deref())?;
    let value = serde_json::to_value(&explanation).map_err(Failure::ours)?;
    out.show(&value, || told(&value))?;
    verify::answer(&explanation)
}

/// Asks the server how it would judge the capture.
fn told_by(server: &str, args: &ExplainArgs, verify: &VerifyArgs, signed: Option<&[u8]>, out: Out) -> Done {
    let (_, captured) = verify::captured(verify)?;
    let key = args.prove.as_deref();
    let key = key.map(|file| keyring::key_pair(file, args.prove_passphrase_file.as_deref())).transpose()?;
    let explanation = world::run(question::ask(server, &captured, signed, key.as_deref()))?;
    out.show(&explanation, || match at(&explanation, "note").as_str() {
        None => told(&explanation),
        Some(note) => {
            let code = at(&explanation, "code").as_str().unwrap_or("none");
            format!("{}\ncode     {}\n\n{}", verify::verdict(&explanation), plain(code), plain(note))
        }
    })?;
    if *at(&explanation, "verdict") == "verified" { Ok(()) } else { Err(Failure::new(Exit::Refused, "")) }
}

/// Asks the server what it kept.
fn asked(args: &ExplainArgs, reject: &str, out: Out) -> Done {
    world::run(async {
        let refusal = ManageArgs::of(&args.server, args.operator_key.as_deref())
            .api()?
            .get(&format!("/refusals/{}", segment(reject)))
            .await?;
        out.show(&refusal, || {
            let mut rows = Vec::new();
            let members = ["reject", "at", "route", "dialect", "reason", "name", "client", "method", "path"];
            for name in members {
                rows.extend(at(&refusal, name).as_str().map(|value| (name, plain(value))));
            }
            let proved =
                if *at(&refusal, "proved") == true { "yes" } else { "no: anybody can write its name" };
            rows.push(("proved", proved.to_owned()));
            let head = pairs(&rows);
            match at(&refusal, "explanation") {
                Value::Null => format!(
                    "{head}\nIt was not explained: it had no proof that could be, or too many requests were refused at that time. {} {}",
                    at(&refusal, "text").as_str().unwrap_or_default(),
                    at(&refusal, "hint").as_str().unwrap_or_default()
                ),
                explanation => format!("{head}\n{}", told(explanation)),
            }
        })?;
        Err(Failure::new(Exit::Refused, ""))
    })
}

/// An explanation as a person reads it: the steps, the verdict, the causes, the texts.
fn told(explanation: &Value) -> String {
    let text = |value: &Value, name: &str| at(value, name).as_str().unwrap_or_default().to_owned();
    let mut rows = Vec::new();
    for step in at(explanation, "steps").as_array().into_iter().flatten() {
        let mark = at(step, "failed").as_str().map_or("ok".to_owned(), |reason| format!("NO: {reason}"));
        let cells = ["stage", "what", "wanted", "found"].map(|name| plain(&text(step, name)));
        rows.push(cells.into_iter().chain([mark]).collect());
    }
    let mut out = table(&["stage", "what", "wanted", "found", "holds"], rows);
    out.push('\n');
    out.push_str(&verify::verdict(explanation));
    let causes = at(explanation, "causes").as_array().cloned().unwrap_or_default();
    if !causes.is_empty() {
        out.push_str("\n\nWhat went wrong, the likeliest first:");
    }
    for (number, cause) in causes.iter().enumerate() {
        let sure = if *at(cause, "sure") == true { "" } else { " (maybe)" };
        out.push_str(&format!("\n{}. {}{sure}", number + 1, text(cause, "text")));
        if let Some(detail) = at(cause, "detail").as_str() {
            out.push_str(&format!("\n   Seen: {}", plain(detail)));
        }
        out.push_str(&format!("\n   Fix:  {} [{}]", text(cause, "fix"), text(cause, "code")));
    }
    if let Some(skew) = at(explanation, "skew_seconds").as_i64().filter(|skew| *skew != 0) {
        let way = if skew > 0 { "ahead of" } else { "behind" };
        out.push_str(&format!("\n\nThe caller's time is {} s {way} the server's.", skew.unsigned_abs()));
    }
    let expected = at(explanation, "expected");
    if !expected.is_null() {
        let bytes = at(expected, "bytes");
        out.push_str(&format!(
            "\n\nExpected to be signed ({bytes} bytes):\n  {}",
            plain(&text(expected, "text"))
        ));
    }
    let difference = at(explanation, "difference");
    if !difference.is_null() {
        out.push_str(&format!(
            "\n\nFirst difference at byte {}, after \"{}\":\n  expected: \"{}\"\n  signed:   \"{}\"",
            at(difference, "offset"),
            plain(&text(difference, "before")),
            plain(&text(difference, "expected")),
            plain(&text(difference, "signed"))
        ));
    }
    out
}
