//! Who is calling, and what is answering.
use super::moment::Moment;
use super::operator::Operator;
use super::problem::{Open, Reading};
use super::state::Manage;
use super::views::RoleView;
use axum::Json;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The call that needs no credentials.
pub(crate) fn open_routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(get_version))
}

/// The call about the caller.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(get_whoami))
}

/// What is answering.
#[derive(Serialize, ToSchema)]
struct Version {
    /// The name of the software.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// The version of this API, as in its paths.
    api: &'static str,
}

/// Who is calling.
#[derive(Serialize, ToSchema)]
struct WhoAmI {
    /// The account's id.
    account: String,
    /// The account's name.
    name: String,
    /// What it may do.
    role: RoleView,
    /// The id of the key that signed this call.
    key: String,
    /// The server's time when it judged this call.
    at: Moment,
}

/// Tell the server's version.
#[utoipa::path(get, path = "/api/v1/version", tag = "about", security(()),
    responses((status = 200, body = Version), Open))]
async fn get_version() -> Json<Version> {
    Json(Version { name: "countersign", version: env!("CARGO_PKG_VERSION"), api: "v1" })
}

/// Tell who is calling.
#[utoipa::path(get, path = "/api/v1/whoami", tag = "about", responses((status = 200, body = WhoAmI), Reading))]
async fn get_whoami(operator: Operator) -> Json<WhoAmI> {
    Json(WhoAmI {
        account: operator.id,
        name: operator.name,
        role: operator.role.into(),
        key: operator.key,
        at: Moment(operator.now),
    })
}
