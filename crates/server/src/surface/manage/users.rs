//! Users that accounts may act for: make, list, switch, delete.
use super::found;
use super::input::Input;
use super::moment::Moment;
use super::operator::Operator;
use super::page::{Ask, Page, limit_of};
use super::problem::{Changing, Problem, Reading, ReadingOne};
use super::state::Manage;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign_store::model::User;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about users.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_users, create_user)).routes(routes!(
        get_user,
        change_user,
        delete_user
    ))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// The name of the last entry seen.
    after: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    /// The unique name, byte for byte.
    name: String,
}

/// What to change of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    /// Whether it may be acted for.
    enabled: bool,
}

/// A user that accounts may act for.
#[derive(Serialize, ToSchema)]
struct UserView {
    /// The unique name, byte for byte.
    name: String,
    /// Whether it may be acted for.
    enabled: bool,
    /// When it was made.
    created: Moment,
}

impl From<User> for UserView {
    fn from(row: User) -> Self {
        Self { name: row.name, enabled: row.enabled, created: Moment(row.created) }
    }
}

/// List users.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(Paging),
    responses((status = 200, body = Page<UserView>), Reading))]
async fn list_users(
    State(manage): State<Arc<Manage>>,
    Ask(ask): Ask<Paging>,
) -> Result<Json<Page<UserView>>, Problem> {
    let rows = manage.directory.users(ask.after.as_deref(), limit_of(ask.limit)?.saturating_add(1));
    Page::cut(rows, None, ask.limit, |row| row.name.clone(), Into::into).map(Json)
}

/// Make a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = NewUser,
    responses((status = 201, body = UserView), Changing))]
async fn create_user(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Input(new): Input<NewUser>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    let row = operator.change(&manage, |draft| draft.add_user(&new.name, true)).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// Show a user.
#[utoipa::path(get, path = "/api/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "The user's name.")),
    responses((status = 200, body = UserView), ReadingOne))]
async fn get_user(
    State(manage): State<Arc<Manage>>,
    Path(user): Path<String>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(found::user(&manage, &user)?.into()))
}

/// Switch a user on or off.
#[utoipa::path(patch, path = "/api/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "The user's name.")), request_body = UserChange,
    responses((status = 200, body = UserView), Changing))]
async fn change_user(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(user): Path<String>,
    Input(change): Input<UserChange>,
) -> Result<Json<UserView>, Problem> {
    let row = operator.change(&manage, |draft| draft.set_user_enabled(&user, change.enabled)).await?;
    Ok(Json(row.into()))
}

/// Delete a user; nobody may act for it any more.
#[utoipa::path(delete, path = "/api/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "The user's name.")),
    responses((status = 204), Changing))]
async fn delete_user(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(user): Path<String>,
) -> Result<StatusCode, Problem> {
    operator.change(&manage, |draft| draft.delete_user(&user)).await?;
    Ok(StatusCode::NO_CONTENT)
}
