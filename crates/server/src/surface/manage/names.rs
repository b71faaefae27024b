//! What people call the things that ids name: other lists tell ids, which nobody knows by heart.
use super::page::{Ask, bad_query};
use super::problem::{Problem, Reading};
use super::state::Manage;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most ids of one call: what an address of a few thousand letters holds.
const MOST: usize = 100;

/// The call about names.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_names))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Ids of accounts, keys and organisations with commas between them, at most 100.
    ids: String,
}

/// The names of ids.
#[derive(Serialize, ToSchema)]
struct Names {
    /// Those that are there, in the order of the ids.
    items: Vec<NameView>,
}

/// What people call something.
#[derive(Serialize, ToSchema)]
struct NameView {
    /// Its id.
    id: String,
    /// The name of an account or organisation, the label of a key.
    name: String,
    /// The account of a key.
    account: Option<String>,
}

/// Tell the names of accounts and organisations, and the labels of keys.
#[utoipa::path(get, path = "/api/v1/names", tag = "about", params(Wanted),
    responses((status = 200, body = Names), Reading))]
async fn list_names(
    State(manage): State<Arc<Manage>>,
    Ask(wanted): Ask<Wanted>,
) -> Result<Json<Names>, Problem> {
    let ids: Vec<&str> = wanted.ids.split(',').filter(|id| !id.is_empty()).collect();
    if ids.len() > MOST {
        return Err(bad_query(format!("ids wants at most {MOST} ids; found {}", ids.len())).at("ids"));
    }
    Ok(Json(Names { items: ids.into_iter().filter_map(|id| named(&manage, id)).collect() }))
}

fn named(manage: &Manage, id: &str) -> Option<NameView> {
    let directory = &manage.directory;
    let view = |name, account| NameView { id: id.to_owned(), name, account };
    let (kind, _) = id.split_once('_')?;
    match kind {
        "acc" => directory.account(id).map(|row| view(row.name, None)),
        "key" => directory.key(id).map(|row| view(row.label, Some(row.account))),
        "org" => directory.organisation(id).map(|row| view(row.name, None)),
        _ => None,
    }
}
