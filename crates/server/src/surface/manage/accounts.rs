//! Accounts: list and search, make, show, change, delete.
use super::found;
use super::input::Input;
use super::operator::Operator;
use super::page::{Ask, MOST, Page, limit_of};
use super::problem::{Adding, Changing, Problem, Reading, ReadingOne};
use super::state::Manage;
use super::views::{AccountView, IdentifierView};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign_store::model::Account;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Accounts looked at for one page of a search: a search over millions is answered in steps, each in milliseconds.
const LOOKED_AT: usize = 10_000;

/// The calls about accounts.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new()
        .routes(routes!(list_accounts, create_account))
        .routes(routes!(get_account, change_account, delete_account))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Search {
    /// The last entry seen.
    after: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
    /// A part of the name or of an identifier.
    search: Option<String>,
    /// The id of an organisation.
    organisation: Option<String>,
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// Unique name.
    name: String,
    /// The organisation's id.
    organisation: Option<String>,
    /// How it names itself; each is unique in its namespace over the installation.
    #[serde(default)]
    identifiers: Vec<IdentifierView>,
    /// Users it may act for, by name.
    #[serde(default)]
    acts_as: Vec<String>,
    /// Path prefixes it may use; empty: all.
    #[serde(default)]
    paths: Vec<String>,
    /// Where its JWKS document lives.
    jwks_url: Option<String>,
}

/// What to change of an account; members that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    /// Whether it may come in. Off takes effect at once, for its sessions too.
    enabled: Option<bool>,
    /// Path prefixes it may use; empty: all.
    paths: Option<Vec<String>>,
    /// Users it may act for, by name.
    acts_as: Option<Vec<String>>,
    /// Where its JWKS document lives; `null` takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    jwks_url: Option<Option<String>>,
}

/// List or search accounts.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(Search),
    responses((status = 200, body = Page<AccountView>), Reading))]
async fn list_accounts(
    State(manage): State<Arc<Manage>>,
    Ask(ask): Ask<Search>,
) -> Result<Json<Page<AccountView>>, Problem> {
    let limit = limit_of(ask.limit)?;
    let mut after = ask.after.clone();
    let mut items: Vec<AccountView> = Vec::new();
    let mut looked_at = 0_usize;
    loop {
        let rows = manage.directory.accounts(after.as_deref(), MOST);
        let last = rows.len() < MOST;
        for row in rows {
            after = Some(row.id.clone());
            looked_at = looked_at.saturating_add(1);
            if ask.wants(&row) {
                items.push(row.into());
            }
            if items.len() == limit || looked_at >= LOOKED_AT {
                let more = !manage.directory.accounts(after.as_deref(), 1).is_empty();
                return Ok(Json(Page { items, next: after.filter(|_| more) }));
            }
        }
        if last {
            return Ok(Json(Page { items, next: None }));
        }
    }
}

/// Make an account.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = NewAccount,
    responses((status = 201, body = AccountView), Adding))]
async fn create_account(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Input(new): Input<NewAccount>,
) -> Result<(StatusCode, Json<AccountView>), Problem> {
    todo
}

/// Show an account.
#[utoipa::path(get, path = "/api/v1/accounts/{account}", tag = "accounts",
    params(("account" = String, Path, description = "The account's id.")),
    responses((status = 200, body = AccountView), ReadingOne))]
async fn get_account(
    State(manage): State<Arc<Manage>>,
    Path(account): Path<String>,
) -> Result<Json<AccountView>, Problem> {
    Ok(Json(found::account(&manage, &account)?.into()))
}
