//! `countersign help`: a command's own help, and topics that belong to no command.
use crate::exit::{Done, Failure, TABLE};
use crate::member::at;
use crate::print::{Out, table};
use clap::Command;
use countersign_server::metrics::TABLE as TABLE_OF_METRICS;
use serde_json::json;

pub(crate) fn run(mut command: Command, topic: &[String], out: Out) -> Done {
    if topic == ["exit-codes"] {
        let rows: Vec<_> = TABLE
            .iter()
            .map(|(code, name, text)| json!({"code": code, "name": name, "text": text}))
            .collect();
        return out.show(&rows, || {
            let rows = TABLE
                .iter()
                .map(|(code, name, text)| vec![code.to_string(), (*name).to_owned(), (*text).to_owned()]);
            table(&["code", "name", "meaning"], rows.collect())
        });
    }
    if topic == ["metrics"] {
        let rows: Vec<_> = TABLE_OF_METRICS
            .iter()
            .map(|row| json!({"name": row.exported().first(), "kind": row.kind.name(), "labels": row.labels, "text": row.help}))
            .collect();
        return out.show(&rows, || {
            let rows = TABLE_OF_METRICS.iter().map(|row| {
                let name = row.exported().into_iter().next().unwrap_or_default();
                vec![name, row.kind.name().to_owned(), row.labels.join(" "), row.help.to_owned()]
            });
            table(&["name", "kind", "labels", "meaning"], rows.collect())
        });
    }
    if topic == ["apis"] {
        return apis(out);
    }
    command.build();
    for name in topic {
        command = command.find_subcommand(name).cloned().ok_or_else(|| {
            Failure::usage(format!(
                "there is no command or topic {name:?}; topics: exit-codes, metrics, apis; `countersign help` lists the commands"
            ))
        })?;
    }
    let help = command.render_long_help();
    let shown = |help: &clap::builder::StyledStr| json!({ "command": topic, "help": help.to_string() });
    out.show(&shown(&help), || help.to_string())
}

/// The calls of every API; with `--json` the OpenAPI documents themselves.
fn apis(out: Out) -> Done {
    let mut documents = serde_json::Map::new();
    for (name, text) in countersign_server::apis::documents().map_err(Failure::ours)? {
        documents.insert(name.to_owned(), serde_json::from_str(&text).map_err(Failure::ours)?);
    }
    out.show(&documents, || {
        let calls = documents.iter().flat_map(|(name, document)| {
            let paths = at(document, "paths").as_object().into_iter().flatten();
            paths.flat_map(move |(path, calls)| {
                calls.as_object().into_iter().flatten().map(move |(method, call)| {
                    let summary = at(call, "summary").as_str().unwrap_or_default();
                    vec![name.clone(), method.to_uppercase(), path.clone(), summary.to_owned()]
                })
            })
        });
        table(&["api", "method", "path", "what it does"], calls.collect())
    })
}
