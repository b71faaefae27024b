//! From where keys were used: of each the newest addresses, as all nodes wrote them and this one knows beside.
use super::found;
use super::moment::Moment;
use super::operator::Operator;
use super::problem::{Problem, ReadingOne};
use super::state::Manage;
use crate::chores::WRITE;
use axum::Json;
use axum::extract::{Path, State};
use countersign::time::{Span, Time};
use countersign_store::model::KeyRecord;
use countersign_store::registry::{LastUse, MOST_ADDRESSES};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about uses of keys.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(key_uses))
}

/// A use of a key.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UseView {
    /// From where.
    pub(crate) address: String,
    /// When last, to the second.
    pub(crate) at: Moment,
}

/// From where a key was used.
#[derive(Debug, Serialize, ToSchema)]
struct UsesView {
    /// The newest addresses, newest first, at most 8.
    items: Vec<UseView>,
    #[serde(flatten)]
    known: Known,
}

/// How much is known of uses.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Known {
    /// The server's time.
    now: Moment,
    /// Every use before this instant is told. Where several nodes share a store it lies some seconds back, since each node writes its uses
    /// every ten seconds and its last ones are known to itself alone.
    complete_until: Moment,
}

impl Known {
    /// What a node knows that is asked now.
    pub(crate) fn of(manage: &Manage, now: Time) -> Self {
        // A store that tells of other processes' writes has other processes.
        let alone = manage.registry.hears().is_none();
        let others = Span::from_seconds(i64::try_from(WRITE.as_secs()).unwrap_or(i64::MAX));
        // As long again as between two writes: for the write itself, and clocks that differ.
        let until = if alone { now } else { now - others - others };
        Self { now: Moment(now), complete_until: Moment(until) }
    }
}

/// Show from where a key was used.
#[utoipa::path(get, path = "/api/v1/keys/{key}/uses", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = UsesView), ReadingOne))]
async fn key_uses(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(key): Path<String>,
) -> Result<Json<UsesView>, Problem> {
    let key = found::key(&manage, &key)?.id;
    let known = Known::of(&manage, operator.now);
    Ok(Json(UsesView { items: of(&manage, &key).await?, known }))
}

/// The uses of one key, newest first.
pub(crate) async fn of(manage: &Manage, key: &str) -> Result<Vec<UseView>, Problem> {
    Ok(of_each(manage, &[key.to_owned()]).await?.remove(key).unwrap_or_default())
}

/// The uses of several keys by their ids, newest first.
pub(crate) async fn of_each(
    manage: &Manage,
    keys: &[String],
) -> Result<HashMap<String, Vec<UseView>>, Problem> {
    let mut all: HashMap<String, Vec<UseView>> = HashMap::new();
    for LastUse { key, at, address } in newest(manage, keys).await? {
        let Some(address) = address else { continue };
        let of = all.entry(key).or_default();
        // The newest come first: an address that comes again was used later, too.
        if of.len() < MOST_ADDRESSES && of.iter().all(|known| known.address != address) {
            of.push(UseView { address, at: Moment(at) });
        }
    }
    Ok(all)
}

/// All uses that are known, newest first, to the second. What is not written yet is looked at before what is: it goes from here to there.
async fn newest(manage: &Manage, keys: &[String]) -> Result<Vec<LastUse>, Problem> {
    let mut all = manage.shared.waiting(keys);
    for one in &mut all {
        one.at = Time::from_seconds(one.at.seconds());
    }
    all.extend(manage.registry.uses(keys).await?);
    all.sort_by_key(|one| Reverse(one.at));
    Ok(all)
}

/// Tells rows the last use that is known.
pub(crate) async fn with_last(manage: &Manage, mut rows: Vec<KeyRecord>) -> Result<Vec<KeyRecord>, Problem> {
    let keys: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut told = HashSet::new();
    for last in newest(manage, &keys).await? {
        let row = rows.iter_mut().find(|row| row.id == last.key);
        // A time that was noted alone belongs to the address that was noted in the same second.
        if let Some(row) =
            row.filter(|row| row.last_used.is_none_or(|own| own.seconds() <= last.at.seconds()))
            && told.insert(last.key)
        {
            (row.last_used, row.last_address) = (Some(last.at), last.address);
        }
    }
    Ok(rows)
}
