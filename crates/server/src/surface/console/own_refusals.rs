//! What was refused of whoever is signed in, and why; and how a request that they describe would be judged.
use super::holder::Holder;
use super::pass::source;
use super::state::Console;
use crate::call::Call;
use crate::refusals::Refused;
use crate::surface::callers::objects::{Explanation, Verdict};
use crate::surface::explain::described::{Asker, Described};
use crate::surface::manage::input::Input;
use crate::surface::manage::moment::Moment;
use crate::surface::manage::problem::{Changing, Problem, Reading, ReadingOne};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use countersign::reason::Reason;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about refusals.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new()
        .routes(routes!(list_own_refusals))
        .routes(routes!(get_own_refusal))
        .routes(routes!(explain_own_request))
}

/// What was refused of the account on this node in the last minutes.
#[derive(Serialize, ToSchema)]
struct OwnRefusals {
    /// Those that a key of the account signed, the newest first.
    items: Vec<OwnRefusal>,
    /// How many more named the account and proved nothing: anybody can write a name.
    named: usize,
}

/// One refusal.
#[derive(Serialize, ToSchema)]
struct OwnRefusal {
    /// Its id, as the answer's `countersign-reject` has it.
    reject: String,
    /// When it was refused.
    at: Moment,
    /// The route.
    route: String,
    /// The dialect that was judged.
    dialect: Option<String>,
    /// Why: a code of the reason table, as far as the account may know it.
    reason: String,
    /// The same as a sentence.
    text: Option<String>,
    /// What to do next.
    hint: Option<String>,
    /// The likeliest cause: a code of the cause table.
    cause: Option<String>,
    /// The caller's address.
    client: Option<String>,
    /// The method.
    method: String,
    /// The path, without the query.
    path: String,
}

/// How a request would be judged.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes what the explanation writes, and is never made")]
enum Told {
    Whole(Box<Explanation>),
    Word(Verdict),
}

impl OwnRefusal {
    /// What the explanation for the account tells, and no more.
    fn of(refused: &Refused) -> Self {
        let told =
            |member: &str| refused.own.as_ref().and_then(|own| own.get(member)?.as_str().map(str::to_owned));
        let cause = refused
            .own
            .as_ref()
            .and_then(|own| own.get("causes")?.get(0)?.get("code")?.as_str().map(str::to_owned));
        Self {
            reject: refused.reject.to_string(),
            at: Moment(refused.at),
            route: refused.route.to_string(),
            dialect: refused.dialect.as_deref().map(str::to_owned),
            reason: told("reason").unwrap_or_else(|| refused.reason.outward().to_owned()),
            text: told("text"),
            hint: told("hint"),
            cause,
            client: refused.client.map(|client| client.to_string()),
            method: refused.method.to_string(),
            path: refused.path.to_string(),
        }
    }
}

/// List what was refused of the account on this node in the last minutes.
#[utoipa::path(get, path = "/console/api/v1/refusals", tag = "refusals",
    responses((status = 200, body = OwnRefusals), Reading))]
async fn list_own_refusals(State(console): State<Arc<Console>>, holder: Holder) -> Json<OwnRefusals> {
    let keep = console.app.config.limits.refusals_time;
    let found = console.app.refusals.of_account(&holder.account.id, holder.now, keep);
    Json(OwnRefusals { items: found.own.iter().map(OwnRefusal::of).collect(), named: found.named })
}

/// Tell why one of the account's requests was refused.
#[utoipa::path(get, path = "/console/api/v1/refusals/{reject}", tag = "refusals",
    params(("reject" = String, Path, description = "The refusal's id.")),
    responses((status = 200, body = Explanation), ReadingOne))]
async fn get_own_refusal(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Path(reject): Path<String>,
) -> Result<Json<Value>, Problem> {
    let keep = console.app.config.limits.refusals_time;
    let told = console.app.refusals.told_to(&holder.account.id, &reject, holder.now, keep);
    told.map(|told| Json(Value::clone(&told))).ok_or_else(|| Problem::missing("refusal"))
}

/// Tell how a request would be judged: in full where it names the account, else in the word that anybody gets.
#[utoipa::path(post, path = "/console/api/v1/explain", tag = "refusals", request_body = Described,
    responses((status = 200, body = Told, description = "How it would be judged, as far as the account may know."), Changing))]
async fn explain_own_request(
    State(console): State<Arc<Console>>,
    holder: Holder,
    call: Option<Extension<Call>>,
    Input(described): Input<Described>,
) -> Response {
    let app = &console.app;
    let Some(Extension(call)) = call else {
        return Problem::missing("call").into_response();
    };
    let source = source(app, &call);
    let asker = Asker::Account(holder.account.id.as_str().into());
    let (_, explanation) = match described.explained(app, &call, asker, &source).await {
        Ok(explained) => explained,
        Err(answer) => return *answer,
    };
    if explanation.may_tell {
        return Json(&explanation).into_response();
    }
    Json(json!({
        "at": explanation.at,
        "verdict": explanation.verdict,
        "code": explanation.judged.map(Reason::outward),
        "note": "details are told of requests that name this account or that its keys signed",
    }))
    .into_response()
}
