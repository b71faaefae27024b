//! Join codes: let a caller join an organisation by itself, with a role, until a date.
use super::found;
use super::input::Input;
use super::moment::{Length, Moment};
use super::operator::Operator;
use super::organisations::MemberRole;
use super::page::{Ask, Page};
use super::problem::{Changing, Problem, ReadingOne};
use super::secret::{self, Secret};
use super::state::Manage;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign_store::model::JoinCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about join codes.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_join_codes, create_join_code)).routes(routes!(delete_join_code))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// The digest of the last entry seen.
    after: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
}

/// A new join code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewJoinCode {
    /// The role it gives.
    role: MemberRole,
    /// How long it works, such as `7d`.
    life: Length,
    /// Whether it works once only.
    #[serde(default)]
    once: bool,
}

/// A join code; the code itself is not kept.
#[derive(Serialize, ToSchema)]
struct JoinCodeView {
    /// SHA-256 of the code, lower-case hexadecimal: its name in this API.
    digest: String,
    /// The role it gives.
    role: String,
    /// When it ends.
    expires: Moment,
    /// Whether it works once only.
    once: bool,
    /// When it was made.
    created: Moment,
}

/// A join code just made.
#[derive(Serialize, ToSchema)]
struct MadeJoinCode {
    /// The join code.
    join_code: JoinCodeView,
    /// The code: shown now and never again.
    #[schema(value_type = String)]
    code: Secret,
}

impl From<JoinCode> for JoinCodeView {
    fn from(row: JoinCode) -> Self {
        Self {
            digest: row.digest,
            role: row.role,
            expires: Moment(row.expires),
            once: row.once,
            created: Moment(row.created),
        }
    }
}

/// List the join codes of an organisation.
#[utoipa::path(get, path = "/api/v1/organisations/{organisation}/join-codes", tag = "join codes",
    params(("organisation" = String, Path, description = "The organisation's id."), Paging),
    responses((status = 200, body = Page<JoinCodeView>), ReadingOne))]
async fn list_join_codes(
    State(manage): State<Arc<Manage>>,
    Path(organisation): Path<String>,
    Ask(ask): Ask<Paging>,
) -> Result<Json<Page<JoinCodeView>>, Problem> {
    found::organisation(&manage, &organisation)?;
    let mut rows = manage.directory.join_codes_of(&organisation);
    rows.sort_by(|one, other| one.digest.cmp(&other.digest));
    Page::cut(rows, ask.after.as_deref(), ask.limit, |row| row.digest.clone(), Into::into).map(Json)
}

/// Make a join code. The answer shows it, once.
#[utoipa::path(post, path = "/api/v1/organisations/{organisation}/join-codes", tag = "join codes",
    params(("organisation" = String, Path, description = "The organisation's id.")), request_body = NewJoinCode,
    responses((status = 201, body = MadeJoinCode), Changing))]
async fn create_join_code(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(organisation): Path<String>,
    Input(new): Input<NewJoinCode>,
) -> Result<(StatusCode, Json<MadeJoinCode>), Problem> {
    found::organisation(&manage, &organisation)?;
    let code = secret::make(&manage);
    let (digest, role) = (secret::digest(code.text()), new.role.name());
    let expires = operator.now + new.life.0;
    let row = operator
        .change(&manage, |draft| {
            draft.allow_join_codes(manage.most_join_codes);
            draft.add_join_code(&organisation, &digest, role, expires, new.once)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(MadeJoinCode { join_code: row.into(), code })))
}

/// Delete a join code; who joined by it stays.
#[utoipa::path(delete, path = "/api/v1/organisations/{organisation}/join-codes/{digest}", tag = "join codes",
    params(("organisation" = String, Path, description = "The organisation's id."),
        ("digest" = String, Path, description = "The code's digest, as the list shows it.")),
    responses((status = 204), Changing))]
async fn delete_join_code(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path((organisation, digest)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let code = manage.directory.join_code(&digest).filter(|code| code.organisation == organisation);
    let code = code.ok_or_else(|| Problem::missing("join code"))?;
    operator.change(&manage, |draft| draft.delete_join_code(&code.digest)).await?;
    Ok(StatusCode::NO_CONTENT)
}
