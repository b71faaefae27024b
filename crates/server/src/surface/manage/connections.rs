//! Connections: accounts with an identifier in the namespace `connection`, with the digest each of their keys is taken with.
use super::moment::Moment;
use super::page::{Ask, MOST, Page, limit_of};
use super::problem::{Problem, Reading};
use super::state::Manage;
use axum::Json;
use axum::extract::State;
use countersign_keys::Algorithm;
use countersign_store::model::{Account, KeyRecord};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Accounts looked at for one page: a walk over millions is answered in steps, each in milliseconds.
const LOOKED_AT: usize = 10_000;

/// The call about connections.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_connections))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// The id of the last account seen.
    after: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
}

/// An account that is known by a connection id.
#[derive(Serialize, ToSchema)]
struct ConnectionView {
    /// The account's id.
    account: String,
    /// The account's name.
    name: String,
    /// Whether it may come in.
    enabled: bool,
    /// Its connection ids.
    connections: Vec<String>,
    /// Users it may act for.
    acts_as: Vec<String>,
    /// Its keys.
    keys: Vec<ConnectionKey>,
    /// When it was made.
    created: Moment,
}

/// A key of a connection.
#[derive(Serialize, ToSchema)]
struct ConnectionKey {
    /// The key's id.
    id: String,
    /// What its owner calls it.
    label: String,
    /// `pending`, `active`, `retiring`, `disabled` or `revoked`.
    state: &'static str,
    /// Dialects it was registered for.
    dialects: Vec<String>,
    /// Algorithms it is narrowed to; empty: all of its kind that are not weak.
    algorithms: Vec<String>,
    /// Whether it is taken with SHA-1, which the key has to name.
    sha1: bool,
}

impl From<KeyRecord> for ConnectionKey {
    fn from(row: KeyRecord) -> Self {
        Self {
            id: row.id,
            label: row.label,
            state: row.life.state.name(),
            dialects: row.dialects,
            sha1: row.algorithms.iter().any(|name| Algorithm::from_name(name) == Some(Algorithm::RsaSha1)),
            algorithms: row.algorithms,
        }
    }
}

/// List connections with their keys.
#[utoipa::path(get, path = "/api/v1/connections", tag = "connections", params(Paging),
    responses((status = 200, body = Page<ConnectionView>), Reading))]
async fn list_connections(
    State(manage): State<Arc<Manage>>,
    Ask(ask): Ask<Paging>,
) -> Result<Json<Page<ConnectionView>>, Problem> {
    let limit = limit_of(ask.limit)?;
    let page = Page::walk(
        ask.after,
        limit,
        LOOKED_AT,
        |after| manage.directory.accounts(after, MOST),
        |account| account.id.clone(),
        |account| view(&manage, account),
    );
    Ok(Json(page))
}

fn view(manage: &Manage, account: Account) -> Option<ConnectionView> {
    let own = account.identifiers.into_iter().filter(|identifier| identifier.namespace == "connection");
    let connections: Vec<String> = own.map(|identifier| identifier.value).collect();
    if connections.is_empty() {
        return None;
    }
    Some(ConnectionView {
        keys: manage.directory.keys_of(&account.id).into_iter().map(Into::into).collect(),
        account: account.id,
        name: account.name,
        enabled: account.enabled,
        connections,
        acts_as: account.acts_as,
        created: Moment(account.created),
    })
}
