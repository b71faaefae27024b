//! Open sessions: list them, end one, end all of an account.
use super::moment::Moment;
use super::operator::{Actor, Operator};
use super::page::{Ask, Page};
use super::problem::{Changing, Problem, Reading};
use super::state::Manage;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign::life::session::{Ended, Session};
use countersign_store::fault::Fault;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Tries to end a session that is being refreshed at the same moment: each failed one means a refresh that succeeded.
const TRIES: u32 = 16;

/// The calls about sessions.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_sessions, end_sessions)).routes(routes!(end_session))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// The `next` of the last page.
    after: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
    /// Only those of this account.
    account: Option<String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfAccount {
    /// The account's id.
    account: String,
}

/// An open session; its tokens are not kept and cannot be shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Its id.
    id: String,
    /// The account that opened it.
    account: String,
    /// The identifier it was opened under.
    identifier: String,
    /// The organisation its tokens name.
    organisation: Option<String>,
    /// The key that opened it: when that key ends, the session ends. For sessions of the console also what kind of link did.
    key: String,
    /// Whether it is one of the console's; its identifier is then the address of the pages.
    console: bool,
    /// When it was opened.
    opened: Moment,
    /// When it ends at the latest.
    ends: Moment,
    /// When its tokens were last made.
    refreshed: Moment,
}

/// What ending sessions did.
#[derive(Serialize, ToSchema)]
struct EndedSessions {
    /// How many were ended.
    ended: usize,
}

impl From<&Session> for SessionView {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.clone(),
            account: session.account.clone(),
            identifier: session.identifier.clone(),
            organisation: session.organisation.clone(),
            key: session.key.clone(),
            console: session.is_console(),
            opened: Moment(session.opened),
            ends: Moment(session.ends),
            refreshed: Moment(session.rotated),
        }
    }
}

impl SessionView {
    /// The same with another word for what opened it.
    pub(crate) fn opened_by(self, word: &str) -> Self {
        Self { key: word.to_owned(), ..self }
    }
}

/// List open sessions, newest first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", params(Listing),
    responses((status = 200, body = Page<SessionView>), Reading))]
async fn list_sessions(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Ask(ask): Ask<Listing>,
) -> Result<Json<Page<SessionView>>, Problem> {
    let mut rows = manage.sessions.list(ask.account.as_deref(), operator.now).await?;
    rows.sort_by_cached_key(|row| place(row));
    Page::cut(rows, ask.after.as_deref(), ask.limit, |row| place(row), |row| SessionView::from(&*row))
        .map(Json)
}

/// Where a session stands in the list: a text that is the smaller, the later it was opened.
fn place(session: &Session) -> String {
    format!("{:020}-{}", i64::MAX.saturating_sub(session.opened.seconds()), session.id)
}

/// End all sessions of an account, at once.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "sessions", params(OfAccount),
    responses((status = 200, body = EndedSessions), Changing))]
async fn end_sessions(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Ask(ask): Ask<OfAccount>,
) -> Result<Json<EndedSessions>, Problem> {
    let open = manage.sessions.list(Some(&ask.account), operator.now).await?.len();
    operator.change(&manage, |draft| draft.end_sessions_of(&ask.account)).await?;
    let left = manage.sessions.list(Some(&ask.account), operator.now).await?.len();
    Ok(Json(EndedSessions { ended: open.saturating_sub(left) }))
}

/// End a session, at once.
#[utoipa::path(delete, path = "/api/v1/sessions/{session}", tag = "sessions",
    params(("session" = String, Path, description = "The session's id.")),
    responses((status = 204), Changing))]
async fn end_session(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(session): Path<String>,
) -> Result<StatusCode, Problem> {
    end(&manage, &operator.actor(), &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a session in somebody's name who may.
pub(crate) async fn end(manage: &Manage, actor: &Actor, session: &str) -> Result<(), Problem> {
    let live = manage.sessions.get(session).await?.filter(|session| session.is_live(actor.now));
    let mut held = live.ok_or_else(|| Problem::missing("session"))?;
    // Noted first: should ending it fail, the log says too much rather than too little.
    actor
        .change(manage, |draft| {
            draft.note_end_of(&held);
            Ok(())
        })
        .await?;
    for _ in 0..TRIES {
        if manage.sessions.replace(&held, &held.end(Ended::Revoked)).await? {
            return Ok(());
        }
        match manage.sessions.get(session).await? {
            Some(now) if now.is_live(actor.now) => held = now,
            _ => return Ok(()),
        }
    }
    Err(Fault::new(format!("session {session} changed {TRIES} times while it was being ended")).into())
}
