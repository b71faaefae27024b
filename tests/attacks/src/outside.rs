//! Drives records over TCP against real servers: bytes as they are, and a look at what the upstream got.
use crate::dpop::token_request;
use crate::fill::Fill;
use crate::installation::HOST;
use crate::pins::Pins;
use crate::record::{Expect, Record, Step, Surface, latin1};
use crate::served::{Kind, Served};
use crate::slow;
use crate::trap::{PORT, Trap};
use crate::wire::{Reply, send, trickled_from};
use countersign_testkit::postgres::Postgres;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Of several nodes, one is killed and started again after so many records.
const RESTARTED: usize = 100;
/// Of the requests to several nodes, one of so many comes in small pieces, with this between two.
const TRICKLED: usize = 10;
const TRICKLE: Duration = Duration::from_millis(20);

/// The servers, started when first needed.
pub(crate) struct Outside {
    principals: String,
    /// Where three nodes share their rows; without it, one server has them in memory.
    database: Option<Arc<Postgres>>,
    driven: usize,
    keys: std::path::PathBuf,
    servers: BTreeMap<Kind, Served>,
    uniform: BTreeMap<String, (u16, Vec<u8>, Vec<String>)>,
    trap: Option<Trap>,
}

impl Outside {
    /// Nothing is started yet. Port 9 of this machine is where poisoned tokens point; who may, listens there.
    pub(crate) async fn new(principals: &str, here: &Path, database: Option<Arc<Postgres>>) -> Self {
        let trap = Trap::set(PORT).await;
        if trap.is_none() {
            println!("note: port 9 cannot be listened on here, so a fetch from it would go unseen");
        }
        let keys = here.join("data/keys");
        Self {
            principals: principals.to_owned(),
            database,
            driven: 0,
            keys,
            servers: BTreeMap::new(),
            uniform: BTreeMap::new(),
            trap,
        }
    }

    /// Drives one record.
    ///
    /// # Errors
    /// What should have come of it and what did.
    pub(crate) async fn drive(&mut self, record: &Record, pins: &Pins) -> Result<(), String> {
        let kind = kind(record)?;
        // What uses something up, or is done to the installation, gets one of its own.
        let alone = record.steps.len() > 1
            || matches!(record.dialect.as_str(), "ajwt" | "rfc9421") && record.expect != Expect::Reject
            || record.steps.iter().any(|step| step.parallel.is_some());
        let mut served = self.server(kind, alone).await?;
        self.driven += 1;
        if served.several().is_some() && self.driven.is_multiple_of(RESTARTED) {
            served = served.restarted().await?;
        }
        let mut outcome = match record.steps.first().and_then(|step| step.mode.as_deref()) {
            Some(mode) => slow::drive(mode, served.address()).await,
            None => {
                let driven = self.steps(record, pins, served).await;
                served = driven.1;
                driven.0
            }
        };
        if let Some(nodes) = served.several() {
            outcome = outcome.and(nodes.well());
            if alone {
                // Whoever flooded is remembered in memory.
                let flooded = record.steps.iter().any(|step| step.repeat.is_some());
                nodes.made_new(flooded).await?;
            }
            self.servers.insert(kind, served);
        } else if alone {
            served.stop().await;
        } else {
            self.servers.insert(kind, served);
        }
        if let (true, Some(trap)) = (record.must_not_fetch, &self.trap)
            && trap.caught().await?
        {
            return Err("something was fetched".to_owned());
        }
        outcome
    }

    /// A server for a record; one that uses something up gets one of its own, or nodes that were made as new after the last.
    async fn server(&mut self, kind: Kind, alone: bool) -> Result<Served, String> {
        let there = self.servers.remove(&kind);
        match (&self.database, there) {
            (Some(_), Some(served)) => Ok(served),
            (Some(database), None) => Served::nodes(kind, &self.principals, database).await,
            (None, Some(served)) if !alone => Ok(served),
            (None, other) => {
                self.servers.extend(other.map(|served| (kind, served)));
                Served::start(kind, &self.principals).await
            }
        }
    }

    /// Ends every server.
    pub(crate) async fn stop(self) {
        for served in self.servers.into_values() {
            served.stop().await;
        }
    }

    async fn steps(
        &mut self,
        record: &Record,
        pins: &Pins,
        mut served: Served,
    ) -> (Result<(), String>, Served) {
        let mut fill = match Fill::new(&self.keys) {
            Ok(fill) => fill,
            Err(why) => return (Err(why), served),
        };
        for (number, step) in record.steps.iter().enumerate() {
            match step.hook.as_deref() {
                Some("restart") => match served.restarted().await {
                    Ok(again) => served = again,
                    // There is no server left to hand back; the next record starts another.
                    Err(why) => panic!("{}: {why}", record.id),
                },
                Some("drop-nonce-store") => served.lose_uses(),
                Some("dpop-token") => {
                    if let Err(why) = token(&served, &mut fill).await {
                        return (Err(why), served);
                    }
                }
                Some(hook) => {
                    let done = match hook.strip_prefix("revoke:") {
                        Some(label) => served.revoke(label).await,
                        None => Err(format!("no hook {hook:?}")),
                    };
                    if done.is_err() {
                        return (done, served);
                    }
                }
                None => {}
            }
            if step.method == "HOOK" {
                continue;
            }
            let expect = if number + 1 == record.steps.len() {
                pins.resolve(&record.id, step.expect)
            } else {
                Ok(step.expect)
            };
            let outcome = match expect {
                Ok(expect) => self.step(record, step, expect, &served, &mut fill).await,
                Err(why) => Err(why),
            };
            if let Err(why) = outcome {
                return (Err(format!("step {}: {why} ({})", number + 1, record.why)), served);
            }
        }
        (Ok(()), served)
    }

    async fn step(
        &mut self,
        record: &Record,
        step: &Step,
        expect: Expect,
        served: &Served,
        fill: &mut Fill,
    ) -> Result<(), String> {
        let bytes = if step.raw_b64.is_some() { step.raw()? } else { request(step, fill)? };
        let raw = step.raw_b64.is_some();
        // Long enough for a smuggled second request to be answered and to reach the upstream.
        let quiet = Duration::from_millis(if raw { 150 } else { 0 });
        served.seen.take();
        if let Some(at_once) = step.parallel {
            let tasks: Vec<_> = (0..at_once)
                .map(|_| {
                    let (bytes, to) = (bytes.clone(), served.address());
                    tokio::spawn(async move { send(to, &bytes, Duration::ZERO).await })
                })
                .collect();
            let mut accepted = 0;
            for task in tasks {
                let replies = task.await.map_err(|error| error.to_string())??;
                no_fault_of_ours(step, &replies)?;
                accepted += usize::from(was_accepted(&replies));
            }
            let (least, most) = (step.min_ok.unwrap_or(0), step.max_ok.unwrap_or(at_once));
            return if (least..=most).contains(&accepted) {
                Ok(())
            } else {
                Err(format!("{accepted} of {at_once} let in, wanted {least} to {most}"))
            };
        }
        for _ in 1..step.repeat.unwrap_or(1) {
            no_fault_of_ours(step, &send(served.address(), &bytes, quiet).await?)?;
        }
        // Whoever floods has used up what its address may ask for; the others come from elsewhere.
        let flooded = step.repeat.is_none() && record.steps.iter().any(|step| step.repeat.is_some());
        let mut from = if flooded { [127, 0, 0, 2] } else { [127, 0, 0, 1] };
        if self.database.is_some() {
            // Nodes live through many records, while their clocks stand: each record's callers come from elsewhere.
            let [.., high, low] = self.driven.to_be_bytes();
            from = [127, from[3], high, low];
        }
        // Of what goes to several nodes, some comes in small pieces.
        let trickles = self.database.is_some() && self.driven.is_multiple_of(TRICKLED) && !raw;
        let pause = if trickles { TRICKLE } else { Duration::ZERO };
        let replies = trickled_from(from, served.address(), &bytes, quiet, pause).await?;
        no_fault_of_ours(step, &replies)?;
        let seen = served.seen.take();
        meets(record, step, expect, &replies, &seen)?;
        if let (Some(save), Some(reply)) = (&step.save, replies.first()) {
            let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            for (variable, member) in save {
                if let Some(value) = body.get(member).and_then(serde_json::Value::as_str) {
                    fill.variables.insert(variable.clone(), value.to_owned());
                }
            }
        }
        if let (Some(group), Some(reply)) = (&record.uniform_group, replies.first()) {
            let names =
                reply.head.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect();
            let this = (reply.status, reply.body.clone(), names);
            let known = self.uniform.entry(group.clone()).or_insert_with(|| this.clone());
            if *known != this {
                return Err(format!("answers of group {group} differ: {known:?} and {this:?}"));
            }
        }
        Ok(())
    }
}

/// Gets a token that is bound to the test key of DPoP proofs, as a client would.
async fn token(served: &Served, fill: &mut Fill) -> Result<(), String> {
    let bytes = token_request(&fill.keys)?;
    let replies = send(served.address(), &bytes, Duration::ZERO).await?;
    let reply = replies.first().ok_or("the token endpoint did not answer")?;
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let token = body.get("access_token").and_then(serde_json::Value::as_str);
    let token = token.ok_or_else(|| format!("no token: {} {body}", reply.status))?;
    fill.variables.insert("at".to_owned(), token.to_owned());
    Ok(())
}

fn kind(record: &Record) -> Result<Kind, String> {
    let (route, dialects): (_, &'static [&'static str]) = match (record.dialect.as_str(), record.surface) {
        ("skykit", _) => ("skykit", &["skykit", "skillhive"]),
        ("ajwt", _) => ("asymmetric-jwt", &["asymmetric-jwt"]),
        ("helplightning", _) => ("partner-key", &["partner-key"]),
        ("skillhive", _) => ("skillhive", &["skillhive"]),
        ("sxt", _) => ("spacetime", &["own-session"]),
        ("rfc9421", _) => ("http-signature", &["http-signature"]),
        ("http", _) => ("skykit", &["skykit"]),
        ("pkjwt" | "dpop", _) => ("access-token", &["access-token"]),
        (other, _) => return Err(format!("no server for the dialect {other}")),
    };
    Ok(Kind { route, dialects, behind_proxy: record.surface == Surface::ForwardAuthRaw })
}

/// A step as the bytes of an HTTP/1.1 request; what it says wrong stays wrong.
fn request(step: &Step, fill: &Fill) -> Result<Vec<u8>, String> {
    let body = match &step.json {
        Some(json) => fill.value(json)?.to_string().into_bytes(),
        None => step.body()?,
    };
    let mut bytes = latin1(&step.method);
    bytes.push(b' ');
    bytes.extend(latin1(&step.path));
    bytes.extend(b" HTTP/1.1\r\n");
    let has = |name: &str| step.headers.iter().any(|(found, _)| found.eq_ignore_ascii_case(name));
    if !has("host") {
        bytes.extend(format!("Host: {HOST}\r\n").as_bytes());
    }
    for (name, value) in &step.headers {
        let value = fill.value(value)?;
        bytes.extend(latin1(name));
        bytes.extend(b": ");
        bytes.extend(latin1(value.as_str().unwrap_or_default()));
        bytes.extend(b"\r\n");
    }
    if !has("content-length") && !has("transfer-encoding") && (!body.is_empty() || step.method == "POST") {
        bytes.extend(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    Ok(bytes)
}

fn was_accepted(replies: &[Reply]) -> bool {
    replies.first().is_some_and(|reply| (200..300).contains(&reply.status))
}

fn no_fault_of_ours(step: &Step, replies: &[Reply]) -> Result<(), String> {
    let lost = step.hook.as_deref() == Some("drop-nonce-store");
    match replies.iter().find(|reply| reply.status >= 500 && !(lost && reply.status == 503)) {
        Some(reply) => Err(format!("answered {}: {}", reply.status, String::from_utf8_lossy(&reply.body))),
        None => Ok(()),
    }
}

fn meets(
    record: &Record,
    step: &Step,
    expect: Expect,
    replies: &[Reply],
    seen: &[String],
) -> Result<(), String> {
    for bad in record.upstream_must_not_see.iter().chain(&record.upstream_should_not_see) {
        let bad = bad.to_ascii_lowercase();
        if let Some(head) = seen.iter().find(|head| head.contains(&bad)) {
            return Err(format!("the upstream saw {bad:?}: {head:?}"));
        }
    }
    let paths: Vec<&str> = seen.iter().filter_map(|head| head.split(' ').nth(1)).collect();
    for bad in &record.upstream_path_must_not_contain {
        let bad = bad.to_ascii_lowercase();
        if let Some(path) = paths.iter().find(|path| path.contains(&bad)) {
            return Err(format!("the upstream got the path {path:?} with {bad:?}"));
        }
    }
    let told = || {
        replies.first().map_or("no answer".to_owned(), |reply| {
            format!(
                "{} {}",
                reply.status,
                String::from_utf8_lossy(reply.body.get(..200).unwrap_or(&reply.body))
            )
        })
    };
    let accepted = was_accepted(replies);
    match (expect, accepted) {
        (Expect::Accept, false) if record.allow_reject => {}
        (Expect::Accept, false) => return Err(format!("a good request was refused: {}", told())),
        (Expect::Reject, true) => {
            let prefix = record.allow_if_upstream_path_prefix.as_deref();
            let inside = prefix.is_some_and(|prefix| paths.iter().all(|path| path.starts_with(prefix)));
            if !inside && !record.allow_accept_if_not_seen {
                return Err(format!("an attack was let in: {}; the upstream saw {paths:?}", told()));
            }
        }
        (Expect::Reject, false) => {
            if let (Some(reply), Some(allowed)) = (replies.first(), &record.status) {
                let more = step.allow_status.as_ref().is_some_and(|more| more.contains(&reply.status));
                if !allowed.contains(&reply.status) && !more {
                    return Err(format!("refused with {}, wanted one of {allowed:?}", reply.status));
                }
            }
        }
        (Expect::Accept, true) | (Expect::Either, _) => {}
    }
    let judged_here = !matches!(
        step.surface.unwrap_or(record.surface),
        Surface::Session | Surface::ForwardAuthRaw | Surface::Token
    );
    if !accepted && !seen.is_empty() && step.raw_b64.is_none() {
        return Err(format!("refused, and the upstream saw it all the same: {seen:?}"));
    }
    if let (true, true, Some(identity)) = (accepted, judged_here, &record.identity) {
        let wanted = format!("x-countersign-identifier: {}", identity.to_ascii_lowercase());
        if !seen.iter().any(|head| head.contains(&wanted)) {
            return Err(format!("let in, but the upstream was not told {wanted:?}: {seen:?}"));
        }
    }
    if record.upstream_must_see_identity
        && accepted
        && !seen.iter().any(|head| head.contains("x-countersign-identifier:"))
    {
        return Err(format!("the identity did not reach the upstream: {seen:?}"));
    }
    Ok(())
}
