//! Who would pass if the routes that do not enforce yet did: the report behind the step from watching to refusing.
use super::moment::Moment;
use super::problem::Reading;
use super::state::Manage;
use crate::readiness::{Row, Who};
use axum::Json;
use axum::extract::State;
use countersign::time::Time;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The call about readiness.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(get_readiness))
}

/// Who would pass, as this node saw it since it started.
#[derive(Serialize, ToSchema)]
struct Readiness {
    /// When the first request was counted.
    since: Option<Moment>,
    /// Callers seen: accounts by name, and networks whose requests named no account.
    callers: usize,
    /// Callers all of whose own requests held.
    ready: usize,
    /// Requests that were not counted, since too many callers were there.
    missed: u64,
    /// One sentence.
    summary: String,
    /// Every caller on every route that does not enforce or moves to another dialect, those who would not pass first.
    seen: Vec<SeenView>,
}

/// What was seen of one caller on one route.
#[derive(Serialize, ToSchema)]
struct SeenView {
    /// The route's name.
    route: String,
    /// The account's name, or the network.
    caller: String,
    /// `account` or `network`.
    kind: &'static str,
    /// Whether the caller would pass.
    ready: bool,
    /// Whether the caller ever proved that it is this account.
    proven: bool,
    /// The mode of its last request.
    mode: &'static str,
    /// Requests that held.
    passed: u64,
    /// The dialect that it signed lately and should move away from (`moving_to` of the route).
    leaving: Option<String>,
    /// Requests in it that held.
    leaving_passed: u64,
    /// Requests that would be refused although their signature held; of a network, all that would be.
    failed: u64,
    /// Requests that name the account and prove nothing: its own with a wrong key, or anybody's.
    unproven: u64,
    /// Why it would not pass, or why unproven requests in its name would not: a code of the reason table.
    reason: Option<&'static str>,
    /// The same as a sentence, with what to do.
    because: Option<String>,
    /// When its last request came.
    last: Moment,
}

impl SeenView {
    fn of(route: String, who: Who, row: &Row, now: Time) -> Self {
        let (kind, caller) = match who {
            Who::Account(name) => ("account", name),
            Who::Network(network) => ("network", network),
        };
        let reason = row.reason.or(row.unproven_reason);
        let because = reason.map(|reason| {
            let note = match (kind, row.reason) {
                ("account", None) => " Unproven: anybody can write this name.",
                _ => "",
            };
            format!("{} {}{note}", reason.text(), reason.hint())
        });
        let leaving = row.still_leaving(now);
        let because = because.or_else(|| {
            let leaving = leaving?;
            let (dialect, passed) = (&leaving.dialect, leaving.passed);
            Some(format!(
                "It still signs {dialect} ({passed} of {} requests); the route moves to another dialect.",
                row.passed
            ))
        });
        Self {
            route,
            caller,
            kind,
            ready: row.is_ready(now),
            proven: row.passed > 0 || (kind == "account" && row.failed > 0),
            mode: row.mode.name(),
            passed: row.passed,
            leaving: leaving.map(|leaving| leaving.dialect.to_string()),
            leaving_passed: leaving.map_or(0, |leaving| leaving.passed),
            failed: row.failed,
            unproven: row.unproven,
            reason: reason.map(countersign::reason::Reason::code),
            because,
            last: Moment(row.last),
        }
    }
}

/// Tell who would pass if every route enforced, and took only the dialects that it moves to.
#[utoipa::path(get, path = "/api/v1/readiness", tag = "readiness", responses((status = 200, body = Readiness), Reading))]
async fn get_readiness(State(manage): State<Arc<Manage>>) -> Json<Readiness> {
    let (report, now) = (manage.readiness.report(), manage.shared.clock.now());
    let mut seen: Vec<_> =
        report.rows.into_iter().map(|(route, who, row)| SeenView::of(route, who, &row, now)).collect();
    seen.sort_by_key(|caller| caller.ready);
    let (callers, ready) = (seen.len(), seen.iter().filter(|caller| caller.ready).count());
    let summary = match callers - ready {
        _ if callers == 0 => {
            "No request was seen on a route that does not enforce, or that moves to another dialect."
                .to_owned()
        }
        0 => format!("All {callers} callers would pass."),
        1 => format!("{ready} of {callers} callers would pass; this one would not."),
        rest => format!("{ready} of {callers} callers would pass; these {rest} would not."),
    };
    let since = report.since.map(Moment);
    Json(Readiness { since, callers, ready, missed: report.missed, summary, seen })
}
