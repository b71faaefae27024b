//! Accounts: list and search, make, show, change, delete.
use super::access::{self, DIALECT};
use super::found;
use super::input::{Input, present};
use super::intake;
use super::operator::Operator;
use super::page::{Ask, MOST, Page, limit_of};
use super::problem::{Changing, Problem, Reading, ReadingOne};
use super::state::Manage;
use super::views::{AccountView, IdentifierView};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign_store::draft::NewAccount;
use countersign_store::model::Account;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Accounts looked at for one page of a search: a search over millions is answered in steps, each in milliseconds.
const LOOKED_AT: usize = 10_000;

/// The calls about accounts.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_accounts, create_account)).routes(routes!(
        get_account,
        change_account,
        delete_account
    ))
}

#[derive(Deserialize, utoipa::IntoParams)]
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
#[schema(as = NewAccount)]
struct NewAccountView {
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
    /// Another unique name.
    name: Option<String>,
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

impl Search {
    fn wants(&self, account: &Account) -> bool {
        let in_organisation =
            self.organisation.as_ref().is_none_or(|wanted| account.organisation.as_ref() == Some(wanted));
        in_organisation
            && self.search.as_ref().is_none_or(|part| {
                let part = part.to_lowercase();
                let has = |text: &str| text.to_lowercase().contains(&part);
                has(&account.name) || account.identifiers.iter().any(|identifier| has(&identifier.value))
            })
    }
}

/// List or search accounts.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(Search),
    responses((status = 200, body = Page<AccountView>), Reading))]
async fn list_accounts(
    State(manage): State<Arc<Manage>>,
    Ask(ask): Ask<Search>,
) -> Result<Json<Page<AccountView>>, Problem> {
    let limit = limit_of(ask.limit)?;
    Ok(Json(Page::walk(
        ask.after.clone(),
        limit,
        LOOKED_AT,
        |after| manage.directory.accounts(after, MOST),
        |account| account.id.clone(),
        |account| ask.wants(&account).then(|| account.into()),
    )))
}

/// Make an account.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = NewAccountView,
    responses((status = 201, body = AccountView), Changing))]
async fn create_account(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Input(new): Input<NewAccountView>,
) -> Result<(StatusCode, Json<AccountView>), Problem> {
    if new.identifiers.iter().any(|identifier| identifier.namespace == DIALECT) {
        operator.owner_only()?;
    }
    intake::key_set_url(new.jwks_url.as_deref(), &manage, "jwks_url")?;
    let new = NewAccount {
        name: new.name,
        organisation: new.organisation,
        enabled: true,
        identifiers: new.identifiers.into_iter().map(Into::into).collect(),
        acts_as: new.acts_as,
        paths: new.paths,
        jwks_url: new.jwks_url,
        role: None,
    };
    let row = operator.change(&manage, |draft| draft.add_account(&new)).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
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

/// Change an account.
#[utoipa::path(patch, path = "/api/v1/accounts/{account}", tag = "accounts",
    params(("account" = String, Path, description = "The account's id.")), request_body = AccountChange,
    responses((status = 200, body = AccountView), Changing))]
async fn change_account(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(account): Path<String>,
    Input(change): Input<AccountChange>,
) -> Result<Json<AccountView>, Problem> {
    operator.may_change(&found::account(&manage, &account)?)?;
    intake::key_set_url(change.jwks_url.iter().flatten().next().map(String::as_str), &manage, "jwks_url")?;
    let row = operator.change(&manage, |draft| {
        if let Some(name) = &change.name {
            draft.rename_account(&account, name)?;
        }
        if let Some(paths) = &change.paths {
            draft.set_paths(&account, paths)?;
        }
        if let Some(users) = &change.acts_as {
            draft.set_acts_as(&account, users)?;
        }
        if let Some(url) = &change.jwks_url {
            draft.set_jwks_url(&account, url.as_deref())?;
        }
        if let Some(enabled) = change.enabled {
            draft.set_account_enabled(&account, enabled)?;
            access::keep_an_owner(&manage.directory, draft)?;
        }
        draft.account(&account)
    });
    Ok(Json(row.await?.into()))
}

/// Delete an account with its keys, companion keys and sessions.
#[utoipa::path(delete, path = "/api/v1/accounts/{account}", tag = "accounts",
    params(("account" = String, Path, description = "The account's id.")),
    responses((status = 204), Changing))]
async fn delete_account(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(account): Path<String>,
) -> Result<StatusCode, Problem> {
    operator.may_change(&found::account(&manage, &account)?)?;
    operator
        .change(&manage, |draft| {
            draft.delete_account(&account)?;
            access::keep_an_owner(&manage.directory, draft)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
