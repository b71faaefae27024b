//! Links that sign an account's holder in to the console, once: for who has no key at hand, or none yet.
use super::found;
use super::moment::Moment;
use super::operator::Operator;
use super::problem::{Changing, Problem};
use super::state::Manage;
use crate::surface::console::link::{Link, address_of, may_link};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The call that makes a link.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(make_sign_in_link))
}

/// A link that signs in to the console once.
#[derive(Serialize, ToSchema)]
struct SignInLink {
    /// The address to open in a browser: a secret until it was followed.
    url: String,
    /// When it stops working.
    expires: Moment,
}

/// Make a link that signs an account's holder in to the console, once. For an operator's account only an owner makes one.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/sign-in-link", tag = "accounts",
    params(("account" = String, Path, description = "The account's id.")),
    responses((status = 201, body = SignInLink), Changing))]
async fn make_sign_in_link(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(account): Path<String>,
) -> Result<(StatusCode, Json<SignInLink>), Problem> {
    let account = found::account(&manage, &account)?;
    operator.may_change(&account)?;
    if !account.enabled || !may_link(found::account(&manage, &operator.id).ok().as_ref(), &account) {
        let title = "This account cannot sign in.";
        return Err(Problem::new(StatusCode::CONFLICT, "account-disabled", title).detail("Enable it first."));
    }
    operator.change(&manage, |draft| draft.note_link_for(&account.id)).await?;
    let link = Link { account: account.id, key: String::new(), maker: operator.id };
    let (token, expires) = link.seal(&manage.shared, operator.now);
    let url = address_of(&manage.console_page, &token);
    Ok((StatusCode::CREATED, Json(SignInLink { url, expires: Moment(expires) })))
}
