//! What was refused in the last minutes, and why: listed, and told one by one.
use super::moment::Moment;
use super::operator::Operator;
use super::page::Ask;
use super::problem::{Problem, Reading, ReadingOne};
use super::state::Manage;
use crate::refusals::Refused;
use crate::refusals::capture::words;
use crate::surface::callers::objects::Explanation;
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Refusals listed at once: what a person looks through.
const MOST: usize = 200;

/// The calls about refusals.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_refusals)).routes(routes!(get_refusal))
}

/// Which refusals.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The id or name of the account that they name.
    account: Option<String>,
    /// A reason's code.
    reason: Option<String>,
}

/// What was refused on this node.
#[derive(Serialize, ToSchema)]
struct RefusalList {
    /// The newest first, at most 200.
    items: Vec<RefusalView>,
    /// Refusals that left no line, since more came at once than are taken down.
    missed: u64,
}

/// One refusal.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusalView {
    /// Its id, as the answer's `countersign-reject` has it.
    reject: String,
    /// When it was refused.
    at: Moment,
    /// The route.
    route: String,
    /// The dialect that was judged.
    dialect: Option<String>,
    /// Why: a code of the reason table.
    reason: &'static str,
    /// The same as a sentence.
    text: &'static str,
    /// What to do next.
    hint: &'static str,
    /// The likeliest cause, where it was explained: a code of the cause table.
    cause: Option<String>,
    /// The account's id.
    account: Option<String>,
    /// The account's name.
    name: Option<String>,
    /// Whether the account proved itself; otherwise anybody can have written its name.
    proved: bool,
    /// The caller's address.
    client: Option<String>,
    /// The method.
    method: String,
    /// The path, without the query.
    path: String,
}

/// One refusal with all that is known of it.
#[derive(Serialize, ToSchema)]
struct RefusalDetail {
    #[serde(flatten)]
    refusal: RefusalView,
    /// The request's headers, credentials replaced by their length and digest.
    #[schema(value_type = Vec<Vec<String>>)]
    headers: Vec<(String, String)>,
    /// Bytes of its body.
    body_bytes: usize,
    /// The explanation; missing where there was no proof to explain, or too many were refused at the time.
    #[schema(value_type = Option<Explanation>)]
    explanation: Option<Arc<Value>>,
}

impl RefusalView {
    pub(crate) fn of(refused: &Refused) -> Self {
        let (text, hint) = words(refused.reason);
        let cause = refused
            .told
            .as_ref()
            .and_then(|told| told.get("causes")?.get(0)?.get("code")?.as_str().map(str::to_owned));
        let (account, name) = match &refused.account {
            Some((id, name)) => (Some(id.to_string()), Some(name.to_string())),
            None => (None, None),
        };
        Self {
            reject: refused.reject.to_string(),
            at: Moment(refused.at),
            route: refused.route.to_string(),
            dialect: refused.dialect.as_deref().map(str::to_owned),
            reason: refused.reason.code(),
            text,
            hint,
            cause,
            account,
            name,
            proved: refused.proved,
            client: refused.client.map(|client| client.to_string()),
            method: refused.method.to_string(),
            path: refused.path.to_string(),
        }
    }
}

/// List what was refused on this node in the last minutes.
#[utoipa::path(get, path = "/api/v1/refusals", tag = "refusals",
    params(("account" = Option<String>, Query, description = "The id or name of the account that they name."),
           ("reason" = Option<String>, Query, description = "A reason's code.")),
    responses((status = 200, body = RefusalList), Reading))]
async fn list_refusals(
    State(manage): State<Arc<Manage>>,
    Ask(which): Ask<Which>,
    operator: Operator,
) -> Json<RefusalList> {
    let refusals = &manage.shared.refusals;
    let meant = |refused: &Refused| {
        let account = which.account.as_ref().is_none_or(|wanted| {
            refused.account.as_ref().is_some_and(|(id, name)| **id == **wanted || **name == **wanted)
        });
        account && which.reason.as_ref().is_none_or(|reason| refused.reason.code() == reason)
    };
    let all = refusals.all(operator.now, manage.refusals_time);
    let items = all.iter().filter(|refused| meant(refused)).take(MOST).map(RefusalView::of).collect();
    Json(RefusalList { items, missed: refusals.missed() })
}

/// Tell why a request was refused.
#[utoipa::path(get, path = "/api/v1/refusals/{reject}", tag = "refusals", params(("reject" = String, Path, description = "The id in the answer's `countersign-reject`.")),
    responses((status = 200, body = RefusalDetail), ReadingOne))]
async fn get_refusal(
    State(manage): State<Arc<Manage>>,
    Path(reject): Path<String>,
    operator: Operator,
) -> Result<Json<RefusalDetail>, Problem> {
    let found = manage.shared.refusals.one(&reject, operator.now, manage.refusals_time);
    let refused = found.ok_or_else(|| Problem::missing("refusal"))?;
    Ok(Json(RefusalDetail {
        refusal: RefusalView::of(&refused),
        headers: refused.headers,
        body_bytes: refused.body_bytes,
        explanation: refused.told,
    }))
}
