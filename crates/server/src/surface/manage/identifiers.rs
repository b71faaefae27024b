//! How an account names itself, and the users it may act for: add and remove.
use super::found;
use super::input::Input;
use super::operator::Operator;
use super::page::Ask;
use super::problem::{Changing, Problem};
use super::state::Manage;
use super::views::{AccountView, IdentifierView};
use axum::Json;
use axum::extract::{Path, State};
use countersign_store::denied::{Denial, Denied};
use countersign_store::model::Identifier;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about identifiers and delegations.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new()
        .routes(routes!(add_identifier, remove_identifier))
        .routes(routes!(add_delegation, remove_delegation))
}

/// An identifier to remove, in the query because it may hold any character.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichIdentifier {
    /// The namespace.
    namespace: String,
    /// The identifier, byte for byte.
    value: String,
}

/// A user that an account may act for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Delegation {
    /// The user's name, byte for byte.
    user: String,
}

/// A delegation to remove, in the query because a name may hold any character.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichDelegation {
    /// The user's name, byte for byte.
    user: String,
}

/// Give an account an identifier.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/identifiers", tag = "accounts",
    params(("account" = String, Path, description = "The account's id.")), request_body = IdentifierView,
    responses((status = 200, body = AccountView), Changing))]
async fn add_identifier(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(account): Path<String>,
    Input(identifier): Input<IdentifierView>,
) -> Result<Json<AccountView>, Problem> {
    operator.may_change(&found::account(&manage, &account)?)?;
    if identifier.namespace == "operator" {
        operator.owner_only()?;
    }
    let identifier = identifier.into();
    let row = operator.change(&manage, |draft| draft.add_identifier(&account, &identifier)).await?;
    Ok(Json(row.into()))
}

/// Take an identifier from an account.
#[utoipa::path(delete, path = "/api/v1/accounts/{account}/identifiers", tag = "accounts",
    params(("account" = String, Path, description = "The account's id."), WhichIdentifier),
    responses((status = 200, body = AccountView), Changing))]
async fn remove_identifier(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(account): Path<String>,
    Ask(which): Ask<WhichIdentifier>,
) -> Result<Json<AccountView>, Problem> {
    operator.may_change(&found::account(&manage, &account)?)?;
    let identifier = Identifier { namespace: which.namespace, value: which.value };
    let row = operator.change(&manage, |draft| draft.remove_identifier(&account, &identifier)).await?;
    Ok(Json(row.into()))
}

/// Let an account act for a user.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/acts-as", tag = "delegations",
    params(("account" = String, Path, description = "The account's id.")), request_body = Delegation,
    responses((status = 200, body = AccountView), Changing))]
async fn add_delegation(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(account): Path<String>,
    Input(delegation): Input<Delegation>,
) -> Result<Json<AccountView>, Problem> {
    operator.may_change(&found::account(&manage, &account)?)?;
    let row = operator.change(&manage, |draft| {
        let mut users = draft.account(&account)?.acts_as;
        users.push(delegation.user.clone());
        draft.set_acts_as(&account, &users)
    });
    Ok(Json(row.await?.into()))
}

/// No longer let an account act for a user.
#[utoipa::path(delete, path = "/api/v1/accounts/{account}/acts-as", tag = "delegations",
    params(("account" = String, Path, description = "The account's id."), WhichDelegation),
    responses((status = 200, body = AccountView), Changing))]
async fn remove_delegation(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(account): Path<String>,
    Ask(which): Ask<WhichDelegation>,
) -> Result<Json<AccountView>, Problem> {
    operator.may_change(&found::account(&manage, &account)?)?;
    let row = operator.change(&manage, |draft| {
        let mut users = draft.account(&account)?.acts_as;
        let before = users.len();
        users.retain(|user| *user != which.user);
        if users.len() == before {
            let text = "the account does not act for this user; show the account to see for whom it does";
            return Err(Denied::new(Denial::NotFound, "delegation-not-found", text));
        }
        draft.set_acts_as(&account, &users)
    });
    Ok(Json(row.await?.into()))
}
