//! The open sessions of whoever is signed in.
use super::holder::Holder;
use super::maker::Maker;
use super::state::Console;
use crate::surface::manage::problem::{Changing, Problem, Reading};
use crate::surface::manage::sessions::{SessionView, end};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about the account's sessions.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new().routes(routes!(list_own_sessions)).routes(routes!(end_own_session))
}

/// The account's open sessions.
#[derive(Serialize, ToSchema)]
struct OwnSessions {
    /// Oldest first.
    items: Vec<OwnSession>,
}

/// An open session.
#[derive(Serialize, ToSchema)]
struct OwnSession {
    /// The session.
    #[serde(flatten)]
    session: SessionView,
    /// Whether it is the one of this call.
    current: bool,
}

/// List the account's open sessions.
#[utoipa::path(get, path = "/console/api/v1/sessions", tag = "sessions",
    responses((status = 200, body = OwnSessions), Reading))]
async fn list_own_sessions(
    State(console): State<Arc<Console>>,
    holder: Holder,
) -> Result<Json<OwnSessions>, Problem> {
    let rows = console.app.sessions.list(Some(&holder.account.id), holder.now).await?;
    let items = rows.iter().map(|row| OwnSession {
        session: SessionView::from(&**row).opened_by(opener(&row.key)),
        current: row.id == holder.session.id,
    });
    Ok(Json(OwnSessions { items: items.collect() }))
}

/// What opened a session, as its account is told it: which operator made a link is between operators.
fn opener(key: &str) -> &str {
    if Maker::of(key).is_some() { "link" } else { key }
}

/// End a session of the account, at once.
#[utoipa::path(post, path = "/console/api/v1/sessions/{session}/end", tag = "sessions",
    params(("session" = String, Path, description = "The session's id.")), responses((status = 204), Changing))]
async fn end_own_session(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Path(session): Path<String>,
) -> Result<StatusCode, Problem> {
    let found = console.app.sessions.get(&session).await?;
    let own = found.filter(|found| found.account == holder.account.id);
    own.ok_or_else(|| Problem::missing("session"))?;
    end(&console.manage, &holder.actor(), &session).await?;
    Ok(StatusCode::NO_CONTENT)
}
