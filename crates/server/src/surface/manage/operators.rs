//! Operators: accounts with a role. Only an owner changes them, and there is always an owner.
use super::access::{self, DIALECT};
use super::found;
use super::input::Input;
use super::intake;
use super::operator::{Operator, Owner};
use super::page::{Ask, Page};
use super::problem::{Changing, Problem, Reading};
use super::state::Manage;
use super::views::{AccountView, KeyView, RoleView};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign_store::draft::NewAccount;
use countersign_store::draft::NewKey;
use countersign_store::model::{Identifier, Role};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about operators.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new()
        .routes(routes!(list_operators, create_operator))
        .routes(routes!(set_operator_role, dismiss_operator))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// The id of the last entry seen.
    after: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
}

/// A new operator with its first key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOperator {
    /// Unique name of the account.
    name: String,
    /// What it may do.
    role: RoleView,
    /// Its public key in any usual spelling. Never the private half.
    public: String,
    /// What it calls the key; chosen here when left out.
    #[serde(default)]
    label: String,
}

/// What an operator may do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// The role.
    role: RoleView,
}

/// An operator just made.
#[derive(Serialize, ToSchema)]
struct MadeOperator {
    /// Its account.
    account: AccountView,
    /// Its key.
    key: KeyView,
}

/// List operators.
#[utoipa::path(get, path = "/api/v1/operators", tag = "operators", params(Paging),
    responses((status = 200, body = Page<AccountView>), Reading))]
async fn list_operators(
    State(manage): State<Arc<Manage>>,
    Ask(ask): Ask<Paging>,
) -> Result<Json<Page<AccountView>>, Problem> {
    let mut rows = manage.directory.operators();
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    Page::cut(rows, ask.after.as_deref(), ask.limit, |row| row.id.clone(), Into::into).map(Json)
}

/// Make an operator with its first key, as one change.
#[utoipa::path(post, path = "/api/v1/operators", tag = "operators", request_body = NewOperator,
    responses((status = 201, body = MadeOperator), Changing))]
async fn create_operator(
    State(manage): State<Arc<Manage>>,
    Owner(operator): Owner,
    Input(new): Input<NewOperator>,
) -> Result<(StatusCode, Json<MadeOperator>), Problem> {
    let read = intake::one_key(&new.public, &manage.keys, "public")?;
    let account = NewAccount {
        name: new.name.clone(),
        enabled: true,
        identifiers: vec![Identifier { namespace: DIALECT.to_owned(), value: new.name }],
        role: Some(new.role.into()),
        ..NewAccount::default()
    };
    let rows = operator.change(&manage, |draft| {
        let account = draft.add_account(&account)?;
        let key = draft.add_key(&NewKey::new(&account.id, &new.label, read.key.spki_der(), DIALECT))?;
        Ok((account, key))
    });
    let (account, key) = rows.await?;
    let made = MadeOperator { account: account.into(), key: KeyView::of(key, operator.now)? };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Give an account a role, or another one.
#[utoipa::path(put, path = "/api/v1/operators/{account}", tag = "operators",
    params(("account" = String, Path, description = "The account's id.")), request_body = NewRole,
    responses((status = 200, body = AccountView), Changing))]
async fn set_operator_role(
    State(manage): State<Arc<Manage>>,
    Owner(operator): Owner,
    Path(account): Path<String>,
    Input(new): Input<NewRole>,
) -> Result<Json<AccountView>, Problem> {
    Ok(Json(set(&manage, &operator, &account, Some(new.role.into())).await?))
}

/// Take an operator's role; the account stays.
#[utoipa::path(delete, path = "/api/v1/operators/{account}", tag = "operators",
    params(("account" = String, Path, description = "The account's id.")),
    responses((status = 204), Changing))]
async fn dismiss_operator(
    State(manage): State<Arc<Manage>>,
    Owner(operator): Owner,
    Path(account): Path<String>,
) -> Result<StatusCode, Problem> {
    if found::account(&manage, &account)?.role.is_none() {
        return Err(Problem::missing("operator"));
    }
    set(&manage, &operator, &account, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set(
    manage: &Manage,
    operator: &Operator,
    id: &str,
    role: Option<Role>,
) -> Result<AccountView, Problem> {
    let row = operator.change(manage, |draft| {
        let row = draft.set_role(id, role)?;
        access::keep_an_owner(&manage.directory, draft)?;
        Ok(row)
    });
    Ok(row.await?.into())
}
