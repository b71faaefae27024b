//! `countersign doctor`: sends known requests through the provider's own proxies and tells what they changed, and what to set.
mod compare;
mod finding;
mod probe;

use crate::exit::{Done, Exit, Failure};
use crate::manage::{Api, ManageArgs, segment, text};
use crate::member::at;
use crate::print::{Out, plain};
use crate::proving::{DialectArgs, SignerArgs};
use crate::world;
use clap::Args;
use countersign::time::Time;
use countersign_client::signer::RequestSigner;
use finding::Finding;
use probe::{PROBES, Probe};
use serde_json::{Value, json};
use std::time::Duration;

/// A proxy that does not answer for so long is taken for gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// Offsets up to this are the network's.
const OFFSET_NOTED: i64 = 1_000;
/// Offsets from here on break single-use dialects, whose tokens count for 20 seconds or so.
const OFFSET_BREAKS: i64 = 10_000;

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// The address to examine, as callers use it: a route that countersign judges.
    #[arg(long, value_name = "URL")]
    url: String,
    #[command(flatten)]
    dialect: DialectArgs,
    #[command(flatten)]
    signer: SignerArgs,
    #[command(flatten)]
    manage: ManageArgs,
}

pub(crate) fn run(args: &DoctorArgs, out: Out) -> Done {
    let dialect = args.dialect.load()?;
    if dialect.opens_session() {
        return Err(Failure::usage(format!(
            "{} opens sessions and signs no requests; examine the route with another dialect, such as skykit",
            dialect.name()
        )));
    }
    let signer = args.signer.signer(dialect)?;
    let report = world::run(examine(args, &signer))?;
    out.show(&report.json(), || report.text())?;
    let broken = report.findings.iter().filter(|finding| finding.breaks).count();
    if broken == 0 {
        return Ok(());
    }
    let text = format!("{broken} of these make proofs in {} fail", signer.dialect().name());
    Err(Failure::new(Exit::Refused, text).next("set what stands beside each of them, and examine once more"))
}

/// What an examination found.
struct Report {
    url: String,
    /// Where countersign answered, and by which route.
    surface: Option<String>,
    route: Option<String>,
    /// Milliseconds that the server's clock is ahead.
    ahead: i64,
    sent: usize,
    arrived: usize,
    findings: Vec<Finding>,
}

async fn examine(args: &DoctorArgs, signer: &RequestSigner) -> Result<Report, Failure> {
    let api = args.manage.api()?;
    let before = world::now();
    let opened = api.post("/examinations", &json!({})).await?;
    let ahead = ahead(text(&opened, "at")?, before, world::now())?;
    let id = text(&opened, "id")?.to_owned();
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(Failure::ours)?;
    let mut sent = Vec::new();
    for probe in PROBES {
        let request = probe::send(&http, probe, &args.url, &id, signer).await?;
        sent.push(request);
        // What follows carries no proof, so that nothing of it reaches the service: sent only where countersign stands before it.
        if sent.len() == 1 && seen(&api, &id).await?.is_empty() {
            break;
        }
    }
    let arrived = seen(&api, &id).await?;
    let of = |probe: &Probe| arrived.iter().find(|one| at(one, "probe") == probe.name);
    let mut findings = Vec::new();
    for request in &sent {
        match of(request.probe) {
            Some(seen) => compare::compare(request, seen, signer.dialect(), &mut findings),
            None => findings.push(finding::not_seen(request)),
        }
    }
    if ahead.abs() > OFFSET_NOTED {
        findings.push(finding::clock(ahead, ahead.abs() > OFFSET_BREAKS));
    }
    finding::once_each(&mut findings);
    let first = arrived.first().unwrap_or(&Value::Null);
    let member = |name: &str| at(first, name).as_str().map(str::to_owned);
    Ok(Report {
        url: args.url.clone(),
        surface: member("surface"),
        route: member("route"),
        ahead,
        sent: sent.len(),
        arrived: arrived.len(),
        findings,
    })
}

async fn seen(api: &Api, id: &str) -> Result<Vec<Value>, Failure> {
    let seen = api.get(&format!("/examinations/{}", segment(id))).await?;
    Ok(at(&seen, "items").as_array().cloned().unwrap_or_default())
}

/// Milliseconds that the server's clock is ahead of this one, as far as the way there and back tells.
fn ahead(server: &str, before: Time, after: Time) -> Result<i64, Failure> {
    let server: jiff::Timestamp = server.parse().map_err(|_| {
        Failure::new(
            Exit::Unreachable,
            "the server's time cannot be read; is it the same version as this command?",
        )
    })?;
    let server = server.as_millisecond();
    // Between the two the server looked at its clock: only what lies outside counts.
    Ok(if server < before.millis() {
        server.saturating_sub(before.millis())
    } else {
        server.saturating_sub(after.millis()).max(0)
    })
}

impl Report {
    fn json(&self) -> Value {
        json!({
            "url": self.url, "surface": self.surface, "route": self.route, "clock_ahead_ms": self.ahead,
            "probes_sent": self.sent, "probes_arrived": self.arrived, "findings": self.findings,
        })
    }

    fn text(&self) -> String {
        let mut out = format!("{}: {} of {} probes arrived", self.url, self.arrived, self.sent);
        if let Some(surface) = &self.surface {
            out.push_str(&format!(" at {surface}"));
        }
        if let Some(route) = &self.route {
            out.push_str(&format!(", route {route}"));
        }
        out.push_str(&format!("\nthe server's clock is {} ms ahead of this machine's\n", self.ahead));
        for finding in &self.findings {
            out.push_str(&format!("\n{}", plain(&finding.text())));
        }
        if self.findings.is_empty() {
            out.push_str("\nnothing was changed on the way\n");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_way_cannot_explain_counts_as_an_offset() {
        let (before, after) = (Time::from_seconds(100), Time::from_seconds(102));
        for (server, wanted) in [
            ("1970-01-01T00:01:41Z", 0),
            ("1970-01-01T00:01:40Z", 0),
            ("1970-01-01T00:01:38Z", -2_000),
            ("1970-01-01T00:01:45.5Z", 3_500),
        ] {
            assert_eq!(ahead(server, before, after).unwrap(), wanted, "{server}");
        }
        assert!(ahead("soon", before, after).is_err());
    }
}
