//! `countersign readiness`: who would pass if the routes that only watch or warn enforced, and why the others would not.
use crate::exit::{Done, Failure};
use crate::manage::{ManageArgs, text};
use crate::member::at;
use crate::print::{Out, plain, table};
use crate::world;
use clap::Args;
use serde_json::Value;

#[derive(Args, Debug)]
pub(crate) struct ReadinessArgs {
    #[command(flatten)]
    manage: ManageArgs,
}

pub(crate) fn run(args: &ReadinessArgs, out: Out) -> Done {
    world::run(async {
        let report = args.manage.api()?.get("/readiness").await?;
        let told = told(&report)?;
        out.show(&report, || told)
    })
}

fn told(report: &Value) -> Result<String, Failure> {
    let mut told = text(report, "summary")?.to_owned();
    let mut rows = Vec::new();
    for seen in at(report, "seen").as_array().into_iter().flatten() {
        let number = |member: &str| at(seen, member).to_string();
        if *at(seen, "ready") != true {
            let because = at(seen, "because").as_str().unwrap_or("no request of its own held so far");
            let (caller, route) = (plain(text(seen, "caller")?), text(seen, "route")?);
            told.push_str(&format!("\n- {caller} on {route}: {because}"));
        }
        rows.push(vec![
            text(seen, "route")?.to_owned(),
            plain(text(seen, "caller")?),
            text(seen, "mode")?.to_owned(),
            (if *at(seen, "ready") == true { "yes" } else { "no" }).to_owned(),
            number("passed"),
            at(seen, "leaving").as_str().map_or_else(String::new, plain),
            number("failed"),
            number("unproven"),
            at(seen, "reason").as_str().unwrap_or("").to_owned(),
        ]);
    }
    if !rows.is_empty() {
        let head = ["route", "caller", "mode", "ready", "passed", "leaving", "failed", "unproven", "reason"];
        told.push_str(&format!("\n\n{}", table(&head, rows)));
    }
    Ok(told)
}
