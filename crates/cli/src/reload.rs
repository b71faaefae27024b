//! `countersign reload`: has a running server take its configuration anew, and shows what changed or what is wrong.
use crate::exit::{Done, Failure};
use crate::manage::{ManageArgs, text};
use crate::member::at;
use crate::print::{Out, table};
use crate::world;
use clap::Args;
use serde_json::Value;

#[derive(Args, Debug)]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    manage: ManageArgs,
}

pub(crate) fn run(args: &ReloadArgs, out: Out) -> Done {
    world::run(async {
        let reloaded = args.manage.api()?.post("/configuration/reload", &Value::Null).await?;
        let told = told(&reloaded)?;
        out.show(&reloaded, || told)
    })
}

fn told(reloaded: &Value) -> Result<String, Failure> {
    let generation = at(reloaded, "generation");
    let mut rows = Vec::new();
    for change in at(reloaded, "changes").as_array().into_iter().flatten() {
        let value = |member: &str| at(change, member).as_str().unwrap_or("").to_owned();
        rows.push(vec![text(change, "setting")?.to_owned(), value("before"), value("after")]);
    }
    if rows.is_empty() {
        return Ok(format!("Configuration {generation} is in force; nothing in it changed."));
    }
    let changes = table(&["setting", "before", "after"], rows);
    Ok(format!("Configuration {generation} is in force.\n\n{changes}"))
}
