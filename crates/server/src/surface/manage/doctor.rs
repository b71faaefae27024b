//! Examinations of the proxies before the server: open one, and see what arrived of its requests.
use super::moment::Moment;
use super::operator::Operator;
use super::problem::{Changing, Problem, ReadingOne};
use super::state::Manage;
use crate::doctor::Seen;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign::base64::encode_hex;
use countersign_guard::clock::draw;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about examinations.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(open_examination)).routes(routes!(get_examination))
}

/// An open examination.
#[derive(Serialize, ToSchema)]
struct ExaminationView {
    /// Its id; requests with the header `Countersign-Doctor: <id>/<probe>` are noted.
    id: String,
    /// The server's time.
    at: Moment,
    /// When it ends.
    until: Moment,
}

/// What arrived.
#[derive(Serialize, ToSchema)]
struct SeenRequests {
    /// The requests, in the order in which they came.
    items: Vec<Seen>,
}

/// Open an examination: for three minutes, requests that name its id are noted as they arrive.
#[utoipa::path(post, path = "/api/v1/examinations", tag = "doctor",
    responses((status = 201, body = ExaminationView), Changing))]
async fn open_examination(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
) -> (StatusCode, Json<ExaminationView>) {
    let id: String = encode_hex(&draw::<16>(&*manage.entropy));
    let until = manage.doctor.open(id.clone(), operator.now);
    (StatusCode::CREATED, Json(ExaminationView { id, at: Moment(operator.now), until: Moment(until) }))
}

/// Show what arrived of an examination's requests.
#[utoipa::path(get, path = "/api/v1/examinations/{id}", tag = "doctor", params(("id" = String, Path, description = "The examination's id.")),
    responses((status = 200, body = SeenRequests), ReadingOne))]
async fn get_examination(
    State(manage): State<Arc<Manage>>,
    Path(id): Path<String>,
    operator: Operator,
) -> Result<Json<SeenRequests>, Problem> {
    let seen = manage.doctor.seen(&id, operator.now);
    seen.map(|items| Json(SeenRequests { items })).ok_or_else(|| Problem::missing("examination"))
}
