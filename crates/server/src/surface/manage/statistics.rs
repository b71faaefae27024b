//! What this node judged: minute by minute over a day, and the last judgements one by one.
use super::moment::Moment;
use super::operator::Operator;
use super::page::{Ask, bad_query};
use super::problem::{Problem, Reading};
use super::state::Manage;
use crate::metrics::{History, HistoryCounts as Counts, MOST_MINUTES};
use crate::verdicts::Seen;
use axum::Json;
use axum::extract::State;
use countersign::time::Time;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Seconds of one point.
const STEP: i64 = 60;
/// Minutes that are told when nothing is asked for.
const USUAL: u32 = 60;

/// The calls about what was judged.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(get_statistics)).routes(routes!(list_verdicts))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Back {
    /// How many minutes to tell, at most 1440; 60 when left out.
    minutes: Option<u32>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct After {
    /// The `cursor` of the last answer; all that are kept when left out.
    after: Option<u64>,
}

/// What this node judged since it started, over some minutes; each node tells its own.
#[derive(Serialize, ToSchema)]
struct Statistics {
    /// The beginning of the first point.
    since: Moment,
    /// How long a point is.
    step_seconds: i64,
    /// One for each minute, oldest first.
    points: Vec<Point>,
    /// Refusals by reason, most first.
    reasons: Vec<OfReason>,
    /// Proofs that held by dialect, most first.
    dialects: Vec<OfDialect>,
    /// Proofs that held by algorithm, most first.
    algorithms: Vec<OfAlgorithm>,
}

/// What one minute had.
#[derive(Serialize, ToSchema)]
struct Point {
    /// Its beginning.
    at: Moment,
    /// Proofs that held.
    verified: u64,
    /// Proofs that were refused.
    refused: u64,
    /// Requests without a proof.
    absent: u64,
    /// Requests that could not be decided.
    fault: u64,
    /// Refusals by reason, where there were any.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    reasons: Counts,
}

/// How often a reason refused.
#[derive(Serialize, ToSchema)]
struct OfReason {
    /// The reason's code.
    reason: String,
    /// How often.
    count: u64,
}

/// How often a dialect's proofs held.
#[derive(Serialize, ToSchema)]
struct OfDialect {
    /// The dialect.
    dialect: String,
    /// How often.
    count: u64,
    /// When last since the start, to within ten seconds.
    last: Option<Moment>,
}

/// How often proofs held under an algorithm.
#[derive(Serialize, ToSchema)]
struct OfAlgorithm {
    /// The algorithm.
    algorithm: String,
    /// How often.
    count: u64,
    /// The beginning of the last minute that had it, among those asked for.
    last: Option<Moment>,
}

/// The last judgements.
#[derive(Serialize, ToSchema)]
struct VerdictsView {
    /// What to send as `after` for those that come next.
    cursor: u64,
    /// Oldest first; at most 512, and under load a part of all.
    items: Vec<VerdictView>,
}

/// A judgement.
#[derive(Serialize, ToSchema)]
struct VerdictView {
    /// When the request came.
    at: Moment,
    /// The request's id, as the log has it.
    request: String,
    /// The route.
    route: Option<String>,
    /// The dialect.
    dialect: Option<String>,
    /// `verified`, `refused`, `absent` or `fault`.
    verdict: &'static str,
    /// Why it was refused.
    reason: Option<&'static str>,
    /// The account's name, where it was proved.
    account: Option<String>,
    /// The key's id, where it was proved.
    key: Option<String>,
    /// From where it came.
    client: String,
    /// The method.
    method: String,
    /// The path, without the query.
    path: String,
    /// Microseconds until the answer.
    micros: u64,
}

impl From<Seen> for VerdictView {
    fn from(seen: Seen) -> Self {
        Self {
            at: Moment(seen.at),
            request: seen.request,
            route: seen.route,
            dialect: seen.dialect,
            verdict: seen.verdict,
            reason: seen.reason,
            account: seen.account,
            key: seen.key,
            client: seen.client.to_string(),
            method: seen.method,
            path: seen.path,
            micros: seen.micros,
        }
    }
}

/// Tell what this node judged over the last minutes. It is kept in memory, for a day, and by each node for itself.
#[utoipa::path(get, path = "/api/v1/statistics", tag = "statistics", params(Back),
    responses((status = 200, body = Statistics), Reading))]
async fn get_statistics(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Ask(ask): Ask<Back>,
) -> Result<Json<Statistics>, Problem> {
    let minutes = ask.minutes.unwrap_or(USUAL);
    if !usize::try_from(minutes).is_ok_and(|minutes| (1..=MOST_MINUTES).contains(&minutes)) {
        let text = format!("minutes wants a number from 1 to {MOST_MINUTES}; found {minutes}");
        return Err(bad_query(text).at("minutes"));
    }
    let history = manage.shared.metrics.history();
    history.note(operator.now);
    Ok(Json(told(history, operator.now, minutes)))
}

/// List the last judgements of this node, but those of the management API and the console.
#[utoipa::path(get, path = "/api/v1/verdicts", tag = "statistics", params(After),
    responses((status = 200, body = VerdictsView), Reading))]
async fn list_verdicts(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Ask(ask): Ask<After>,
) -> Json<VerdictsView> {
    let (cursor, seen) = manage.shared.verdicts.since(ask.after.unwrap_or(0), operator.now);
    Json(VerdictsView { cursor, items: seen.into_iter().map(Into::into).collect() })
}

fn told(history: &History, now: Time, minutes: u32) -> Statistics {
    let last = now.seconds().div_euclid(STEP);
    let first = last.saturating_sub(i64::from(minutes)).saturating_add(1);
    let known = history.since(first);
    let (mut reasons, mut dialects, mut algorithms) = (Counts::new(), Counts::new(), Counts::new());
    for minute in &known {
        add(&mut reasons, &minute.reasons);
        add(&mut dialects, &minute.dialects);
        add(&mut algorithms, &minute.algorithms);
    }
    let points = (first..=last).map(|number| {
        let found = known.iter().find(|minute| minute.number == number);
        let count =
            |verdict: &str| found.and_then(|minute| minute.verdicts.get(verdict)).copied().unwrap_or(0);
        Point {
            at: Moment(Time::from_seconds(number.saturating_mul(STEP))),
            verified: count("verified"),
            refused: count("refused"),
            absent: count("absent"),
            fault: count("fault"),
            reasons: found.map(|minute| minute.reasons.clone()).unwrap_or_default(),
        }
    });
    let used = history.last();
    for dialect in used.keys() {
        dialects.entry(dialect.clone()).or_default();
    }
    Statistics {
        since: Moment(Time::from_seconds(first.saturating_mul(STEP))),
        step_seconds: STEP,
        points: points.collect(),
        reasons: most(reasons).map(|(reason, count)| OfReason { reason, count }).collect(),
        dialects: most(dialects)
            .map(|(dialect, count)| {
                let last = used.get(&dialect).copied().map(Moment);
                OfDialect { dialect, count, last }
            })
            .collect(),
        algorithms: most(algorithms)
            .map(|(algorithm, count)| {
                let last = known.iter().rev().find(|minute| minute.algorithms.contains_key(&algorithm));
                let last = last.map(|minute| Moment(Time::from_seconds(minute.number.saturating_mul(STEP))));
                OfAlgorithm { algorithm, count, last }
            })
            .collect(),
    }
}

fn add(to: &mut Counts, from: &Counts) {
    for (name, count) in from {
        let sum = to.entry(name.clone()).or_default();
        *sum = sum.saturating_add(*count);
    }
}

fn most(counts: Counts) -> impl Iterator<Item = (String, u64)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    counts.into_iter()
}
