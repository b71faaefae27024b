//! From where keys were used: of each the newest addresses, as all nodes wrote them.
use super::found;
use super::moment::Moment;
use super::problem::{Problem, ReadingOne};
use super::state::Manage;
use axum::Json;
use axum::extract::{Path, State};
use countersign_store::model::KeyRecord;
use serde::Serialize;
use std::collections::HashMap;
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
    /// The newest addresses, newest first, at most 8. Uses are written every ten seconds.
    items: Vec<UseView>,
}

/// Show from where a key was used.
#[utoipa::path(get, path = "/api/v1/keys/{key}/uses", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = UsesView), ReadingOne))]
async fn key_uses(
    State(manage): State<Arc<Manage>>,
    Path(key): Path<String>,
) -> Result<Json<UsesView>, Problem> {
    let key = found::key(&manage, &key)?.id;
    Ok(Json(UsesView { items: of(&manage, &key).await? }))
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
    for one in manage.registry.uses(keys).await? {
        let Some(address) = one.address else { continue };
        all.entry(one.key).or_default().push(UseView { address, at: Moment(one.at) });
    }
    Ok(all)
}

/// Tells rows the last use that any node wrote: this one knows only those of its own requests.
pub(crate) async fn with_last(manage: &Manage, mut rows: Vec<KeyRecord>) -> Result<Vec<KeyRecord>, Problem> {
    let keys: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    for last in manage.registry.uses(&keys).await? {
        let row = rows.iter_mut().find(|row| row.id == last.key);
        if let Some(row) = row.filter(|row| row.last_used.is_none_or(|own| own.seconds() < last.at.seconds()))
        {
            (row.last_used, row.last_address) = (Some(last.at), last.address);
        }
    }
    Ok(rows)
}
