//! Looks after a pool: asks each address whether it is well, and closes connections that nobody used.
use super::connect::Unreached;
use super::member::{Line, Member, One};
use super::members::Members;
use crate::config::upstream::{HealthCheck, Upstream};
use axum::body::Body;
use futures_util::future::join_all;
use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request, Uri};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Unused connections are looked through this often.
const SWEEP: Duration = Duration::from_secs(5);

/// Runs until the pool is dropped.
pub(super) async fn tend(members: Arc<Members>) {
    let sweeps = async {
        let mut tick = interval(SWEEP);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            members.all.iter().for_each(|member| member.sweep());
        }
    };
    let checks = async {
        if let Some(check) = &members.settings.health {
            join_all(members.all.iter().map(|member| watch(&members.settings, check, member))).await;
        }
    };
    tokio::join!(sweeps, checks);
}

/// Asks one address, again and again.
async fn watch(settings: &Upstream, check: &HealthCheck, member: &Member) {
    let mut tick = interval(check.interval);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Answers in a row that say the other thing than what is believed.
    let mut contrary = 0;
    loop {
        tick.tick().await;
        let asked = tokio::time::timeout(check.timeout, ask(settings, check, member)).await;
        let found = match asked {
            Ok(Some(found)) => found,
            // Not the address's fault, so nothing is learnt about it.
            Ok(None) => continue,
            Err(_) => Err("it took too long".to_owned()),
        };
        if found.is_err() == member.is_ill() {
            contrary = 0;
            continue;
        }
        contrary += 1;
        let enough = if member.is_ill() { check.healthy } else { check.unhealthy };
        if contrary < enough {
            continue;
        }
        contrary = 0;
        member.set_ill(found.is_err());
        let (upstream, address) = (settings.name.as_str(), &*member.label);
        match found {
            Ok(()) => tracing::info!(upstream, address, "well again"),
            Err(why) => tracing::warn!(upstream, address, why, "ill: no requests go there"),
        }
    }
}

/// Asks once, on a connection of its own: one that is kept could answer while new ones are refused. `None`: this machine had
/// nothing left to ask with.
async fn ask(settings: &Upstream, check: &HealthCheck, member: &Member) -> Option<Result<(), String>> {
    match member.probe().await {
        Ok(line) => Some(answered(line, settings, check, member).await),
        Err(Unreached::Ours(_)) => None,
        Err(unreached) => Some(Err(format!("{unreached:?}"))),
    }
}

async fn answered(
    line: Line,
    settings: &Upstream,
    check: &HealthCheck,
    member: &Member,
) -> Result<(), String> {
    let host = settings.host.as_deref().unwrap_or(&member.label);
    let mut request = Request::new(Body::empty());
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static("countersign-health"));
    let sent = match line {
        Line::One(One { mut sender, .. }) => {
            headers.insert(HOST, HeaderValue::try_from(host).map_err(|error| error.to_string())?);
            *request.uri_mut() = Uri::from(check.path.clone());
            sender.send_request(request).await
        }
        Line::Two(mut sender) => {
            let uri = Uri::builder()
                .scheme(if member.is_tls() { "https" } else { "http" })
                .authority(host)
                .path_and_query(check.path.clone());
            *request.uri_mut() = uri.build().map_err(|error| error.to_string())?;
            sender.send_request(request).await
        }
    };
    let answer = sent.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    if (200..400).contains(&status) {
        Ok(())
    } else {
        Err(format!("wanted a status from 200 to 399, found {status}"))
    }
}
